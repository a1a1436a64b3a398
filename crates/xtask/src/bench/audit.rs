//! The audit chain of the domain that the run has worked in: a page of it, and whether it is what it was.

use super::chart::thousands;
use super::control_plane::{ControlPlane, Installation};
use super::latencies::{Latencies, milliseconds, shown};
use super::recipe::by_turns;
use super::report::{Row, Section};

use anyhow::ensure;
use plex_api::audit::{AuditChainVerifyRequest, AuditChainVerifyResult, AuditEntryList};
use plex_api::limits::DEFAULT_PAGE;
use plex_api::paths;
use serde_json::Value;

/// Walks along the whole chain.
const WALKS: usize = 5;

/// Measures, and makes the report's section.
///
/// # Errors
/// When a page is short or the chain is not what it was.
pub(super) fn section(
    control_plane: &ControlPlane,
    installation: &Installation,
    rounds: usize,
) -> anyhow::Result<Section> {
    let domain = Some(installation.domain_id);
    let (entries, verify) = (paths::audit_entries(domain), paths::audit_verify(domain));
    let (mut reader, mut idler) = (control_plane.operator()?, control_plane.operator()?);
    let [nothing, page] = by_turns(
        [&mut || idler.get::<Value>(paths::VERSION).map(drop), &mut || {
            let page: AuditEntryList = reader.get(&entries)?;
            ensure!(page.items.len() == DEFAULT_PAGE as usize, "a page is short");
            Ok(())
        }],
        rounds,
    )?;
    let mut length = 0;
    let [walk] = by_turns(
        [&mut || {
            let whole = AuditChainVerifyRequest::default();
            let result: AuditChainVerifyResult = reader.post(&verify, &whole)?;
            ensure!(result.ok, "the chain is not what it was: {result:?}");
            length = result.segment_to;
            Ok(())
        }],
        WALKS,
    )?;
    let name = installation.engine().name();
    Ok(Section {
        title: format!("Audit on {name}"),
        method: format!(
            "The chain of the domain that all of the above happened in: {} entries; reports that commit together share\n\
             one for each execution. The first page of {DEFAULT_PAGE}, {rounds} times by turns with `GET /v1/version`, and\n\
             `POST …/audit/verify` of the whole chain, {WALKS} times; each is a whole request on a kept-alive TLS connection,\n\
             the pages with the parsing of their JSON.",
            thousands(length as f64)
        ),
        rows: rows([&nothing, &page, &walk], length),
        ..Section::default()
    })
}

fn rows([nothing, page, walk]: [&Latencies; 3], length: u64) -> Vec<Row> {
    let walked = walk.median();
    let rate = length as f64 / walked.as_secs_f64();
    vec![
        Row {
            beside: format!("{} for GET /v1/version", shown(nothing.median())),
            ..Row::plain(
                "first page of the audit chain",
                format!("p50 {}, p99 {}", shown(page.median()), shown(page.percentile(99))),
            )
        },
        Row::plain(
            format!("verification of {} entries", thousands(length as f64)),
            format!(
                "p50 {:.0} ms, {} entries/s",
                milliseconds(walked),
                thousands(rate)
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_told_by_its_time_and_by_its_rate() {
        let rows = rows(
            [&Latencies::of(1), &Latencies::of(2), &Latencies::of(500)],
            100_000,
        );
        assert_eq!(rows[0].beside, "1.00 ms for GET /v1/version");
        assert_eq!(rows[1].what, "verification of 100,000 entries");
        assert_eq!(rows[1].figure, "p50 500 ms, 200,000 entries/s");
    }
}
