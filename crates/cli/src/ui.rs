//! The only writer to stdout and stderr.
//!
//! stdout carries the result and nothing else, stderr what is meant for a person; with `--output json` stderr
//! carries one error object at most, so that warnings are not printed then. Whatever a server said passes
//! through `printable` on its way to either; outputs of actions are let through as bytes, but on a terminal
//! only colours and line breaks of them.

use crate::document;
use crate::error::Error;
use clap::{Args, ValueEnum};
use plex_domain::text;
use serde_json::value::RawValue;
use std::io::{self, BufWriter, IsTerminal, Write};

/// Ends all colours.
const RESET: &[u8] = b"\x1b[0m";

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// The document as the API gave it.
    Json,
    /// The same document as YAML.
    Yaml,
}

/// What becomes of the control sequences in an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controls {
    /// They are shown escaped when stdout is a terminal.
    Shown,
    /// They pass.
    Passed,
}

/// The flag that lets outputs through as they are.
#[derive(Debug, Args)]
pub(crate) struct RawArg {
    /// Let every control sequence of an output through to a terminal
    #[arg(long)]
    raw: bool,
}

impl RawArg {
    /// What it asks for.
    pub(crate) fn controls(&self) -> Controls {
        if self.raw {
            Controls::Passed
        } else {
            Controls::Shown
        }
    }
}

/// stdout and stderr.
pub(crate) struct Ui {
    format: Format,
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    stdout_is_terminal: bool,
    can_ask: bool,
    some_escaped: bool,
    line_is_open: bool,
}

