//! `plexctl capacity`

use crate::context::Context;
use crate::document::Document;
use crate::error::Error;
use crate::listing::Row as _;
use crate::parsing;
use crate::table::Table;
use crate::ui::Format;
use crate::view::{CapacityRow, CapacityView};
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Which domain to show.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The domain
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    domain: Uuid,
}

/// Prints how full a domain is, one line for each axis.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let body = ctx
        .client()?
        .fetch(&Call::get(paths::domain_capacity(args.domain)))?;
    let snapshot = Document::<CapacityView>::read(body)?;
    if ctx.ui.format() != Format::Text {
        return ctx.ui.document(&snapshot.raw);
    }
    let rows: Vec<_> = snapshot.view.dimensions.iter().map(CapacityRow::cells).collect();
    let table = Table::fitting(CapacityRow::HEADERS, &rows);
    ctx.ui.text(&table.header())?;
    rows.iter().try_for_each(|row| ctx.ui.text(&table.row(row)))?;
    ctx.ui.line(&format!("sampled_at: {}", snapshot.view.sampled_at))
}
