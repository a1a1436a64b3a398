//! Pages of the log: executions, each with as many excluded nodes and targets as a list item carries.

use super::{execution_columns, read};
use crate::db::{Error, Sql, Tx, Value};
use crate::invocations::{attach_targets, read_target, target_columns, targets};
use crate::nodes;
use crate::values;
use jiff::{SignedDuration, Timestamp};
use plex_api::executions::{Execution, ExecutionStatus};
use plex_api::limits::LIST_TARGETS;
use plex_domain::env::{first_id, last_id};
use uuid::Uuid;

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

/// A page of a project's executions after a position.
///
/// On PostgreSQL a page that goes far back is two statements, of which each shows what is committed when it begins.
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
    if !tx.is_shared() {
        attach(tx, &mut page).await?;
    }
    for execution in &mut page {
        execution.targets_truncated = is_wide(execution);
        // Both databases find them in the order of their index; only one of them promises it.
        execution.targets.sort_unstable_by_key(|target| target.node_id);
    }
    Ok(page)
}

macro_rules! page_sql {
    ($targets:expr, $table:expr, $filter:literal, $months:literal, $direction:literal) => {
        concat!(
            "select ",
            execution_columns!(),
            ",
                excluded is not null
                    and (select count(*) from excluded_beyond where execution_id = executions.id) > 0",
            $targets,
            " from ",
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

/// The statement for a combination of filters, each of which has an index of its own.
///
/// SQLite is told its name, because with both ends given the one by time alone looks as good. PostgreSQL is told the
/// ids as well, from which it knows the months; in a plain pair of bounds it would see so few rows that it rather
/// sorted them. It gives the targets in the same statement, as rows in a column: to ask twice costs more than to find
/// them, and so does to send each by itself. They are at most [`LIST_TARGETS`] of each.
macro_rules! statement {
    ($index:literal, $filter:literal, $direction:literal) => {
        Sql::Each {
            sqlite: page_sql!(
                "",
                concat!("executions indexed by ", $index),
                $filter,
                "",
                $direction
            ),
            postgres: page_sql!(
                concat!(
                    ",
                    array(
                        select row(",
                    target_columns!(),
                    ")
                        from invocations i
                        where i.execution_id = executions.id and i.execution_id between $7 and $8
                        order by i.node_id
                        limit 100
                    )"
                ),
                "executions",
                $filter,
                " and id >= $7 and id <= any(array[$8::uuid])",
                $direction
            ),
        }
    };
}

/// The column of the targets, on PostgreSQL.
const TARGETS: usize = 23;
const _: () = assert!(LIST_TARGETS == 100, "as in the statement above");

/// The first of the executions in a range, on PostgreSQL with their targets.
async fn between(
    tx: &mut Tx,
    project_id: Uuid,
    filter: &Filter,
    (order, Range { first, last }): (Order, Range),
    limit: u32,
) -> Result<Vec<Execution>, Error> {
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
    let mut page = tx
        .all(statement(filter, order), &values, |row| {
            let execution = read(row)?;
            Ok(Execution {
                excluded_truncated: row.get(22)?,
                targets: row.rows(TARGETS, |target| read_target(target, 0, execution.created_at))?,
                ..execution
            })
        })
        .await?;
    nodes::name(tx, page.iter_mut().flat_map(|execution| &mut execution.targets)).await?;
    Ok(page)
}

fn statement(filter: &Filter, order: Order) -> Sql {
    match (filter.status.is_some(), filter.action.is_some(), order) {
        (false, false, Order::Descending) => statement!("executions_by_time", "", "desc"),
        (false, false, Order::Ascending) => statement!("executions_by_time", "", "asc"),
        (true, false, Order::Descending) => statement!("executions_by_status", " and status = $9", "desc"),
        (true, false, Order::Ascending) => statement!("executions_by_status", " and status = $9", "asc"),
        (false, true, Order::Descending) => statement!("executions_by_action", " and action = $9", "desc"),
        (false, true, Order::Ascending) => statement!("executions_by_action", " and action = $9", "asc"),
        (true, true, Order::Descending) => statement!(
            "executions_by_action_status",
            " and action = $9 and status = $10",
            "desc"
        ),
        (true, true, Order::Ascending) => statement!(
            "executions_by_action_status",
            " and action = $9 and status = $10",
            "asc"
        ),
    }
}

/// Gives executions their targets: those of all but very wide ones in one statement.
async fn attach(tx: &mut Tx, page: &mut [Execution]) -> Result<(), Error> {
    let mut narrow: Vec<&mut Execution> = page.iter_mut().filter(|item| !is_wide(item)).collect();
    attach_targets(tx, &mut narrow).await?;
    for item in page.iter_mut().filter(|item| is_wide(item)) {
        item.targets = targets(tx, item.id, LIST_TARGETS as u32).await?;
    }
    Ok(())
}

/// Whether it has more targets than a list item carries.
fn is_wide(execution: &Execution) -> bool {
    let targets: u32 = execution
        .target_counts
        .iter()
        .flat_map(|counts| counts.values())
        .sum();
    targets as usize > LIST_TARGETS
}

#[cfg(test)]
mod tests;