impl Ui {
    /// The process's own streams.
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            stdout: Box::new(BufWriter::with_capacity(64 * 1024, io::stdout())),
            stderr: Box::new(io::stderr()),
            stdout_is_terminal: io::stdout().is_terminal(),
            can_ask: io::stdin().is_terminal() && io::stderr().is_terminal(),
            some_escaped: false,
            line_is_open: false,
        }
    }

    /// How results are printed.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Prints one line of text; control characters in it are shown escaped.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Error> {
        self.text(&text::printable(line))?;
        self.text("\n")
    }

    /// Prints text that is made of our own words and of what was made printable before.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Error> {
        self.put(text.as_bytes())
    }

    /// Prints an action's output.
    pub(crate) fn output(&mut self, bytes: &[u8], controls: Controls) -> Result<(), Error> {
        if !self.stdout_is_terminal || controls == Controls::Passed {
            return self.put(bytes);
        }
        let (shown, escaped) = text::terminal(bytes);
        self.some_escaped |= escaped;
        self.put(&shown)?;
        // A colour left on would dye the next header.
        if shown.contains(&0x1b) {
            self.stdout.write_all(RESET).map_err(Error::writing)
        } else {
            Ok(())
        }
    }

    /// Prints an action's output piece by piece.
    pub(crate) fn copy_output(&mut self, mut from: impl io::Read, controls: Controls) -> Result<(), Error> {
        if !self.stdout_is_terminal || controls == Controls::Passed {
            return io::copy(&mut from, &mut self.stdout)
                .map(drop)
                .map_err(Error::writing);
        }
        let mut filter = text::TerminalFilter::default();
        let mut piece = vec![0; 64 * 1024];
        loop {
            let count = from
                .read(&mut piece)
                .map_err(|cause| Error::local("cannot read the output", cause))?;
            if count == 0 {
                break;
            }
            self.put(&filter.push(&piece[..count]))?;
        }
        let rest = filter.finish();
        self.some_escaped |= rest.escaped;
        self.put(&rest.shown)?;
        self.stdout.write_all(RESET).map_err(Error::writing)
    }

    /// Prints a JSON document as it is, or as YAML. A terminal sees no control character of it, even inside
    /// a string: JSON has another spelling for each.
    ///
    /// # Errors
    /// [`Error::Contract`] when the document nests too deeply to be YAML.
    pub(crate) fn document(&mut self, raw: &RawValue) -> Result<(), Error> {
        let text = match self.format {
            Format::Text | Format::Json => raw.get().to_owned(),
            Format::Yaml => document::yaml(raw)?,
        };
        let text = match (self.stdout_is_terminal, self.format) {
            (false, _) => text,
            (true, Format::Yaml) => String::from_utf8_lossy(&text::terminal(text.as_bytes()).0).into_owned(),
            (true, Format::Text | Format::Json) => document::with_controls_spelled_out(&text),
        };
        self.text(&text)?;
        if text.ends_with('\n') {
            Ok(())
        } else {
            self.text("\n")
        }
    }

    /// Copies a JSON document, known to be whole, from a reader.
    ///
    /// # Errors
    /// As [`Ui::document`].
    pub(crate) fn copy_document(&mut self, mut from: impl io::Read) -> Result<(), Error> {
        if self.format == Format::Json && !self.stdout_is_terminal {
            io::copy(&mut from, &mut self.stdout).map_err(Error::writing)?;
            return self.text("\n");
        }
        let text = io::read_to_string(from).map_err(|cause| Error::local("cannot read the spool", cause))?;
        let raw = RawValue::from_string(text).map_err(|cause| Error::Contract(cause.to_string()))?;
        self.document(&raw)
    }

    /// Says something to a person; not with `--output json`, whose stderr is for one error object.
    pub(crate) fn warn(&mut self, line: &str) {
        if self.format != Format::Json {
            self.say(&format!("warning: {line}"));
        }
    }

    /// Tells a person what to do now, whatever the format: without it nothing would go on.
    pub(crate) fn prompt(&mut self, document: &serde_json::Value, lines: &[String]) {
        if self.format == Format::Json {
            self.say_raw(&document::with_controls_spelled_out(&document.to_string()));
        } else {
            lines.iter().for_each(|line| self.say(line));
        }
    }

    /// Whether the result goes to a terminal, and so perhaps to somebody with a desktop.
    pub(crate) fn stdout_is_terminal(&self) -> bool {
        self.stdout_is_terminal
    }

    /// Says what went wrong.
    pub(crate) fn fail(&mut self, error: &Error) {
        match error {
            Error::ReaderGone => {}
            _ if self.format == Format::Json => self.say_raw(&document::with_controls_spelled_out(
                &error.document().to_string(),
            )),
            _ => {
                self.say(&format!("error: {}", error.headline()));
                if let Some(hint) = error.advice() {
                    self.say(&format!("hint: {hint}"));
                }
            }
        }
    }

    /// Asks a question that only `y` or `yes` answers.
    ///
    /// # Errors
    /// [`Error::Usage`] off a terminal, [`Error::Unmet`] for any other answer.
    pub(crate) fn ask(&mut self, question: &str) -> Result<(), Error> {
        if !self.can_ask || self.format == Format::Json {
            let detail = format!("{question} There is nobody to ask.");
            return Err(Error::usage(detail).hint("--yes answers yes"));
        }
        self.finish()?;
        let asked = format!("{} [y/N] ", text::printable(question));
        self.stderr
            .write_all(asked.as_bytes())
            .and_then(|()| self.stderr.flush())
            .map_err(Error::writing)?;
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .map_err(|cause| Error::local("cannot read the answer", cause))?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Error::Unmet {
                detail: "nothing was done".to_owned(),
                hint: None,
            }),
        }
    }

    /// Writes out what is buffered. A result that was not written was not given.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.stdout.flush().map_err(Error::writing)?;
        if std::mem::take(&mut self.some_escaped) {
            self.warn("control characters of an output are shown escaped; --raw lets them through");
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Some(last) = bytes.last() {
            self.line_is_open = *last != b'\n';
        }
        self.stdout.write_all(bytes).map_err(Error::writing)
    }

    fn say(&mut self, line: &str) {
        let line = text::printable(line).into_owned();
        self.say_raw(&line);
    }

    /// Writes a line to stderr, below what stdout left on a terminal. When that fails there is nowhere left to
    /// say so.
    fn say_raw(&mut self, line: &str) {
        let on_line_with_output = self.stdout_is_terminal && std::mem::take(&mut self.line_is_open);
        let break_before = if on_line_with_output { "\n" } else { "" };
        let _ = self
            .stderr
            .write_all(format!("{break_before}{line}\n").as_bytes());
    }
}

#[cfg(test)]
pub(crate) mod captured {
    use super::{Format, Ui};
    use std::cell::RefCell;
    use std::io::{self, Write};
    use std::rc::Rc;

    /// What a [`Ui`] wrote.
    #[derive(Clone, Default)]
    pub(crate) struct Sink(Rc<RefCell<Vec<u8>>>);

