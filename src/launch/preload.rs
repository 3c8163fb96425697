//! The preload that moves a listener of a node or Bun program to the reserved port.
//!
//! The file is self-contained, and found by `NODE_OPTIONS` alone, under Bun by `BUN_OPTIONS`: turbo's strict mode, scrubbed
//! environments and the environments of workers drop every other variable. Deno loads no file by a variable, but has one
//! for the address of a program's first server.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::json;

use crate::paths::write_file;

pub(super) const NODE_OPTIONS: &str = "NODE_OPTIONS";
pub(super) const BUN_OPTIONS: &str = "BUN_OPTIONS";
/// Deno's variable for the address of the first server of a program, whatever that asks for.
pub(super) const SERVE_ADDRESS: &str = "DENO_SERVE_ADDRESS";

/// The program; [`Preload::text`] writes its plan in front of it.
const PROGRAM: &str = include_str!("preload.cjs");
/// The prefix of a remembered [`MovedListener::Deno`].
const DENO: &str = "deno ";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MovedListener {
    /// Every listener on these ports.
    Exactly(Vec<u16>),
    /// The first HTTP server on one of these ports; 0 stands for any free port.
    FirstOf(Vec<u16>),
    /// The first HTTP server whose own port is taken by another program.
    Refused,
    /// The first server of a Deno program, which is known to ask for this port, or for one that is taken: 0.
    Deno(u16),
}

impl MovedListener {
    pub fn described(&self) -> String {
        let list = |ports: &[u16]| {
            let ports = ports.iter().map(|port| match port {
                0 => "any free port".to_owned(),
                port => format!("port {port}"),
            });
            ports.collect::<Vec<_>>().join(" or ")
        };
        match self {
            Self::Exactly(ports) => format!("it asks for {}", list(ports)),
            Self::FirstOf(ports) => format!("its first HTTP server asks for {}", list(ports)),
            Self::Refused | Self::Deno(0) => "the port that it asks for is taken".to_owned(),
            Self::Deno(port) => format!("it asks for port {port}"),
        }
    }
}

/// What the preload has seen of programs that ask for the reserved port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A program has asked for it by its number, and got it.
    Obeyed,
    /// A program has asked for it by its number, and another process has it, whose listener was moved there.
    Blocked,
    /// Two programs have asked for the port that is moved.
    Twice,
}

/// A file that the node programs of one service load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preload {
    pub path: PathBuf,
    pub moved: MovedListener,
    /// Ports that are never the service's own.
    pub auxiliary: Vec<u16>,
}

impl Preload {
    /// Writes the file, whole or not at all, and forgets what the last run has left.
    pub fn write(&self, port: u16) -> io::Result<()> {
        for left in [self.claim(), self.remarks()] {
            if let Err(error) = fs::remove_file(left)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
        }
        write_file(&self.path, &self.text(port), 0o600)
    }

    /// The port that the moved listener had asked for.
    pub fn claimed(&self) -> Option<u16> {
        fs::read_link(self.claim()).ok()?.to_str()?.parse().ok()
    }

    pub fn remark(&self) -> Option<Remark> {
        match fs::read_link(self.remarks()).ok()?.to_str()? {
            "obeyed" => Some(Remark::Obeyed),
            "blocked" => Some(Remark::Blocked),
            "twice" => Some(Remark::Twice),
            _ => None,
        }
    }

    fn claim(&self) -> PathBuf {
        self.path.with_extension("claim")
    }

    fn remarks(&self) -> PathBuf {
        self.path.with_extension("remark")
    }

    fn text(&self, port: u16) -> String {
        let ports = match &self.moved {
            MovedListener::Exactly(ports) | MovedListener::FirstOf(ports) => &ports[..],
            MovedListener::Refused | MovedListener::Deno(_) => &[],
        };
        let plan = json!({
            "to": port,
            "ports": ports,
            "first": matches!(self.moved, MovedListener::FirstOf(_)),
            "never": self.auxiliary,
            "taken": self.moved == MovedListener::Refused,
            "claim": self.claim().to_string_lossy(),
            "remark": self.remarks().to_string_lossy(),
        });
        // JSON is JavaScript but for two characters, which ended lines before ECMAScript 2019.
        let plan = plan.to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
        format!("const plan = {plan};\n{PROGRAM}")
    }

    /// The variables that load the file.
    pub(super) fn variables(&self) -> &'static [&'static str] {
        if let MovedListener::Deno(_) = self.moved { &[] } else { &[NODE_OPTIONS, BUN_OPTIONS] }
    }

    /// Those variables and what to put in front of their values.
    pub(super) fn assignments(&self) -> Vec<(&'static str, String)> {
        let option = |name: &&'static str| Some((*name, self.options(name, None).into_string().ok()?));
        self.variables().iter().filter_map(option).collect()
    }

    /// The value of one of [`Preload::variables`] with the option that loads the file, before the `present` options. Both
    /// are quoted as their program reads them: node a value, Bun a whole word.
    pub(super) fn options(&self, name: &str, present: Option<&OsStr>) -> OsString {
        let path = self.path.as_os_str().as_bytes();
        let is_quoted = path.iter().any(|byte| matches!(byte, b' ' | b'"' | b'\\'));
        let quote: &[u8] = if is_quoted { b"\"" } else { b"" };
        let mut options = match name {
            BUN_OPTIONS => [quote, b"--preload="].concat(),
            _ => [b"--require=", quote].concat(),
        };
        for byte in path {
            if matches!(byte, b'"' | b'\\') {
                options.push(b'\\');
            }
            options.push(*byte);
        }
        options.extend(quote);
        if let Some(present) = present.filter(|present| !present.is_empty()) {
            options.push(b' ');
            options.extend(present.as_bytes());
        }
        OsString::from_vec(options)
    }
}

