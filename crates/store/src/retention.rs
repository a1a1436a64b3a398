//! How long a project's history is kept, and the removal of what is older.
//!
//! An execution goes in two steps, because it may have ten thousand targets. [`forget`] takes its row away: with it the
//! execution is gone for every reader, at once and whole. Its id goes to `removals` in the same transaction, and what
//! is left is removed part by part, each part after the objects that it refers to. So, wherever this is interrupted,
//! a row still tells of every object.

use crate::db::{Error, Sql, Tx};
use crate::executions::Position;
use crate::{idempotency, values};
use jiff::{SignedDuration, Timestamp};
use plex_api::projects::ProjectRetention;
use uuid::Uuid;

/// A project whose history has a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounded {
    /// The project.
    pub project_id: Uuid,
    /// Its domain.
    pub domain_id: Uuid,
    /// How long its history is kept.
    pub retention: ProjectRetention,
}

/// What [`forget`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// How many executions went.
    pub count: u32,
    /// When the last of them to end had ended.
    pub ended_at: Timestamp,
}

/// An invocation whose execution is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    execution_id: Uuid,
    node_id: Uuid,
    output_id: Option<i64>,
    /// The object that holds its output.
    pub object: Option<String>,
}

/// A step of the history, as far as it must be known to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Where it lies; later steps lie higher.
    pub place: i64,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Whether its execution is gone.
    pub is_left: bool,
}

/// How long a project's history is kept.
pub async fn find(tx: &mut Tx, project_id: Uuid) -> Result<ProjectRetention, Error> {
    let found = tx
        .optional(
            "select max_age_days, max_count from retention where project_id = $1",
            &values![project_id],
            |row| {
                Ok(ProjectRetention {
                    max_age_days: row.get(0)?,
                    max_count: row.get(1)?,
                })
            },
        )
        .await?;
    Ok(found.unwrap_or_default())
}

/// Says how long a project's history is kept.
pub async fn set(tx: &mut Tx, project_id: Uuid, retention: &ProjectRetention) -> Result<(), Error> {
    tx.execute(
        "insert into retention (project_id, max_age_days, max_count) values ($1, $2, $3)
        on conflict (project_id) do update
        set max_age_days = excluded.max_age_days, max_count = excluded.max_count",
        &values![project_id, retention.max_age_days, retention.max_count],
    )
    .await?;
    Ok(())
}

/// The projects whose history has a bound.
pub async fn bounded(tx: &mut Tx) -> Result<Vec<Bounded>, Error> {
    tx.all(
        "select r.project_id, p.domain_id, r.max_age_days, r.max_count
        from retention r join projects p on p.id = r.project_id
        where r.max_age_days is not null or r.max_count is not null
        order by r.project_id",
        &[],
        |row| {
            Ok(Bounded {
                project_id: row.get(0)?,
                domain_id: row.get(1)?,
                retention: ProjectRetention {
                    max_age_days: row.get(2)?,
                    max_count: row.get(3)?,
                },
            })
        },
    )
    .await
}

/// The position before which a project's executions are beyond its bounds.
///
/// It is never within the last day: an idempotency key must not name an execution that is gone.
pub async fn bound(tx: &mut Tx, project_id: Uuid, retention: &ProjectRetention) -> Result<Position, Error> {
    let ago = |time: SignedDuration| Position {
        created_at: tx.now().checked_sub(time).unwrap_or(Timestamp::UNIX_EPOCH),
        id: Uuid::nil(),
    };
    let youngest = ago(SignedDuration::try_from(idempotency::KEPT).unwrap_or(SignedDuration::MAX));
    let by_age = retention
        .max_age_days
        .map(|days| ago(SignedDuration::from_hours(24 * i64::from(days))));
    let by_count = match retention.max_count {
        None | Some(0) => None,
        Some(count) => {
            tx.optional(
                "select created_at, id
                from executions
                where project_id = $1
                order by created_at desc, id desc
                limit 1 offset $2",
                &values![project_id, count - 1],
                |row| {
                    Ok(Position {
                        created_at: row.get(0)?,
                        id: row.get(1)?,
                    })
                },
            )
            .await?
        }
    };
    let place = |position: &Position| (position.created_at, position.id);
    let nowhere = Position {
        created_at: Timestamp::UNIX_EPOCH,
        id: Uuid::nil(),
    };
    let bound = by_age.into_iter().chain(by_count).max_by_key(place);
    Ok(bound.map_or(nowhere, |bound| std::cmp::min_by_key(bound, youngest, place)))
}

/// Takes away at most `limit` executions of a project that lie before a position and have ended, the oldest first.
/// `None` when there are none.
///
/// It takes what is there, so that any number of replicas may do it at once.
pub async fn forget(
    tx: &mut Tx,
    project_id: Uuid,
    bound: Position,
    limit: u32,
) -> Result<Option<Forgotten>, Error> {
    let old = tx
        .all(
            "select id, updated_at
            from executions
            where project_id = $1 and (created_at, id) < ($2, $3) and status not in ('pending', 'ack', 'started')
            order by created_at, id
            limit $4",
            &values![project_id, bound.created_at, bound.id, limit],
            |row| Ok((row.get::<Uuid>(0)?, row.get::<Timestamp>(1)?)),
        )
        .await?;
    let Some(ended_at) = old.iter().map(|(_, ended_at)| *ended_at).max() else {
        return Ok(None);
    };
    for sql in [
        Sql::Each {
            sqlite: "insert into removals (execution_id) values ($1)",
            postgres: "insert into removals (execution_id) select unnest($1::uuid[])",
        },
        Sql::Each {
            sqlite: "delete from excluded_beyond where execution_id = $1",
            postgres: "delete from excluded_beyond where execution_id = any($1::uuid[])",
        },
        Sql::Each {
            sqlite: "delete from executions where id = $1",
            postgres: "delete from executions where id = any($1::uuid[])",
        },
    ] {
        tx.execute_each(sql, old.iter().map(|(id, _)| values![*id]))
            .await?;
    }
    Ok(Some(Forgotten {
        count: u32::try_from(old.len()).unwrap_or(u32::MAX),
        ended_at,
    }))
}

