//! Lines of journals: the host in front, in its colour, then when, whose, and what.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use super::json;
use super::palette::Palette;
use super::text::{pad, push_escaped};
use crate::cluster::name::HostName;

/// Colours that hosts have in turn.
const COLOURS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Yellow,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightRed,
];

/// One message of a journal, of `logs --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LogLineView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// The service, and its slot if it has some.
    pub service: &'a str,
    /// When, by the clock of the host: RFC 3339 with microseconds.
    pub time: String,
    /// What. Bytes that are no UTF-8 are U+FFFD.
    pub message: &'a str,
}

/// Writes lines. What it knows is made once, so that a line costs no more than its text.
pub struct LogPrinter {
    /// What stands in front of the lines of each host.
    heads: Vec<(String, String)>,
    dim: Style,
    zone: TimeZone,
    /// A second, and how it is shown.
    second: (i64, String),
    width: usize,
}

impl LogPrinter {
    /// For lines of these hosts, in this order, with moments of this zone.
    #[must_use]
    pub fn new(hosts: &[HostName], zone: TimeZone, palette: &Palette) -> Self {
        let names: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
        Self::headed(&names, zone, palette)
    }

    /// The same for lines that have something else in front.
    #[must_use]
    pub fn headed(heads: &[&str], zone: TimeZone, palette: &Palette) -> Self {
        let width = heads.iter().map(|head| head.len()).max();
        let width = width.unwrap_or_default();
        let head = |(at, head): (usize, &&str)| {
            let style = match palette.is_plain() {
                true => Style::new(),
                false => COLOURS[at % COLOURS.len()].on_default(),
            };
            let shown = format!("{style}{}{style:#}", pad(head, width));
            ((*head).to_owned(), shown)
        };
        Self {
            heads: heads.iter().enumerate().map(head).collect(),
            dim: palette.dim,
            zone,
            second: (i64::MIN, String::new()),
            width: 0,
        }
    }

    /// Adds a line that has no service of its own.
    pub fn line(&mut self, head: usize, time: i64, message: &[u8], to: &mut String) {
        self.at(time);
        let (_, head) = &self.heads[head];
        let (dim, moment) = (self.dim, &self.second.1);
        let _ = write!(to, "{head} {dim}{moment}{dim:#} ");
        push_message(message, to);
        to.push('\n');
    }

    /// Takes the moment of a line.
    fn at(&mut self, time: i64) {
        let second = time.div_euclid(1_000_000);
        if self.second.0 != second {
            let moment = Timestamp::from_second(second).unwrap_or_default();
            let moment = moment.to_zoned(self.zone.clone());
            self.second = (second, moment.strftime("%b %d %H:%M:%S").to_string());
        }
    }

    /// Adds the lines of a message. `time` is in microseconds since 1970.
    pub fn text(&mut self, host: usize, time: i64, service: &str, message: &[u8], to: &mut String) {
        self.at(time);
        self.width = self.width.max(service.len());
        let (_, head) = &self.heads[host];
        let lines = message.strip_suffix(b"\n").unwrap_or(message);
        for line in lines.split(|byte| *byte == b'\n') {
            let (dim, moment, width) = (self.dim, &self.second.1, self.width);
            let _ = write!(to, "{head} {dim}{moment}{dim:#} {service:width$} ");
            push_message(line, to);
            to.push('\n');
        }
    }

    /// Adds a message as a line of JSON.
    pub fn json(&self, host: usize, time: i64, service: &str, message: &[u8], to: &mut String) {
        let moment = Timestamp::from_microsecond(time).unwrap_or_default();
        let view = LogLineView {
            host: &self.heads[host].0,
            service,
            time: format!("{moment:.6}"),
            message: &String::from_utf8_lossy(message),
        };
        json::push_line(&view, to);
    }
}

/// Adds one line, with everything escaped that could steer a terminal but tabulators.
fn push_message(line: &[u8], to: &mut String) {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    let text = String::from_utf8_lossy(line);
    if line.iter().all(plain) {
        to.push_str(&text);
        return;
    }
    for c in text.chars() {
        match c {
            '\t' => to.push('\t'),
            c => push_escaped(to, c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Vec<HostName> {
        ["docker01", "d2"]
            .map(|name| HostName::new(name).unwrap())
            .to_vec()
    }

    fn text(message: &[u8]) -> String {
        let mut printer = LogPrinter::new(&hosts(), TimeZone::UTC, &Palette::PLAIN);
        let mut to = String::new();
        printer.text(1, 1_795_816_542_442_978, "search", message, &mut to);
        to
    }

    #[test]
    fn a_line_says_where_when_and_whose() {
        assert_eq!(
            text(b"started in 3 s"),
            "d2       Nov 27 21:55:42 search started in 3 s\n"
        );
    }

    #[test]
    fn every_line_of_a_message_has_a_head() {
        assert_eq!(text(b"a\n\tat b\n").lines().count(), 2);
        assert!(text(b"a\n\tat b\n").ends_with(" search \tat b\n"));
        assert!(text(b"").ends_with(" search \n"));
    }

    #[test]
    fn nothing_that_a_container_says_steers_the_terminal() {
        let shown = text(b"\x1b[2J\r\xffgr\xc3\xbcn\xe2\x80\xae");
        assert!(
            shown.ends_with(" \\u{1b}[2J\\r\u{fffd}gr\u{fc}n\\u{202e}\n"),
            "{shown}"
        );
    }

    #[test]
    fn a_message_is_one_line_of_json() {
        let printer = LogPrinter::new(&hosts(), TimeZone::UTC, &Palette::PLAIN);
        let mut to = String::new();
        printer.json(
            0,
            1_795_816_542_442_978,
            "search",
            b"a\n\x1b\"\xff",
            &mut to,
        );
        let expected = r#"{"host":"docker01","service":"search","time":"2026-11-27T21:55:42.442978Z","message":"a\n\u001b\"�"}"#;
        assert_eq!(to, format!("{expected}\n"));
    }
}
