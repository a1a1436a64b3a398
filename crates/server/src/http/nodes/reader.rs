//! Who may read a node's stream and state: the node, by its key, and operators who hold `node-agent` on it
//! (`api.md` §1.9).
//!
//! A stream outlives the moment in which its credential was checked, so a reader can be asked again.

use crate::app::App;
use crate::authorize;
use crate::cookies;
use crate::principal::{self, Node, PresentedKey, Principal};
use crate::problem::Failure;
use crate::request::{path_id, text_header};
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use plex_api::codes;
use plex_domain::relation::Permission;
use plex_store::invocations::Audience;
use plex_store::nodes;
use std::time::Duration;
use uuid::Uuid;

/// How often an operator's stream asks whether its token and its relation still hold. A token can end by the clock
/// and a relation on any replica, so there is nothing to be woken by.
const OPERATOR_PERIOD: Duration = Duration::from_secs(2);
/// How API tokens begin.
const API_TOKEN: &str = "psk_";

/// Somebody who reads one node's stream or state.
pub struct Reader {
    /// The node that is read.
    pub node_id: Uuid,
    /// Its domain.
    pub domain_id: Uuid,
    credential: Credential,
}

enum Credential {
    Key(PresentedKey),
    /// The operator, and the headers of its request with its credential in them.
    Operator(Box<(Principal, HeaderMap)>),
}

/// Whether a reader may go on.
pub enum Standing {
    /// The credential no longer holds.
    Ended,
    /// The database could not say.
    Unknown,
    /// It holds.
    Holds {
        /// Since when the node is asked for a new key; operators are not.
        rotation_requested_at: Option<Timestamp>,
        /// When to ask again even if nobody says so.
        again_after: Option<Duration>,
    },
}

impl FromRequestParts<App> for Reader {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        if is_operator(parts) {
            return operator(parts, app).await;
        }
        let node = Node::from_request_parts(parts, app).await?;
        Ok(Self {
            node_id: node.id,
            domain_id: node.domain_id,
            credential: Credential::Key(node.key),
        })
    }
}

/// Whether the request comes with an operator's credential. What is no credential at all is taken for a node's, as
/// the contract names its codes.
fn is_operator(parts: &Parts) -> bool {
    match text_header(&parts.headers, header::AUTHORIZATION) {
        Some(value) => value
            .split_once(' ')
            .is_some_and(|(_, token)| token.trim().starts_with(API_TOKEN)),
        None => {
            !parts.headers.contains_key(header::AUTHORIZATION)
                && cookies::SESSION.read(&parts.headers).is_some()
        }
    }
}

async fn operator(parts: &mut Parts, app: &App) -> Result<Reader, Failure> {
    let principal = Principal::from_request_parts(parts, app).await?;
    let Path(id) = Path::<String>::from_request_parts(parts, app)
        .await
        .map_err(Failure::internal)?;
    let id = path_id(&id, codes::INVALID_ID)?;
    let node = authorize::node(app, &principal, Permission::NodeAgent, id).await?;
    Ok(Reader {
        node_id: id,
        domain_id: node.domain_id,
        credential: Credential::Operator(Box::new((principal, parts.headers.clone()))),
    })
}

impl Reader {
    /// For whom parameters are read.
    pub fn audience(&self) -> Audience {
        match self.credential {
            Credential::Key(_) => Audience::Node,
            Credential::Operator(_) => Audience::Others,
        }
    }

    /// Asks again.
    pub async fn standing(&self, app: &App) -> Standing {
        match &self.credential {
            Credential::Key(key) => key_standing(app, self.node_id, *key).await,
            Credential::Operator(operator) => operator_standing(app, &operator.0, &operator.1).await,
        }
    }
}

async fn key_standing(app: &App, id: Uuid, key: PresentedKey) -> Standing {
    let found = app
        .db
        .look_up(move |tx| nodes::authenticate(tx, id).boxed())
        .await;
    let Ok::<_, plex_store::Error>(found) = found else {
        return Standing::Unknown;
    };
    let now = app.clock.now();
    match found.filter(|node| node.keys.admit(&key.0, now)) {
        Some(node) => Standing::Holds {
            rotation_requested_at: node.rotation_requested_at,
            again_after: None,
        },
        None => Standing::Ended,
    }
}

/// This is the server's own question, so it takes nothing from what the operator may ask, and no limit on requests
/// stands in its way.
async fn operator_standing(app: &App, principal: &Principal, headers: &HeaderMap) -> Standing {
    let again = async {
        // By the secret itself: one that a rotation replaced ends before its token does.
        if principal::find(headers, app).await?.is_none() {
            return Ok(false);
        }
        authorize::still(app, principal).await.map(|()| true)
    };
    match again.await.map_err(|failure| failure.status()) {
        Ok(true) => Standing::Holds {
            rotation_requested_at: None,
            again_after: Some(OPERATOR_PERIOD),
        },
        Ok(false) | Err(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) => {
            Standing::Ended
        }
        Err(_) => Standing::Unknown,
    }
}
