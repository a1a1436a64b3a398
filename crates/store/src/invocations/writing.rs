//! What a batch of reports reads and writes of its invocations.

use super::{Advance, OutputPlace, Stored, Upload};
use crate::db::{Asked, Error, Row, Sql, Tx};
use crate::nodes::Keys;
use crate::values;
use plex_api::executions::ExecutionStatus;
use plex_domain::execution::Invocation;
use std::collections::HashMap;
use uuid::Uuid;

/// What is stored of one invocation.
pub async fn stored(tx: &mut Tx, execution_id: Uuid, node_id: Uuid) -> Result<Option<Stored>, Error> {
    let asked = ask_stored(tx, [(execution_id, node_id)]).await?;
    Ok(told_stored(tx, asked).await?.remove(&(execution_id, node_id)))
}

pub(super) async fn ask_stored(
    tx: &mut Tx,
    invocations: impl IntoIterator<Item = (Uuid, Uuid)>,
) -> Result<Asked<'static, 2>, Error> {
    let invocations = invocations.into_iter();
    tx.ask(
        STORED,
        invocations.map(|(execution_id, node_id)| values![execution_id, node_id]),
    )
    .await
}

pub(super) async fn told_stored(
    tx: &mut Tx,
    asked: Asked<'_, 2>,
) -> Result<HashMap<(Uuid, Uuid), Stored>, Error> {
    let mut found = HashMap::new();
    tx.told(asked, |row| {
        found.insert((row.get(0)?, row.get(1)?), read_stored(row)?);
        Ok(())
    })
    .await?;
    Ok(found)
}

macro_rules! stored_sql {
    ($rest:literal) => {
        concat!(
            "select
                i.execution_id, i.node_id, i.status, i.last_report, i.upload_key, i.declared_bytes, i.declared_sha256,
                n.key_hash, n.revoked_at, n.next_key_hash, n.previous_key_until
            from ",
            $rest
        )
    };
}

const STORED: Sql = Sql::Each {
    sqlite: stored_sql!(
        "invocations i cross join nodes n on n.id = i.node_id
        where i.execution_id = $1 and i.node_id = $2"
    ),
    postgres: stored_sql!(
        "unnest($1::uuid[], $2::uuid[]) as asked (execution_id, node_id)
            join invocations i on i.execution_id = asked.execution_id and i.node_id = asked.node_id
            join nodes n on n.id = asked.node_id"
    ),
};

fn read_stored(row: &Row<'_>) -> Result<Stored, Error> {
    let key: Option<String> = row.get(4)?;
    let bytes: Option<u64> = row.get(5)?;
    let sha256 = row.get(6)?;
    Ok(Stored {
        invocation: Invocation {
            status: row.get(2)?,
            last_report: row.get(3)?,
        },
        upload: key.zip(bytes).map(|(key, bytes)| Upload { key, bytes, sha256 }),
        keys: Keys::read(row, 7)?,
    })
}

pub(super) async fn declare(tx: &mut Tx, reports: &[&Advance]) -> Result<(), Error> {
    let sets = reports.iter().map(|report| {
        values![
            report.execution_id,
            report.node_id,
            report.report.declared_bytes,
            report.declared_sha256.as_deref(),
            report.upload_key.as_deref(),
            &report.report.digest,
        ]
    });
    tx.execute_each(
        Sql::Each {
            sqlite: "update invocations
                set declared_bytes = $3, declared_sha256 = $4, upload_key = $5, last_report = $6
                where execution_id = $1 and node_id = $2",
            postgres: "update invocations i
                set declared_bytes = r.bytes, declared_sha256 = r.sha256, upload_key = r.key, last_report = r.digest
                from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::bytea[])
                    as r (execution_id, node_id, bytes, sha256, key, digest)
                where i.execution_id = r.execution_id and i.node_id = r.node_id",
        },
        sets,
    )
    .await
}

pub(super) async fn store(tx: &mut Tx, reports: &[&Advance]) -> Result<(), Error> {
    let now = tx.now();
    let (ended, going_on): (Vec<&Advance>, Vec<&Advance>) = reports
        .iter()
        .copied()
        .partition(|report| report.report.status.is_terminal());
    finish(tx, &ended).await?;
    let sets = going_on.iter().map(|report| {
        let status = report.report.status;
        let started_at = (status == ExecutionStatus::Started).then_some(now);
        values![
            report.execution_id,
            report.node_id,
            status,
            now,
            started_at,
            &report.report.digest,
        ]
    });
    tx.execute_each(
        Sql::Each {
            sqlite: "update invocations
                set status = $3, updated_at = $4, started_at = coalesce($5, started_at), last_report = $6
                where execution_id = $1 and node_id = $2",
            postgres: "update invocations i
                set status = r.status, updated_at = r.now, started_at = coalesce(r.started_at, i.started_at),
                    last_report = r.digest
                from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[])
                    as r (execution_id, node_id, status, now, started_at, digest)
                where i.execution_id = r.execution_id and i.node_id = r.node_id",
        },
        sets,
    )
    .await?;
    let reached = |report: &&'_ Advance| (report.execution_id, report.node_id, report.report.status);
    let events = reports
        .iter()
        .map(|report| (reached(report), report.error.as_deref()));
    record(tx, events).await
}

