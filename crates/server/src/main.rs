//! The binary `plexsphere`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Whatever this process creates is its owner's alone, also files that a library makes.
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    plex_server::cli::main()
}
