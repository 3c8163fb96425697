//! Files of variables, such as `.env`.

/// The value that the text of such a file gives to a variable: that of its last line with the name.
pub fn value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let value = text.lines().rev().find_map(|line| {
        let line = line.trim();
        let (key, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        (key.trim() == name).then_some(value)
    })?;
    let value = value.split(" #").next().unwrap_or_default();
    Some(value.trim().trim_matches(['"', '\'']))
}

/// All variables of the text, in its order. A value in single quotes is as it is written; in double quotes, `\n` is a
/// line break.
pub fn variables(text: &str) -> Vec<(String, String)> {
    let pairs = text.lines().filter_map(|line| {
        let line = line.trim();
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let within = |quote: char| Some(value.strip_prefix(quote)?.split(quote).next()?.to_owned());
        let plain = || value.split(" #").next().unwrap_or_default().trim().to_owned();
        let value = within('"').map(|value| value.replace("\\n", "\n")).or_else(|| within('\''));
        is_name.then(|| (name.to_owned(), value.unwrap_or_else(plain)))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_variables_are_read() {
        let text = "# A=0\nA=1 # one\nexport B=\"x\\ny # z\"\nC='q\\n' # r\n=no\nD E=no\nF=\nG=a=b\n";
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [own("A", "1"), own("B", "x\ny # z"), own("C", "q\\n"), own("F", ""), own("G", "a=b")];
        assert_eq!(variables(text), expected);
    }

    #[test]
    fn the_last_line_with_the_name_counts() {
        for (text, expected) in [
            ("PORT=4000", Some("4000")),
            ("PORT=1\n export PORT = \"4000\"\r\nDB_PORT=5432\n", Some("4000")),
            ("PORT='4000' # ours", Some("4000")),
            ("PORT=", Some("")),
            ("# PORT=4000\nPORTAL=1\nPORT", None),
        ] {
            assert_eq!(value(text, "PORT"), expected, "{text}");
        }
    }
}