async fn finish(tx: &mut Tx, reports: &[&Advance]) -> Result<(), Error> {
    let now = tx.now();
    let ids = keep_inline(tx, reports).await?;
    let sets = reports.iter().zip(ids).map(|(report, output_id)| {
        let place = report.output.as_ref().map(|output| &output.place);
        let (kind, bytes, key, sha256) = match place {
            None => (None, None, None, None),
            Some(OutputPlace::Inline(bytes)) => (Some("inline"), Some(bytes.len() as u64), None, None),
            Some(OutputPlace::Object { key, bytes, sha256 }) => (
                Some("object_store"),
                Some(*bytes),
                Some(key.as_str()),
                Some(sha256.as_str()),
            ),
        };
        values![
            report.execution_id,
            report.node_id,
            report.report.status,
            now,
            report.exit_code,
            report.error.as_deref(),
            kind,
            bytes,
            report.output.as_ref().map(|output| output.truncated),
            key,
            sha256,
            &report.report.digest,
            output_id,
        ]
    });
    tx.execute_each(
        Sql::Each {
            sqlite: "update invocations
                set status = $3, updated_at = $4, finished_at = $4, exit_code = $5, error = $6, output_kind = $7,
                    output_bytes = $8, output_truncated = $9, output_key = $10, output_sha256 = $11,
                    last_report = $12, output_id = $13, upload_key = null, live = null
                where execution_id = $1 and node_id = $2",
            // Inline outputs are found by the invocation there.
            postgres: "update invocations i
                set status = r.status, updated_at = r.now, finished_at = r.now, exit_code = r.exit_code,
                    error = r.error, output_kind = r.kind, output_bytes = r.bytes, output_truncated = r.truncated,
                    output_key = r.key, output_sha256 = r.sha256, last_report = r.digest, upload_key = null,
                    live = null
                from unnest(
                    $1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[],
                    $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::bytea[], $13::bigint[]
                ) as r (
                    execution_id, node_id, status, now, exit_code, error, kind, bytes, truncated, key, sha256, digest,
                    output_id
                )
                where i.execution_id = r.execution_id and i.node_id = r.node_id",
        },
        sets,
    )
    .await
}

/// Keeps the outputs that came inline; returns the number of each.
async fn keep_inline(tx: &mut Tx, reports: &[&Advance]) -> Result<Vec<Option<i64>>, Error> {
    let inline = |report: &&Advance| match report.output.as_ref().map(|output| &output.place) {
        Some(OutputPlace::Inline(_)) => true,
        Some(OutputPlace::Object { .. }) | None => false,
    };
    if !reports.iter().any(inline) {
        return Ok(vec![None; reports.len()]);
    }
    let mut next = next_output(tx).await?;
    let ids: Vec<Option<i64>> = reports
        .iter()
        .map(|report| {
            inline(report).then(|| {
                next += 1;
                next - 1
            })
        })
        .collect();
    let sets = reports.iter().zip(&ids).filter_map(|(report, id)| {
        let OutputPlace::Inline(bytes) = &report.output.as_ref()?.place else {
            return None;
        };
        Some(values![*id, bytes, report.execution_id, report.node_id])
    });
    tx.execute_each(
        Sql::Each {
            sqlite: "insert into outputs (id, bytes) values ($1, $2)",
            postgres: "insert into outputs (execution_id, node_id, bytes)
                select execution_id, node_id, bytes
                from unnest($1::bigint[], $2::bytea[], $3::uuid[], $4::uuid[]) as r (id, bytes, execution_id, node_id)",
        },
        sets,
    )
    .await?;
    Ok(ids)
}

/// The number of the next output, where outputs have one.
async fn next_output(tx: &mut Tx) -> Result<i64, Error> {
    if tx.is_shared() {
        return Ok(0);
    }
    let newest = tx
        .optional("select coalesce(max(id), 0) from outputs", &[], |row| {
            row.get::<i64>(0)
        })
        .await?;
    Ok(newest.unwrap_or(0) + 1)
}

/// Appends to the history: which invocation reached which status, and a detail.
pub(super) async fn record<'e>(
    tx: &mut Tx,
    events: impl IntoIterator<Item = ((Uuid, Uuid, ExecutionStatus), Option<&'e str>)>,
) -> Result<(), Error> {
    let now = tx.now();
    let sets = events
        .into_iter()
        .map(|((execution_id, node_id, status), detail)| values![execution_id, node_id, status, now, detail]);
    tx.execute_each(
        Sql::Each {
            sqlite: "insert into execution_events (execution_id, node_id, status, occurred_at, detail)
                values ($1, $2, $3, $4, $5)",
            postgres: "insert into execution_events (execution_id, node_id, status, occurred_at, detail)
                select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[])",
        },
        sets,
    )
    .await
}
