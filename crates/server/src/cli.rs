//! The command line of `plexsphere`, and how its failures are told.
//!
//! stdout carries the result and nothing else. A failure is one line `error: …` on stderr, and where there is a
//! remedy a line `hint: …`; wrong flags are exit 2, everything else is exit 1.

use crate::admin::stats::{self, StatsArgs};
use crate::admin::{self, ResetTokenArgs};
use crate::config::{Config, ConfigError, ServeArgs};
use crate::data_dir::DataDirError;
use crate::database::DatabaseError;
use crate::init::{self, InitArgs};
use crate::serve;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use plex_api::exit_codes;
use plex_domain::text;

/// Control plane that dispatches actions to nodes and keeps the record of what they did
#[derive(Debug, Parser)]
#[command(name = "plexsphere", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a data directory: database, keys, private CA, first Domain, Project and admin
    Init(InitArgs),
    /// Run the control plane on a data directory
    Serve(Box<ServeArgs>),
    /// Administer a data directory
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Print the OpenAPI document of the API
    Openapi,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Write a new token for the platform admin; the old one ends
    ResetToken(ResetTokenArgs),
    /// Say what takes the room in the database
    Stats(StatsArgs),
}

/// How a result is printed
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Text,
    /// For scripts
    Json,
}

/// What went wrong, for the one who typed the command.
#[derive(Debug)]
pub struct Failure {
    exit_code: u8,
    error: anyhow::Error,
    hint: Option<String>,
}

impl Failure {
    /// A failure with a remedy.
    pub fn with_hint(error: anyhow::Error, hint: impl Into<String>) -> Self {
        Self {
            exit_code: exit_codes::FAILURE,
            error,
            hint: Some(hint.into()),
        }
    }

    /// Flags that make no sense.
    pub fn usage(error: anyhow::Error) -> Self {
        Self {
            exit_code: exit_codes::USAGE,
            error,
            hint: None,
        }
    }

    /// The error and everything behind it, on one line.
    pub fn line(&self) -> String {
        text::printable(&format!("{:#}", self.error)).into_owned()
    }

    fn report(&self) {
        let mut stderr = io::stderr().lock();
        // There is nowhere left to say that stderr is gone.
        let _ = writeln!(stderr, "error: {}", self.line());
        if let Some(hint) = &self.hint {
            let _ = writeln!(stderr, "hint: {}", text::printable(hint));
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self {
            exit_code: exit_codes::FAILURE,
            error,
            hint: None,
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.into())
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DataDir(error) => error.into(),
            DatabaseError::Url(_) | DatabaseError::PasswordInUrl => Self::usage(error.into()),
        }
    }
}

impl From<DataDirError> for Failure {
    fn from(error: DataDirError) -> Self {
        Self {
            exit_code: exit_codes::FAILURE,
            hint: error.hint(),
            error: error.into(),
        }
    }
}

/// Reads the command line, does what it says and returns what to exit with.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too; a closed pipe is not worth a word.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit_codes::USAGE));
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::from(exit_codes::OK),
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.exit_code)
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init::run(&args),
        Command::Serve(args) => serve::run(Config::from_args(*args)?),
        Command::Admin(AdminCommand::ResetToken(args)) => admin::reset_token(&args),
        Command::Admin(AdminCommand::Stats(args)) => stats::run(&args),
        Command::Openapi => print(&crate::http::openapi_json()),
    }
}

/// Writes a result to stdout, with a line end if it has none. A closed pipe is not a failure.
pub fn print(result: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let end = if result.ends_with('\n') { "" } else { "\n" };
    let written = write!(stdout, "{result}{end}").and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot write to stdout").into())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_failure_is_one_printable_line_with_its_causes() {
        let error = anyhow::anyhow!("no such\x1b[2J thing").context("cannot open x\ny");
        let line = Failure::from(error).line();
        assert!(line.starts_with("cannot open x"), "{line}");
        assert!(line.contains("thing"), "{line}");
        assert!(!line.contains(['\n', '\x1b']), "{line:?}");
    }
}
