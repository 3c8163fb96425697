//! `{{web.port}}`: the addresses of services in the texts of bowline.toml.
//!
//! A text is data until all ports are reserved; [`fill`] then puts the values in. `{{{{` stands for `{{`.

use std::fmt;
use std::ops::Range;

/// What a template asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Port,
    Url,
    Host,
}

/// The name by which a service means itself.
pub const SELF: &str = "self";

const FIELDS: [(&str, Field); 3] = [("port", Field::Port), ("url", Field::Url), ("host", Field::Host)];
const OPEN: &str = "{{";
const CLOSE: &str = "}}";
const ESCAPED: &str = "{{{{";

/// A template in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'t> {
    /// The service: a name, or [`SELF`].
    pub name: &'t str,
    pub field: Field,
    /// Where it stands, braces included.
    pub range: Range<usize>,
}

/// A `{{` that begins no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError<'t> {
    /// The text from its braces on.
    pub raw: &'t str,
    pub reason: NoTemplate<'t>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTemplate<'t> {
    Open,
    NoField,
    /// There is no such field.
    Field(&'t str),
}

impl fmt::Display for TemplateError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            NoTemplate::Open => write!(f, "`{}` has no end", self.raw),
            NoTemplate::NoField => write!(f, "not a template like `{{{{web.port}}}}`: `{}`", self.raw),
            NoTemplate::Field(name) => write!(f, "a service has no `{name}`: `{}`", self.raw),
        }
    }
}

impl TemplateError<'_> {
    pub fn hint(&self) -> String {
        let near = |name: &str| FIELDS.iter().find(|(field, _)| strsim::osa_distance(name, field) <= 2);
        if let NoTemplate::Field(name) = self.reason
            && let Some((field, _)) = near(name)
        {
            return format!("did you mean `{field}`?");
        }
        "write `{{NAME.port}}`, `{{NAME.url}}` or `{{NAME.host}}`, and `{{{{` for two braces".to_owned()
    }
}

/// The templates of a text, from left to right.
pub fn references(text: &str) -> Result<Vec<Reference<'_>>, TemplateError<'_>> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(start) = text[rest..].find(OPEN).map(|at| rest + at) {
        if text[start..].starts_with(ESCAPED) {
            rest = start + ESCAPED.len();
            continue;
        }
        // Of three braces, the first is one of JSON, say.
        let start = if text[start..].starts_with("{{{") { start + 1 } else { start };
        let reference = reference(text, start)?;
        rest = reference.range.end;
        found.push(reference);
    }
    Ok(found)
}

fn reference(text: &str, start: usize) -> Result<Reference<'_>, TemplateError<'_>> {
    let inside = start + OPEN.len();
    let Some(length) = text[inside..].find(CLOSE) else {
        return Err(TemplateError { raw: &text[start..], reason: NoTemplate::Open });
    };
    let range = start..inside + length + CLOSE.len();
    let error = |reason| TemplateError { raw: &text[range.clone()], reason };
    let words = text[inside..inside + length].trim().rsplit_once('.');
    let (name, word) =
        words.filter(|(name, _)| !name.is_empty()).ok_or_else(|| error(NoTemplate::NoField))?;
    let field = FIELDS.iter().find(|(field, _)| *field == word).map(|(_, field)| *field);
    let field = field.ok_or_else(|| error(NoTemplate::Field(word)))?;
    Ok(Reference { name, field, range })
}

/// The text with every template as one word, without blanks in it: a command is split into words before it is filled.
pub fn compact(text: &str) -> String {
    let Ok(references) = references(text) else { return text.to_owned() };
    let mut compact = text.to_owned();
    for Reference { range, .. } in references.into_iter().rev() {
        let without: String = text[range.clone()].chars().filter(|c| !c.is_whitespace()).collect();
        compact.replace_range(range, &without);
    }
    compact
}

/// The text with the value of each template in its place. One without a value stays, as does a text that is none.
pub fn fill(text: &str, mut value: impl FnMut(&str, Field) -> Option<String>) -> String {
    let Ok(references) = references(text) else { return text.to_owned() };
    let mut filled = String::with_capacity(text.len());
    let mut rest = 0;
    for Reference { name, field, range } in references {
        filled.push_str(&text[rest..range.start].replace(ESCAPED, OPEN));
        rest = range.end;
        match value(name, field) {
            Some(value) => filled.push_str(&value),
            None => filled.push_str(&text[range]),
        }
    }
    filled.push_str(&text[rest..].replace(ESCAPED, OPEN));
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        fill(text, |name, field| (name != "nobody").then(|| format!("<{name} {field:?}>")))
    }

    #[test]
    fn templates_are_filled_in_and_all_else_stays() {
        for (text, expected) in [
            ("", ""),
            ("{{web.port}}", "<web Port>"),
            ("a {{ @acme/web.url }}b", "a <@acme/web Url>b"),
            ("{{socket.io.host}}:{{self.port}}", "<socket.io Host>:<self Port>"),
            ("{\"a\":{\"b\":{}}} }} ${A} {x}", "{\"a\":{\"b\":{}}} }} ${A} {x}"),
            ("{\"port\":{{web.port}}}", "{\"port\":<web Port>}"),
            ("{{{web.port}}}", "{<web Port>}"),
            ("{{{{.Names}} {{web.port}}", "{{.Names}} <web Port>"),
            ("{{{{{{web.port}}", "{{<web Port>"),
            ("{{nobody.port}}", "{{nobody.port}}"),
            ("é{{web.port}}é", "é<web Port>é"),
        ] {
            assert_eq!(filled(text), expected, "{text}");
            assert_eq!(filled(&compact(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_template_is_one_word() {
        assert_eq!(compact("x {{ web.port }} {{{{ y {{self.url}}"), "x {{web.port}} {{{{ y {{self.url}}");
    }

    #[test]
    fn what_is_no_template_is_told_with_what_to_write() {
        for (text, message, hint) in [
            ("a {{web.port", "`{{web.port` has no end", "write `{{NAME.port}}`"),
            ("{{.Names}}", "not a template like `{{web.port}}`: `{{.Names}}`", "`{{{{` for two braces"),
            ("{{port}}", "not a template like `{{web.port}}`: `{{port}}`", "write"),
            ("x{{web.prot}}y", "a service has no `prot`: `{{web.prot}}`", "did you mean `port`?"),
            ("{{web.address}}", "a service has no `address`: `{{web.address}}`", "write"),
        ] {
            let error = references(text).unwrap_err();
            assert_eq!(error.to_string(), message, "{text}");
            assert!(error.hint().contains(hint), "{text}: {}", error.hint());
            assert_eq!(filled(text), text);
        }
    }
}
