//! The entries of bowline in the files of editors and agents.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::{Value, json};

use super::jsonc::{self, Damage, PathStep};
use crate::range::Range;

/// A dev server that an editor can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevServer {
    pub name: String,
    /// Its word on the command line, if the project is one of several.
    pub word: Option<String>,
    pub port: u16,
    /// The range that `port` was chosen from, if the server has no port of its own yet: any other port of it is as good.
    pub range: Option<Range>,
}

impl DevServer {
    fn arguments(&self) -> Vec<&str> {
        ["dev"].into_iter().chain(self.word.as_deref()).collect()
    }

    /// Whether an entry with this command of bowline's runs this one of the servers in the foreground, perhaps with
    /// options of the user's.
    fn is_run_by(&self, words: &[&str], servers: &[Self]) -> bool {
        let Some((&"dev", words)) = words.split_first() else { return false };
        let named = words.iter().copied().find(|word| !word.starts_with('-'));
        self.word.as_deref() == named || self.word.is_none() && servers.len() == 1
    }

    /// The entry of `.claude/launch.json`. With `autoPort`, an editor that finds the port taken hands another one in
    /// `PORT`, and a bowline that joins a running server forwards that.
    fn entry(&self, name: &str) -> Value {
        json!({
            "name": name, "runtimeExecutable": PROGRAM, "runtimeArgs": self.arguments(), "port": self.port,
            "autoPort": true,
        })
    }
}

const PROGRAM: &str = "bowline";
/// The version of the format of `.claude/launch.json`.
const LAUNCH_VERSION: &str = "0.0.1";
const CONFIGURATIONS: PathStep<'_> = PathStep::Key("configurations");

/// The whole of a new `.claude/launch.json`.
pub fn launch_file(servers: &[DevServer]) -> Value {
    let entries: Vec<Value> = servers.iter().map(|server| server.entry(&server.name)).collect();
    json!({ "version": LAUNCH_VERSION, "configurations": entries })
}

/// The whole of a new file with servers of the Model Context Protocol, which are listed in its member `list`.
pub fn mcp_file(list: &str) -> Value {
    json!({ list: { PROGRAM: { "command": PROGRAM, "args": ["mcp"] } } })
}

/// The text of a `.claude/launch.json` with an entry for each server.
pub fn merge_launch(text: &str, servers: &[DevServer]) -> Result<String, Damage> {
    let mut text = text.to_owned();
    if jsonc::read(&text)?.is_none_or(|value| value == json!({})) {
        text = jsonc::set(&text, &[PathStep::Key("version")], &json!(LAUNCH_VERSION))?;
    }
    for server in servers {
        let entries = launch_entries(&text)?;
        text = match entries.iter().position(|entry| is_for(entry, server, servers)) {
            Some(index) => correct(&text, index, &entries[index], (server, servers))?,
            None => {
                let is_taken = |name: &str| entries.iter().any(|entry| entry["name"] == name);
                let own = format!("{PROGRAM} {}", server.name);
                let name = if is_taken(&server.name) { &own } else { &server.name };
                jsonc::push(&text, &[CONFIGURATIONS], &server.entry(name))?
            }
        };
    }
    Ok(text)
}

fn launch_entries(text: &str) -> Result<Vec<Value>, Damage> {
    let value = jsonc::read(text)?.unwrap_or_default();
    Ok(value["configurations"].as_array().cloned().unwrap_or_default())
}

/// Whether this is the server's entry: it runs the server, or has its name and runs none of the others.
fn is_for(entry: &Value, server: &DevServer, servers: &[DevServer]) -> bool {
    let Some(words) = own_words(entry) else { return false };
    let is_run = |one: &DevServer| one.is_run_by(&words, servers);
    let has_name = || entry["name"] == server.name.as_str() && !servers.iter().any(is_run);
    is_run(server) || runs_bowline(&entry["runtimeExecutable"]) && has_name()
}

/// The arguments for bowline in an entry of `.claude/launch.json`; `None` if it runs another program. The user may run bowline
/// through others, as in `npx bowline dev`, where a shell has all of that in one word.
fn own_words<'a>(entry: &'a Value) -> Option<Vec<&'a str>> {
    let words = texts(&entry["runtimeArgs"]);
    if runs_bowline(&entry["runtimeExecutable"]) {
        return Some(words);
    }
    let of_shell = |word: &&'a str| behind(word.split_whitespace().collect());
    words.iter().find_map(of_shell).or_else(|| behind(words))
}

