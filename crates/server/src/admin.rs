//! `plexsphere admin`: what is done on the machine itself when the API cannot help.

pub mod stats;

use crate::bootstrap;
use crate::cli::{self, Failure};
use crate::data_dir::{self, DataDir};
use crate::database::DatabaseArgs;
use std::path::PathBuf;

use clap::Args;

/// The flags of `plexsphere admin reset-token`
#[derive(Debug, Clone, Args)]
pub struct ResetTokenArgs {
    /// Data directory, made by `plexsphere init`
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Master key, if it is not in the data directory
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<PathBuf>,
}

/// Writes a new admin token into the data directory, whether or not a server runs on it.
pub fn reset_token(args: &ResetTokenArgs) -> Result<(), Failure> {
    let dir = DataDir::open(&args.data_dir)?;
    let engine = dir.engine(&args.database)?;
    let master = data_dir::read_master_key(args.master_key_file.as_ref().unwrap_or(&dir.master_key()))?;
    let token = bootstrap::reset_admin_token(&engine, &master)?;
    data_dir::replace(
        &dir.admin_token(),
        format!("{token}\n").as_bytes(),
        data_dir::PRIVATE,
    )?;
    cli::print(&format!("new admin token in {}", dir.admin_token().display()))
}
