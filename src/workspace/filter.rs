//! The grammar of filters, which is pnpm's: `web`, `@acme/*`, `./apps/*`, `web...`, `...^ui`, `{apps/*}[main]`, `!x`.

use std::path::{Component, Path, PathBuf};
use std::str::Chars;

use fast_glob::glob_match;

use crate::project::{choose_name, last_part, similar};
use crate::visible::{self, Visible};

const WILDCARDS: [char; 7] = ['*', '?', '[', ']', '{', '}', '!'];

#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    #[error("the filter names nothing: `{}`", visible::line(.filter))]
    Empty { filter: String },
    #[error("git cannot tell what has changed since `{}`: {}", visible::line(.revision), visible::line(.reason))]
    Git { revision: String, reason: String },
    /// Nothing is left to run.
    #[error("no package matches {}", quoted(.filters))]
    NoMatch {
        filters: Vec<String>,
        names: Vec<String>,
        /// The directory of a package that is known by that alone, as pnpm has no name for it.
        nameless: Option<PathBuf>,
    },
}

impl FilterError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Empty { .. } => {
                Some("give a name, a directory as in `./apps/*`, or a git revision as in `[main]`".to_owned())
            }
            Self::Git { .. } => Some("give a revision that `git diff` takes".to_owned()),
            Self::NoMatch { nameless: Some(dir), .. } => Some(format!(
                "give it a `name` in package.json, or filter by its directory: `./{}`",
                dir.visible()
            )),
            Self::NoMatch { names, .. } if names.is_empty() => None,
            Self::NoMatch { filters, names, .. } => {
                let mut asked = filters.iter().filter(|filter| !filter.starts_with('!'));
                // What is named rightly was taken away by another filter.
                let is_near = |filter: &&String| {
                    let near = similar(filter, names.iter().map(String::as_str));
                    near.is_some_and(|name| name != *filter && last_part(name) != *filter)
                };
                Some(choose_name(asked.find(is_near).map_or("", String::as_str), names))
            }
        }
    }
}

/// The filters in backticks, with commas between them.
pub(super) fn quoted(filters: &[String]) -> String {
    let quoted = filters.iter().map(|filter| format!("`{}`", visible::line(filter)));
    quoted.collect::<Vec<_>>().join(", ")
}

/// What one filter says. Packages that match all of `name`, `dir` and `since` are its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a mark each")]
pub struct Filter {
    pub(super) text: String,
    /// `!x`: what it selects is taken away.
    pub(super) excludes: bool,
    /// `^`: without the entries themselves.
    pub(super) excludes_entries: bool,
    /// `x...`: with all that the entries depend on.
    pub(super) dependencies: bool,
    /// `...x`: with all that depends on the entries.
    pub(super) dependents: bool,
    pub(super) name: Option<String>,
    pub(super) dir: Option<Directory>,
    /// Changed since this git revision.
    pub(super) since: Option<String>,
}

/// A glob over directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directory {
    /// Absolute, with escapes for what is no wildcard.
    glob: String,
    /// As a path, for git.
    pub(super) path: PathBuf,
    /// Whether it has no wildcards.
    is_literal: bool,
}

impl Filter {
    /// Directories are relative to `start`.
    pub fn parse(text: &str, start: &Path) -> Result<Self, FilterError> {
        let (excludes, rest) = strip(text, |text| text.strip_prefix('!'));
        let (dependencies, rest) = strip(rest, |text| text.strip_suffix("..."));
        let (below_only, rest) = strip(rest, |text| text.strip_suffix('^').filter(|_| dependencies));
        let (dependents, rest) = strip(rest, |text| text.strip_prefix("..."));
        let (above_only, rest) = strip(rest, |text| text.strip_prefix('^').filter(|_| dependents));
        let plain = Self {
            text: text.to_owned(),
            excludes,
            excludes_entries: false,
            dependencies: false,
            dependents: false,
            name: None,
            dir: None,
            since: None,
        };
        let filter = match parts(rest) {
            Some((name, dir, since)) => Self {
                excludes_entries: below_only || above_only,
                dependencies,
                dependents,
                name: name.map(str::to_owned),
                dir: dir.map(|dir| Directory::new(start, dir)),
                since: since.map(str::to_owned),
                ..plain
            },
            // As in pnpm, `./apps/web...` is the package alone, and `{./apps/web}...` has its dependencies.
            None if is_path(rest) => Self { dir: Some(Directory::new(start, rest)), ..plain },
            None => Self { excludes: false, name: Some(rest.to_owned()), ..plain },
        };
        if filter.name.is_none() && filter.dir.is_none() && filter.since.is_none() {
            return Err(FilterError::Empty { filter: text.to_owned() });
        }
        Ok(filter)
    }

