//! `plexctl`, the operator's tool. Everything is in the library, where tests can call it.

use std::process::ExitCode;

fn main() -> ExitCode {
    plex_cli::main()
}
