//! One line of the log, written field by field into a buffer, as JSON or as `key=value` text.
//!
//! Text in a line comes from strangers: whatever could end the line, move the cursor, hide or reorder characters
//! is escaped, and nothing is longer than [`MAX_TEXT_BYTES`] (threat T71).

use std::io::Write;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use crate::config::{LogFormat, LogLevel};

/// A text field is cut here, at a character's end.
const MAX_TEXT_BYTES: usize = 256;

const TIME: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// A field of an operational event.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Text, escaped and cut.
    Text(&'a str),
    /// A number; the field's name says its unit.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

/// A line being written.
pub(super) struct Line<'a> {
    buffer: &'a mut Vec<u8>,
    format: LogFormat,
}

impl<'a> Line<'a> {
    /// Begins a line: `time_ms` since 1970, how much it matters, what happened.
    pub(super) fn begin(
        buffer: &'a mut Vec<u8>,
        format: LogFormat,
        time_ms: i64,
        level: LogLevel,
        event: &'static str,
    ) -> Self {
        buffer.clear();
        let (open, close): (&[u8], &[u8]) = match format {
            LogFormat::Json => (b"{\"time\":\"", b"\""),
            LogFormat::Text => (b"time=", b""),
        };
        buffer.extend_from_slice(open);
        let out_of_range = if time_ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let time = Timestamp::from_millisecond(time_ms).unwrap_or(out_of_range);
        // Writing to memory does not fail.
        let _ = TIME.print_timestamp(&time, &mut *buffer);
        buffer.extend_from_slice(close);
        let mut line = Self { buffer, format };
        line.word("level", level.as_str());
        line.word("event", event);
        line
    }

    pub(super) fn field(&mut self, key: &'static str, value: Value<'_>) {
        match value {
            Value::Text(text) => self.text(key, text),
            Value::Number(number) => self.bare(key, itoa::Buffer::new().format(number)),
            Value::Flag(flag) => self.bare(key, if flag { "true" } else { "false" }),
        }
    }

    pub(super) fn text(&mut self, key: &'static str, text: &str) {
        self.key(key);
        let quoted = self.format == LogFormat::Json || !is_word(text);
        if quoted {
            self.buffer.push(b'"');
        }
        if let Some(head) = head_of(text) {
            escape(self.buffer, head);
            self.buffer.extend_from_slice("…".as_bytes());
        } else {
            escape(self.buffer, text);
        }
        if quoted {
            self.buffer.push(b'"');
        }
    }

    pub(super) fn number(&mut self, key: &'static str, number: u64) {
        self.bare(key, itoa::Buffer::new().format(number));
    }

    /// A word from one of the program's own tables: letters, digits and `_`, so there is nothing to escape.
    pub(super) fn word(&mut self, key: &'static str, word: &'static str) {
        self.key(key);
        self.quoted(|buffer| buffer.extend_from_slice(word.as_bytes()));
    }

    pub(super) fn address(&mut self, key: &'static str, address: IpAddr) {
        self.key(key);
        self.quoted(|buffer| match address {
            // Most addresses, and `Display` takes longer for them than the rest of the line.
            IpAddr::V4(v4) => {
                for (position, octet) in v4.octets().into_iter().enumerate() {
                    if position > 0 {
                        buffer.push(b'.');
                    }
                    buffer.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
                }
            }
            IpAddr::V6(v6) => {
                // Writing to memory does not fail.
                let _ = write!(buffer, "{v6}");
            }
        });
    }

    /// Puts quotes around what needs none in the text format.
    fn quoted(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.format == LogFormat::Json {
            self.buffer.push(b'"');
        }
        write(self.buffer);
        if self.format == LogFormat::Json {
            self.buffer.push(b'"');
        }
    }

    pub(super) fn end(self) {
        let end: &[u8] = if self.format == LogFormat::Json { b"}\n" } else { b"\n" };
        self.buffer.extend_from_slice(end);
    }

    fn bare(&mut self, key: &'static str, text: &str) {
        self.key(key);
        self.buffer.extend_from_slice(text.as_bytes());
    }

    fn key(&mut self, key: &'static str) {
        let (open, close): (&[u8], &[u8]) = match self.format {
            LogFormat::Json => (b",\"", b"\":"),
            LogFormat::Text => (b" ", b"="),
        };
        self.buffer.extend_from_slice(open);
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(close);
    }
}

/// Text that needs no quotes in the text format.
fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@+".contains(&byte);
    !text.is_empty() && text.len() <= MAX_TEXT_BYTES && text.bytes().all(plain)
}

/// The part of a too long text that is kept; `None` when the text is short enough.
fn head_of(text: &str) -> Option<&str> {
    if text.len() <= MAX_TEXT_BYTES {
        return None;
    }
    let end =
        text.char_indices().map(|(start, _)| start).take_while(|start| *start <= MAX_TEXT_BYTES).last()?;
    text.get(..end)
}