/// At most `limit` invocations whose executions are gone.
pub async fn leftovers(tx: &mut Tx, limit: u32) -> Result<Vec<Leftover>, Error> {
    tx.all(
        Sql::Each {
            sqlite: "select i.execution_id, i.node_id, i.output_key, i.output_id
                from removals r cross join invocations i on i.execution_id = r.execution_id
                limit $1",
            postgres: "select i.execution_id, i.node_id, i.output_key, null::bigint
                from (select execution_id from removals order by execution_id limit $1) r
                    join lateral (
                        select execution_id, node_id, output_key
                        from invocations
                        where execution_id = r.execution_id
                        order by node_id
                        limit $1
                    ) i on true
                order by i.execution_id, i.node_id
                limit $1",
        },
        &values![limit],
        |row| {
            Ok(Leftover {
                execution_id: row.get(0)?,
                node_id: row.get(1)?,
                object: row.get(2)?,
                output_id: row.get(3)?,
            })
        },
    )
    .await
}

/// Removes invocations whose executions are gone, with their outputs, and on PostgreSQL with their steps. Their objects
/// must be gone already.
pub async fn remove(tx: &mut Tx, part: &[Leftover]) -> Result<(), Error> {
    let inline = part
        .iter()
        .map(|left| values![left.output_id, left.execution_id, left.node_id]);
    tx.execute_each(
        Sql::Each {
            sqlite: "delete from outputs where id = $1",
            postgres: "delete from outputs o
                using unnest($1::bigint[], $2::uuid[], $3::uuid[]) as r (id, execution_id, node_id)
                where o.execution_id = r.execution_id and o.node_id = r.node_id",
        },
        inline,
    )
    .await?;
    tx.execute_each(
        Sql::Each {
            sqlite: "delete from invocations where execution_id = $1 and node_id = $2",
            // The part is in the order of ids, so its steps lie close together.
            postgres: "with steps as (
                    delete from execution_events
                    where execution_id between ($1::uuid[])[1] and ($1::uuid[])[cardinality($1::uuid[])]
                        and (execution_id, node_id) in (select * from unnest($1::uuid[], $2::uuid[]))
                )
                delete from invocations i
                using unnest($1::uuid[], $2::uuid[]) as r (execution_id, node_id)
                where i.execution_id = r.execution_id and i.node_id = r.node_id",
        },
        part.iter().map(|left| values![left.execution_id, left.node_id]),
    )
    .await
}

/// Forgets the executions of which nothing is left. Returns whether there are others.
///
/// `offset 0` keeps the question from becoming a join with all invocations that there are.
pub async fn finish(tx: &mut Tx) -> Result<bool, Error> {
    tx.execute(
        "delete from removals
        where not exists (
            select 1
            from invocations
            where invocations.execution_id = removals.execution_id
            limit 1 offset 0
        )",
        &[],
    )
    .await?;
    let left = tx
        .optional("select 1 from removals limit 1", &[], |_| Ok(()))
        .await?;
    Ok(left.is_some())
}

/// The next steps of the history, from a place up. None on PostgreSQL, where they go with their invocations: SQLite has
/// no index by which those of an execution are found, as every report would pay for one.
pub async fn steps(tx: &mut Tx, after: i64, limit: u32) -> Result<Vec<Step>, Error> {
    tx.all(
        Sql::Each {
            sqlite: "select rowid, occurred_at,
                    not exists (select 1 from executions where id = execution_events.execution_id)
                from execution_events
                where rowid > $1
                order by rowid
                limit $2",
            postgres: "select $1::bigint, $2::bigint, false where false",
        },
        &values![after, limit],
        |row| {
            Ok(Step {
                place: row.get(0)?,
                occurred_at: row.get(1)?,
                is_left: row.get(2)?,
            })
        },
    )
    .await
}

/// Removes steps whose executions are gone.
pub async fn remove_steps(tx: &mut Tx, places: &[i64]) -> Result<(), Error> {
    tx.execute_each(
        "delete from execution_events where rowid = $1",
        places.iter().map(|place| values![*place]),
    )
    .await
}

/// Gives free pages of the database file back to the disk, a few; returns whether there are more. PostgreSQL sees to
/// that itself.
pub async fn give_back(tx: &mut Tx) -> Result<bool, Error> {
    let free = Sql::Each {
        sqlite: "pragma freelist_count",
        postgres: "select 0::bigint",
    };
    if tx
        .optional(free, &[], |row| row.get::<u64>(0))
        .await?
        .unwrap_or(0)
        == 0
    {
        return Ok(false);
    }
    let step = Sql::Each {
        sqlite: "pragma incremental_vacuum(128)",
        postgres: "select 1 where false",
    };
    tx.each(step, &[], |_| Ok(())).await?;
    let left = tx.optional(free, &[], |row| row.get::<u64>(0)).await?;
    Ok(left.unwrap_or(0) > 0)
}

#[cfg(test)]
mod tests;
