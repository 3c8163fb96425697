//! Changes to JSON that people write, with comments and trailing commas: every byte beside the change stays.
//!
//! The text is parsed for the places of its parts, and new text is put between them. It looks like what is round it:
//! indentation, line ends, spaces, a trailing comma.

use jsonc_parser::ast::{Object, Value as Node};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::tokens::{Token, TokenAndRange};
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};
use serde_json::Value;

/// Why a text cannot be changed, and the byte where that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub offset: usize,
    pub message: String,
}

/// One step into a document.
#[derive(Clone, Copy, Debug)]
pub enum PathStep<'a> {
    Key(&'a str),
    At(usize),
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The value of a text; `None` if it has none.
pub fn read(text: &str) -> Result<Option<Value>, Damage> {
    let (mark, body) = split_mark(text);
    let document = Document::parse(body).map_err(|damage| damage.after(mark))?;
    Ok(document.root.map(Value::from))
}

/// The text with `value` at `path`. Objects on the way are made.
pub fn set(text: &str, path: &[PathStep<'_>], value: &Value) -> Result<String, Damage> {
    let (mark, body) = split_mark(text);
    let changed = Document::parse(body).and_then(|document| document.set(path, value));
    Ok(mark.to_owned() + &changed.map_err(|damage| damage.after(mark))?)
}

/// The text with `value` as the last element of the array at `path`, which is made if necessary.
pub fn push(text: &str, path: &[PathStep<'_>], value: &Value) -> Result<String, Damage> {
    let (mark, body) = split_mark(text);
    let changed = Document::parse(body).and_then(|document| document.push(path, value));
    Ok(mark.to_owned() + &changed.map_err(|damage| damage.after(mark))?)
}

fn split_mark(text: &str) -> (&str, &str) {
    let length = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    text.split_at(length)
}

impl Damage {
    fn at(place: &impl Ranged, message: &str) -> Self {
        Self { offset: place.start(), message: message.to_owned() }
    }

    fn after(self, before: &str) -> Self {
        Self { offset: self.offset + before.len(), ..self }
    }
}

struct Document<'a> {
    text: &'a str,
    root: Option<Node<'a>>,
    /// Comments among them.
    tokens: Vec<TokenAndRange<'a>>,
}

/// The place that a path leads to.
enum Found<'b, 'a> {
    /// A value, and where the member or element begins that it is the value of.
    Value { node: &'b Node<'a>, start: usize },
    /// The object that lacks a member, and how many steps lead to it.
    Missing { object: &'b Object<'a>, depth: usize },
    /// There is no value at all.
    Nothing,
}

impl<'a> Document<'a> {
    fn parse(text: &'a str) -> Result<Self, Damage> {
        let collect = CollectOptions { comments: CommentCollectionStrategy::AsTokens, tokens: true };
        let parsed = parse_to_ast(text, &collect, &OPTIONS).map_err(|error| {
            let message = error.kind().to_string();
            let mut letters = message.chars();
            let first = letters.next().map(|first| first.to_ascii_lowercase());
            Damage { offset: error.range().start, message: first.into_iter().chain(letters).collect() }
        })?;
        Ok(Self { text, root: parsed.value, tokens: parsed.tokens.unwrap_or_default() })
    }

    fn find(&self, path: &[PathStep<'_>]) -> Result<Found<'_, 'a>, Damage> {
        let Some(mut node) = self.root.as_ref() else { return Ok(Found::Nothing) };
        let mut start = node.start();
        for (depth, step) in path.iter().enumerate() {
            match *step {
                PathStep::Key(name) => {
                    let object = node.as_object().ok_or_else(|| Damage::at(node, "an object is expected"))?;
                    // Of several, programs take the last.
                    let member = object.properties.iter().rev().find(|one| one.name.as_str() == name);
                    let Some(member) = member else { return Ok(Found::Missing { object, depth }) };
                    (node, start) = (&member.value, member.start());
                }
                PathStep::At(index) => {
                    let element = node.as_array().and_then(|array| array.elements.get(index));
                    node = element.ok_or_else(|| Damage::at(node, "a longer list is expected"))?;
                    start = node.start();
                }
            }
        }
        Ok(Found::Value { node, start })
    }

    fn set(&self, path: &[PathStep<'_>], value: &Value) -> Result<String, Damage> {
        Ok(match self.find(path)? {
            Found::Value { node, .. } if Value::from(node.clone()) == *value => self.text.to_owned(),
            Found::Value { node, start } => self.replace(node, start, value),
            Found::Missing { object, depth } => {
                let items = object.properties.iter().map(Ranged::start);
                let place = Gap::new(self, object.range, items);
                let member = format!("{}:", name_of(path[depth]));
                place.insert(&member, &nested(&path[depth + 1..], value))
            }
            Found::Nothing => self.begin(&nested(path, value)),
        })
    }

    fn push(&self, path: &[PathStep<'_>], value: &Value) -> Result<String, Damage> {
        let Found::Value { node, .. } = self.find(path)? else {
            return self.set(path, &Value::Array(vec![value.clone()]));
        };
        let list = node.as_array().ok_or_else(|| Damage::at(node, "a list is expected"))?;
        Ok(Gap::new(self, list.range, list.elements.iter().map(Ranged::start)).insert("", value))
    }

    /// A text without a value gets its first one.
    fn begin(&self, value: &Value) -> String {
        let value = self.render(value, Some("")) + self.line_end();
        let before = self.text.trim_end();
        if before.is_empty() { value } else { [before, self.line_end(), &value].concat() }
    }

    fn replace(&self, node: &Node<'a>, start: usize, value: &Value) -> String {
        let Range { start: from, end } = node.range();
        let has_lines = self.text[from..end].contains(['\n', '\r']);
        let indent = self.indent_if_first(start).or(has_lines.then(|| self.indent(start)));
        [&self.text[..from], &self.render(value, indent), &self.text[end..]].concat()
    }

    fn line_end(&self) -> &'static str {
        match self.text.find(['\n', '\r']).map(|at| &self.text[at..]) {
            Some(rest) if rest.starts_with("\r\n") => "\r\n",
            Some(rest) if rest.starts_with('\r') => "\r",
            Some(_) | None => "\n",
        }
    }

    fn line_before(&self, offset: usize) -> &'a str {
        let before = &self.text[..offset];
        &before[before.rfind(['\n', '\r']).map_or(0, |at| at + 1)..]
    }

    /// The white space at the start of the line of this byte.
    fn indent(&self, offset: usize) -> &'a str {
        let line = self.line_before(offset);
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// The same, if nothing else precedes this byte in its line, and it is not the first line.
    fn indent_if_first(&self, offset: usize) -> Option<&'a str> {
        let line = self.line_before(offset);
        (line.len() < offset && line.trim_matches([' ', '\t']).is_empty()).then_some(line)
    }

    /// One level of indentation.
    fn unit(&self) -> &'a str {
        let root = self.root.as_ref();
        let first = root.and_then(|root| Some((root, root.as_object()?.properties.first()?.start())));
        let unit = first.and_then(|(root, first)| {
            self.indent_if_first(first)?
                .strip_prefix(self.indent(root.start()))
                .filter(|unit| !unit.is_empty())
        });
        unit.unwrap_or("  ")
    }

    /// Whether the first token that `is` accepts has white space behind it; otherwise what others have.
    fn has_space_after(&self, is: fn(&Token<'_>) -> bool) -> Option<bool> {
        let first = self.tokens.iter().find(|one| is(&one.token))?;
        Some(self.text[first.range.end..].starts_with(|next: char| next.is_whitespace()))
    }

    fn has_space_after_colon(&self) -> bool {
        self.has_space_after(|token| matches!(token, Token::Colon)).unwrap_or(true)
    }

    fn has_space_after_comma(&self) -> bool {
        let comma = self.has_space_after(|token| matches!(token, Token::Comma));
        comma.unwrap_or_else(|| self.has_space_after_colon())
    }

    /// The value as text; on several lines if an indentation is given, which is that of its own line.
    fn render(&self, value: &Value, indent: Option<&str>) -> String {
        let (open, items, close) = match value {
            Value::Array(list) => ("[", list.iter().map(|value| (None, value)).collect::<Vec<_>>(), "]"),
            Value::Object(map) => ("{", map.iter().map(|(name, value)| (Some(name), value)).collect(), "}"),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return value.to_string(),
        };
        let is_flat = |value: &Value| !value.is_object() && !value.is_array();
        // A list of words stands on one line.
        let indent = indent.filter(|_| value.is_object() || !items.iter().all(|(_, value)| is_flat(value)));
        let inner = indent.map(|indent| [indent, self.unit()].concat());
        let colon = if inner.is_some() || self.has_space_after_colon() { ": " } else { ":" };
        let items = items.into_iter().map(|(name, value)| {
            let name = name.map_or_else(String::new, |name| quoted(name) + colon);
            name + &self.render(value, inner.as_deref())
        });
        let items: Vec<String> = items.collect();
        if let (Some(indent), Some(inner), false) = (indent, &inner, items.is_empty()) {
            let end = self.line_end();
            let between = [",", end, inner].concat();
            return [open, end, inner, &items.join(&between), end, indent, close].concat();
        }
        let comma = if self.has_space_after_comma() { ", " } else { "," };
        [open, &items.join(comma), close].concat()
    }
}

/// Readers of these files accept comments and trailing commas beside JSON.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn quoted(name: &str) -> String {
    Value::from(name).to_string()
}

fn name_of(step: PathStep<'_>) -> String {
    match step {
        PathStep::Key(name) => quoted(name),
        PathStep::At(index) => quoted(&index.to_string()),
    }
}

/// `value` in the objects that `path` leads through.
fn nested(path: &[PathStep<'_>], value: &Value) -> Value {
    path.iter().rev().fold(value.clone(), |value, step| match step {
        PathStep::Key(name) => Value::from_iter([((*name).to_owned(), value)]),
        PathStep::At(_) => value,
    })
}

/// The end of an object or a list, where something is added.
struct Gap<'b, 'a> {
    document: &'b Document<'a>,
    container: Range,
    /// The last token inside, if not a comment; else the opening bracket.
    significant: &'b TokenAndRange<'a>,
    /// The last token inside, comments included; else the opening bracket.
    last: &'b TokenAndRange<'a>,
    /// The white space that its items have at the start of their lines.
    indent: Option<String>,
    has_items: bool,
}

impl<'b, 'a> Gap<'b, 'a> {
    fn new(document: &'b Document<'a>, container: Range, mut items: impl Iterator<Item = usize>) -> Self {
        let close = container.end - 1;
        let inside = document.tokens.partition_point(|one| one.range.start < close);
        let inside = &document.tokens[..inside];
        let is_comment =
            |one: &TokenAndRange<'_>| matches!(one.token, Token::CommentLine(_) | Token::CommentBlock(_));
        // The opening bracket is among them, so both exist.
        let last = &inside[inside.len() - 1];
        let significant = inside.iter().rev().find(|one| !is_comment(one)).unwrap_or(last);
        let first_item = items.next();
        let last_item = items.last().or(first_item);
        let own_line =
            [last_item, first_item].into_iter().flatten().find_map(|at| document.indent_if_first(at));
        let must_break = matches!(last.token, Token::CommentLine(_));
        let may_break = || {
            let root = document.root.as_ref().map_or(container, Ranged::range);
            first_item.is_none()
                && (root == container || document.text[root.start..root.end].contains(['\n', '\r']))
        };
        let deeper = || [document.indent(container.start), document.unit()].concat();
        let indent = own_line.map(str::to_owned).or_else(|| (must_break || may_break()).then(deeper));
        Self { document, container, significant, last, indent, has_items: first_item.is_some() }
    }

    fn insert(&self, name: &str, value: &Value) -> String {
        let Self { document, container, significant, last, indent, has_items } = self;
        let (text, at, close) = (document.text, last.range.end, container.end - 1);
        let has_comma = *has_items && matches!(significant.token, Token::Comma);
        let missing = if *has_items && !has_comma { "," } else { "" };
        let kept = if has_comma { "," } else { "" };
        let value = document.render(value, indent.as_deref());
        let is_spaced = !name.is_empty() && (indent.is_some() || document.has_space_after_colon());
        let item = [name, if is_spaced { " " } else { "" }, &value, kept].concat();
        let mut rest = &text[at..];
        let (before, after) = if let Some(indent) = indent {
            let has_line = text[at..close].contains(['\n', '\r']);
            let after = if *has_items || has_line {
                String::new()
            } else {
                rest = &text[close..];
                document.line_end().to_owned() + document.indent(container.start)
            };
            (document.line_end().to_owned() + indent, after)
        } else {
            let is_apart = if *has_items { document.has_space_after_comma() } else { close > at };
            (if is_apart { " ".to_owned() } else { String::new() }, String::new())
        };
        let comma = significant.range.end;
        [&text[..comma], missing, &text[comma..at], &before, &item, &after, rest].concat()
    }
}

#[cfg(test)]
mod tests;
