//! The commands, at the paths of the things they are about.

mod action;
mod audit;
mod bootstrap_token;
mod capability;
mod capacity;
mod completion;
mod domain;
mod exec_log;
mod group;
mod hook;
mod integrity;
mod label;
mod login;
mod logout;
mod node;
mod profile;
mod project;
mod rebac;
mod token;
mod whoami;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// What plexctl can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Read the execution log
    #[command(subcommand)]
    ExecLog(exec_log::Command),
    /// Dispatch actions and follow them
    #[command(subcommand)]
    Action(action::Command),
    /// See and keep the fleet
    #[command(subcommand)]
    Node(node::Command),
    /// See what nodes can run
    #[command(subcommand)]
    Capability(capability::Command),
    /// See hooks and accept their digests
    #[command(subcommand)]
    Hook(hook::Command),
    /// See what nodes found changed, and say why it is as it is
    #[command(subcommand)]
    Integrity(integrity::Command),
    /// Show how full a domain is
    Capacity(capacity::Args),
    /// Keep projects
    #[command(subcommand)]
    Project(project::Command),
    /// Keep domains
    #[command(subcommand)]
    Domain(domain::Command),
    /// Define labels, put them on objects, and find objects by them
    #[command(subcommand)]
    Label(label::Command),
    /// Keep the tokens that machines register with
    #[command(subcommand)]
    BootstrapToken(bootstrap_token::Command),
    /// Keep API tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Keep relations: who may do what
    #[command(subcommand)]
    Rebac(rebac::Command),
    /// Read and verify the audit chains
    #[command(subcommand)]
    Audit(audit::Command),
    /// Keep groups of identities
    #[command(subcommand)]
    Group(group::Command),
    /// Log in through a browser and keep the token in a profile
    Login(login::Args),
    /// Revoke the profile's token and forget it
    Logout,
    /// Show who the server takes you for
    Whoami,
    /// Keep stored profiles
    #[command(subcommand)]
    Profile(profile::Command),
    /// Print a shell's completion script
    Completion(completion::Args),
}

/// Runs a command.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::ExecLog(command) => exec_log::run(command, ctx),
        Command::Action(command) => action::run(command, ctx),
        Command::Node(command) => node::run(command, ctx),
        Command::Capability(command) => capability::run(command, ctx),
        Command::Hook(command) => hook::run(command, ctx),
        Command::Integrity(command) => integrity::run(command, ctx),
        Command::Capacity(args) => capacity::run(&args, ctx),
        Command::Project(command) => project::run(command, ctx),
        Command::Domain(command) => domain::run(command, ctx),
        Command::Label(command) => label::run(command, ctx),
        Command::BootstrapToken(command) => bootstrap_token::run(command, ctx),
        Command::Token(command) => token::run(command, ctx),
        Command::Rebac(command) => rebac::run(command, ctx),
        Command::Audit(command) => audit::run(command, ctx),
        Command::Group(command) => group::run(command, ctx),
        Command::Login(args) => login::run(&args, ctx),
        Command::Logout => logout::run(ctx),
        Command::Whoami => whoami::run(ctx),
        Command::Profile(command) => profile::run(command, ctx),
        Command::Completion(args) => completion::run(&args, ctx),
    }
}
