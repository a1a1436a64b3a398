//! The page from PostgreSQL, by a few connections that many requests share.

use super::super::id::Id;
use super::json::{Execution, Items, Target};
use super::{page_sql, targets_sql};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use plex_api::limits::DEFAULT_PAGE;
use plex_domain::env::first_id;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};
use uuid::Uuid;

/// As many as the product has for reading.
const CONNECTIONS: usize = 4;
/// What the product tells its connections of plans.
const PLANS: &str = "
    set plan_cache_mode = force_generic_plan;
    set enable_seqscan = off;
    set enable_mergejoin = off;
    set jit = off;
";
/// As far as the product looks at first.
const NEAR: SignedDuration = SignedDuration::from_hours(32 * 24);
const MONTHS: &str = " and id >= $7 and id <= any(array[$8::uuid])";
const TARGETS: &str = "unnest($1::uuid[]) as ids (id)
        join invocations i on i.execution_id = ids.id
        join nodes n on n.id = i.node_id
    where i.execution_id between ($1::uuid[])[1] and ($1::uuid[])[cardinality($1::uuid[])]";

/// Pages of one project.
pub(super) struct Pages {
    sessions: Vec<Session>,
    next: AtomicUsize,
    project: Id,
}

struct Session {
    client: Client,
    page: Statement,
    targets: Statement,
}

impl Pages {
    pub(super) async fn open(url: &str, project: Uuid) -> anyhow::Result<Self> {
        let mut sessions = Vec::new();
        for _ in 0..CONNECTIONS {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute(PLANS).await?;
            let page = client.prepare(&page_sql("executions", MONTHS)).await?;
            let targets = client.prepare(&targets_sql(TARGETS)).await?;
            sessions.push(Session {
                client,
                page,
                targets,
            });
        }
        Ok(Self {
            sessions,
            next: AtomicUsize::new(0),
            project: Id(project),
        })
    }

    /// The first page.
    pub(super) async fn page(&self) -> anyhow::Result<Vec<u8>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let session = self.sessions.get(turn % CONNECTIONS).context("a connection")?;
        let near = Timestamp::now().checked_sub(NEAR)?;
        let (nil, limit) = (Id(Uuid::nil()), i64::from(DEFAULT_PAGE + 1));
        let (first, last) = (Id(first_id(near)), Id(Uuid::max()));
        let mut items = Items::default();
        let values: [&(dyn ToSql + Sync); 8] = [
            &self.project,
            &near.as_microsecond(),
            &nil,
            &i64::MAX,
            &nil,
            &limit,
            &first,
            &last,
        ];
        for row in session.client.query(&session.page, &values).await? {
            items.push(&execution(&row)?)?;
        }
        anyhow::ensure!(
            items.count() > DEFAULT_PAGE as usize,
            "the page goes on further back"
        );
        let ids: Vec<Id> = items.ids_in_order().into_iter().map(Id).collect();
        for row in session.client.query(&session.targets, &[&ids]).await? {
            items.push_target(row.try_get::<_, Id>(0)?.0, &target(&row)?)?;
        }
        Ok(items.finish(DEFAULT_PAGE as usize))
    }
}

fn execution(row: &Row) -> anyhow::Result<Execution<'_>> {
    let mut counts = [0; 7];
    for (column, count) in (15_usize..).zip(&mut counts) {
        *count = row.try_get(column)?;
    }
    let node_id: Option<Id> = row.try_get(12)?;
    Ok(Execution {
        id: row.try_get::<_, Id>(0)?.0,
        project_id: row.try_get::<_, Id>(1)?.0,
        domain_id: row.try_get::<_, Id>(2)?.0,
        action: row.try_get(3)?,
        kind: row.try_get(4)?,
        status: row.try_get(5)?,
        created_at: row.try_get(6)?,
        updated_at: row.try_get(7)?,
        expires_at: row.try_get(8)?,
        timeout_seconds: row.try_get(9)?,
        parameters: row.try_get(10)?,
        selector: row.try_get(11)?,
        node_id: node_id.map(|id| id.0),
        dispatched_by: row.try_get(13)?,
        counts,
    })
}

fn target(row: &Row) -> anyhow::Result<Target<'_>> {
    Ok(Target {
        node_id: row.try_get::<_, Id>(1)?.0,
        name: row.try_get(2)?,
        status: row.try_get(3)?,
        updated_at: row.try_get(4)?,
        started_at: row.try_get(5)?,
        finished_at: row.try_get(6)?,
        exit_code: row.try_get(7)?,
        error: row.try_get(8)?,
        output_bytes: row.try_get(10)?,
        output_truncated: row.try_get(11)?,
    })
}
