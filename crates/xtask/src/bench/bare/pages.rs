//! The floor of a list: the same statements on the same database, and the same JSON. It knows one page of one project.

mod json;
mod postgresql;
mod sqlite;

use super::Database;
use super::serving::{Answering, Handler};

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use std::sync::Arc;
use uuid::Uuid;

/// The statement of `store::executions::pages` for the newest of everything.
fn page_sql(targets: &str, executions: &str, months: &str) -> String {
    format!(
        "select
            id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at,
            timeout_seconds, coalesce(parameters_shown, parameters), selector, node_id, dispatched_by,
            excluded, pending, ack, started, succeeded, failed, cancelled, timeout,
            excluded is not null and (select count(*) from excluded_beyond where execution_id = executions.id) > 0{targets}
        from {executions}
        where project_id = $1 and (created_at, id) > ($2, $3) and (created_at, id) < ($4, $5){months}
        order by created_at desc, id desc
        limit $6"
    )
}

/// What there is of each target.
const TARGET: &str = "i.node_id, i.status, i.updated_at, i.started_at, i.finished_at, i.exit_code,
    i.error, i.output_kind, i.output_bytes, i.output_truncated, i.output_key, i.output_sha256";

/// The names of all nodes, which the product has read before as well.
const NAMES: &str = "select id, name from nodes";

/// What answers.
pub(super) struct Pages(Source);

/// Where pages come from.
enum Source {
    Sqlite(sqlite::Pages),
    Postgresql(Arc<postgresql::Pages>),
}

impl Pages {
    /// Those of a project.
    ///
    /// # Errors
    /// When the database does not accept.
    pub(super) async fn open(database: &Database, project: Uuid) -> anyhow::Result<Self> {
        Ok(Self(match database {
            Database::File(path) => Source::Sqlite(sqlite::Pages::open(path, project)?),
            Database::Url(url) => Source::Postgresql(Arc::new(postgresql::Pages::open(url, project).await?)),
        }))
    }
}

impl Handler for Pages {
    fn answer(&self, _: Request<Incoming>) -> Answering {
        match &self.0 {
            Source::Sqlite(pages) => {
                let page = pages.page();
                Box::pin(async move { Ok((StatusCode::OK, page?)) })
            }
            Source::Postgresql(pages) => {
                let pages = Arc::clone(pages);
                Box::pin(async move { Ok((StatusCode::OK, pages.page().await?)) })
            }
        }
    }
}
