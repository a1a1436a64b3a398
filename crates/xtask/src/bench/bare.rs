//! Floors: bare handlers of requests that the product answers, each a process of its own, as the product is.
//!
//! Nobody is authenticated or authorised, nothing is routed, queued, limited or counted; what is left is HTTP over TLS
//! and the database. One duty is the first page of a list, the other is to store what nodes report.

mod callbacks;
mod id;
mod pages;
mod process;
mod serving;

pub(super) use callbacks::Ledger;
pub(super) use process::Floor;

use callbacks::Callbacks;
use pages::Pages;
use serving::Handler;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args as Flags, Subcommand};
use uuid::Uuid;

/// The flags of the bare handler
#[derive(Debug, Clone, Flags)]
pub(crate) struct Args {
    /// SQLite's file
    #[arg(long)]
    database: Option<PathBuf>,
    /// The PostgreSQL database, where it is not SQLite
    #[arg(long)]
    database_url: Option<String>,
    /// Where the certificate is
    #[arg(long)]
    data_dir: PathBuf,
    #[command(subcommand)]
    duty: Duty,
}

/// What it answers
#[derive(Debug, Clone, Subcommand)]
enum Duty {
    /// The first page of a project's executions
    Pages {
        /// Whose executions are listed
        #[arg(long)]
        project: Uuid,
    },
    /// What nodes report, once it is stored
    Callbacks,
}

/// What a floor works on.
#[derive(Debug, Clone)]
pub(super) enum Database {
    /// SQLite's file.
    File(PathBuf),
    /// A database of PostgreSQL.
    Url(String),
}

/// Serves until stdin ends. The port is printed first.
///
/// # Errors
/// When it cannot serve.
pub(crate) fn serve(args: &Args) -> anyhow::Result<()> {
    let database = match (&args.database, &args.database_url) {
        (Some(path), None) => Database::File(path.clone()),
        (None, Some(url)) => Database::Url(url.clone()),
        _ => anyhow::bail!("one database is to be named"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let handler: Arc<dyn Handler> = match &args.duty {
            Duty::Pages { project } => Arc::new(Pages::open(&database, *project).await?),
            Duty::Callbacks => Arc::new(Callbacks::open(&database).await?),
        };
        serving::serve(&args.data_dir, handler).await
    })
}
