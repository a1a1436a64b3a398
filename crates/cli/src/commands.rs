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
use crate::family::Family;
use clap::Subcommand;

/// What plexctl can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Read the execution log
    #[command(subcommand)]
    ExecLog(Family<exec_log::Command>),
    /// Dispatch actions and follow them
    #[command(subcommand)]
    Action(Family<action::Command>),
    /// See and keep the fleet
    #[command(subcommand)]
    Node(Family<node::Command>),
    /// See what nodes can run
    #[command(subcommand)]
    Capability(Family<capability::Command>),
    /// See hooks and accept their digests
    #[command(subcommand)]
    Hook(Family<hook::Command>),
    /// See what nodes found changed, and say why it is as it is
    #[command(subcommand)]
    Integrity(Family<integrity::Command>),
    /// Show how full a domain is
    Capacity(capacity::Args),
    /// Keep projects
    #[command(subcommand)]
    Project(Family<project::Command>),
    /// Keep domains
    #[command(subcommand)]
    Domain(Family<domain::Command>),
    /// Define labels, put them on objects, and find objects by them
    #[command(subcommand)]
    Label(Family<label::Command>),
    /// Keep the tokens that machines register with
    #[command(subcommand)]
    BootstrapToken(Family<bootstrap_token::Command>),
    /// Keep API tokens
    #[command(subcommand)]
    Token(Family<token::Command>),
    /// Keep relations: who may do what
    #[command(subcommand)]
    Rebac(Family<rebac::Command>),
    /// Read and verify the audit chains
    #[command(subcommand)]
    Audit(Family<audit::Command>),
    /// Keep groups of identities
    #[command(subcommand)]
    Group(Family<group::Command>),
    /// Log in through a browser and keep the token in a profile
    Login(login::Args),
    /// Revoke the profile's token and forget it
    Logout,
    /// Show who the server takes you for
    Whoami,
    /// Keep stored profiles
    #[command(subcommand)]
    Profile(Family<profile::Command>),
    /// Print a shell's completion script
    Completion(completion::Args),
}

/// Runs a command.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::ExecLog(Family(command)) => exec_log::run(command, ctx),
        Command::Action(Family(command)) => action::run(command, ctx),
        Command::Node(Family(command)) => node::run(command, ctx),
        Command::Capability(Family(command)) => capability::run(command, ctx),
        Command::Hook(Family(command)) => hook::run(command, ctx),
        Command::Integrity(Family(command)) => integrity::run(command, ctx),
        Command::Capacity(args) => capacity::run(&args, ctx),
        Command::Project(Family(command)) => project::run(command, ctx),
        Command::Domain(Family(command)) => domain::run(command, ctx),
        Command::Label(Family(command)) => label::run(command, ctx),
        Command::BootstrapToken(Family(command)) => bootstrap_token::run(command, ctx),
        Command::Token(Family(command)) => token::run(command, ctx),
        Command::Rebac(Family(command)) => rebac::run(command, ctx),
        Command::Audit(Family(command)) => audit::run(command, ctx),
        Command::Group(Family(command)) => group::run(command, ctx),
        Command::Login(args) => login::run(&args, ctx),
        Command::Logout => logout::run(ctx),
        Command::Whoami => whoami::run(ctx),
        Command::Profile(Family(command)) => profile::run(command, ctx),
        Command::Completion(args) => completion::run(&args, ctx),
    }
}
