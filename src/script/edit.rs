//! Puts a port on the command line of a leaf.

use super::arguments::{Found, find_ports, quote_strictly as quote};
use super::leaf::{Kind, Leaf, Site};
use super::word::{Splice, UNKNOWN, Word, apply};

/// What is to stand on a leaf's command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit<'a> {
    /// The flags that the program reads its port from, the one to add first. Empty: none is added.
    pub flags: &'a [&'a str],
    /// The flag that makes a taken port an error.
    pub strict: Option<&'a str>,
    /// Further arguments, added as they are: `--host 127.0.0.1`.
    pub insert: &'a [String],
    /// The port.
    pub port: u16,
    /// Variables whose assignments in the script get the port as well: `PORT`, `VITE_PORT`.
    pub variables: &'a [&'a str],
    /// Variables whose assignments in the script get this in front of their value, and a space between.
    pub options: &'a [(&'a str, &'a str)],
}

/// Why a leaf's command line cannot be changed with certainty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// The leaf starts programs that cannot be seen.
    #[error("the command starts others that cannot be seen from the script")]
    Opaque,
    /// The leaf is a shell builtin.
    #[error("the command is part of the shell")]
    Builtin,
    /// A wrapper takes flags for its own.
    #[error("a program before the command takes its flags for its own")]
    Swallowed,
    /// The command is put together from several words by the program that runs it.
    #[error("the command is put together from several parts when it runs")]
    Assembled,
    /// Arguments are not known before the shell runs, and flags may be among them.
    #[error("the command's arguments are known only to the running shell")]
    Dynamic,
    /// The port flag has a value that is no port number.
    #[error("the value of the port flag is not a number")]
    Value,
    /// An assignment reaches commands that run side by side.
    #[error("the variable is set for several commands at once")]
    Shared,
    /// The place to change lies across quotes.
    #[error("quotes open or close within the part to change")]
    Quoting,
    /// The script that the leaf stands in must be run by a manager that takes the place of node.
    #[error("the script is run with another runtime than its text says")]
    Runtime,
    /// The script that the leaf stands in belongs to another package, and more than arguments would have to change.
    #[error("the script is another package's")]
    Elsewhere,
    /// The script that the leaf stands in is called by name from a list, which takes nothing but names.
    #[error("the script is called by name from a list of names")]
    Listed,
}

impl Unsafe {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Opaque
            | Self::Assembled
            | Self::Quoting
            | Self::Dynamic
            | Self::Shared
            | Self::Listed
            | Self::Runtime => Some(
                "give the dev server's command a script of its own and name it with `--script`".to_owned(),
            ),
            Self::Swallowed => Some("write `--` before the command in the script".to_owned()),
            Self::Elsewhere => {
                Some("run bowline in that package, or leave the port out of its script".to_owned())
            }
            Self::Value => Some("write the port in the script as a number".to_owned()),
            Self::Builtin => None,
        }
    }
}

/// How a change reaches a leaf in a nested script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The leaf stands in the script itself.
    InPlace,
    /// The call of the nested script passes the arguments on, as its manager does.
    Forwarded,
    /// The nested scripts' texts stand where their calls stood; their manager is not started.
    Inlined,
}

/// A script with a port on its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The whole script, to be run instead of the user's.
    pub text: String,
    /// How the change reaches the leaf.
    pub method: Method,
}

impl Leaf {
    /// The outermost script's text with this leaf on the port.
    ///
    /// Where arguments cannot be changed, the assignments often can: an edit without flags and arguments
    /// changes them alone, for opaque leaves too.
    pub fn rewrite(&self, edit: &Edit) -> Result<Rewrite, Unsafe> {
        if self.kind == Kind::Builtin {
            return Err(Unsafe::Builtin);
        }
        let mut changes = Changes { frames: vec![Vec::new(); self.frames.len()], added: None };
        self.change_variables(edit, &mut changes)?;
        self.change_arguments(edit, &mut changes)?;
        let texts = self.frames.first().ok_or(Unsafe::Opaque)?;
        let deepest = changes.frames.iter().rposition(|splices| !splices.is_empty()).unwrap_or(0);
        let (text, method) = if deepest == 0 {
            (apply(&texts.text, std::mem::take(&mut changes.frames[0])), Method::InPlace)
        } else if let Some(text) = self.forward(&changes) {
            (text, Method::Forwarded)
        } else {
            (self.inline(changes, deepest)?, Method::Inlined)
        };
        if text.contains(UNKNOWN) { Err(Unsafe::Dynamic) } else { Ok(Rewrite { text, method }) }
    }

    fn change_variables(&self, edit: &Edit, changes: &mut Changes) -> Result<(), Unsafe> {
        for assignment in &self.assignments {
            let name = assignment.name.as_str();
            let options = edit.options.iter().find(|(variable, _)| *variable == name);
            let value = match (options, &assignment.value) {
                _ if edit.variables.contains(&name) => edit.port.to_string(),
                (Some((_, options)), Some(value)) => quote(&format!("{options} {value}")),
                // A value that is not known may contain the inherited one, and with it the options.
                (Some(_) | None, _) => continue,
            };
            // Options do no harm to the other commands that they reach.
            if assignment.contested && options.is_none() {
                return Err(Unsafe::Shared);
            }
            let Site { frame, layer, range, prefix } = assignment.site.clone();
            let splice = Splice { range, text: format!("{prefix}{value}") };
            self.push(changes, (frame, layer), splice)?;
        }
        Ok(())
    }

