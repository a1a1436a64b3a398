//! How an execution and each of its targets stand, without outputs.

use crate::context::Context;
use crate::document::{Document, Members};
use crate::error::Error;
use crate::execution_stream::head_error;
use crate::table::{Table, block};
use crate::ui::Format;
use crate::view::{Counts, Head, Output, Target};
use serde::Deserialize;

const HEADERS: &[&str] = &["NODE", "NAME", "STATUS", "EXIT", "OUTPUT", "UPDATED", "ERROR"];

#[derive(Deserialize)]
struct Targets {
    targets: Vec<Target>,
    #[serde(default)]
    excluded: Vec<Excluded>,
}

#[derive(Deserialize)]
struct Excluded {
    node_id: String,
    reason: String,
}

/// Prints an execution: the block about it, a table of its targets, a line for each node left out.
pub(super) fn print_standing(ctx: &mut Context, body: Vec<u8>) -> Result<(), Error> {
    let document = Document::<Targets>::read(body)?;
    let members: Members =
        serde_json::from_str(document.raw.get()).map_err(|cause| Error::Contract(cause.to_string()))?;
    let head = Head::read(&members).map_err(head_error)?;
    if ctx.ui.format() != Format::Text {
        return ctx.ui.document(&document.raw);
    }
    let mut counts = Counts::default();
    document
        .view
        .targets
        .iter()
        .for_each(|target| counts.add(&target.status));
    ctx.ui.text(&block(&head.block(&counts)))?;
    for excluded in &document.view.excluded {
        ctx.ui
            .line(&format!("excluded: {} ({})", excluded.node_id, excluded.reason))?;
    }
    ctx.ui.text("\n")?;
    let rows = document
        .view
        .targets
        .iter()
        .map(cells)
        .collect::<Result<Vec<_>, _>>()?;
    let table = Table::fitting(HEADERS, &rows);
    ctx.ui.text(&table.header())?;
    rows.iter().try_for_each(|row| ctx.ui.text(&table.row(row)))
}

fn cells(target: &Target) -> Result<Vec<String>, Error> {
    let output = match target.output().map_err(Error::Contract)? {
        Output::None => String::new(),
        Output::Withheld => "withheld".to_owned(),
        Output::Inline(bytes) => format!("{} bytes", bytes.len()),
        Output::Archived { .. } => "archived".to_owned(),
        Output::Unknown(kind) => kind.to_owned(),
    };
    Ok(vec![
        target.node_id.to_string(),
        target.node_name.clone().unwrap_or_default(),
        target.status.clone(),
        target.exit_code.map(|code| code.to_string()).unwrap_or_default(),
        output,
        target.updated_at.to_string(),
        target.error.clone().unwrap_or_default(),
    ])
}
