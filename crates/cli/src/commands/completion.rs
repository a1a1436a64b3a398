//! `plexctl completion`

use crate::context::Context;
use crate::error::Error;
use crate::root;
use clap::ValueEnum;
use clap_complete::Shell;

/// Which shell to complete for.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Name,
}

/// The shells there are scripts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
}

/// Prints a script whose first line says what it is.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    ctx.ui.text(&script(args.shell))
}

fn script(shell: Name) -> String {
    // zsh looks for its own first line, `#compdef plexctl`, and the generator writes it.
    let (generator, first_line) = match shell {
        Name::Bash => (Shell::Bash, "# bash completion for plexctl\n"),
        Name::Zsh => (Shell::Zsh, ""),
        Name::Fish => (Shell::Fish, "# fish completion for plexctl\n"),
        Name::PowerShell => (Shell::PowerShell, "# powershell completion for plexctl\n"),
    };
    let mut script = first_line.as_bytes().to_vec();
    clap_complete::generate(generator, &mut root::definition(), "plexctl", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Name, script};

    #[test]
    fn the_first_line_names_the_script() {
        let first = |shell| script(shell).lines().next().map(str::to_owned);
        assert_eq!(
            first(Name::Bash).as_deref(),
            Some("# bash completion for plexctl")
        );
        assert_eq!(first(Name::Zsh).as_deref(), Some("#compdef plexctl"));
        assert_eq!(
            first(Name::Fish).as_deref(),
            Some("# fish completion for plexctl")
        );
        assert_eq!(
            first(Name::PowerShell).as_deref(),
            Some("# powershell completion for plexctl")
        );
    }

    #[test]
    fn every_script_knows_the_commands() {
        for shell in [Name::Bash, Name::Zsh, Name::Fish, Name::PowerShell] {
            let script = script(shell);
            for word in ["exec-log", "bootstrap-token", "reveal-secrets"] {
                assert!(script.contains(word), "{shell:?} {word}");
            }
        }
    }
}