/// The words behind that of bowline, if they run dev servers.
fn behind(mut words: Vec<&str>) -> Option<Vec<&str>> {
    let own = words.iter().position(|word| is_bowline(word))?;
    Some(words.split_off(own + 1)).filter(|words| words.first() == Some(&"dev"))
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Changes what is wrong in the entry, and leaves the rest to the user.
fn correct(
    text: &str,
    index: usize,
    entry: &Value,
    (server, servers): (&DevServer, &[DevServer]),
) -> Result<String, Damage> {
    let mut text = text.to_owned();
    let mut set = |name: &str, value: Value| -> Result<(), Damage> {
        text = jsonc::set(&text, &[CONFIGURATIONS, PathStep::At(index), PathStep::Key(name)], &value)?;
        Ok(())
    };
    let is_own = runs_bowline(&entry["runtimeExecutable"]);
    if is_own && !is_there(&entry["runtimeExecutable"]) {
        set("runtimeExecutable", json!(PROGRAM))?;
    }
    if !own_words(entry).is_some_and(|words| server.is_run_by(&words, servers)) {
        set("runtimeArgs", json!(server.arguments()))?;
    }
    let present = entry["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    if !present.is_some_and(|port| server.range.is_some_and(|range| range.contains(port))) {
        set("port", json!(server.port))?;
    }
    if entry["autoPort"].is_null() {
        set("autoPort", json!(true))?;
    }
    Ok(text)
}

/// The text of a file with servers of the Model Context Protocol, with bowline in its member `list`.
pub fn merge_mcp(text: &str, list: &str) -> Result<String, Damage> {
    let path = [PathStep::Key(list), PathStep::Key(PROGRAM)];
    let whole = mcp_file(list);
    let wanted = &whole[list][PROGRAM];
    let document = jsonc::read(text)?.unwrap_or_default();
    let found = &document[list][PROGRAM];
    if !found.is_object() {
        return jsonc::set(text, &path, wanted);
    }
    let mut words = texts(&found["args"]).into_iter().flat_map(str::split_whitespace);
    let is_mcp = words.clone().any(|word| word == "mcp");
    let is_own = runs_bowline(&found["command"]);
    // The user runs bowline in another way, as with `npx bowline mcp`.
    if !is_own && is_mcp && words.any(|word| word.contains(PROGRAM)) {
        return Ok(text.to_owned());
    }
    let mut text = text.to_owned();
    if !is_there(&found["command"]) {
        text = jsonc::set(&text, &[path[0], path[1], PathStep::Key("command")], &wanted["command"])?;
    }
    // The user may have added options.
    if !(is_own && is_mcp) {
        text = jsonc::set(&text, &[path[0], path[1], PathStep::Key("args")], &wanted["args"])?;
    }
    Ok(text)
}

/// Whether the command is bowline, by name or by path.
fn runs_bowline(command: &Value) -> bool {
    command.as_str().is_some_and(is_bowline)
}

/// Whether a word is bowline: by name, by path, or as a package of this version.
fn is_bowline(word: &str) -> bool {
    let name = Path::new(word).file_name().and_then(OsStr::to_str);
    name.is_some_and(|name| name.split('@').next() == Some(PROGRAM))
}

/// Whether the command is bowline by name, or by a path that leads to a file.
fn is_there(command: &Value) -> bool {
    let Some(path) = command.as_str().map(Path::new) else { return false };
    path == Path::new(PROGRAM) || runs_bowline(command) && path.is_absolute() && path.is_file()
}

/// Whether the file has an entry of bowline.
pub fn is_in_launch(text: &str) -> bool {
    launch_entries(text).is_ok_and(|entries| entries.iter().any(|one| own_words(one).is_some()))
}

pub fn is_in_mcp(text: &str, list: &str) -> bool {
    jsonc::read(text).is_ok_and(|value| value.is_some_and(|value| !value[list][PROGRAM].is_null()))
}

/// The names of entries of bowline that run none of these servers.
pub fn obsolete(text: &str, servers: &[DevServer]) -> Vec<String> {
    let entries = launch_entries(text).unwrap_or_default();
    let is_obsolete = |one: &&Value| {
        own_words(one).is_some_and(|words| {
            words.first() == Some(&"dev")
                && words[1..].iter().any(|word| !word.starts_with('-'))
                && !servers.iter().any(|server| server.is_run_by(&words, servers))
        })
    };
    let names = entries.iter().filter(is_obsolete).filter_map(|one| one["name"].as_str());
    names.map(str::to_owned).collect()
}
