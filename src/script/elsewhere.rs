//! Calls of other packages' scripts: `npm --prefix web run dev`, `pnpm --filter web dev`, `yarn workspace web dev`.

use super::leaf::{Call, CallForm, Manager, Place, Scripts};
use super::manager::{COMMANDS, HARMLESS};
use super::nest::{self, Nested};
use super::word::Word;
use super::wrapper::Peel;

/// What the value of a flag says about the package.
fn place_flag(manager: Manager, flag: &str) -> Option<fn(String) -> Place> {
    match (manager, flag) {
        (Manager::Npm, "--prefix" | "-C")
        | (Manager::Pnpm, "--dir" | "-C")
        | (Manager::Yarn | Manager::Bun, "--cwd") => Some(Place::Directory),
        (Manager::Npm, "--workspace" | "-w") | (Manager::Pnpm, "--filter" | "-F") => Some(Place::Package),
        _ => None,
    }
}

/// A call as far as it is read.
#[derive(Default)]
struct Read {
    place: Option<Place>,
    runs: bool,
    /// The script, and the word that names it.
    name: Option<(String, usize)>,
    /// Where the arguments for the script begin behind a `--`.
    behind: Option<usize>,
}

/// The script of another package that a call of `manager` runs, if its text is known and arguments reach it.
pub(super) fn call(peel: &Peel, scripts: &dyn Scripts, manager: Manager) -> Option<Nested> {
    let Read { place, name, behind, .. } = read(peel, manager)?;
    let (name, named) = name?;
    let text = scripts.elsewhere(&place?, &name)?;
    let first = if manager == Manager::Npm { behind.unwrap_or(peel.words.len()) } else { named + 1 };
    let arguments = peel.words.get(first..)?;
    if arguments.iter().any(|word| word.literal().as_deref() == Some("--")) {
        return None;
    }
    let span = peel.words.get(peel.at)?.span.start..peel.words.last()?.span.end;
    if peel.fixed.is_some() || peel.redirections.iter().any(|other| span.contains(&other.start)) {
        return None;
    }
    let separated = manager.wants_marker() && behind.is_none();
    let form = CallForm::Elsewhere { at: span.end, separated };
    let call = Call { manager, span, form, separator: peel.separator, runtime: false };
    Some(Nested { name, call, pasted: nest::pasted(arguments.iter()), text: Some(text) })
}

fn read(peel: &Peel, manager: Manager) -> Option<Read> {
    let mut read = Read::default();
    let mut index = peel.at + 1;
    while let Some(word) = peel.words.get(index) {
        let text = word.literal()?;
        if text == "--" {
            read.behind = Some(index + 1);
            break;
        }
        let (flag, joined) = text.split_once('=').map_or((&*text, None), |(flag, value)| (flag, Some(value)));
        let value = |at: &mut usize| {
            *at += usize::from(joined.is_none());
            joined.map(str::to_owned).or_else(|| peel.words.get(*at).and_then(Word::literal))
        };
        if let Some(place) = place_flag(manager, flag).filter(|_| read.place.is_none()) {
            read.place = Some(place(value(&mut index)?));
        } else if text.starts_with('-') {
            HARMLESS.contains(&&*text).then_some(())?;
        } else if read.name.is_some() {
            return None;
        } else if matches!(&*text, "run" | "run-script") && !read.runs {
            read.runs = true;
        } else if manager == Manager::Yarn && text == "workspace" && read.place.is_none() {
            index += 1;
            read.place = Some(Place::Package(peel.literal(index)?));
        } else {
            let is_script =
                read.runs || if manager == Manager::Npm { text == "start" } else { is_plain(&text) };
            is_script.then_some(())?;
            read.name = Some((text, index));
            if manager != Manager::Npm {
                break;
            }
        }
        index += 1;
    }
    Some(read)
}

fn is_plain(word: &str) -> bool {
    !COMMANDS.contains(&word) && !["exec", "dlx", "x", "node", "workspaces"].contains(&word)
}
