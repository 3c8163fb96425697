//! The lines of several services' logs, each behind the name of its service as it runs.

use std::io::{self, IsTerminal};

use super::line_cutter::LineCutter;
use super::prefixes::{Prefix, Prefixes};
use super::style::Style;
use crate::event::Stream;
use crate::process::terminal;

/// The output of one service is passed on as it is.
#[derive(Debug)]
pub struct LogLines {
    prefixes: Prefixes,
    /// For each service and stream.
    cutters: Vec<[LineCutter; 2]>,
}

impl LogLines {
    /// For services with these names and directories.
    pub fn new(services: &[(String, String)], style: Style) -> Self {
        let out = io::stdout();
        let mut prefixes = Prefixes::new(services, Prefix::Name, style.at(out.is_terminal()));
        prefixes.fit(terminal::width(&out));
        Self { prefixes, cutters: services.iter().map(|_| Default::default()).collect() }
    }

    /// What is shown now of further output of a service.
    pub fn show(&mut self, service: usize, stream: Stream, bytes: &[u8]) -> Vec<u8> {
        let mut shown = Vec::new();
        match &mut self.cutters[..] {
            [] | [_] => shown.extend_from_slice(bytes),
            cutters => cutters[service][stream as usize]
                .cut(bytes, |piece| push(&mut shown, &self.prefixes, service, piece.text)),
        }
        shown
    }

    /// The lines that have no end.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut shown = Vec::new();
        for (service, cutters) in self.cutters.iter_mut().enumerate() {
            for cutter in cutters {
                cutter.finish(|piece| push(&mut shown, &self.prefixes, service, piece.text));
            }
        }
        shown
    }
}

fn push(shown: &mut Vec<u8>, prefixes: &Prefixes, service: usize, line: &[u8]) {
    prefixes.begin(service, shown);
    shown.extend_from_slice(line);
    shown.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::ColorChoice;

    fn lines(names: &[&str]) -> LogLines {
        let services: Vec<_> = names.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        LogLines::new(&services, Style::new(ColorChoice::Never, false))
    }

    #[test]
    fn each_line_of_several_services_has_its_name_and_leaves_the_others_alone() {
        let mut lines = lines(&["@acme/web", "ui:build"]);
        let mut shown = Vec::new();
        for (service, stream, bytes) in [
            (0, Stream::Stdout, "a\nb"),
            (1, Stream::Stdout, "\x1b[2J\x1b[31mc\n"),
            (0, Stream::Stderr, "warned\n"),
            (0, Stream::Stdout, "b\n\n"),
            (0, Stream::Stdout, "1%\r2%\r\nlast\n"),
            (1, Stream::Stdout, "end"),
        ] {
            shown.extend(lines.show(service, stream, bytes.as_bytes()));
        }
        shown.extend(lines.finish());
        let shown = String::from_utf8(shown).unwrap().replace('|', "│");
        let expected = "web      │ a\nui:build │ \x1b[31mc\x1b[0m\nweb      │ warned\nweb      │ bb\nweb      │ \n\
                        web      │ 2%\nweb      │ last\nui:build │ \x1b[31mend\x1b[0m\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_output_of_one_service_is_as_it_came() {
        let mut lines = lines(&["web"]);
        assert_eq!(lines.show(0, Stream::Stdout, b"a\r\x1b[31mb"), b"a\r\x1b[31mb");
        assert!(lines.finish().is_empty());
    }
}
