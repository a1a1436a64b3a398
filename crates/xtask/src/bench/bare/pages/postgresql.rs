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
use tokio_postgres::types::{FromSql, ToSql, Type};
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
/// The column of the targets, after those of the execution.
const TARGETS: usize = 23;

/// The product's statement: executions, each with its targets in a column.
fn sql() -> String {
    let targets = format!(
        ", array(
            select row({TARGET})
            from invocations i
            where i.execution_id = executions.id and i.execution_id between $7 and $8
            order by i.node_id
            limit 100
        )"
    );
    page_sql(&targets, "executions", MONTHS)
}

/// The rows in a column.
struct Rows<'r>(Vec<Fields<'r>>);

/// Of each value of such a row its bytes, if it has one.
struct Fields<'r>(Vec<Option<&'r [u8]>>);

impl<'r> FromSql<'r> for Rows<'r> {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        // How many dimensions, whether there are nulls, the type; then how many rows, and the number of the first.
        let mut head = raw.chunks_exact(4).map(number);
        let (dimensions, count) = (head.next(), head.nth(2).unwrap_or_default());
        let mut rest = raw.get(20..).unwrap_or_default();
        let mut rows = Vec::new();
        let count = if dimensions == Some(1) { count } else { 0 };
        for _ in 0..count {
            let mut row = sized(&mut rest).ok_or("no row")?;
            let values = number(row);
            row = row.get(4..).ok_or("no number of values")?;
            let mut fields = Vec::new();
            for _ in 0..values {
                row = row.get(4..).ok_or("no type")?;
                fields.push(sized(&mut row));
            }
            rows.push(Fields(fields));
        }
        Ok(Self(rows))
    }

    fn accepts(column: &Type) -> bool {
        *column == Type::RECORD_ARRAY
    }
}

/// The number that bytes begin with; none is −1.
fn number(bytes: &[u8]) -> i32 {
    bytes.first_chunk().map_or(-1, |bytes| i32::from_be_bytes(*bytes))
}

/// What comes next, after its length; a negative one says that there is none.
fn sized<'r>(rest: &mut &'r [u8]) -> Option<&'r [u8]> {
    let length = usize::try_from(number(rest));
    *rest = rest.get(4..)?;
    let (taken, others) = rest.split_at_checked(length.ok()?)?;
    *rest = others;
    Some(taken)
}

impl<'r> Fields<'r> {
    fn bytes(&self, index: usize) -> Option<&'r [u8]> {
        self.0.get(index).copied().flatten()
    }

    fn text(&self, index: usize) -> anyhow::Result<Option<&'r str>> {
        Ok(self.bytes(index).map(std::str::from_utf8).transpose()?)
    }

    fn number(&self, index: usize) -> anyhow::Result<Option<i64>> {
        let bytes = self.bytes(index).map(<[u8; 8]>::try_from).transpose()?;
        Ok(bytes.map(i64::from_be_bytes))
    }
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
        let mut sessions = Vec::new();
        for _ in 0..CONNECTIONS {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute(PLANS).await?;
            let page = client.prepare(&sql()).await?;
            sessions.push(Session { client, page });
        }
        let Session { client, .. } = sessions.first().context("a connection")?;
        let mut names = HashMap::new();
        for row in client.query(NAMES, &[]).await? {
            names.insert(row.try_get::<_, Id>(0)?.0, row.try_get(1)?);
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
            let execution = execution(&row)?;
            items.push(&execution)?;
            for target in &row.try_get::<_, Rows<'_>>(TARGETS)?.0 {
                items.push_target(execution.id, &self.target(target)?)?;
            }
        }
        anyhow::ensure!(
            items.count() > DEFAULT_PAGE as usize,
            "the page goes on further back"
        );
        Ok(items.finish(DEFAULT_PAGE as usize))
    }

    fn target<'r>(&'r self, fields: &Fields<'r>) -> anyhow::Result<Target<'r>> {
        let node_id = Uuid::from_slice(fields.bytes(0).context("a node's id")?)?;
        Ok(Target {
            node_id,
            name: self.names.get(&node_id).context("a node of before")?,
            status: fields.text(1)?.context("a status")?,
            updated_at: fields.number(2)?.context("a time")?,
            started_at: fields.number(3)?,
            finished_at: fields.number(4)?,
            exit_code: fields.number(5)?,
            error: fields.text(6)?,
            output_bytes: fields.number(8)?,
            output_truncated: fields.number(9)?,
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
