//! Wrappers: programs that prepare something and then run the command that their command line names. They are data,
//! the `[wrapper.NAME]` tables of `frameworks.toml`. `build.rs` includes this file.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

type Text = Cow<'static, str>;
pub type Texts = Cow<'static, [Text]>;

/// One entry of `frameworks.toml`.
#[allow(clippy::struct_excessive_bools, reason = "each is a field of the file")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default, expecting = "struct WrapperEntry")]
pub struct Wrapper {
    #[serde(skip)]
    pub key: Text,
    /// The programs, each with its subcommand if it runs commands only with that one: `cross-env`, `op run`.
    #[serde(deserialize_with = "words")]
    pub commands: Texts,
    /// Options whose value is the next word.
    #[serde(deserialize_with = "options")]
    pub values: Texts,
    /// How many words come between the options and the command.
    pub skips: u8,
    /// The words directly before the command: `--`, or an option such as `-c`. Without one of them, nothing runs.
    /// Empty: the command is the first word that is no option.
    #[serde(deserialize_with = "options")]
    pub begins_behind: Texts,
    /// The command is one word, a text for a shell.
    pub shell_text: bool,
    /// Without a `--` before the command, it takes the command's options for its own.
    pub swallows_options: bool,
    /// `NAME=value` may precede the command.
    pub assigns: bool,
    /// Options whose value is `NAME=value`.
    #[serde(deserialize_with = "options")]
    pub assigning: Texts,
    /// Options whose value is the name of a variable that the command does not get.
    #[serde(deserialize_with = "options")]
    pub removing: Texts,
    /// Options with which the command inherits no variable.
    #[serde(deserialize_with = "options")]
    pub clearing: Texts,
    /// Options that change the working directory.
    #[serde(deserialize_with = "options")]
    pub moving: Texts,
    /// Options that hide the command.
    #[serde(deserialize_with = "options")]
    pub hiding: Texts,
    /// The command inherits no variable, whatever the options say.
    pub clears_environment: bool,
    /// It reads a file of variables, or gets them from elsewhere.
    pub reads_variables: bool,
    /// Options with which these variables replace those that are set already. Empty: they always do.
    #[serde(deserialize_with = "options")]
    pub overriding: Texts,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Words(String);

impl TryFrom<String> for Words {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.trim().is_empty() {
            Err("a command has at least one word".to_owned())
        } else {
            Ok(Self(text))
        }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct OptionName(String);

impl TryFrom<String> for OptionName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_option = text.starts_with('-') && !text.contains(|c: char| c.is_whitespace() || c == '=');
        if is_option {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is not an option, which begins with a dash"))
        }
    }
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
    Ok(Vec::<Words>::deserialize(deserializer)?.into_iter().map(|Words(text)| text.into()).collect())
}

fn options<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
    Ok(Vec::<OptionName>::deserialize(deserializer)?
        .into_iter()
        .map(|OptionName(text)| text.into())
        .collect())
}
