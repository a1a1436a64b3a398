//! `plexctl label list`

use super::Labelled;
use crate::context::Context;
use crate::document::{Document, Members, own};
use crate::error::Error;
use crate::listing::{Page, PageArgs, Row};
use crate::table::Table;
use crate::ui::Format;
use crate::view::AssignmentRow;
use plex_client::operator::Call;
use serde_json::value::RawValue;

/// Whose labels to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    object: Labelled,
    /// List the labels in effect: with those that a node has from its project, and defaults
    #[arg(long)]
    effective: bool,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints an object's labels. The API gives them all at once, so `--all` is always so, `--limit` cuts here, and there
/// is no cursor to go on from.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    if args.page.cursor.is_some() {
        return Err(Error::usage("this list has one page and no cursor").hint("leave --cursor away"));
    }
    let call = Call::get(args.object.path()).query("effective", args.effective.then_some(true));
    let list = Document::<Page<AssignmentRow>>::read(ctx.client()?.fetch(&call)?)?;
    let all = list.view.items.len();
    let asked = args.page.limit().filter(|_| !args.page.all);
    let shown = asked.map_or(all, |limit| all.min(limit as usize));
    if ctx.ui.format() != Format::Text {
        return print_document(ctx, &list.raw, shown, all);
    }
    let rows: Vec<_> = list.view.items[..shown].iter().map(Row::cells).collect();
    let table = Table::fitting(AssignmentRow::HEADERS, &rows);
    ctx.ui.text(&table.header())?;
    rows.iter().try_for_each(|row| ctx.ui.text(&table.row(row)))?;
    if shown < all {
        ctx.ui.warn(&format!("{shown} of {all} labels are shown"));
    }
    Ok(())
}

fn print_document(ctx: &mut Context, raw: &RawValue, shown: usize, all: usize) -> Result<(), Error> {
    if shown == all {
        return ctx.ui.document(raw);
    }
    let mut page: Page<Box<RawValue>> =
        serde_json::from_str(raw.get()).map_err(|cause| Error::Contract(cause.to_string()))?;
    page.items.truncate(shown);
    ctx.ui
        .document(&own(&Members(vec![("items".to_owned(), own(&page.items))])))
}
