//! Puts a port on the command line of a leaf.

use super::arguments::{PortFlag, find_ports, quote_strictly as quote};
use super::error::RewriteError;
use super::forward::Splices;
use super::lead::Front;
use super::leaf::{Assignment, Kind, Leaf};
use super::nested_script::NestedScript;
use super::scripts::PackageManager;
use super::word::{Splice, UNKNOWN, Word, apply};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit<'a> {
    /// The flags that the program reads its port from, the one to add first. Empty: none is added.
    pub flags: Vec<&'a str>,
    /// The flag that makes a taken port an error.
    pub strict: Option<&'a str>,
    /// Further arguments, added as they are: `--host 127.0.0.1`.
    pub insert: Vec<String>,
    pub port: u16,
    /// Variables whose assignments in the script get the port as well: `PORT`, `VITE_PORT`.
    pub variables: Vec<&'a str>,
    /// Variables whose assignments in the script get this text and a space in front of their value.
    pub options: Vec<(&'a str, String)>,
    /// Leaves that must not get `variables`. If there are any, the variables are set in front of the outermost command
    /// that leads to this leaf alone.
    pub apart_from: Vec<&'a Leaf>,
    /// Whether variables are set in front of the leaf though there is no other.
    pub in_front: bool,
    /// The package managers that run scripts through a shell of ours.
    pub shells: &'a [PackageManager],
}

impl Edit<'_> {
    /// Whether the variables are set for the leaf alone.
    pub fn is_for_one(&self) -> bool {
        self.in_front || !self.apart_from.is_empty()
    }

    /// The words to add to a command line that may have the flags already.
    pub fn added(&self, has_port: bool, is_strict: bool) -> Vec<String> {
        let flag = self.flags.first().filter(|_| !has_port);
        let port = flag.map(|flag| [(*flag).to_owned(), self.port.to_string()]);
        let strict = self.strict.filter(|_| !is_strict).map(str::to_owned);
        port.into_iter().flatten().chain(strict).chain(self.insert.iter().cloned()).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    InPlace,
    /// The call of the nested script passes the arguments on, as its manager does.
    Forwarded,
    /// The texts of nested scripts replace their calls; their manager is not started.
    Inlined,
}

/// A script with a port on its command line, to be run instead of the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    pub text: String,
    pub method: Method,
    /// The nested scripts that a package manager has to run otherwise than they are written.
    pub nested: Vec<NestedScript>,
}

impl Leaf {
    /// The outermost script's text with this leaf on the port.
    ///
    /// If arguments cannot be changed, assignments often can: an edit without flags and arguments changes only
    /// those, even for opaque leaves.
    pub fn rewrite(&self, edit: &Edit) -> Result<Rewrite, RewriteError> {
        if self.kind == Kind::Builtin {
            return Err(RewriteError::Builtin);
        }
        let mut splices = self.no_splices();
        self.change_variables(edit, &mut splices)?;
        let nested = self.put_in_front(edit, &mut splices)?;
        self.change_arguments(edit, &mut splices)?;
        let mut rewrite = self.finish(splices, edit.shells)?;
        if let Some(script) = nested {
            match rewrite.nested.iter_mut().find(|changed| changed.name == script.name) {
                Some(changed) => changed.has_variables = true,
                None => rewrite.nested.push(script),
            }
        }
        Ok(rewrite)
    }

    pub(super) fn no_splices(&self) -> Splices {
        Splices { frames: vec![Vec::new(); self.scope.frames.len()], added: None }
    }

    /// The outermost script's text with all changes.
    pub(super) fn finish(
        &self,
        mut splices: Splices,
        shells: &[PackageManager],
    ) -> Result<Rewrite, RewriteError> {
        let outermost = self.scope.frames.first().ok_or(RewriteError::Opaque)?;
        let deepest = splices.frames.iter().rposition(|splices| !splices.is_empty()).unwrap_or(0);
        let mut nested = Vec::new();
        let (text, method) = if deepest == 0 {
            (apply(&outermost.text, std::mem::take(&mut splices.frames[0])), Method::InPlace)
        } else if let Some(text) = self.forward(&splices) {
            (text, Method::Forwarded)
        } else {
            (self.inline(splices, deepest, shells, &mut nested)?, Method::Inlined)
        };
        let is_known = !text.contains(UNKNOWN);
        is_known.then_some(Rewrite { text, method, nested }).ok_or(RewriteError::Dynamic)
    }

    /// Sets the variables in front of a command that leads to this leaf alone. Returns the script that needs a shell
    /// for it.
    fn put_in_front(&self, edit: &Edit, splices: &mut Splices) -> Result<Option<NestedScript>, RewriteError> {
        let Some(name) = edit.variables.first().filter(|_| edit.is_for_one()) else {
            return Ok(None);
        };
        let has_shell =
            |frame: usize| self.scope.frames.get(frame).is_some_and(|frame| frame.has_shell(edit.shells));
        let lead = self.lead_apart_from(&edit.apart_from, name, &has_shell).ok_or(RewriteError::Shared)?;
        let assigned =
            |name: &str| self.scope.assignments.iter().any(|own| own.name == name && !own.contested);
        match lead.front {
            Front::Text { place, at } => {
                let names = edit.variables.iter().filter(|name| !assigned(name));
                let text: String =
                    names.fold(String::new(), |text, name| format!("{text}{name}={} ", edit.port));
                self.push(splices, place, Splice::insert(at, text))?;
                Ok(None)
            }
            Front::Call { frame } => Ok(self.nested_script(frame + 1, None, true)),
        }
    }

