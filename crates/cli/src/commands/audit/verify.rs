//! `plexctl audit verify`
//!
//! A long chain is verified in parts, so that no single answer is waited for long. Each part begins with the last
//! entry of the one before, which ties them together.

use super::{hash, offline, place};
use crate::context::Context;
use crate::document::Document;
use crate::error::Error;
use crate::parsing;
use crate::table::block;
use plex_api::audit::{AuditChainVerifyRequest, AuditChainVerifyResult};
use plex_api::paths;
use plex_client::operator::{Call, Client};
use std::path::PathBuf;
use uuid::Uuid;

/// Entries in one request: a few seconds' work for the server.
const PART: u64 = 200_000;

/// What to verify.
#[derive(clap::Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(false))]
pub(crate) struct Args {
    /// The domain whose chain it is
    #[arg(long, value_name = "UUID", value_parser = parsing::id, group = "what")]
    domain: Option<Uuid>,
    /// The platform's chain
    #[arg(long, group = "what")]
    platform: bool,
    /// An exported file, or - for stdin; needs neither server nor credential
    #[arg(long, value_name = "FILE", group = "what")]
    offline: Option<PathBuf>,
    /// Begin with this entry; a file must begin with it
    #[arg(long, value_name = "SEQ", value_parser = place)]
    from_seq: Option<u64>,
    /// End with this entry; a file must end with it
    #[arg(long, value_name = "SEQ", value_parser = place)]
    to_seq: Option<u64>,
    /// The hash that the last entry must have, as a verification of before told it
    #[arg(long, value_name = "HEX", value_parser = hash)]
    last_hash: Option<String>,
}

/// Verifies, and says where a chain first diverges, with exit 1.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    if let (Some(from), Some(to)) = (args.from_seq, args.to_seq)
        && to < from
    {
        return Err(Error::usage("--to-seq is before --from-seq"));
    }
    if let Some(file) = &args.offline {
        let wanted = offline::Wanted {
            from: args.from_seq,
            to: args.to_seq,
            last_hash: args.last_hash.clone(),
        };
        return offline::run(file, &wanted, ctx);
    }
    let verdict = verify(args, &ctx.client()?)?;
    print(ctx, &verdict)?;
    match (verdict.divergent_seq, &args.last_hash) {
        (None, Some(wanted)) if verdict.segment_hash.as_ref() != Some(wanted) => Err(Error::Unmet {
            detail: format!("entry {} has another hash than --last-hash", verdict.segment_to),
            hint: Some("--to-seq says which entry the hash is of".to_owned()),
        }),
        (None, _) if verdict.ok => Ok(()),
        (seq, _) => Err(diverged(seq, &verdict)),
    }
}

fn verify(args: &Args, client: &Client) -> Result<AuditChainVerifyResult, Error> {
    let first = args.from_seq.unwrap_or(1);
    let mut from = first;
    loop {
        let to = args.to_seq.unwrap_or(u64::MAX).min(from.saturating_add(PART));
        let asked = AuditChainVerifyRequest {
            from_seq: Some(from),
            to_seq: Some(to),
        };
        let body = client.fetch(&Call::post(paths::audit_verify(args.domain), &asked))?;
        let mut part = Document::<AuditChainVerifyResult>::read(body)?.view;
        let is_end = part.segment_to < to || Some(to) == args.to_seq;
        if !part.ok || is_end {
            part.segment_from = first;
            return Ok(part);
        }
        if part.segment_to <= from {
            return Err(Error::Contract("the verification does not go on".to_owned()));
        }
        from = part.segment_to;
    }
}

fn print(ctx: &mut Context, verdict: &AuditChainVerifyResult) -> Result<(), Error> {
    let document = serde_json::to_value(verdict).map_err(|cause| Error::Contract(cause.to_string()))?;
    let mut lines = vec![
        ("ok", verdict.ok.to_string()),
        (
            "entries",
            format!("{} to {}", verdict.segment_from, verdict.segment_to),
        ),
    ];
    let divergent = verdict.divergent_seq.map(|seq| seq.to_string());
    let texts = [
        ("last_hash", &verdict.segment_hash),
        ("divergent_seq", &divergent),
        ("expected_hash", &verdict.expected_hash),
        ("observed_hash", &verdict.observed_hash),
    ];
    let given = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.clone()?)));
    lines.extend(given);
    ctx.report(&document, |ui| ui.text(&block(&lines)))
}

fn diverged(seq: Option<u64>, verdict: &AuditChainVerifyResult) -> Error {
    let finding = verdict
        .finding
        .map_or("is not what it was", |finding| finding.as_text());
    let seq = seq.map_or_else(|| "an entry".to_owned(), |seq| format!("entry {seq}"));
    Error::Unmet {
        detail: format!("the chain diverges: {seq} {finding}"),
        hint: Some(
            "somebody wrote the database past the control plane; keep it, and compare with exports"
                .to_owned(),
        ),
    }
}