/// The options of a variable without a preload in this directory, which [`Preload::options`] has put first.
pub(super) fn without(options: &str, dir: &Path) -> String {
    let start = options.trim_start_matches('"');
    let rest = start.strip_prefix("--require=").or_else(|| start.strip_prefix("--preload="));
    let rest = rest.map(|rest| rest.strip_prefix('"').unwrap_or(rest));
    let is_ours = rest.is_some_and(|path| path.starts_with(&*dir.to_string_lossy()));
    if !is_ours {
        return options.to_owned();
    }
    let end = options.find(".cjs").map_or(options.len(), |at| at + ".cjs".len());
    let rest = &options[end..];
    let rest = rest.strip_prefix('"').unwrap_or(rest);
    rest.strip_prefix(' ').unwrap_or(rest).to_owned()
}

/// The form in which it is remembered: `3000,3001`, `?0` for the first of the ports, `*` for a refused one, `deno 3000`.
impl fmt::Display for MovedListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ports: &[u16]| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        match self {
            Self::Exactly(ports) => f.write_str(&list(ports)),
            Self::FirstOf(ports) => write!(f, "?{}", list(ports)),
            Self::Refused => f.write_str("*"),
            Self::Deno(port) => write!(f, "{DENO}{port}"),
        }
    }
}

impl FromStr for MovedListener {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let list = |text: &str| text.split(',').map(str::parse).collect::<Result<Vec<u16>, _>>();
        if let Some(port) = text.strip_prefix(DENO) {
            return port.parse().map(Self::Deno);
        }
        match text.strip_prefix('?') {
            _ if text == "*" => Ok(Self::Refused),
            Some(rest) => list(rest).map(Self::FirstOf),
            None => list(text).map(Self::Exactly),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remembered_form_is_read_again() {
        for moved in [
            MovedListener::Exactly(vec![3000, 1]),
            MovedListener::FirstOf(vec![0, 65_535]),
            MovedListener::Refused,
            MovedListener::Deno(4000),
        ] {
            assert_eq!(moved.to_string().parse(), Ok(moved));
        }
        for text in ["", "?", "3000,", "65536", "-1", "**", "deno"] {
            assert!(text.parse::<MovedListener>().is_err(), "{text}");
        }
    }

    #[test]
    fn options_are_kept_and_quoted_as_their_programs_read_them() {
        for (path, present, node, bun) in [
            ("/s/p.cjs", None, "--require=/s/p.cjs", "--preload=/s/p.cjs"),
            ("/s/p.cjs", Some(""), "--require=/s/p.cjs", "--preload=/s/p.cjs"),
            ("/s/p.cjs", Some("-r x"), "--require=/s/p.cjs -r x", "--preload=/s/p.cjs -r x"),
            ("/s/p.cjs", Some("\"-r y\""), r#"--require=/s/p.cjs "-r y""#, r#"--preload=/s/p.cjs "-r y""#),
            ("/s p.cjs", Some("-r x"), r#"--require="/s p.cjs" -r x"#, r#""--preload=/s p.cjs" -r x"#),
            (r#"/a "b\/p.cjs"#, None, r#"--require="/a \"b\\/p.cjs""#, r#""--preload=/a \"b\\/p.cjs""#),
        ] {
            let preload = Preload { path: path.into(), moved: MovedListener::Refused, auxiliary: Vec::new() };
            for (name, expected) in [(NODE_OPTIONS, node), (BUN_OPTIONS, bun)] {
                let found = preload.options(name, present.map(OsStr::new)).into_string().unwrap();
                assert_eq!(found, expected, "{path} {present:?}");
                let dir = Path::new("/s");
                if path.starts_with("/s") {
                    assert_eq!(without(&found, dir), present.unwrap_or_default(), "{found}");
                }
            }
        }
    }

    #[test]
    fn the_file_is_replaced_whole_and_the_claim_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("preload/app.cjs");
        let preload = Preload { path, moved: MovedListener::FirstOf(vec![3000, 0]), auxiliary: vec![9229] };
        preload.write(3101).unwrap();
        std::os::unix::fs::symlink("3000", preload.claim()).unwrap();
        std::os::unix::fs::symlink("blocked", preload.remarks()).unwrap();
        assert_eq!((preload.claimed(), preload.remark()), (Some(3000), Some(Remark::Blocked)));
        preload.write(3102).unwrap();
        assert_eq!((preload.claimed(), preload.remark()), (None, None));
        let text = fs::read_to_string(&preload.path).unwrap();
        assert!(text.starts_with(r#"const plan = {"to":3102,"ports":[3000,0],"first":true,"#), "{text}");
    }
}
