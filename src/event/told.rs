//! What the session of a script that is caught tells the bowline around it.

use serde::{Deserialize, Serialize};

use super::what::Event;

/// A line of a control socket, in place of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    r#type: Tag,
    /// The service's name.
    pub name: String,
    pub news: News,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Tag {
    Told,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum News {
    Event(Event),
    /// For people only, as is a warning.
    Note(String),
    Warning(String),
}

impl Told {
    pub fn new(name: &str, news: News) -> Self {
        Self { r#type: Tag::Told, name: name.to_owned(), news }
    }
}
