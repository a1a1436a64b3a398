//! `plexctl exec-log export`

mod ndjson;
mod parquet;

use super::RangeArgs;
use crate::context::Context;
use crate::document::Members;
use crate::error::Error;
use crate::execution_stream::{self, Visit};
use crate::listing;
use crate::parsing;
use crate::ui::{Controls, Format, Ui};
use crate::view::{Head, Target};
use crate::whole_file;
use jiff::Timestamp;
use ndjson::Lines;
use parquet::Rows;
use plex_api::{limits, paths};
use plex_client::operator::Call;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::PathBuf;
use uuid::Uuid;

/// Which executions to write, how, and where to.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Owning project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    #[command(flatten)]
    range: RangeArgs,
    /// An execution on each line, or a row for each target
    #[arg(long, value_name = "FORMAT", value_parser = parsing::words(["ndjson", "parquet"]), default_value = "ndjson")]
    format: String,
    /// Write to this file instead of stdout; it is there only once it is whole
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
}

/// What an export is written by. It keeps its bytes until they are taken.
trait Writer: Visit {
    /// The bytes that are ready.
    fn take(&mut self) -> Vec<u8>;

    /// There are no more executions.
    fn finish(&mut self) -> Result<(), Error>;
}

/// Writes the executions of a time range as they come, page by page: newest first, without outputs.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    if ctx.ui.format() == Format::Yaml {
        return Err(Error::usage("an export is no YAML").hint("leave --output yaml away"));
    }
    let mut writer: Box<dyn Writer> = match args.format.as_str() {
        "parquet" if args.file.is_none() && ctx.ui.stdout_is_terminal() => {
            return Err(
                Error::usage("Parquet is nothing for a terminal").hint("--file says where to write it")
            );
        }
        "parquet" => Box::new(Rows::new()?),
        _ => Box::new(Lines::default()),
    };
    let Some(file) = &args.file else {
        return export(args, ctx, writer.as_mut(), &mut |ui, bytes| {
            ui.output(bytes, Controls::Passed)
        });
    };
    whole_file::may_replace(file, ctx)?;
    whole_file::write(file, |put| {
        export(args, ctx, writer.as_mut(), &mut |_, bytes| put(bytes))
    })
}

/// An item of the list, as far as it must be known.
#[derive(Deserialize)]
struct Item {
    id: Uuid,
    created_at: Timestamp,
    #[serde(default)]
    targets_truncated: bool,
}

fn export(args: &Args, ctx: &mut Context, writer: &mut dyn Writer, put: &mut Put<'_>) -> Result<(), Error> {
    let client = ctx.client()?;
    let call = args
        .range
        .bound(Call::get(paths::executions(args.project)))?
        .query("limit", Some(limits::MAX_PAGE));
    listing::walk::<Box<RawValue>>(&client, &call, |page| {
        for raw in &page.view.items {
            let item: Item =
                serde_json::from_str(raw.get()).map_err(|cause| Error::Contract(cause.to_string()))?;
            if !args.range.holds(item.created_at) {
                return Err(Error::Contract(
                    "an execution of another time than was asked for".to_owned(),
                ));
            }
            let mut through = Through {
                writer,
                put,
                ui: &mut ctx.ui,
            };
            if item.targets_truncated {
                let whole = client.open(&Call::get(paths::execution(args.project, item.id)));
                match whole {
                    Ok(whole) => execution_stream::read(whole, &mut through)?,
                    // Removed since the page was read.
                    Err(plex_client::Error::Api(error)) if error.status == 404 => {}
                    Err(error) => return Err(error.into()),
                }
            } else {
                execution_stream::read(raw.get().as_bytes(), &mut through)?;
            }
        }
        Ok(true)
    })?;
    writer.finish()?;
    put(&mut ctx.ui, &writer.take())
}

/// What bytes are handed to.
type Put<'p> = dyn FnMut(&mut Ui, &[u8]) -> Result<(), Error> + 'p;

/// Hands on what a writer has after each part of an execution, so that it need not keep a wide one.
struct Through<'t, 'p> {
    writer: &'t mut dyn Writer,
    put: &'t mut Put<'p>,
    ui: &'t mut Ui,
}

impl Through<'_, '_> {
    fn hand_on(&mut self) -> Result<(), Error> {
        (self.put)(self.ui, &self.writer.take())
    }
}

impl Visit for Through<'_, '_> {
    fn begin(&mut self, members: &Members) -> Result<(), Error> {
        self.writer.begin(members)
    }

    fn target(&mut self, raw: &RawValue, target: &Target) -> Result<(), Error> {
        self.writer.target(raw, target)?;
        self.hand_on()
    }

    fn end(&mut self, head: &Head, members: &Members) -> Result<(), Error> {
        self.writer.end(head, members)?;
        self.hand_on()
    }
}

#[cfg(test)]
mod tests;
