//! The lines of several services' logs, each behind the name of its service.

use crate::visible;

/// The longest line in bytes; a longer one is shown in parts.
const LONGEST: usize = 64 * 1024;

/// The output of one service is passed on as it is.
#[derive(Debug)]
pub struct NamedLines {
    prefixes: Vec<String>,
    /// Of each service, the line whose end has not come yet.
    unfinished: Vec<Vec<u8>>,
}

impl NamedLines {
    pub fn new(names: &[String]) -> Self {
        let names: Vec<_> = names.iter().map(|name| visible::line(name)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let prefixes: Vec<String> = names.iter().map(|name| format!("{name:<width$} │ ")).collect();
        Self { unfinished: vec![Vec::new(); prefixes.len()], prefixes }
    }

    /// What is shown now of further output of a service.
    pub fn label(&mut self, service: usize, bytes: &[u8]) -> Vec<u8> {
        let ([_, _, ..], Some(unfinished)) = (&self.prefixes[..], self.unfinished.get_mut(service)) else {
            return bytes.to_vec();
        };
        let mut shown = Vec::new();
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            unfinished.extend_from_slice(part.strip_suffix(b"\n").unwrap_or(part));
            if part.ends_with(b"\n") || unfinished.len() >= LONGEST {
                push(&mut shown, &self.prefixes[service], unfinished);
            }
        }
        shown
    }

    /// The lines that have no end.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut shown = Vec::new();
        for (unfinished, prefix) in self.unfinished.iter_mut().zip(&self.prefixes) {
            if !unfinished.is_empty() {
                push(&mut shown, prefix, unfinished);
            }
        }
        shown
    }
}

fn push(shown: &mut Vec<u8>, prefix: &str, line: &mut Vec<u8>) {
    shown.extend_from_slice(prefix.as_bytes());
    shown.append(line);
    shown.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_several_services_has_its_name() {
        let mut lines = NamedLines::new(&["web".to_owned(), "ui:build".to_owned()]);
        let mut shown = Vec::new();
        for (service, bytes) in [(0, "a\nb"), (1, "c\n"), (0, "b\n\n"), (1, "end")] {
            shown.extend(lines.label(service, bytes.as_bytes()));
        }
        shown.extend(lines.finish());
        let expected = "web      │ a\nui:build │ c\nweb      │ bb\nweb      │ \nui:build │ end\n";
        assert_eq!(String::from_utf8(shown).unwrap(), expected);
    }

    #[test]
    fn the_output_of_one_service_is_as_it_came() {
        let mut lines = NamedLines::new(&["web".to_owned()]);
        assert_eq!(lines.label(0, b"a\r\x1b[31mb"), b"a\r\x1b[31mb");
        assert!(lines.finish().is_empty());
    }
}
