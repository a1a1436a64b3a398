//! Where chores write: results to stdout, complaints to stderr.

use std::io::{self, Write as _};

/// Writes one line, or several, to stdout.
///
/// # Errors
/// When stdout is gone: a chore that nobody can follow had better end.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Writes bytes to stdout as they are, and ends their last line if it has no end.
///
/// # Errors
/// As [`say`].
pub(crate) fn pass_on(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    if bytes.last().is_some_and(|&last| last != b'\n') {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()
}

/// Writes one line to stderr.
pub(crate) fn complain(text: &str) {
    // There is nowhere left to say that stderr is gone.
    let _ = writeln!(io::stderr(), "{text}");
}
