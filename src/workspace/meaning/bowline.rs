//! `bowline`, in the script of the root itself.

use super::fan_out::{FanOut, PackageRunner, Which};
use super::options::{Item, Options, Unknown};

const OPTIONS: Options = Options {
    flags: &[
        "--json", "-v", "-q", "--quiet", "--verbose", "--open", "--with-parent", "--restart-running",
        "--fail-fast",
    ],
    valued: &["--color", "--state-dir", "--restart", "--grace", "-F", "--filter"],
    optional: &["--host", "--with-parent"],
};

pub(super) fn read(words: &[String]) -> Result<FanOut, Unknown> {
    let (mut filters, mut arguments) = (Vec::new(), Vec::new());
    let mut items = OPTIONS.read(words);
    while let Some(item) = items.next()? {
        match item {
            Item::Word(word) if word == "dev" && filters.is_empty() => {}
            Item::Word(word) => filters.push(word),
            Item::Option { name: "-F" | "--filter", value: Some(filter) } => filters.push(filter),
            Item::Option { .. } => {}
            Item::Marker => {
                arguments = items.rest();
                break;
            }
        }
    }
    let which = if filters.is_empty() { Which::All } else { Which::Filters(filters) };
    // Any of the usual scripts.
    Ok(FanOut { arguments, ..FanOut::new(PackageRunner::Bowline, "", which) })
}
