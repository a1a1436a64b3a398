//! The page from PostgreSQL, by a few connections that many requests share.

use super::super::id::Id;
use super::json::{Execution, Items, Target};
use super::{NAMES, TARGET, page_sql};
use std::collections::HashMap;
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
/// What a row has of an execution, before what it has of a target.
const EXECUTION: usize = 23;

/// The product's statement: executions, then their targets.
fn sql() -> String {
    let nulls = |count| vec!["null"; count].join(", ");
    format!(
        "with page as materialized ({})
        select page.*, {} from page
        union all
        select page.id, {}, page.created_at, {}, {TARGET}
        from page
            cross join lateral (
                select * from invocations
                where execution_id = page.id and execution_id between $7 and $8
                order by node_id
                limit 100
            ) i",
        page_sql("executions", MONTHS),
        nulls(12),
        nulls(5),
        nulls(16),
    )
}

/// Pages of one project.
pub(super) struct Pages {
    sessions: Vec<Session>,
    next: AtomicUsize,
    project: Id,
    names: HashMap<Uuid, String>,
}

struct Session {
    client: Client,
    page: Statement,
}

impl Pages {
    pub(super) async fn open(url: &str, project: Uuid) -> anyhow::Result<Self> {
        let (mut sessions, mut names) = (Vec::new(), HashMap::new());
        for _ in 0..CONNECTIONS {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute(PLANS).await?;
            let page = client.prepare(&sql()).await?;
            if names.is_empty() {
                for row in client.query(NAMES, &[]).await? {
                    names.insert(row.try_get::<_, Id>(0)?.0, row.try_get(1)?);
                }
            }
            sessions.push(Session { client, page });
        }
        Ok(Self {
            sessions,
            next: AtomicUsize::new(0),
            project: Id(project),
            names,
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
            if row.try_get::<_, Option<Id>>(EXECUTION)?.is_some() {
                items.push_target(row.try_get::<_, Id>(0)?.0, &self.target(&row)?)?;
            } else {
                items.push(&execution(&row)?)?;
            }
        }
        anyhow::ensure!(
            items.count() > DEFAULT_PAGE as usize,
            "the page goes on further back"
        );
        Ok(items.finish(DEFAULT_PAGE as usize))
    }

    fn target<'r>(&'r self, row: &'r Row) -> anyhow::Result<Target<'r>> {
        let node_id = row.try_get::<_, Id>(EXECUTION)?.0;
        Ok(Target {
            node_id,
            name: self.names.get(&node_id).context("a node of before")?,
            status: row.try_get(EXECUTION + 1)?,
            updated_at: row.try_get(EXECUTION + 2)?,
            started_at: row.try_get(EXECUTION + 3)?,
            finished_at: row.try_get(EXECUTION + 4)?,
            exit_code: row.try_get(EXECUTION + 5)?,
            error: row.try_get(EXECUTION + 6)?,
            output_bytes: row.try_get(EXECUTION + 8)?,
            output_truncated: row.try_get(EXECUTION + 9)?,
        })
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
