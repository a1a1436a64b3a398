//! The binary `plexsphere`; everything is in the library.

use std::process::ExitCode;

/// A page of the log is thousands of small pieces; with the allocator of the C library lists take an eighth longer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Whatever this process creates is its owner's alone, also files that a library makes.
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    plex_server::cli::main()
}
