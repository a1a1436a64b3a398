//! What the agent is told on its command line, and what of it cannot be.

use crate::durable;
use crate::identity::{Identity, IdentityError};
use clap::Args;
use plex_client::node::Connection;
use plex_telemetry::{Collector, CollectorError};
use std::path::{Path, PathBuf};

/// Run the agent
#[derive(Debug, Args)]
pub struct RunArgs {
    /// URL of the control plane; plain http only to this very machine
    #[arg(long, value_name = "URL")]
    pub server: String,
    /// PEM file of the CA to trust, and no other; without it the system's CAs are trusted
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// File that holds a bootstrap token; needed once, ignored when the node is registered
    #[arg(long, value_name = "FILE")]
    pub bootstrap_token_file: Option<PathBuf>,
    /// Directory for the node's identity, journal and unreported results
    #[arg(long, value_name = "DIR")]
    pub state_dir: PathBuf,
    /// Directory of hooks: executables, each with an optional HOOK.json
    #[arg(long, value_name = "DIR")]
    pub hooks_dir: PathBuf,
    /// Name of the node [default: the host name]
    #[arg(long)]
    pub name: Option<String>,
    /// How many actions run at once; more wait for their turn
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub max_concurrent: u16,
    /// How much of an action's output is kept
    #[arg(long, value_name = "N", default_value_t = 1_048_576, value_parser = clap::value_parser!(u32).range(0..=268_435_456))]
    pub max_output_bytes: u32,
    /// Units that service.restart may restart; can be repeated [default: none]
    #[arg(long = "restartable-unit", value_name = "GLOB")]
    pub restartable_units: Vec<String>,
    /// Action, built-in or hook, that is switched off; can be repeated
    #[arg(long = "disable-action", value_name = "NAME")]
    pub disabled_actions: Vec<String>,
    /// Collector to send traces to by OTLP/HTTP, such as http://localhost:4318 [default: none]
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
}

/// What is wrong with the command line or with what it names.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The server's URL or the CA file cannot be used.
    #[error("{option}: {reason}")]
    Option {
        /// The option.
        option: &'static str,
        /// Why not.
        reason: String,
    },
    /// The node is not registered and was not told how.
    #[error("this node is not registered yet; give --bootstrap-token-file")]
    NoToken,
    /// Another agent works with this state directory.
    #[error("--state-dir: another plexd is running with {}", .0.display())]
    Locked(PathBuf),
}

/// Everything that had to be right before the agent begins.
pub struct Config {
    /// The command line.
    pub args: RunArgs,
    /// The server.
    pub connection: Connection,
    /// Where traces go.
    pub collector: Option<Collector>,
    /// The node's name.
    pub name: String,
    /// The home directory that hooks see.
    pub home: String,
    /// Who this node is, or the token by which it becomes someone.
    pub standing: Standing,
    /// Held as long as the agent lives.
    pub lock: std::fs::File,
}

/// Whether this node is registered.
pub enum Standing {
    /// It is.
    Registered(Identity),
    /// It is to redeem this token.
    Token(String),
}

impl Config {
    /// Checks the command line and takes hold of the state directory.
    ///
    /// # Errors
    /// When the agent cannot begin; the text is for the person at the command line.
    pub fn load(args: RunArgs) -> Result<Self, ConfigError> {
        let ca = args
            .ca_file
            .as_deref()
            .map(|path| read("--ca-file", path))
            .transpose()?;
        let connection = Connection::new(&args.server, ca.as_deref()).map_err(|error| {
            let option = match error {
                plex_client::node::ConnectionError::Trust(_) => "--ca-file",
                _ => "--server",
            };
            wrong(option)(error)
        })?;
        let endpoint = args.otlp_endpoint.as_deref().filter(|url| !url.is_empty());
        let collector = endpoint.map(str::parse).transpose();
        let collector = collector.map_err(wrong::<CollectorError>("--otlp-endpoint"))?;
        durable::private_directory(&args.state_dir).map_err(wrong("--state-dir"))?;
        let lock = durable::lock(&args.state_dir.join("lock")).map_err(wrong("--state-dir"))?;
        let lock = lock.ok_or_else(|| ConfigError::Locked(args.state_dir.clone()))?;
        let standing = standing(&args)?;
        let name = match &args.name {
            Some(name) => name.clone(),
            None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        };
        if name.trim().is_empty()
            || name.len() > plex_api::limits::TEXT_BYTES
            || name.chars().any(char::is_control)
        {
            return Err(wrong("--name")("not a usable name"));
        }
        Ok(Self {
            args,
            connection,
            collector,
            name,
            home: home(),
            standing,
            lock,
        })
    }

    /// Where the identity is kept.
    pub fn identity_path(state_dir: &Path) -> PathBuf {
        state_dir.join("identity.json")
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the program's config module")]
fn home() -> String {
    std::env::var("HOME").unwrap_or_else(|_| "/".to_owned())
}

fn standing(args: &RunArgs) -> Result<Standing, ConfigError> {
    let identity = Identity::load(&Config::identity_path(&args.state_dir)).map_err(wrong("--state-dir"))?;
    if let Some(identity) = identity {
        return Ok(Standing::Registered(identity));
    }
    let path = args.bootstrap_token_file.as_deref().ok_or(ConfigError::NoToken)?;
    let option = "--bootstrap-token-file";
    let token =
        String::from_utf8(read(option, path)?).map_err(|_| wrong(option)(IdentityError::NotAToken))?;
    let token = token.trim().to_owned();
    match plex_domain::credential::parse_bootstrap(&token) {
        Some(_) => Ok(Standing::Token(token)),
        None => Err(wrong(option)(IdentityError::NotAToken)),
    }
}

fn read(option: &'static str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|error| wrong(option)(format!("{}: {error}", path.display())))
}

fn wrong<E: ToString>(option: &'static str) -> impl Fn(E) -> ConfigError {
    move |reason| ConfigError::Option {
        option,
        reason: reason.to_string(),
    }
}
