use serde_json::{Value, json};

use super::{Damage, PathStep, push, read, set};

const ENTRY: [PathStep<'_>; 2] = [PathStep::Key("s"), PathStep::Key("b")];

fn entry() -> Value {
    json!({ "command": "bowline", "args": ["mcp"] })
}

#[test]
fn an_entry_is_added_in_the_manner_of_the_file() {
    for (before, after) in [
        (
            "",
            "{\n  \"s\": {\n    \"b\": {\n      \"command\": \"bowline\",\n      \"args\": [\"mcp\"]\n    }\n  }\n}\n",
        ),
        (
            "// mine\n",
            "// mine\n{\n  \"s\": {\n    \"b\": {\n      \"command\": \"bowline\",\n      \"args\": [\"mcp\"]\n    }\n  }\n}\n",
        ),
        (
            "{}\n",
            "{\n  \"s\": {\n    \"b\": {\n      \"command\": \"bowline\",\n      \"args\": [\"mcp\"]\n    }\n  }\n}\n",
        ),
        ("{\"s\":{}}", "{\"s\":{\"b\":{\"command\":\"bowline\",\"args\":[\"mcp\"]}}}"),
        ("{\"s\":{\"a\":1,}}", "{\"s\":{\"a\":1,\"b\":{\"command\":\"bowline\",\"args\":[\"mcp\"]},}}"),
        (
            "{\"s\": {\"a\": 1}}",
            "{\"s\": {\"a\": 1, \"b\": {\"command\": \"bowline\", \"args\": [\"mcp\"]}}}",
        ),
        (
            "{\r\n\t\"s\": {\r\n\t\t\"a\": {} // foreign\r\n\t}\r\n}",
            "{\r\n\t\"s\": {\r\n\t\t\"a\": {}, // foreign\r\n\t\t\"b\": {\r\n\t\t\t\"command\": \"bowline\",\r\n\t\t\t\"args\": [\"mcp\"]\r\n\t\t}\r\n\t}\r\n}",
        ),
        (
            "{\n    \"s\": {\n        \"a\": {}, /* x */\n        // last\n    },\n}\n",
            "{\n    \"s\": {\n        \"a\": {}, /* x */\n        // last\n        \"b\": {\n            \"command\": \"bowline\",\n            \"args\": [\"mcp\"]\n        },\n    },\n}\n",
        ),
        (
            "{\n  \"s\": {},\n  \"z\": [1,\n   2]\n}\n",
            "{\n  \"s\": {\n    \"b\": {\n      \"command\": \"bowline\",\n      \"args\": [\"mcp\"]\n    }\n  },\n  \"z\": [1,\n   2]\n}\n",
        ),
        (
            "\u{feff}{\n  \"z\": 1 }",
            "\u{feff}{\n  \"z\": 1,\n  \"s\": {\n    \"b\": {\n      \"command\": \"bowline\",\n      \"args\": [\"mcp\"]\n    }\n  } }",
        ),
        (
            "{\"z\": 1 // why\n}",
            "{\"z\": 1, // why\n  \"s\": {\n    \"b\": {\n      \"command\": \"bowline\",\n      \"args\": [\"mcp\"]\n    }\n  }\n}",
        ),
    ] {
        let changed = set(before, &ENTRY, &entry()).unwrap();
        assert_eq!(changed, after, "{before:?}");
        assert_eq!(set(&changed, &ENTRY, &entry()).unwrap(), changed, "the second time: {before:?}");
    }
}

#[test]
fn a_value_is_changed_in_its_place() {
    for (before, path, value, after) in [
        (
            "{ \"a\" : 1 /* x */ , \"b\":2}",
            &[PathStep::Key("a")][..],
            json!(3),
            "{ \"a\" : 3 /* x */ , \"b\":2}",
        ),
        ("{\"a\": 1, \"a\": 2}", &[PathStep::Key("a")], json!(3), "{\"a\": 1, \"a\": 3}"),
        ("{\"a\": \"\\u0062\"}", &[PathStep::Key("a")], json!("b"), "{\"a\": \"\\u0062\"}"),
        (
            "[\n  { \"n\": 1 },\n  // x\n  {}\n]",
            &[PathStep::At(0), PathStep::Key("n")],
            json!(["x", 2]),
            "[\n  { \"n\": [\"x\", 2] },\n  // x\n  {}\n]",
        ),
        (
            "{\n\t\"a\": null\n}",
            &[PathStep::Key("a")],
            json!({ "b": [] }),
            "{\n\t\"a\": {\n\t\t\"b\": []\n\t}\n}",
        ),
    ] {
        assert_eq!(set(before, path, &value).unwrap(), after, "{before:?}");
    }
}

#[test]
fn an_element_is_added_at_the_end_of_a_list() {
    let path = [PathStep::Key("l")];
    for (before, after) in [
        ("{\"l\":[]}", "{\"l\":[{\"n\":1}]}"),
        ("{\"l\": [ ]}", "{\"l\": [ {\"n\": 1} ]}"),
        ("{\n  \"l\": []\n}\n", "{\n  \"l\": [\n    {\n      \"n\": 1\n    }\n  ]\n}\n"),
        ("{\n  \"l\": [\n    {}\n  ]\n}\n", "{\n  \"l\": [\n    {},\n    {\n      \"n\": 1\n    }\n  ]\n}\n"),
        ("{\n  \"v\": 1\n}\n", "{\n  \"v\": 1,\n  \"l\": [\n    {\n      \"n\": 1\n    }\n  ]\n}\n"),
    ] {
        assert_eq!(push(before, &path, &json!({ "n": 1 })).unwrap(), after, "{before:?}");
    }
}

#[test]
fn a_damaged_text_is_named_with_its_place() {
    for (text, offset, message) in [
        ("{\n  \"s\": {,}\n}", 10, "unexpected token in object"),
        ("{ \"s\": 1", 0, "unterminated object"),
        ("{ \"s\": [1 2] }", 9, "expected comma"),
        ("{ s: 1 }", 2, "expected string for object property"),
        ("{ 's': 1 }", 2, "single-quoted strings are not allowed"),
        ("\u{feff}{ \"s\": [] }", 10, "an object is expected"),
        ("[]", 0, "an object is expected"),
        ("{} {}", 3, "text cannot contain more than one JSON value"),
        ("{ \"s\": {} /*", 10, "unterminated comment block"),
    ] {
        let damage = Damage { offset, message: message.to_owned() };
        assert_eq!(set(text, &ENTRY, &entry()), Err(damage), "{text}");
    }
    assert_eq!(push("{ \"l\": {} }", &[PathStep::Key("l")], &json!(1)).unwrap_err().offset, 7);
}

/// A generator of numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn one_of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[usize::try_from(self.below(texts.len() as u64)).unwrap()]
    }

    /// White space and comments, perhaps none.
    fn trivia(&mut self) -> String {
        let pieces =
            ["", "", " ", "  ", "\t", "\n", "\r\n", "\n    ", "/* , } */", "// { \"x\": ]\n", "// é\r\n\t"];
        (0..self.below(4)).map(|_| self.one_of(&pieces)).collect()
    }

    fn list(&mut self, brackets: [&str; 2], items: &[String]) -> String {
        let mut text = brackets[0].to_owned() + &self.trivia();
        for (at, item) in items.iter().enumerate() {
            text.push_str(item);
            text.push_str(&self.trivia());
            if at + 1 < items.len() || self.below(3) == 0 {
                text.push(',');
                text.push_str(&self.trivia());
            }
        }
        text + brackets[1]
    }

    fn value(&mut self, depth: u64) -> String {
        match self.below(if depth == 0 { 4 } else { 7 }) {
            0 => "-1.5e3".to_owned(),
            1 => "\"a\\\"b // é\"".to_owned(),
            2 => "null".to_owned(),
            3 => "{}".to_owned(),
            4 => {
                let items: Vec<String> = (0..self.below(4)).map(|_| self.value(depth - 1)).collect();
                self.list(["[", "]"], &items)
            }
            _ => self.object(depth - 1, &[]),
        }
    }

    /// An object with some of its own members among those given.
    fn object(&mut self, depth: u64, members: &[(&str, String)]) -> String {
        let mut all: Vec<String> = Vec::new();
        for (name, value) in members {
            all.push(format!("\"{name}\"{}:{}{value}", self.trivia(), self.trivia()));
        }
        for name in 0..self.below(3) {
            let (space, value) = (self.trivia(), self.value(depth));
            let at = usize::try_from(self.below(all.len() as u64 + 1)).unwrap();
            all.insert(at, format!("\"k{name}\"{space}:{space}{value}"));
        }
        self.list(["{", "}"], &all)
    }
}

