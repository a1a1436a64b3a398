//! How long a project's history is kept.

mod set;
mod show;

use crate::context::Context;
use crate::document::Document;
use crate::error::Error;
use crate::table::block;
use crate::ui::Format;
use clap::Subcommand;
use plex_api::projects::ProjectRetention;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show how long executions are kept
    Show(show::Args),
    /// Say how long executions are kept; older ones go within an hour, with their outputs
    Set(set::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::Show(args) => show::run(&args, ctx),
        Command::Set(args) => set::run(&args, ctx),
    }
}

/// Prints the bounds: the document as it came, or a line for each.
fn print(ctx: &mut Context, body: Vec<u8>) -> Result<(), Error> {
    let document = Document::<ProjectRetention>::read(body)?;
    if ctx.ui.format() != Format::Text {
        return ctx.ui.document(&document.raw);
    }
    let ProjectRetention {
        max_age_days,
        max_count,
    } = document.view;
    let days = max_age_days.map_or_else(|| "for ever".to_owned(), |days| format!("{days}d"));
    let count = max_count.map_or_else(|| "all".to_owned(), |count| count.to_string());
    ctx.ui.text(&block(&[("max_age", days), ("max_count", count)]))
}
