//! How an execution and each of its targets stand, without outputs.

use crate::context::Context;
use crate::document::Members;
use crate::error::Error;
use crate::execution_stream::{self, Visit};
use crate::spool::Copied;
use crate::table::{Table, block};
use crate::ui::Format;
use crate::view::{Counts, Head, Output, Target};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::Read;

const HEADERS: &[&str] = &["NODE", "NAME", "STATUS", "EXIT", "OUTPUT", "UPDATED", "ERROR"];
/// The most targets that text shows in one table; their rows are kept until all are there.
const MOST_TARGETS: usize = 100_000;

#[derive(Deserialize)]
struct Excluded {
    node_id: String,
    reason: String,
}

/// Prints an execution: the block about it, a table of its targets, a line for each node left out.
///
/// The body may hold every output and be hundreds of megabytes long; only the rows are kept.
pub(super) fn print_standing(ctx: &mut Context, body: impl Read) -> Result<(), Error> {
    let mut standing = Standing::default();
    if ctx.ui.format() == Format::Text {
        execution_stream::read(body, &mut standing)?;
        return standing.print(ctx);
    }
    let mut copied = Copied::new(body)?;
    let verdict = execution_stream::read(&mut copied, &mut standing);
    let copy = copied.into_copy()?;
    verdict.and_then(|()| ctx.ui.copy_document(copy))
}

/// What text shows.
#[derive(Default)]
struct Standing {
    block: Vec<(&'static str, String)>,
    excluded: Vec<Excluded>,
    counts: Counts,
    rows: Vec<Vec<String>>,
}

impl Standing {
    fn print(&self, ctx: &mut Context) -> Result<(), Error> {
        ctx.ui.text(&block(&self.block))?;
        for excluded in &self.excluded {
            ctx.ui
                .line(&format!("excluded: {} ({})", excluded.node_id, excluded.reason))?;
        }
        ctx.ui.text("\n")?;
        let table = Table::fitting(HEADERS, &self.rows);
        ctx.ui.text(&table.header())?;
        self.rows.iter().try_for_each(|row| ctx.ui.text(&table.row(row)))
    }
}

impl Visit for Standing {
    fn begin(&mut self, _: &Members) -> Result<(), Error> {
        Ok(())
    }

    fn target(&mut self, _: &RawValue, target: &Target) -> Result<(), Error> {
        if self.rows.len() == MOST_TARGETS {
            return Err(Error::Contract(format!(
                "it has more than {MOST_TARGETS} targets"
            )));
        }
        self.counts.add(&target.status);
        self.rows.push(cells(target)?);
        Ok(())
    }

    fn end(&mut self, head: &Head, members: &Members) -> Result<(), Error> {
        self.block = head.block(&self.counts);
        if let Some((_, raw)) = members.0.iter().find(|(name, _)| name == "excluded") {
            let excluded: Option<Vec<Excluded>> = serde_json::from_str(raw.get())
                .map_err(|cause| Error::Contract(format!("excluded: {cause}")))?;
            self.excluded = excluded.unwrap_or_default();
        }
        Ok(())
    }
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
