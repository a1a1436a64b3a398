//! Nodes that report what became of an execution, which is most of what nodes ever ask.
//!
//! The transaction that stores a report looks at its node's keys in any case. So a key that held before is taken to
//! hold until then, and the database is asked once instead of twice. Nothing is answered to a key that was only
//! remembered but what that transaction says, and what says nothing of anybody.

use super::{Node, NodeClaim, PresentedKey, require_own_path};
use crate::app::App;
use crate::problem::Failure;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use plex_domain::credential;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use uuid::Uuid;

/// A node that reports, on its own path; its key held when the database was last asked.
#[derive(Debug, Clone)]
pub struct Reporter(Node);

impl FromRequestParts<App> for Reporter {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let claim = NodeClaim::of(parts, app)?;
        if require_own_path(parts, claim.id).is_ok()
            && let Some((project_id, domain_id)) = app.reporters.recall(claim.id, claim.key)
        {
            return Ok(Self(claim.into_node(project_id, domain_id)));
        }
        let node = Node::from_request_parts(parts, app).await?;
        app.reporters.remember(&node);
        Ok(Self(node))
    }
}

impl Reporter {
    /// What `work` answers, which has to make sure of the key before it stores anything for the node. A refusal is
    /// only for somebody whose key holds now: who the caller is comes before what is wrong with its report.
    ///
    /// # Errors
    /// Those of `work`, and those of a key that does not hold.
    pub async fn answer<T>(
        self,
        app: &App,
        work: impl AsyncFnOnce(&Node) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let answer = work(&self.0).await;
        let is_refusal = |failure: &Failure| failure.status().is_client_error();
        if answer.as_ref().is_err_and(is_refusal) {
            self.confirm(app).await?;
        }
        answer
    }

    async fn confirm(&self, app: &App) -> Result<(), Failure> {
        let Self(node) = self;
        let claim = NodeClaim {
            id: node.id,
            key: node.key,
            context: node.context.clone(),
        };
        let looked_up = claim.look_up(app).await;
        if looked_up.is_err() {
            app.reporters.forget(&[node.id]);
        }
        looked_up.map(|_| ())
    }
}

/// Keys that held when the database was last asked: one for each node that reported.
#[derive(Default)]
pub struct Remembered(RwLock<HashMap<Uuid, Known>>);

struct Known {
    key: PresentedKey,
    project_id: Uuid,
    domain_id: Uuid,
}

impl Remembered {
    /// The project and the domain of the node, if it came with that key before.
    fn recall(&self, id: Uuid, key: PresentedKey) -> Option<(Uuid, Uuid)> {
        // Entries are whole between any two statements that could panic.
        let nodes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = nodes
            .get(&id)
            .filter(|known| credential::equal(&known.key.0, &key.0))?;
        Some((known.project_id, known.domain_id))
    }

    fn remember(&self, node: &Node) {
        let known = Known {
            key: node.key,
            project_id: node.project_id,
            domain_id: node.domain_id,
        };
        let mut nodes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        nodes.insert(node.id, known);
    }

    /// Has the database asked again about these.
    pub fn forget(&self, ids: &[Uuid]) {
        let mut nodes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            nodes.remove(id);
        }
    }
}