    fn change_arguments(&self, edit: &Edit, changes: &mut Changes) -> Result<(), Unsafe> {
        let arguments = self.words.get(1..).unwrap_or_default();
        let own = arguments.iter().take_while(|word| word.literal().as_deref() != Some("--")).count();
        let own = arguments.get(..own).unwrap_or_default();
        let found = find_ports(own, edit.flags);
        let mut added = Vec::new();
        if let Some(flag) = edit.flags.first().filter(|_| found.is_empty()) {
            added.push((*flag).to_owned());
            added.push(edit.port.to_string());
        }
        if let Some(strict) = edit.strict.filter(|strict| !self.has_flag(&[strict])) {
            added.push(strict.to_owned());
        }
        added.extend(edit.insert.iter().cloned());
        if added.is_empty() && found.is_empty() {
            return Ok(());
        }
        if self.kind == Kind::Opaque {
            return Err(Unsafe::Opaque);
        }
        if let Some(reason) = self.fixed {
            return Err(reason);
        }
        if unknown_flags(own, &found) {
            return Err(Unsafe::Dynamic);
        }
        let here = (self.frames.len() - 1, self.frames.last().map_or(0, |frame| frame.layers.len()));
        for port in found {
            self.push(changes, here, replace_port(own, port, edit.port)?)?;
        }
        if !added.is_empty() {
            let last = own.last().or(self.words.first()).ok_or(Unsafe::Opaque)?;
            let quoted: Vec<String> = added.iter().map(|word| quote(word)).collect();
            self.push(changes, here, Splice::insert(last.span.end, format!(" {}", quoted.join(" "))))?;
            if let Some(at) = self.separator {
                self.push(changes, here, Splice::insert(at, "-- ".to_owned()))?;
            }
            changes.added = Some(quoted.join(" "));
        }
        Ok(())
    }

    fn push(&self, changes: &mut Changes, place: (usize, usize), splice: Splice) -> Result<(), Unsafe> {
        let (index, layer) = place;
        let frame = self.frames.get(index).ok_or(Unsafe::Opaque)?;
        let splice = keep_apart(frame.text_at(layer), splice);
        let splice = frame.outward(layer, splice)?;
        changes.frames.get_mut(index).ok_or(Unsafe::Opaque)?.push(splice);
        Ok(())
    }
}

/// Splices for each frame, and the arguments that are new.
pub(super) struct Changes {
    pub frames: Vec<Vec<Splice>>,
    pub added: Option<String>,
}

/// Whether flags may hide in an argument that is not known: one that is neither a flag's value nor quoted.
fn unknown_flags(own: &[Word], found: &[Found]) -> bool {
    own.iter().enumerate().any(|(index, word)| {
        let is_port = found.contains(&Found::Next { flag: index.wrapping_sub(1) });
        let follows_flag = index.checked_sub(1).and_then(|index| own.get(index)).is_some_and(|previous| {
            let text = previous.prefix();
            text.starts_with('-') && !text.contains('=')
        });
        word.may_vanish() && !is_port && !follows_flag
    })
}

fn replace_port(own: &[Word], found: Found, port: u16) -> Result<Splice, Unsafe> {
    let port = port.to_string();
    match found {
        Found::Missing { flag } => {
            let flag = own.get(flag).ok_or(Unsafe::Value)?;
            Ok(Splice::insert(flag.span.end, format!(" {port}")))
        }
        Found::Next { flag } => {
            let value = own.get(flag + 1).ok_or(Unsafe::Value)?;
            is_port(value.literal().as_deref())?;
            Ok(Splice { range: value.span(), text: port })
        }
        Found::Attached { word, offset } => {
            let word = own.get(word).ok_or(Unsafe::Value)?;
            let literal = word.literal();
            is_port(literal.as_deref().and_then(|text| text.get(offset..)))?;
            if let Some(range) = word.after(offset) {
                return Ok(Splice { range, text: port });
            }
            let prefix = word.prefix();
            let flag = prefix.get(..offset).ok_or(Unsafe::Value)?;
            Ok(Splice { range: word.span(), text: format!("{}{port}", quote(flag)) })
        }
    }
}

fn is_port(value: Option<&str>) -> Result<(), Unsafe> {
    match value {
        Some(text) if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Unsafe::Value)
        }
        Some(_) | None => Ok(()),
    }
}

/// Digits right before `<` or `>` would name a file descriptor, and a name before `(` a function.
pub(super) fn keep_apart(text: &str, mut splice: Splice) -> Splice {
    let next = text.get(splice.range.end..).and_then(|rest| rest.chars().next());
    if matches!(next, Some('<' | '>')) && splice.text.ends_with(|last: char| last.is_ascii_digit()) {
        splice.text.push(' ');
    }
    splice
}
