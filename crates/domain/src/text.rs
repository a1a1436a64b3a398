//! Text of unknown origin, made fit to be seen.
//!
//! A node's name, an action's output, a problem's detail may hold anything. In tables, logs and errors
//! [`printable`] shows every character that steers a terminal, or hides, as an escape. An output on a
//! terminal keeps its colours and line breaks and nothing else ([`TerminalFilter`], `cli.md`).

use std::borrow::Cow;
use std::fmt::Write as _;

/// Longest colour sequence that passes, in bytes; longer ones are not for people.
const MAX_COLOUR_BYTES: usize = 64;

/// The text on one line: controls, bidi and other format characters as `\n`, `\x1b`, `\u{202e}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            escape(c, &mut shown)
        } else {
            shown.push(c)
        }
    }
    Cow::Owned(shown)
}

/// A whole output as a terminal may show it, and whether that differs from the bytes.
pub fn terminal(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut filter = TerminalFilter::default();
    let mut shown = filter.push(bytes);
    let rest = filter.finish();
    shown.extend_from_slice(&rest.shown);
    (shown, rest.escaped)
}

/// Makes an output that arrives in pieces fit for a terminal.
///
/// Colours (`ESC [ digits ; … m`), LF, CR LF and tab pass. Every other control or format character is shown
/// escaped, and invalid UTF-8 as U+FFFD. How the output is cut into pieces makes no difference.
#[derive(Debug, Default)]
pub struct TerminalFilter {
    /// The start of a character whose end is still to come.
    partial: Vec<u8>,
    /// A carriage return or the start of a colour sequence, of which more may come.
    held: String,
    escaped: bool,
}

/// What was left in a filter at the end.
#[derive(Debug, PartialEq, Eq)]
pub struct Rest {
    /// The last bytes to show.
    pub shown: Vec<u8>,
    /// Whether anything, from first to last, is shown other than it was.
    pub escaped: bool,
}

impl TerminalFilter {
    /// What to show of the next piece.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let joined = [std::mem::take(&mut self.partial).as_slice(), bytes].concat();
        let mut shown = String::with_capacity(joined.len());
        let mut rest = joined.as_slice();
        while !rest.is_empty() {
            let (valid, after, wrong) = split_valid(rest);
            self.take_text(valid, &mut shown);
            match wrong {
                Some(0) => rest = after,
                Some(length) => {
                    self.flush(&mut shown);
                    self.escaped = true;
                    shown.push(char::REPLACEMENT_CHARACTER);
                    rest = &after[length..];
                }
                None => {
                    self.partial = after.to_vec();
                    break;
                }
            }
        }
        shown.into_bytes()
    }

    /// What is left to show when no piece follows.
    pub fn finish(mut self) -> Rest {
        let mut shown = String::new();
        self.flush(&mut shown);
        if !self.partial.is_empty() {
            self.escaped = true;
            shown.push(char::REPLACEMENT_CHARACTER);
        }
        Rest {
            shown: shown.into_bytes(),
            escaped: self.escaped,
        }
    }

    fn take_text(&mut self, text: &str, shown: &mut String) {
        for c in text.chars() {
            self.take(c, shown);
        }
    }

    fn take(&mut self, c: char, shown: &mut String) {
        match (self.held.as_str(), c) {
            ("", '\r' | '\u{1b}') | ("\u{1b}", '[') => return self.held.push(c),
            ("\r", '\n') => return self.release(c, shown),
            (held, 'm') if held.starts_with("\u{1b}[") => return self.release(c, shown),
            (held, '0'..='9' | ';') if held.starts_with("\u{1b}[") && held.len() < MAX_COLOUR_BYTES => {
                return self.held.push(c);
            }
            ("", _) => {}
            (_, _) => {
                self.flush(shown);
                return self.take(c, shown);
            }
        }
        if is_hidden(c) && c != '\n' && c != '\t' {
            self.escaped = true;
            escape(c, shown);
        } else {
            shown.push(c);
        }
    }

    /// What was held is complete with this character, and harmless.
    fn release(&mut self, last: char, shown: &mut String) {
        shown.push_str(&self.held);
        shown.push(last);
        self.held.clear();
    }

    /// What was held is not what it might have become.
    fn flush(&mut self, shown: &mut String) {
        let held = std::mem::take(&mut self.held);
        self.escaped |= !held.is_empty();
        for c in held.chars() {
            if is_hidden(c) {
                escape(c, shown)
            } else {
                shown.push(c)
            }
        }
    }
}

/// The valid start, what follows it, and how many bytes of that are wrong (`None`: it may yet become right).
fn split_valid(bytes: &[u8]) -> (&str, &[u8], Option<usize>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text, &[], Some(0)),
        Err(error) => {
            let (valid, after) = bytes.split_at(error.valid_up_to());
            let valid = std::str::from_utf8(valid).expect("it is valid up to there");
            (valid, after, error.error_len())
        }
    }
}

fn escape(c: char, shown: &mut String) {
    match c {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        '\0'..='\u{7f}' => write!(shown, "\\x{:02x}", u32::from(c)).expect("a string takes all"),
        _ => write!(shown, "\\u{{{:x}}}", u32::from(c)).expect("a string takes all"),
    }
}

