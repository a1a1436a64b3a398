//! The floor of callbacks: a handler that parses what nodes report, and one committer that stores whatever waits.
//!
//! A transaction holds, for each report, a compare-and-set of the invocation's status, an event and the output, and for
//! each execution its counts. Nobody is answered before the commit. It knows the three steps of an invocation that
//! succeeds; whatever else is reported, or not in turn, is a conflict.

mod ledger;
mod postgresql;
mod sqlite;

pub(in crate::bench) use ledger::Ledger;

use super::Database;
use super::serving::{Answering, Handler};

use anyhow::Context as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use plex_api::executions::{ExecutionCallbackRequest, ExecutionCallbackResponse, ExecutionStatus};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Reports that may wait; more of them wait in their handlers.
const QUEUE: usize = 8192;
/// Most reports of one transaction, as the product has it.
const BATCH: usize = 512;

/// What answers.
pub(super) struct Callbacks(mpsc::Sender<Waiting>);

/// A report on its way into a commit.
struct Waiting {
    report: Report,
    /// Told, after the commit, whether it was stored.
    stored: oneshot::Sender<bool>,
}

/// What a node reports of one invocation.
#[derive(Debug)]
struct Report {
    execution_id: Uuid,
    node_id: Uuid,
    status: ExecutionStatus,
    output: Option<Vec<u8>>,
}

impl Callbacks {
    /// Starts the committer on a [`Ledger`]'s database.
    ///
    /// # Errors
    /// When the database does not accept.
    pub(super) async fn open(database: &Database) -> anyhow::Result<Self> {
        let (sender, queue) = mpsc::channel(QUEUE);
        match database {
            Database::File(path) => sqlite::start(path, queue)?,
            Database::Url(url) => postgresql::start(url, queue).await?,
        }
        Ok(Self(sender))
    }
}

impl Handler for Callbacks {
    fn answer(&self, request: Request<Incoming>) -> Answering {
        let queue = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let Some(report) = Report::read(head.uri.path(), &body) else {
                return Ok((StatusCode::BAD_REQUEST, b"{}".to_vec()));
            };
            let answer = ExecutionCallbackResponse {
                status: report.status,
                output_upload_url: None,
            };
            Ok(match store(&queue, report).await? {
                true => (StatusCode::OK, serde_json::to_vec(&answer)?),
                false => (StatusCode::CONFLICT, b"{}".to_vec()),
            })
        })
    }
}

impl Report {
    fn read(path: &str, body: &[u8]) -> Option<Self> {
        let (node, execution) = path.strip_prefix("/v1/nodes/")?.split_once("/executions/")?;
        let callback: ExecutionCallbackRequest = serde_json::from_slice(body).ok()?;
        Some(Self {
            execution_id: execution.parse().ok()?,
            node_id: node.parse().ok()?,
            status: callback.status,
            output: callback
                .output
                .and_then(|output| output.inline)
                .map(|bytes| bytes.0),
        })
    }

    /// From 1 to 3, after 0 for an invocation that is pending; for what the floor does not know, a step that follows
    /// none.
    fn step(&self) -> u8 {
        match self.status {
            ExecutionStatus::Ack => 1,
            ExecutionStatus::Started => 2,
            ExecutionStatus::Succeeded => 3,
            ExecutionStatus::Pending
            | ExecutionStatus::Failed
            | ExecutionStatus::Cancelled
            | ExecutionStatus::Timeout => u8::MAX,
        }
    }
}

/// Hands a report in; whether it was stored, once that is durable.
async fn store(queue: &mpsc::Sender<Waiting>, report: Report) -> anyhow::Result<bool> {
    let (stored, told) = oneshot::channel();
    let waiting = Waiting { report, stored };
    queue.send(waiting).await.ok().context("there is no committer")?;
    told.await.context("the commit failed")
}

/// Tells a batch how it went. After a failure nobody is told, which the handlers take for one.
fn tell(batch: &mut Vec<Waiting>, committed: anyhow::Result<Vec<bool>>) {
    match committed {
        Ok(outcomes) => {
            for (waiting, is_stored) in batch.drain(..).zip(outcomes) {
                // Whoever went away does not want to know.
                let _ = waiting.stored.send(is_stored);
            }
        }
        Err(error) => {
            crate::console::complain(&format!("bench-floor: {error:#}"));
            batch.clear();
        }
    }
}

#[cfg(test)]
mod tests;
