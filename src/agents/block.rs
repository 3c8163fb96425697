//! The block of AGENTS.md: what an agent needs to know, between two marks.

use super::jsonc::Damage;

const BEGIN: &str = "<!-- BEGIN:bowline -->";
const END: &str = "<!-- END:bowline -->";

/// The block with its marks, each line with its end.
pub const BLOCK: &str = "\
<!-- BEGIN:bowline -->
## Dev servers

`bowline` runs this project's dev servers, each on a port of its own. It never starts a second one of the same
project, so every command below is safe to repeat. At the root of a workspace each means everything there; add the
name of a package, as in `bowline start web`, for that one and what it needs.

- Look: `bowline status --brief` says what runs, where, and what to type.
- Start: `bowline start` returns when the server is ready, or says why it is not. `bowline wait` only waits.
- Read: `bowline logs -n 50` prints the end of the output; `bowline port` prints the port.
- Start again, after a change of its configuration: `bowline restart`.
- Stop: `bowline stop`, only what you have started.

Take ports and URLs from these answers and never guess them. Never run `npm run dev` or the like beside bowline, and
never kill by port (`lsof`, `fuser`, `kill-port`): somebody else may need what is there.
<!-- END:bowline -->
";

/// Whether the text has a mark.
pub fn is_in(text: &str) -> bool {
    text.lines().any(|line| [BEGIN, END].contains(&line.trim()))
}

/// The text with the block in place of the one it has, else at its end.
pub fn merge(text: &str) -> Result<String, Damage> {
    let block = BLOCK.replace('\n', line_end(text));
    let whole = block.trim_end();
    if let Some((begin, end)) = place(text)? {
        return Ok([&text[..begin], whole, &text[end..]].concat());
    }
    let end = line_end(text);
    Ok(if text.trim_start_matches('\u{feff}').is_empty() {
        text.to_owned() + &block
    } else if !text.ends_with('\n') {
        // A file without a last line end keeps that.
        [text, end, end, whole].concat()
    } else if text.ends_with(&end.repeat(2)) {
        text.to_owned() + &block
    } else {
        [text, end, &block].concat()
    })
}

fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        None if text.ends_with('\r') => "\r\n",
        Some(_) | None => "\n",
    }
}

/// The characters that begin a fence around code, if the line is one.
fn fence(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let length = |mark: char| line.len() - line.trim_start_matches(mark).len();
    let length = length('`').max(length('~'));
    (length >= 3).then(|| &line[..length])
}

/// Where the block begins and ends, if there is one. Marks within a fence are an example.
fn place(text: &str) -> Result<Option<(usize, usize)>, Damage> {
    let mut marks = Vec::new();
    let mut offset = 0;
    let mut open: Option<(&str, usize)> = None;
    for line in text.split_inclusive('\n') {
        match (fence(line), open) {
            (Some(begins), None) => open = Some((begins, marks.len())),
            (Some(ends), Some((begins, before))) if ends.starts_with(begins) && line.trim() == ends => {
                marks.truncate(before);
                open = None;
            }
            (Some(_) | None, _) => {}
        }
        let word = line.trim_start_matches('\u{feff}').trim();
        if [BEGIN, END].contains(&word) {
            marks.push((word, offset + line.find('<').unwrap_or(0)));
        }
        offset += line.len();
    }
    let damage = |offset, message: &str| Err(Damage { offset, message: message.to_owned() });
    match marks[..] {
        [] => Ok(None),
        [(BEGIN, begin), (END, end)] => Ok(Some((begin, end + END.len()))),
        [(BEGIN, _), (END, _), (_, next), ..] => damage(next, "a second block of bowline"),
        [(END, end), ..] => damage(end, "the end of a block of bowline that has no beginning"),
        [(_, begin), ..] => damage(begin, "the beginning of a block of bowline that has no end"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_short_and_says_what_matters() {
        assert!(BLOCK.lines().count() < 25);
        assert_eq!(
            place(BLOCK).unwrap(),
            Some((0, BLOCK.len() - 1)),
            "its marks are those that are looked for"
        );
        let commands = ["start`", "wait`", "logs -n 50`", "status --brief`", "restart`", "stop`", "port`"];
        for command in commands {
            assert!(BLOCK.contains(&format!("`bowline {command}")), "{command}");
        }
        for never in ["Never run `npm run dev`", "never kill by port"] {
            assert!(BLOCK.contains(never), "{never}");
        }
    }

    #[test]
    fn all_else_stays_as_it_is() {
        let whole = BLOCK.trim_end();
        let crlf = |text: &str| text.replace('\n', "\r\n");
        for (before, after) in [
            (String::new(), BLOCK.to_owned()),
            ("\u{feff}".to_owned(), format!("\u{feff}{BLOCK}")),
            ("# Rules\n".to_owned(), format!("# Rules\n\n{BLOCK}")),
            ("# Rules\n\n".to_owned(), format!("# Rules\n\n{BLOCK}")),
            ("# Rules".to_owned(), format!("# Rules\n\n{whole}")),
            ("# Rules\r\n".to_owned(), crlf(&format!("# Rules\n\n{BLOCK}"))),
            ("# Rules\r\n\r\nBe kind".to_owned(), crlf(&format!("# Rules\n\nBe kind\n\n{whole}"))),
            (format!("a\n{BEGIN}\nold\n{END}\nb"), format!("a\n{whole}\nb")),
            (format!("a  \n{BEGIN}{END}\nb\n"), format!("a  \n{BEGIN}{END}\nb\n\n{BLOCK}")),
            (crlf(&format!("a\n{BEGIN}\nold\n{END}\n\tb ")), crlf(&format!("a\n{whole}\n\tb "))),
            (format!("  {BEGIN}\n{END}  \n"), format!("  {whole}  \n")),
            ("a\rb\r".to_owned(), format!("a\rb\r{}", crlf(&format!("\n\n{BEGIN}").replace(BEGIN, whole)))),
            (
                format!("```md\n{BEGIN}\nmine\n{END}\n```\n"),
                format!("```md\n{BEGIN}\nmine\n{END}\n```\n\n{BLOCK}"),
            ),
            (format!("~~~\n{BEGIN}\nold\n{END}\n```\n"), format!("~~~\n{whole}\n```\n")),
        ] {
            let merged = merge(&before).unwrap();
            assert_eq!(merged, after, "{before:?}");
            assert_eq!(merge(&merged).unwrap(), merged, "the second time: {before:?}");
        }
    }

    #[test]
    fn a_damaged_block_is_named_with_its_place() {
        for (text, offset, message) in [
            (format!("a\n {BEGIN}\n"), 3, "the beginning of a block of bowline that has no end"),
            (format!("a\n{END}\n{BEGIN}\n"), 2, "the end of a block of bowline that has no beginning"),
            (format!("{BEGIN}\n{BEGIN}\n{END}\n"), 0, "the beginning of a block of bowline that has no end"),
            (format!("{BEGIN}\n{END}\n{BEGIN}\n"), 44, "a second block of bowline"),
        ] {
            let damage = Damage { offset, message: message.to_owned() };
            assert_eq!(merge(&text), Err(damage), "{text}");
        }
    }
}
