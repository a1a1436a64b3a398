//! Executions: one row per dispatch, with a count of its targets in each status.

mod pages;
#[cfg(test)]
mod tests;

pub use pages::{Filter, Order, Position, page};

use crate::db::{Error, Row, Sql, Tx};
use crate::values;
use plex_api::executions::{ActionKind, ExcludedNode, Execution};
use plex_api::limits::LIST_EXCLUDED;
use plex_domain::execution::TargetCounts;
use serde_json::value::RawValue;
use uuid::Uuid;

/// A dispatch about to be stored.
#[derive(Debug, Clone)]
pub struct NewExecution {
    /// The owning project.
    pub project_id: Uuid,
    /// The project's domain.
    pub domain_id: Uuid,
    /// The action's name.
    pub action: String,
    /// Where the action comes from.
    pub kind: ActionKind,
    /// JSON text for the node.
    pub parameters: Option<String>,
    /// JSON text for everybody else, when some values are secret.
    pub parameters_shown: Option<String>,
    /// Seconds until it times out.
    pub timeout_seconds: u32,
    /// The selector as dispatched.
    pub selector: Option<String>,
    /// The node as dispatched.
    pub node_id: Option<Uuid>,
    /// For example `user:<uuid>`.
    pub dispatched_by: String,
    /// Matched, but left out.
    pub excluded: Vec<ExcludedNode>,
}

/// Stores an execution with one pending invocation per node; all of it or nothing. Returns its id.
pub async fn insert(tx: &mut Tx, new: &NewExecution, nodes: &[Uuid]) -> Result<Uuid, Error> {
    let id = tx.new_id();
    let now = tx.now();
    let expires_at = now
        .checked_add(std::time::Duration::from_secs(new.timeout_seconds.into()))
        .map_err(|_| Error::Corrupt("a deadline beyond the calendar".to_owned()))?;
    let (listed, beyond) = new.excluded.split_at(new.excluded.len().min(LIST_EXCLUDED));
    let json = |nodes: &[ExcludedNode]| {
        (!nodes.is_empty()).then(|| serde_json::to_string(nodes).expect("ids and words are JSON"))
    };
    let pending = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    tx.execute_each(
        "insert into executions (
            id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at,
            timeout_seconds, parameters, parameters_shown, selector, node_id, dispatched_by, excluded, pending
        ) values ($1, $2, $3, $4, $5, 'pending', $6, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        [values![
            id,
            new.project_id,
            new.domain_id,
            &new.action,
            new.kind,
            now,
            expires_at,
            new.timeout_seconds,
            new.parameters.as_deref(),
            new.parameters_shown.as_deref(),
            new.selector.as_deref(),
            new.node_id,
            &new.dispatched_by,
            json(listed).as_deref(),
            pending,
        ]],
    )
    .await?;
    if let Some(beyond) = json(beyond) {
        tx.execute_each(
            "insert into excluded_beyond (execution_id, nodes) values ($1, $2)",
            [values![id, &beyond]],
        )
        .await?;
    }
    tx.execute_each(
        Sql::Each {
            sqlite: "insert into invocations (execution_id, node_id, status, updated_at)
                values ($1, $2, 'pending', $3)",
            postgres: "insert into invocations (execution_id, node_id, status, updated_at)
                select execution_id, node_id, 'pending', now
                from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as r (execution_id, node_id, now)",
        },
        nodes.iter().map(|node| values![id, *node, now]),
    )
    .await?;
    Ok(id)
}

/// What [`read`] reads, in its order; every statement has one more.
macro_rules! execution_columns {
    () => {
        "id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at,
            timeout_seconds, coalesce(parameters_shown, parameters), selector, node_id, dispatched_by, excluded,
            pending, ack, started, succeeded, failed, cancelled, timeout"
    };
}
use execution_columns;

/// One execution of a project, without its targets and with all its excluded nodes.
pub async fn find(tx: &mut Tx, project_id: Uuid, id: Uuid) -> Result<Option<Execution>, Error> {
    // `is true` hides the project from the indexes: in an empty month one that begins with it looks as good as the key.
    tx.optional(
        concat!(
            "select ",
            execution_columns!(),
            ", (select nodes from excluded_beyond where execution_id = executions.id)
            from executions
            where id = $1 and (project_id = $2) is true"
        ),
        &values![id, project_id],
        |row| {
            let mut execution = read(row)?;
            execution.excluded.extend(read_excluded(row.get(22)?)?);
            Ok(execution)
        },
    )
    .await
}

fn read(row: &Row<'_>) -> Result<Execution, Error> {
    let mut counts = [0; 7];
    for (column, count) in (15..).zip(counts.iter_mut()) {
        *count = row.get(column)?;
    }
    let parameters: Option<String> = row.get(10)?;
    Ok(Execution {
        id: row.get(0)?,
        project_id: row.get(1)?,
        domain_id: row.get(2)?,
        action: row.get(3)?,
        r#type: row.get(4)?,
        status: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
        expires_at: Some(row.get(8)?),
        timeout_seconds: Some(row.get(9)?),
        parameters: parameters
            .map(RawValue::from_string)
            .transpose()
            .map_err(|error| Error::Corrupt(error.to_string()))?,
        selector: row.get(11)?,
        node_id: row.get(12)?,
        dispatched_by: Some(row.get(13)?),
        excluded: read_excluded(row.get(14)?)?,
        excluded_truncated: false,
        target_counts: Some(
            TargetCounts::from_array(counts)
                .iter()
                .filter(|(_, count)| *count > 0)
                .collect(),
        ),
        targets_truncated: false,
        targets: Vec::new(),
    })
}

fn read_excluded(text: Option<String>) -> Result<Vec<ExcludedNode>, Error> {
    text.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text))
        .map_err(|error| Error::Corrupt(error.to_string()))
}