    impl Sink {
        pub(crate) fn bytes(&self) -> Vec<u8> {
            self.0.borrow().clone()
        }

        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.bytes()).expect("UTF-8")
        }
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Where stdout leads.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Stdout {
        Pipe,
        Terminal,
    }

    /// A [`Ui`] that writes to sinks: stdout, stderr.
    pub(crate) fn ui(format: Format, stdout: Stdout) -> (Ui, Sink, Sink) {
        let (out, err) = (Sink::default(), Sink::default());
        let ui = Ui {
            format,
            stdout: Box::new(out.clone()),
            stderr: Box::new(err.clone()),
            stdout_is_terminal: stdout == Stdout::Terminal,
            can_ask: false,
            some_escaped: false,
            line_is_open: false,
        };
        (ui, out, err)
    }
}

#[cfg(test)]
mod tests {
    use super::captured::{Stdout, ui};
    use super::{Controls, Format};
    use crate::error::Error;
    use serde_json::value::RawValue;

    const HOSTILE: &[u8] = b"\x1b[31mred\x1b[0m \x1b]52;c;eA==\x07\x00\xff\n";

    #[test]
    fn a_pipe_gets_the_very_bytes_and_a_terminal_no_control_sequence() {
        let (mut piped, out, _) = ui(Format::Text, Stdout::Pipe);
        piped.output(HOSTILE, Controls::Shown).expect("written");
        assert_eq!(out.bytes(), HOSTILE);

        let (mut raw, out, err) = ui(Format::Text, Stdout::Terminal);
        raw.output(HOSTILE, Controls::Passed).expect("written");
        raw.finish().expect("flushed");
        assert_eq!((out.bytes().as_slice(), err.text().as_str()), (HOSTILE, ""));

        let (mut shown, out, err) = ui(Format::Text, Stdout::Terminal);
        shown.output(HOSTILE, Controls::Shown).expect("written");
        shown.finish().expect("flushed");
        let text = out.text();
        assert!(
            !text.contains("\x1b]") && !text.contains('\x07') && !text.contains('\0'),
            "{text:?}"
        );
        assert!(
            text.contains("\x1b[31mred") && text.ends_with("\n\x1b[0m"),
            "{text:?}"
        );
        assert_eq!(err.text().lines().count(), 1);
    }

    #[test]
    fn on_a_terminal_a_warning_has_a_line_of_its_own() {
        for (stdout, start) in [(Stdout::Terminal, "\nwarning: "), (Stdout::Pipe, "warning: ")] {
            let (mut ui, _, err) = ui(Format::Text, stdout);
            ui.output(b"no newline", Controls::Shown).expect("written");
            ui.warn("look");
            assert!(err.text().starts_with(start), "{:?}", err.text());
        }
    }

    #[test]
    fn a_terminal_sees_no_control_character_of_a_document_and_a_pipe_sees_it_unchanged() {
        let json = "{\"a\":\"\u{9b}31m\u{202e}\u{7f}é\",\"n\":1.50}";
        let raw = RawValue::from_string(json.to_owned()).expect("JSON");
        let (mut piped, out, _) = ui(Format::Json, Stdout::Pipe);
        piped.document(&raw).expect("written");
        assert_eq!(out.text(), format!("{json}\n"));
        let (mut shown, out, _) = ui(Format::Json, Stdout::Terminal);
        shown.document(&raw).expect("written");
        assert_eq!(out.text(), "{\"a\":\"\\u009b31m\\u202e\\u007fé\",\"n\":1.50}\n");
    }

    #[test]
    fn with_json_stderr_is_one_object_and_nothing_else() {
        let (mut ui, _, err) = ui(Format::Json, Stdout::Pipe);
        ui.warn("never mind");
        ui.fail(&Error::usage("no \u{1b}[31m").hint("try again"));
        let object: serde_json::Value = serde_json::from_str(&err.text()).expect("one JSON object");
        assert_eq!(object["exit_code"], 2);
        assert_eq!(object["hint"], "try again");
        assert!(!err.text().contains('\u{1b}'));
    }

    #[test]
    fn an_error_is_one_line_and_a_hint() {
        let (mut ui, _, err) = ui(Format::Text, Stdout::Pipe);
        ui.fail(&Error::usage("two\nlines \u{1b}[2J").hint("mend it"));
        let lines: Vec<_> = err.text().lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("error: two") && lines[1] == "hint: mend it");
        assert!(!err.text().contains('\u{1b}'));
    }

    #[test]
    fn nobody_to_ask_is_a_usage_error() {
        let (mut ui, _, _) = ui(Format::Text, Stdout::Pipe);
        assert_eq!(ui.ask("Revoke it?").expect_err("refused").exit_code(), 2);
    }
}
