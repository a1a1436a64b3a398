//! `plexctl token list`

use crate::context::Context;
use crate::document::{Document, own};
use crate::error::Error;
use crate::listing::{PageArgs, Row};
use crate::table::Table;
use crate::ui::Format;
use crate::view::TokenRow;
use plex_api::paths;
use plex_client::operator::Call;
use serde_json::value::RawValue;

/// How much of the list to show.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    page: PageArgs,
}

/// Prints the caller's tokens. The API gives them all at once, so `--all` is always so, `--limit` cuts here, and
/// there is no cursor to go on from.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    if args.page.cursor.is_some() {
        return Err(Error::usage("this list has one page and no cursor").hint("leave --cursor away"));
    }
    let body = ctx.client()?.fetch(&Call::get(paths::TOKENS))?;
    let list = Document::<Vec<TokenRow>>::read(body)?;
    let asked = args.page.limit.filter(|limit| *limit > 0 && !args.page.all);
    let shown = asked.map_or(list.view.len(), |limit| list.view.len().min(limit as usize));
    if ctx.ui.format() != Format::Text {
        return print_document(ctx, &list.raw, shown, list.view.len());
    }
    let rows: Vec<_> = list.view[..shown].iter().map(Row::cells).collect();
    let table = Table::fitting(TokenRow::HEADERS, &rows);
    ctx.ui.text(&table.header())?;
    rows.iter().try_for_each(|row| ctx.ui.text(&table.row(row)))?;
    if shown < list.view.len() {
        ctx.ui
            .warn(&format!("{shown} of {} tokens are shown", list.view.len()));
    }
    Ok(())
}

fn print_document(ctx: &mut Context, raw: &RawValue, shown: usize, all: usize) -> Result<(), Error> {
    if shown == all {
        return ctx.ui.document(raw);
    }
    let items: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|cause| Error::Contract(cause.to_string()))?;
    ctx.ui.document(&own(&items[..shown].to_vec()))
}
