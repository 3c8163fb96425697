//! The servers that a program in JavaScript or TypeScript opens, by its text: the calls that open one, and the ports that
//! stand there. It is a reading, no parser: what it does not understand is a server without a port.

/// How far a call's arguments are read.
const ARGUMENTS: usize = 20_000;
/// Of servers that are opened by another call.
const LIBRARIES: [&str; 3] = ["@hapi/hapi", "startStandaloneServer", "listen?.("];
const EXTENSIONS: [&str; 8] = ["js", "mjs", "cjs", "ts", "mts", "cts", "jsx", "tsx"];

/// Whether the file is one whose servers are found.
pub fn is_read(extension: &str) -> bool {
    EXTENSIONS.contains(&extension)
}

/// The ports that are written at each call that opens a server, or at the constant of the same text that it names.
pub fn servers(text: &str) -> Vec<Vec<u16>> {
    let calls = ["listen", "serve"].iter().flat_map(|name| calls(text, name));
    let called =
        calls.map(|arguments| port_expression(arguments).map_or_else(Vec::new, |at| ports(text, at)));
    let by_library = LIBRARIES.iter().filter(|words| text.contains(**words)).map(|_| Vec::new());
    called.chain(default_export(text)).chain(by_library).collect()
}

/// The text without lines that are comments.
pub fn without_comments(text: &str) -> String {
    let is_code = |line: &&str| !["//", "*", "/*"].iter().any(|start| line.trim_start().starts_with(start));
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

/// The numbers of a text that may be ports.
pub fn numbers(text: &str) -> Vec<u16> {
    words(text).filter(|word| (2..=5).contains(&word.len())).filter_map(|word| word.parse().ok()).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c)).filter(|word| !word.is_empty())
}

/// The arguments of each call of a function or method with this name; `listen` alone is a method only.
fn calls<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(name).filter_map(move |(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        let is_named = if name == "listen" { before.ends_with('.') } else { !before.ends_with(is_word) };
        // `serve<Socket>(`
        let after = match after.strip_prefix('<') {
            Some(types) => types.split_once('>').map_or("", |(_, rest)| rest),
            None => after,
        };
        let arguments = after.trim_start().strip_prefix('(').filter(|_| is_named)?;
        Some(up_to_end(arguments))
    })
}

/// The text up to the bracket that closes what is open at its beginning.
fn up_to_end(text: &str) -> &str {
    let mut depth = 0_u32;
    for (at, c) in text.char_indices().take(ARGUMENTS) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return &text[..at],
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    text
}

/// The expression for the port in a call's arguments: the first one, or the value of `port` in an object.
fn port_expression(arguments: &str) -> Option<&str> {
    let arguments = arguments.trim_start();
    let is_listen = !arguments.contains('{') || arguments.find(',') < arguments.find('{');
    let first = arguments.split(',').next().filter(|first| is_listen && !first.contains("=>"));
    keyed(arguments).or(first)
}

/// The value of the key `port`, or the word itself where that is short for `port: port`.
fn keyed(text: &str) -> Option<&str> {
    text.match_indices("port").find_map(|(at, word)| {
        let (before, after) = (&text[..at], text[at + word.len()..].trim_start());
        if before.ends_with(|c: char| is_word(c) || c == '.') || !before.contains('{') {
            return None;
        }
        match after.strip_prefix(':') {
            Some(value) => value.split([',', '}', '\n']).next(),
            None if after.starts_with([',', '}']) => Some(word),
            None => None,
        }
    })
}

/// The ports in an expression, and at the constants that it names.
fn ports(text: &str, expression: &str) -> Vec<u16> {
    let mut found = numbers(expression);
    found.extend(words(expression).filter_map(|name| value_of(text, name)).flat_map(numbers));
    found
}

/// What is first assigned to a name.
fn value_of<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.match_indices(name).find_map(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        if before.ends_with(|c: char| is_word(c) || c == '.')
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            return None;
        }
        let after = after.trim_start().strip_prefix(": number").unwrap_or(after).trim_start();
        let value = after.strip_prefix('=').filter(|value| !value.starts_with(['=', '>']))?;
        value.split([';', '\n']).next()
    })
}

/// Bun serves a module's default export, which has a function `fetch`.
fn default_export(text: &str) -> Option<Vec<u16>> {
    let export = text.find("export default {")? + "export default ".len();
    let object = &text[export..=export + up_to_end(&text[export + 1..]).len()];
    let serves = words(object).any(|word| word == "fetch");
    serves.then(|| keyed(object).map_or_else(Vec::new, |at| ports(text, at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_with_their_ports() {
        for (text, expected) in [
            ("Bun.serve({ port: 4000, fetch() { return new Response('8080') } })", vec![vec![4000]]),
            ("import { serve } from 'bun'; serve({\n  port: 4000,\n  routes })", vec![vec![4000]]),
            ("Bun.serve<Socket>({ port: 4000 })", vec![vec![4000]]),
            ("Deno.serve({ port: 4000 }, () => new Response('x'))", vec![vec![4000]]),
            ("Deno.serve(handler)", vec![vec![]]),
            ("serve(app.fetch, { port: 4000 })", vec![vec![4000]]),
            ("export default { port: 4000, fetch(request) {} }", vec![vec![4000]]),
            ("app.listen(4000)", vec![vec![4000]]),
            ("app.listen('4000', () => console.log(1234))", vec![vec![4000]]),
            ("await app.listen({ host, port: 4000 })", vec![vec![4000]]),
            ("const port = 4000;\nserver.listen(port, '0.0.0.0')", vec![vec![4000]]),
            ("const PORT: number = 4000\napp.listen(PORT)", vec![vec![4000]]),
            ("const port = process.env.PORT || 4000; Bun.serve({ port, fetch })", vec![vec![4000]]),
            ("app.listen(4000); admin.listen(4001)", vec![vec![4000], vec![4001]]),
            ("app.listen(config.port)", vec![vec![]]),
            ("app.listen(process.env.PORT)", vec![vec![]]),
            ("Bun.serve({ fetch })", vec![vec![]]),
            ("addEventListener('x', y); listen(4000); const a = 4000", vec![]),
            ("const pool = new Pool({ port: 5432 })", vec![]),
            ("export default { plugins: [] }", vec![]),
        ] {
            assert_eq!(servers(text), expected, "{text}");
        }
    }

    #[test]
    fn comments_are_left_out() {
        let text = "// app.listen(1)\n/**\n * env.PORT\n */\nlet a; // stays";
        assert_eq!(without_comments(text), "let a; // stays");
    }
}
