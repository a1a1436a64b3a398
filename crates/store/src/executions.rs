//! Executions: one row per dispatch, with a count of its targets in each status.

use crate::db::{Error, Row, Sql, Tx, Value};
use crate::values;
use jiff::{SignedDuration, Timestamp};
use plex_api::executions::{ActionKind, ExcludedNode, Execution, ExecutionStatus};
use plex_api::limits::LIST_EXCLUDED;
use plex_domain::env::{first_id, last_id};
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

/// Where in the list a page starts or ends: `created_at` in microseconds, then the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// `created_at` of the execution before.
    pub created_at: Timestamp,
    /// Its id.
    pub id: Uuid,
}

/// Which executions a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only with this aggregate status.
    pub status: Option<ExecutionStatus>,
    /// Only of this action.
    pub action: Option<String>,
    /// Only dispatched at this time or later.
    pub created_from: Option<Timestamp>,
    /// Only dispatched before this time.
    pub created_before: Option<Timestamp>,
}

/// What a list looks at first, on PostgreSQL: so much time from where it begins. History lies in months there, and few
/// pages need more of them.
const NEAR: SignedDuration = SignedDuration::from_hours(32 * 24);

/// What lies between two positions, which are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: Position,
    last: Position,
}

/// The position before all of a time: no id is nil.
fn before(created_at: Timestamp) -> Position {
    Position {
        created_at,
        id: Uuid::nil(),
    }
}

impl Filter {
    /// What of the list is left after a position.
    fn range(&self, order: Order, after: Option<Position>) -> Range {
        let first = before(self.created_from.unwrap_or(Timestamp::UNIX_EPOCH));
        let last = before(self.created_before.unwrap_or(Timestamp::MAX));
        let (first, last) = match (order, after) {
            (_, None) => (first, last),
            (Order::Descending, Some(after)) => (first, last.min(after)),
            (Order::Ascending, Some(after)) => (first.max(after), last),
        };
        Range { first, last }
    }
}

impl Range {
    /// What is near the beginning, and what is not; the youngest is of `now`.
    fn near_and_far(self, order: Order, now: Timestamp) -> Vec<Self> {
        let Self { first, last } = self;
        let end_of_near = match order {
            Order::Descending => last.created_at.min(now).checked_sub(NEAR).ok(),
            // Nobody knows when the first of all was.
            Order::Ascending if first == before(Timestamp::UNIX_EPOCH) => None,
            Order::Ascending => first.created_at.checked_add(NEAR).ok(),
        };
        let is_inside = |between: &Position| first < *between && *between < last;
        let Some(between) = end_of_near.map(before).filter(is_inside) else {
            return vec![self];
        };
        let older = Self { first, last: between };
        let younger = Self { first: between, last };
        match order {
            Order::Descending => vec![younger, older],
            Order::Ascending => vec![older, younger],
        }
    }
}

/// Which way a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    Descending,
    /// Oldest first.
    Ascending,
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

/// One execution of a project, without its targets and with all its excluded nodes.
pub async fn find(tx: &mut Tx, project_id: Uuid, id: Uuid) -> Result<Option<Execution>, Error> {
    // `is true` hides the project from the indexes: in an empty month one that begins with it looks as good as the key.
    tx.optional(
        "select
            id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at,
            timeout_seconds, coalesce(parameters_shown, parameters), selector, node_id, dispatched_by, excluded,
            pending, ack, started, succeeded, failed, cancelled, timeout,
            (select nodes from excluded_beyond where execution_id = executions.id)
        from executions
        where id = $1 and (project_id = $2) is true",
        &values![id, project_id],
        |row| {
            let mut execution = read(row)?;
            execution.excluded.extend(read_excluded(row.get(22)?)?);
            Ok(execution)
        },
    )
    .await
}

macro_rules! page_sql {
    ($table:expr, $filter:literal, $months:literal, $direction:literal) => {
        concat!(
            "select
                id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at,
                timeout_seconds, coalesce(parameters_shown, parameters), selector, node_id, dispatched_by,
                excluded, pending, ack, started, succeeded, failed, cancelled, timeout,
                excluded is not null
                    and (select count(*) from excluded_beyond where execution_id = executions.id) > 0
            from ",
            $table,
            " where project_id = $1",
            $filter,
            " and (created_at, id) > ($2, $3) and (created_at, id) < ($4, $5)",
            $months,
            " order by created_at ",
            $direction,
            ", id ",
            $direction,
            " limit $6"
        )
    };
}

/// The statement for a combination of filters, each of which has an index of its own. SQLite is told its name, because
/// with both ends given the one by time alone looks as good. PostgreSQL is told the ids as well, from which it knows
/// the months; in a plain pair of bounds it would see so few rows that it rather sorted them.
macro_rules! page {
    ($index:literal, $filter:literal, $direction:literal) => {
        Sql::Each {
            sqlite: page_sql!(concat!("executions indexed by ", $index), $filter, "", $direction),
            postgres: page_sql!(
                "executions",
                $filter,
                " and id >= $7 and id <= any(array[$8::uuid])",
                $direction
            ),
        }
    };
}

/// A page of a project's executions after a position, without their targets and with as many excluded nodes as a
/// list item carries.
pub async fn page(
    tx: &mut Tx,
    project_id: Uuid,
    filter: &Filter,
    (order, after): (Order, Option<Position>),
    limit: u32,
) -> Result<Vec<Execution>, Error> {
    let range = filter.range(order, after);
    let parts = if tx.is_shared() {
        range.near_and_far(order, tx.now())
    } else {
        vec![range]
    };
    let mut page = Vec::new();
    for part in parts {
        let left = limit.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
        if left > 0 {
            page.extend(between(tx, project_id, filter, (order, part), left).await?);
        }
    }
    Ok(page)
}

/// The first of the executions in a range.
async fn between(
    tx: &mut Tx,
    project_id: Uuid,
    filter: &Filter,
    (order, Range { first, last }): (Order, Range),
    limit: u32,
) -> Result<Vec<Execution>, Error> {
    let sql = match (filter.status.is_some(), filter.action.is_some(), order) {
        (false, false, Order::Descending) => page!("executions_by_time", "", "desc"),
        (false, false, Order::Ascending) => page!("executions_by_time", "", "asc"),
        (true, false, Order::Descending) => page!("executions_by_status", " and status = $9", "desc"),
        (true, false, Order::Ascending) => page!("executions_by_status", " and status = $9", "asc"),
        (false, true, Order::Descending) => page!("executions_by_action", " and action = $9", "desc"),
        (false, true, Order::Ascending) => page!("executions_by_action", " and action = $9", "asc"),
        (true, true, Order::Descending) => page!(
            "executions_by_action_status",
            " and action = $9 and status = $10",
            "desc"
        ),
        (true, true, Order::Ascending) => page!(
            "executions_by_action_status",
            " and action = $9 and status = $10",
            "asc"
        ),
    };
    let mut values = values![
        project_id,
        first.created_at,
        first.id,
        last.created_at,
        last.id,
        limit,
        first_id(first.created_at),
        last_id(last.created_at),
    ]
    .to_vec();
    values.extend(filter.action.as_deref().map(Value::from));
    values.extend(filter.status.map(Value::from));
    tx.all(sql, &values, |row| {
        Ok(Execution {
            excluded_truncated: row.get(22)?,
            ..read(row)?
        })
    })
    .await
}

/// The order of the columns in both statements above; each has one more.
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

#[cfg(test)]
mod tests;
