//! What every command is given: the persistent flags, the environment and the way to the terminal.

use crate::document::own;
use crate::environment::Environment;
use crate::error::Error;
use crate::session;
use crate::ui::{Format, Ui};
use clap::Args;
use plex_client::operator::Client;
use std::path::PathBuf;
use uuid::Uuid;

/// The flags that every command takes, before or after its name.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Persistent flags")]
pub(crate) struct Globals {
    /// Control plane to talk to [env: PLEXSPHERE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Stored profile to use instead of the default one
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
    /// How to print the result
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    pub(crate) output: Format,
    /// Answer yes to a destructive command's question
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// Print unmasked a secret that a reading command shows
    #[arg(long, global = true)]
    pub(crate) reveal_secrets: bool,
    /// Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// What a command works with.
pub(crate) struct Context {
    /// The persistent flags.
    pub(crate) globals: Globals,
    /// The environment.
    pub(crate) environment: Environment,
    /// stdout and stderr.
    pub(crate) ui: Ui,
}

impl Context {
    /// Opens a client for the server and principal in force.
    ///
    /// # Errors
    /// As [`session::open`].
    pub(crate) fn client(&self) -> Result<Client, Error> {
        session::open(&self.globals, &self.environment)
    }

    /// Asks before something that cannot be undone: on a terminal a question, off one `--yes`.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is nobody to ask, [`Error::Unmet`] when the answer is not yes.
    pub(crate) fn confirm(&mut self, question: &str) -> Result<(), Error> {
        if self.globals.yes {
            return Ok(());
        }
        self.ui.ask(question)
    }

    /// Prints a result of our own making: `text` as text, `document` otherwise.
    pub(crate) fn report(
        &mut self,
        document: &serde_json::Value,
        text: impl FnOnce(&mut Ui) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self.ui.format() {
            Format::Text => text(&mut self.ui),
            Format::Json | Format::Yaml => self.ui.document(&own(document)),
        }
    }

    /// Says that something was done to a thing: `revoked <id>`.
    pub(crate) fn done(&mut self, verb: &str, id: Uuid) -> Result<(), Error> {
        self.report(&serde_json::json!({"id": id, "result": verb}), |ui| {
            ui.line(&format!("{verb} {id}"))
        })
    }
}
