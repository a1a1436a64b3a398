//! Prints a shell's completion script, made from the commands as they are: what `plexctl completion` prints, once it is
//! committed (`cargo xtask completions`).

use clap::ValueEnum as _;
use clap_complete::Shell;
use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let shell = Shell::from_str(&name, false).map_err(io::Error::other)?;
    // zsh looks for its own first line, `#compdef plexctl`, and the generator writes it.
    let mut script = match shell {
        Shell::Zsh => Vec::new(),
        _ => format!("# {shell} completion for plexctl\n").into_bytes(),
    };
    clap_complete::generate(shell, &mut plex_cli::definition(), "plexctl", &mut script);
    io::stdout().write_all(&script)
}