/// Controls, line and paragraph separators, and every format character (Unicode category Cf), which among
/// them turn the writing direction, join, or take no room; also blank letters and the tag characters.
fn is_hidden(c: char) -> bool {
    match c {
        ' '..='~' => false,
        '\0'..='\u{9f}' => true,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}' | '\u{feff}' => true,
        '\u{600}'..='\u{605}' | '\u{890}'..='\u{891}' | '\u{115f}'..='\u{1160}' => true,
        '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' => true,
        '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{ffa0}' => true,
        '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' => true,
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> (String, bool) {
        let (bytes, escaped) = terminal(text.as_bytes());
        (String::from_utf8(bytes).unwrap(), escaped)
    }

    #[test]
    fn one_line_shows_what_would_act_or_hide() {
        assert!(matches!(printable("plain ünïcode 漢字 😀"), Cow::Borrowed(_)));
        assert_eq!(printable("a\r\n\tb"), "a\\r\\n\\tb");
        assert_eq!(printable("\u{1b}[31m\u{7f}\u{9b}"), "\\x1b[31m\\x7f\\u{9b}");
        assert_eq!(
            printable("\u{202e}gpj\u{2066}\u{200b}\u{feff}\u{2028}"),
            "\\u{202e}gpj\\u{2066}\\u{200b}\\u{feff}\\u{2028}"
        );
        assert_eq!(printable("\u{e0041}"), "\\u{e0041}");
    }

    #[test]
    fn colours_and_line_breaks_pass() {
        for harmless in [
            "",
            "a\tb\n",
            "a\r\nb",
            "\u{1b}[m",
            "\u{1b}[1;31mred\u{1b}[0m",
            "\u{1b}[38;5;196mx",
        ] {
            assert_eq!(shown(harmless), (harmless.to_owned(), false), "{harmless:?}");
        }
    }

    #[test]
    fn every_other_sequence_is_shown() {
        let cases = [
            ("\u{1b}[2J", "\\x1b[2J"),
            ("\u{1b}]0;title\u{7}", "\\x1b]0;title\\x07"),
            ("\u{1b}[?25l", "\\x1b[?25l"),
            ("\u{1b}[1;\u{1b}[31mx", "\\x1b[1;\u{1b}[31mx"),
            ("\u{1b}\u{1b}[31m", "\\x1b\u{1b}[31m"),
            ("\u{1b}", "\\x1b"),
            ("\u{1b}[3", "\\x1b[3"),
            ("50%\r100%", "50%\\r100%"),
            ("a\r", "a\\r"),
            ("\r\r\n", "\\r\r\n"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}", "\\u{202e}"),
            ("\u{8}\u{0}", "\\x08\\x00"),
        ];
        for (raw, expected) in cases {
            assert_eq!(shown(raw), (expected.to_owned(), true), "{raw:?}");
        }
        let endless = format!("\u{1b}[{}m", "1;".repeat(100));
        assert!(shown(&endless).0.starts_with("\\x1b[1;"));
    }

    #[test]
    fn invalid_bytes_are_replaced() {
        for (raw, expected) in [
            (b"a\xffb".as_slice(), "a\u{fffd}b"),
            (b"\xe2\x82", "\u{fffd}"),
            (b"\xe2\x82x", "\u{fffd}x"),
            (b"\x1b[\xff31m", "\\x1b[\u{fffd}31m"),
            (b"\x9b31m", "\u{fffd}31m"),
        ] {
            assert_eq!(terminal(raw), (expected.as_bytes().to_vec(), true), "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn a_printable_text_has_no_control_and_stays(text in any::<String>()) {
            let once = printable(&text).into_owned();
            prop_assert!(!once.chars().any(|c| c.is_control() || is_hidden(c)));
            prop_assert_eq!(printable(&once), once.as_str());
        }

        #[test]
        fn pieces_make_no_difference(
            tokens in prop::collection::vec(prop_oneof![
                prop::sample::select(vec![
                    b"\x1b".to_vec(), b"[".to_vec(), b"31".to_vec(), b";".to_vec(), b"m".to_vec(), b"\r".to_vec(),
                    b"\n".to_vec(), "é".as_bytes().to_vec(), "\u{202e}".as_bytes().to_vec(), b"x".to_vec(),
                ]),
                prop::collection::vec(any::<u8>(), 1..3),
            ], 0..24),
            size in 1..5_usize,
        ) {
            let bytes = tokens.concat();
            let mut filter = TerminalFilter::default();
            let mut pieces: Vec<u8> = bytes.chunks(size).flat_map(|piece| filter.push(piece)).collect();
            let rest = filter.finish();
            pieces.extend(rest.shown);
            let (whole, escaped) = terminal(&bytes);
            prop_assert_eq!((&pieces, rest.escaped), (&whole, escaped));
            prop_assert_eq!(escaped, whole != bytes);
            prop_assert_eq!(terminal(&whole), (whole.clone(), false));
        }
    }
}