fn escape(buffer: &mut Vec<u8>, text: &str) {
    // Without an early exit the compiler checks many bytes at once.
    let special = |byte: u8| !matches!(byte, b' '..=b'~') | (byte == b'"') | (byte == b'\\');
    if !text.bytes().fold(false, |found, byte| found | special(byte)) {
        buffer.extend_from_slice(text.as_bytes());
        return;
    }
    for character in text.chars() {
        let mut utf8 = [0; 4];
        match character {
            '"' => buffer.extend_from_slice(b"\\\""),
            '\\' => buffer.extend_from_slice(b"\\\\"),
            hidden if is_hidden(hidden) => {
                for unit in hidden.encode_utf16(&mut [0; 2]) {
                    // Writing to memory does not fail.
                    let _ = write!(buffer, "\\u{unit:04x}");
                }
            }
            visible => buffer.extend_from_slice(visible.encode_utf8(&mut utf8).as_bytes()),
        }
    }
}

/// Characters that act instead of showing: controls, bidi marks, joiners, separators of lines, tags.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LogFormat, text: &str) -> String {
        let mut buffer = b"left over".to_vec();
        let mut line = Line::begin(&mut buffer, format, 1_769_860_800_123, LogLevel::Info, "test");
        line.text("name", text);
        line.number("count", u64::MAX);
        line.field("offset", Value::Number(-5));
        line.field("on", Value::Flag(true));
        line.word("word", "a_word");
        line.address("source", IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]));
        line.address("peer", IpAddr::from([192, 0, 2, 10]));
        line.end();
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn both_formats_hold_the_same_fields() {
        assert_eq!(
            line(LogFormat::Json, "a b"),
            "{\"time\":\"2026-01-31T12:00:00.123Z\",\"level\":\"info\",\"event\":\"test\",\"name\":\"a b\",\
             \"count\":18446744073709551615,\"offset\":-5,\"on\":true,\"word\":\"a_word\",\"source\":\"::1\",\"peer\":\"192.0.2.10\"}\n"
        );
        assert_eq!(
            line(LogFormat::Text, "a b"),
            "time=2026-01-31T12:00:00.123Z level=info event=test name=\"a b\" count=18446744073709551615 offset=-5 \
             on=true word=a_word source=::1 peer=192.0.2.10\n"
        );
        assert!(line(LogFormat::Text, "admin@x").contains(" name=admin@x "));
        assert!(line(LogFormat::Text, "").contains(" name=\"\" "));
    }

    #[test]
    fn times_far_away_do_not_break_a_line() {
        for time_ms in [i64::MIN, -1, 0, i64::MAX] {
            let mut buffer = Vec::new();
            Line::begin(&mut buffer, LogFormat::Json, time_ms, LogLevel::Info, "test").end();
            let parsed: serde_json::Value = serde_json::from_slice(&buffer).unwrap();
            assert!(parsed["time"].as_str().unwrap().ends_with('Z'), "{parsed}");
        }
    }

    #[test]
    fn t71_names_cannot_forge_log_lines() {
        let hostile = [
            "a\",\"level\":\"error\",\"x\":\"",
            "a\nb",
            "a\r\n{\"time\":\"2026\"}",
            "\u{1b}[2J\u{1b}]0;title\u{7}",
            "\u{9b}31m",
            "\0\u{7f}\u{85}",
            "a\u{202e}gpj.exe\u{2066}\u{200f}\u{61c}",
            "a\u{2028}b\u{2029}c",
            "\u{feff}zero\u{200b}width\u{ad}",
            "\u{e0041}\u{e007f}",
            "back\\slash\\u0041\\",
            " level=error name=root",
        ];
        for name in hostile {
            for format in [LogFormat::Json, LogFormat::Text] {
                let written = line(format, name);
                let (last, body) = written.as_bytes().split_last().unwrap();
                assert_eq!(*last, b'\n');
                assert!(!body.contains(&b'\n'), "{written:?}");
                assert!(!written.trim_end().chars().any(is_hidden), "{written:?}");
            }
            let parsed: serde_json::Value = serde_json::from_str(&line(LogFormat::Json, name)).unwrap();
            assert_eq!(parsed["name"], name);
            assert_eq!(parsed["level"], "info");
            let text = line(LogFormat::Text, name);
            assert_eq!(text.split(" level=").next().unwrap(), "time=2026-01-31T12:00:00.123Z");
            let (_, value) = text.split_once(" name=").unwrap();
            let (value, _) = value.split_once(" count=").unwrap();
            assert_eq!(serde_json::from_str::<String>(value).unwrap(), name, "one quoted value");
        }
    }

    #[test]
    fn a_long_text_is_cut_at_the_end_of_a_character() {
        let long = "x".repeat(255) + "éé";
        let parsed: serde_json::Value = serde_json::from_str(&line(LogFormat::Json, &long)).unwrap();
        assert_eq!(parsed["name"], "x".repeat(255) + "…");
        let fits = "x".repeat(256);
        let parsed: serde_json::Value = serde_json::from_str(&line(LogFormat::Json, &fits)).unwrap();
        assert_eq!(parsed["name"], fits);
    }
}
