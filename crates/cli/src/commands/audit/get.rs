//! `plexctl audit get`

use super::{ChainArgs, place};
use crate::context::Context;
use crate::document::Document;
use crate::error::Error;
use crate::table::block;
use crate::ui::Format;
use plex_api::audit::AuditEntryProof;
use plex_api::paths;
use plex_client::operator::Call;
use plex_domain::audit::{Walk, parse_hash, shows, stored};

/// Which entry to show.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    chain: ChainArgs,
    /// Its place in the chain, from 1
    #[arg(value_name = "SEQ", value_parser = place)]
    seq: u64,
}

/// Prints one entry. Its hash is computed anew here; an entry that its bytes do not prove is exit 1.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::audit_entry(args.chain.domain, args.seq));
    let document = Document::<AuditEntryProof>::read(ctx.client()?.fetch(&call)?)?;
    match ctx.ui.format() {
        Format::Text => ctx.ui.text(&block(&lines(&document.view)))?,
        Format::Json | Format::Yaml => ctx.ui.document(&document.raw)?,
    }
    check(args, &document.view)
}

fn check(args: &Args, proof: &AuditEntryProof) -> Result<(), Error> {
    let before = parse_hash(&proof.proof.prev_hash);
    let mut walk = Walk::starting(args.chain.domain, args.seq, before);
    let verdict = walk.step(&stored(proof), |told| shows(proof, told));
    verdict.map_err(|divergence| Error::Unmet {
        detail: format!("entry {} {}", args.seq, divergence.finding.as_text()),
        hint: Some("plexctl audit verify walks the whole chain".to_owned()),
    })
}

fn lines(proof: &AuditEntryProof) -> Vec<(&'static str, String)> {
    let entry = &proof.entry;
    let identity = match (&entry.subject.identity_kind, entry.subject.identity_id_ref) {
        (Some(kind), Some(id)) => format!("{kind}:{id}"),
        (Some(kind), None) => kind.clone(),
        (None, id) => id.map(|id| id.to_string()).unwrap_or_default(),
    };
    let caveats: Vec<_> = entry.decision.caveat_context.keys().cloned().collect();
    vec![
        ("seq", entry.seq.to_string()),
        ("domain_id", entry.domain_id.to_string()),
        ("occurred_at", entry.occurred_at.to_string()),
        ("reason", entry.reason.as_str().to_owned()),
        ("subject", entry.subject.pseudonym.clone()),
        ("identity", identity),
        ("relation", entry.relation.clone()),
        ("object", format!("{}:{}", entry.object.r#type, entry.object.id)),
        ("caveats", caveats.join(",")),
        ("correlation_id", entry.correlation_id.clone()),
        ("ip", entry.request_context.ip.clone().unwrap_or_default()),
        (
            "user_agent",
            entry.request_context.user_agent.clone().unwrap_or_default(),
        ),
        (
            "count",
            entry.count.map(|count| count.to_string()).unwrap_or_default(),
        ),
        ("details", entry.details.clone().unwrap_or_default()),
        ("prev_hash", entry.prev_hash.clone()),
        ("entry_hash", entry.entry_hash.clone()),
        (
            "canonical_bytes",
            String::from_utf8_lossy(&proof.proof.canonical_bytes.0).into_owned(),
        ),
    ]
}
