//! The command line, and what a process is before it does anything.

use crate::agent;
use crate::config::{Config, RunArgs};
use crate::supervisor;
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use std::io::Write as _;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Exit code of a configuration that cannot be used.
const BAD_CONFIGURATION: u8 = 2;

/// Node agent: runs the actions that the control plane dispatches and reports what became of them
#[derive(Debug, Parser)]
#[command(name = "plexd", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<RunArgs>),
}

/// Runs `plexd` and gives its exit code: 0 after a clean stop, 1 when it had to end, 2 when it could not begin.
pub fn main() -> ExitCode {
    // Asked first and by hand: a supervisor is started for every run and speaks with the agent only.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == supervisor::ARGUMENT)
    {
        return supervisor::main();
    }
    let Command::Run(args) = Cli::parse().command;
    let config = match harden().and_then(|()| Ok(Config::load(*args)?)) {
        Ok(config) => config,
        Err(error) => return say(&error, BAD_CONFIGURATION),
    };
    log_as_json();
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(&error, 1),
    }
}

fn run(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let result = runtime.block_on(agent::run(config));
    // Reports that are still under way are on disk.
    runtime.shutdown_background();
    result
}

/// Keeps keys out of core dumps and other processes' hands, and new files to ourselves.
fn harden() -> anyhow::Result<()> {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::process::setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    Ok(())
}

/// Structured lines, in which whatever a server or a hook is called can forge nothing.
fn log_as_json() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

fn say(error: &anyhow::Error, code: u8) -> ExitCode {
    let text = format!("{error:#}").replace('\n', " ");
    // Without a standard error there is nobody to tell.
    let _ = writeln!(
        std::io::stderr(),
        "error: {}",
        plex_domain::text::printable(&text)
    );
    ExitCode::from(code)
}