/// Nothing of `before` is lost: but for one place where text was put in, and a comma before the comments that precede
/// it, it is as it was.
fn assert_kept(before: &str, after: &str) {
    let prefix = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let (left, right) = (&before.as_bytes()[prefix..], &after.as_bytes()[prefix..]);
    let suffix = left.iter().rev().zip(right.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = &left[..left.len() - suffix];
    let changed = &right[..right.len() - suffix];
    let is_there = changed.windows(middle.len().max(1)).any(|part| part == middle);
    assert!(middle.is_empty() || is_there || middle.trim_ascii().is_empty(), "{before}\n---\n{after}");
}

#[test]
fn whatever_is_in_the_file_stays_and_the_second_time_changes_nothing() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for round in 0..3000 {
        let servers = random.object(2, &[]);
        let members: &[(&str, String)] = match round % 3 {
            0 => &[],
            1 => &[("s", servers)],
            _ => &[("l", "[]".to_owned()), ("s", servers)],
        };
        let mark = random.one_of(&["", "", "\u{feff}"]);
        let text = [mark, &random.trivia(), &random.object(2, members), &random.trivia()].concat();
        let mut expected = read(&text).unwrap_or_else(|damage| panic!("{damage:?} in {text}")).unwrap();
        let changed = set(&text, &ENTRY, &entry()).unwrap();
        expected["s"]["b"] = entry();
        assert_eq!(read(&changed).unwrap(), Some(expected.clone()), "{text}\n---\n{changed}");
        assert_kept(&text, &changed);
        assert_eq!(set(&changed, &ENTRY, &entry()).unwrap(), changed);
        let pushed = push(&changed, &[PathStep::Key("l")], &entry()).unwrap();
        let list = expected.as_object_mut().unwrap().entry("l").or_insert(json!([]));
        list.as_array_mut().unwrap().push(entry());
        assert_eq!(read(&pushed).unwrap(), Some(expected), "{changed}\n---\n{pushed}");
        assert_kept(&changed, &pushed);
    }
}
