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

#[cfg(test)]
mod tests {
    use super::*;

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
