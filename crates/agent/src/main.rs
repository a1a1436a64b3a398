//! The node agent's program; everything is in the library.

fn main() -> std::process::ExitCode {
    plex_agent::main()
}