    fn change_variables(&self, edit: &Edit, splices: &mut Splices) -> Result<(), RewriteError> {
        for assignment in &self.scope.assignments {
            let name = assignment.name.as_str();
            let options = edit.options.iter().find(|(variable, _)| *variable == name);
            let value = match (options, &assignment.value) {
                _ if edit.variables.contains(&name) => edit.port.to_string(),
                (Some((_, options)), Some(value)) => quote(&format!("{options} {value}")),
                // An unknown value may contain the inherited one, and with it the options.
                (Some(_) | None, _) => continue,
            };
            // Options are harmless to the other commands that the assignment reaches.
            if assignment.contested && options.is_none() {
                // The variable in front of the leaf overrides the one that all of them get.
                if edit.apart_from.is_empty() {
                    return Err(RewriteError::Shared);
                }
                continue;
            }
            let Assignment { place, range, prefix, .. } = assignment;
            let splice = Splice { range: range.clone(), text: format!("{prefix}{value}") };
            self.push(splices, *place, splice)?;
        }
        Ok(())
    }

    fn change_arguments(&self, edit: &Edit, splices: &mut Splices) -> Result<(), RewriteError> {
        let arguments = self.words.get(1..).unwrap_or_default();
        let own = arguments.split(Word::is_marker).next().unwrap_or_default();
        let found = find_ports(own, &edit.flags);
        let is_strict = edit.strict.is_some_and(|strict| self.has_flag(&[strict]));
        let added = edit.added(!found.is_empty(), is_strict);
        if added.is_empty() && found.is_empty() {
            return Ok(());
        }
        if self.kind == Kind::Opaque {
            return Err(RewriteError::Opaque);
        }
        self.scope.fixed.map_or(Ok(()), Err)?;
        if unknown_flags(own, &found) {
            return Err(RewriteError::Dynamic);
        }
        let here = self.scope.place();
        for port in found {
            self.push(splices, here, replace_port(own, port, edit.port)?)?;
        }
        if !added.is_empty() {
            let last = own.last().or(self.words.first()).ok_or(RewriteError::Opaque)?;
            let quoted: Vec<String> = added.iter().map(|word| quote(word)).collect();
            self.push(splices, here, Splice::insert(last.span.end, format!(" {}", quoted.join(" "))))?;
            if let Some(at) = self.scope.separator {
                self.push(splices, here, Splice::insert(at, "-- "))?;
            }
            splices.added = Some(quoted.join(" "));
        }
        Ok(())
    }

    pub(super) fn push(
        &self,
        splices: &mut Splices,
        place: (usize, usize),
        splice: Splice,
    ) -> Result<(), RewriteError> {
        let (index, level) = place;
        let frame = self.scope.frames.get(index).ok_or(RewriteError::Opaque)?;
        let splice = frame.outer_splice(level, splice)?;
        splices.frames.get_mut(index).ok_or(RewriteError::Opaque)?.push(splice);
        Ok(())
    }
}

/// Whether an unknown argument may turn out to be flags: one that may split, and is not a flag's value.
fn unknown_flags(own: &[Word], found: &[PortFlag]) -> bool {
    own.iter().enumerate().any(|(index, word)| {
        let is_port = found.contains(&PortFlag::Value { word: index, offset: 0 });
        let follows_flag = index.checked_sub(1).and_then(|index| own.get(index)).is_some_and(|previous| {
            let text = previous.prefix();
            text.starts_with('-') && !text.contains('=')
        });
        word.may_vanish() && !is_port && !follows_flag
    })
}

fn replace_port(own: &[Word], found: PortFlag, port: u16) -> Result<Splice, RewriteError> {
    let (index, offset) = match found {
        PortFlag::Value { word, offset } => (word, Some(offset)),
        PortFlag::Missing { flag } => (flag, None),
    };
    let word = own.get(index).ok_or(RewriteError::Value)?;
    let Some(offset) = offset else {
        return Ok(Splice::insert(word.span.end, format!(" {port}")));
    };
    // An unknown value may be a number.
    if let Some(value) = word.literal() {
        let digits = value.get(offset..).unwrap_or_default();
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(()).ok_or(RewriteError::Value)?;
    }
    let flag = word.prefix().get(..offset).unwrap_or_default().to_owned();
    let (range, flag) = match word.after(offset) {
        _ if offset == 0 => (word.span.clone(), flag),
        Some(range) => (range, String::new()),
        None => (word.span.clone(), quote(&flag)),
    };
    Ok(Splice { range, text: format!("{flag}{port}") })
}
