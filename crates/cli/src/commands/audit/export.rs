//! `plexctl audit export`

use super::{ChainArgs, LINE_BYTES, place};
use crate::context::Context;
use crate::error::Error;
use crate::ui::Format;
use crate::whole_file;
use plex_api::audit::AuditEntryProof;
use plex_api::paths;
use plex_client::operator::{Answer, Call};
use serde_json::value::RawValue;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

/// Which entries to export, and where to.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    chain: ChainArgs,
    /// Begin with this entry
    #[arg(long, value_name = "SEQ", value_parser = place)]
    from_seq: Option<u64>,
    /// End with this entry
    #[arg(long, value_name = "SEQ", value_parser = place)]
    to_seq: Option<u64>,
    /// Write to this file instead of stdout; it is there only once it is whole
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
}

/// Writes one line of JSON for each entry, as it comes.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    if ctx.ui.format() == Format::Yaml {
        return Err(Error::usage("an export is lines of JSON").hint("leave --output yaml away"));
    }
    if let Some(file) = &args.file {
        whole_file::may_replace(file, ctx)?;
    }
    let call = Call::get(paths::audit_export(args.chain.domain))
        .query("from_seq", args.from_seq)
        .query("to_seq", args.to_seq);
    let answer = ctx.client()?.open(&call)?;
    let Some(file) = &args.file else {
        return each_line(answer, |line| ctx.ui.document(line));
    };
    whole_file::write(file, |put| {
        each_line(answer, |line| {
            put(line.get().as_bytes())?;
            put(b"\n")
        })
    })
}

/// Hands over line after line, each of which is an entry.
fn each_line(answer: Answer, mut line: impl FnMut(&RawValue) -> Result<(), Error>) -> Result<(), Error> {
    let mut answer = BufReader::with_capacity(256 * 1024, answer);
    for count in 0_u64.. {
        let mut text = Vec::new();
        let read = answer.by_ref().take(LINE_BYTES + 1).read_until(b'\n', &mut text);
        let cut = |cause| {
            plex_client::Error::Transport(format!("the export was cut off after {count} entries: {cause}"))
        };
        if read.map_err(cut)? == 0 {
            break;
        }
        let wrong = |cause: &dyn std::fmt::Display| {
            Error::Contract(format!("line {} of the export: {cause}", count + 1))
        };
        if text.pop() != Some(b'\n') {
            return Err(wrong(&"it has no end"));
        }
        let text = String::from_utf8(text).map_err(|cause| wrong(&cause))?;
        serde_json::from_str::<AuditEntryProof>(&text).map_err(|cause| wrong(&cause))?;
        line(&RawValue::from_string(text).map_err(|cause| wrong(&cause))?)?;
    }
    Ok(())
}
