//! `plexctl completion`

use crate::context::Context;
use crate::error::Error;
use clap::ValueEnum;

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

/// Prints a script whose first line says what it is. They are committed: to make one of all commands takes longer than
/// anything else that this program does without a server, and a shell asks for it whenever it starts.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    ctx.ui.text(script(args.shell))
}

fn script(shell: Name) -> &'static str {
    match shell {
        Name::Bash => include_str!("../../completions/plexctl.bash"),
        Name::Zsh => include_str!("../../completions/_plexctl"),
        Name::Fish => include_str!("../../completions/plexctl.fish"),
        Name::PowerShell => include_str!("../../completions/plexctl.ps1"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Name, script};

    #[test]
    fn the_first_line_names_the_script() {
        let first = |shell| script(shell).lines().next();
        assert_eq!(first(Name::Bash), Some("# bash completion for plexctl"));
        assert_eq!(first(Name::Zsh), Some("#compdef plexctl"));
        assert_eq!(first(Name::Fish), Some("# fish completion for plexctl"));
        assert_eq!(
            first(Name::PowerShell),
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
