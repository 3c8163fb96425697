//! `frameworks.toml` as Rust: the value of `detect::entry::EMBEDDED`. A test there compares it with the file, read as those of
//! users are.

use std::fmt::Write;

use toml::{Table, Value};

/// What a field holds, and so how it is written.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Texts,
    Range,
    Number,
    Numbers,
    Switch,
    /// A variant of this type.
    Variant(&'static str),
    Version,
    Pairs,
    /// A value of this type, which has these fields.
    Fields(&'static str, &'static [Field]),
    /// Several of them.
    List(&'static str, &'static [Field]),
}

/// A field: its name in the file, what it holds, and whether it need not be there.
type Field = (&'static str, Kind, bool);

const OPTIONAL: bool = true;
const NEEDED: bool = false;

const ENTRY: &[Field] = &[
    ("like", Kind::Text, OPTIONAL),
    ("label", Kind::Text, OPTIONAL),
    ("range", Kind::Range, OPTIONAL),
    ("default-port", Kind::Number, OPTIONAL),
    ("commands", Kind::Texts, OPTIONAL),
    ("not-commands", Kind::Texts, OPTIONAL),
    ("dependencies", Kind::Texts, OPTIONAL),
    ("without", Kind::Texts, OPTIONAL),
    ("files", Kind::Texts, OPTIONAL),
    ("needs", Kind::Texts, OPTIONAL),
    ("built-on", Kind::Texts, OPTIONAL),
    ("beats", Kind::Texts, OPTIONAL),
    ("role", Kind::Variant("Role"), OPTIONAL),
    ("port", Kind::Fields("PortEntry", PORT), NEEDED),
    ("host", Kind::Fields("HostEntry", HOST), NEEDED),
    ("environment", Kind::Pairs, NEEDED),
    ("locks", Kind::Texts, OPTIONAL),
    ("extra-ports", Kind::Numbers, OPTIONAL),
    ("versions", Kind::List("VersionEntry", VERSION), OPTIONAL),
    ("note", Kind::Text, OPTIONAL),
];

const PORT: &[Field] = &[
    ("flags", Kind::Texts, OPTIONAL),
    ("strict", Kind::Text, OPTIONAL),
    ("flags-for", Kind::Texts, OPTIONAL),
    ("place", Kind::Variant("Place"), OPTIONAL),
    ("environment", Kind::Texts, OPTIONAL),
    ("reads-port-variable", Kind::Switch, OPTIONAL),
    ("repeated", Kind::Variant("Repeated"), OPTIONAL),
];

const HOST: &[Field] = &[
    ("flag", Kind::Text, OPTIONAL),
    ("others", Kind::Texts, OPTIONAL),
    ("environment", Kind::Texts, OPTIONAL),
    ("loopback", Kind::Text, OPTIONAL),
    ("all", Kind::Text, OPTIONAL),
];

const VERSION: &[Field] = &[
    ("package", Kind::Text, NEEDED),
    ("from", Kind::Version, OPTIONAL),
    ("below", Kind::Version, OPTIONAL),
    ("range", Kind::Range, OPTIONAL),
    ("default-port", Kind::Number, OPTIONAL),
    ("port", Kind::Fields("PortEntry", PORT), NEEDED),
    ("host", Kind::Fields("HostEntry", HOST), NEEDED),
    ("environment", Kind::Pairs, NEEDED),
];

/// The file as a Rust item.
///
/// # Errors
/// It has something that the fields above do not tell of.
pub fn source(file: &Table) -> Result<String, String> {
    let get = |table: &Table, key: &str| table.get(key).cloned().ok_or(format!("`{key}` is missing"));
    let ports = get(file, "ports")?;
    let ports = ports.as_table().ok_or("`ports` is no table")?;
    let frameworks = get(file, "framework")?;
    let frameworks = frameworks.as_table().ok_or("`framework` is no table")?;
    let mut text = format!(
        "pub(super) static EMBEDDED: Embedded = Embedded {{ \
         ports: Ports {{ span: {}, yours: {}, instead: {} }}, agent_variables: {}, framework: &[",
        value(&get(ports, "span")?, Kind::Number)?,
        list(&get(ports, "yours")?, |port| port.as_integer().map(|port| port.to_string()))?,
        value(&get(ports, "instead")?, Kind::Range)?,
        value(&get(file, "agent-variables")?, Kind::Texts)?,
    );
    for (key, entry) in frameworks {
        let entry = value(entry, Kind::Fields("Entry", ENTRY)).map_err(|error| format!("{key}: {error}"))?;
        write!(text, "\n({key:?}, {entry}),").map_err(|error| error.to_string())?;
    }
    text.push_str("] };\n");
    Ok(text)
}

fn value(value: &Value, kind: Kind) -> Result<String, String> {
    let text = value.as_str();
    let written = match kind {
        Kind::Text => text.map(word),
        Kind::Texts => return list(value, |text| text.as_str().map(word)),
        Kind::Range => text
            .and_then(|text| text.split_once('-'))
            .map(|(start, end)| format!("Range {{ start: {start}, end: {end} }}")),
        Kind::Number => number(value),
        Kind::Numbers => return list(value, number),
        Kind::Switch => value.as_bool().map(|switch| switch.to_string()),
        Kind::Variant(of) => text.map(|text| format!("{of}::{}", variant(text))),
        Kind::Version => text.map(|text| {
            let mut parts = text.split('.').chain(["0", "0"]);
            format!("Version::new({})", [0; 3].map(|_| parts.next().unwrap_or("0")).join(", "))
        }),
        Kind::Pairs => value.as_table().and_then(|table| {
            let mut pairs = table
                .iter()
                .map(|(name, value)| Some((name, value.as_str()?)))
                .collect::<Option<Vec<_>>>()?;
            pairs.sort_unstable();
            let pairs: Vec<_> =
                pairs.iter().map(|(name, value)| format!("({}, {})", word(name), word(value))).collect();
            Some(borrowed(&pairs))
        }),
        Kind::Fields(of, fields) => {
            return value.as_table().ok_or("no table".to_owned()).and_then(|table| record(of, table, fields));
        }
        Kind::List(of, fields) => {
            let records = value
                .as_array()
                .ok_or("no list")?
                .iter()
                .map(|one| self::value(one, Kind::Fields(of, fields)));
            return records.collect::<Result<Vec<_>, _>>().map(|records| borrowed(&records));
        }
    };
    written.ok_or_else(|| format!("`{value}` is of another kind"))
}

/// A value of the type `of`.
fn record(of: &str, table: &Table, fields: &[Field]) -> Result<String, String> {
    if let Some(unknown) = table.keys().find(|key| fields.iter().all(|(name, ..)| name != key)) {
        return Err(format!("`{unknown}` is no field"));
    }
    let field = |&(name, kind, is_optional): &Field| {
        let written = match (table.get(name), kind) {
            (None, _) if is_optional => "None".to_owned(),
            (None, Kind::Pairs) => "Cow::Borrowed(&[])".to_owned(),
            (None, Kind::Fields(of, fields)) => record(of, &Table::new(), fields)?,
            (None, _) => return Err(format!("`{name}` is missing")),
            (Some(found), kind) if is_optional => format!("Some({})", value(found, kind)?),
            (Some(found), kind) => value(found, kind)?,
        };
        Ok(format!("{}: {written}", name.replace('-', "_")))
    };
    Ok(format!("{of} {{ {} }}", fields.iter().map(field).collect::<Result<Vec<_>, String>>()?.join(", ")))
}

fn list(value: &Value, write: impl Fn(&Value) -> Option<String>) -> Result<String, String> {
    let written = value.as_array().and_then(|list| list.iter().map(write).collect::<Option<Vec<_>>>());
    written.map(|list| borrowed(&list)).ok_or_else(|| format!("`{value}` is of another kind"))
}

fn borrowed(values: &[String]) -> String {
    format!("Cow::Borrowed(&[{}])", values.join(", "))
}

fn word(text: &str) -> String {
    format!("Cow::Borrowed({text:?})")
}

fn number(value: &Value) -> Option<String> {
    value.as_integer().map(|number| format!("NonZeroU16::new({number}).unwrap()"))
}

/// `after-command` as `AfterCommand`.
fn variant(text: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    text.split('-').map(capital).collect()
}