    /// The filter that means the package in this directory alone.
    pub fn exactly(dir: &Path) -> Self {
        Self {
            text: dir.to_string_lossy().into_owned(),
            excludes: false,
            excludes_entries: false,
            dependencies: false,
            dependents: false,
            name: None,
            dir: Some(Directory::new(dir, ".")),
            since: None,
        }
    }

    /// Whether the word has the marks of a filter, and is no plain name or directory.
    pub fn is_pattern(word: &str) -> bool {
        word.starts_with(['!', '{', '['])
            || word.starts_with("...")
            || word.ends_with("...")
            || word.contains('*')
            || word.ends_with(['}', ']'])
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it takes packages away.
    pub fn excludes(&self) -> bool {
        self.excludes
    }

    /// The filter that includes what this one excludes, and the reverse.
    #[must_use]
    pub fn opposite(&self) -> Self {
        Self { excludes: !self.excludes, ..self.clone() }
    }

    /// Whether it means one package: by its name or directory, without wildcards.
    pub fn is_literal(&self) -> bool {
        let has_name = self.name.as_ref().is_some_and(|name| !name.contains(['*', '?', '!']));
        has_name || self.dir.as_ref().is_some_and(|dir| dir.is_literal)
    }
}

/// The text without the mark, and whether it was there.
fn strip<'a>(text: &'a str, mark: impl FnOnce(&'a str) -> Option<&'a str>) -> (bool, &'a str) {
    mark(text).map_or((false, text), |rest| (true, rest))
}

/// Name, directory and revision of `name{dir}[revision]`, each of which may be missing. `None` if this is not the form.
fn parts(text: &str) -> Option<(Option<&str>, Option<&str>, Option<&str>)> {
    let brackets = ['{', '}', '[', ']'];
    // The first character of a name may be any but a dot; a name that could as well be a group is none.
    let end = match text.chars().next() {
        None | Some('.' | '{' | '[') => 0,
        Some(first) => {
            let rest = &text[first.len_utf8()..];
            first.len_utf8() + rest.find(brackets).unwrap_or(rest.len())
        }
    };
    let (name, rest) = text.split_at(end);
    let (dir, rest) = group(rest, '{', '}')?;
    let (since, rest) = group(rest, '[', ']')?;
    rest.is_empty().then_some((Some(name).filter(|name| !name.is_empty()), dir, since))
}

/// The content of a group at the beginning, and the rest; `None` if it has no end or no content.
fn group(text: &str, open: char, close: char) -> Option<(Option<&str>, &str)> {
    let Some(inside) = text.strip_prefix(open) else { return Some((None, text)) };
    let (content, rest) = inside.split_once(close)?;
    (!content.is_empty()).then_some((Some(content), rest))
}

/// `.`, `..`, `./x`, `../x`.
fn is_path(text: &str) -> bool {
    matches!(text, "." | "..") || text.starts_with("./") || text.starts_with("../")
}

impl Directory {
    fn new(start: &Path, text: &str) -> Self {
        let mut parts: Vec<String> = Vec::new();
        let mut path = PathBuf::from("/");
        for part in start.components() {
            if let Component::Normal(part) = part {
                parts.push(escaped(&part.to_string_lossy()));
                path.push(part);
            }
        }
        // An absolute path goes on from `start`, too.
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                    path.pop();
                }
                part => {
                    parts.push(part.to_owned());
                    path.push(part);
                }
            }
        }
        Self { glob: format!("/{}", parts.join("/")), path, is_literal: !text.contains(WILDCARDS) }
    }

    /// `apps/**` matches `apps`, too.
    pub(super) fn matches(&self, dir: &Path) -> bool {
        let dir = dir.to_string_lossy();
        let base = self.glob.strip_suffix("/**");
        glob_match(&self.glob, &*dir) || base.is_some_and(|base| glob_match(base, &*dir))
    }
}

/// The text as a glob that matches it alone.
fn escaped(text: &str) -> String {
    let escape = |c: char| (c == '\\' || WILDCARDS.contains(&c)).then_some('\\');
    text.chars().flat_map(|c| escape(c).into_iter().chain([c])).collect()
}

/// Whether a name matches a pattern, in which `*` is any text, slashes included, and `?` any character.
pub(super) fn matches_name(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('!') {
        Some(pattern) => !matches_text(pattern, name),
        None => matches_text(pattern, name),
    }
}

fn matches_text(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // What follows the last star, and the text that it may begin with.
    let mut star: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let before = (pattern.clone(), text.clone());
        match (pattern.next(), text.next()) {
            (Some('*'), _) => {
                text = before.1;
                star = Some((pattern.clone(), text.clone()));
            }
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            (None, None) => return true,
            // The star takes one character more.
            _ => {
                let Some((after, rest)) = &mut star else { return false };
                if rest.next().is_none() {
                    return false;
                }
                (pattern, text) = (after.clone(), rest.clone());
            }
        }
    }
}
