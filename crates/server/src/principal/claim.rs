//! Operators who read.
//!
//! Who calls is one question, and what it reads another, and on a database over a network each costs the way there and
//! back. Whoever came with the same API token before is likely to be who it was: so what it asks for is read while the
//! database says who it is. Nothing of that is answered, or decided, before the database has said so.

use super::{Credential, Principal, presented_token};
use crate::app::App;
use crate::authorize::Decided;
use crate::problem::Failure;
use crate::request::Context;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use plex_api::tokens::PrincipalType;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use uuid::Uuid;

/// Most tokens that are remembered.
const MOST: usize = 4096;

/// That somebody is an operator, before the database has said so.
pub struct Claim(Parts);

impl FromRequestParts<App> for Claim {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self(parts.clone()))
    }
}

impl Claim {
    /// Who it probably is: whom the database found for this API token the last time. Good for reading ahead, and for
    /// nothing else. `None` also where that gains nothing, or would get past a limit.
    pub fn likely(&self, app: &App) -> Option<Principal> {
        if app.db.looks_up_at_once() || app.rates.is_limited() {
            return None;
        }
        let Known { id, kind, credential } = app.callers.recall(presented_token(&self.0.headers, app)?)?;
        Some(Principal {
            id,
            kind,
            credential,
            email: None,
            acr: None,
            amr: Vec::new(),
            decided: Arc::new(Decided::at(app.authority.revision())),
            context: Context::of(&self.0, &app.trusted_proxies),
        })
    }

    /// Who it is.
    ///
    /// # Errors
    /// Those of [`Principal`].
    pub async fn principal(mut self, app: &App) -> Result<Principal, Failure> {
        let token = presented_token(&self.0.headers, app);
        let found = Principal::from_request_parts(&mut self.0, app).await;
        if let Some(token) = token {
            app.callers.note(token, found.as_ref().ok().map(Known::from));
        }
        found
    }
}

/// Whom the database found for an API token the last time.
#[derive(Default)]
pub struct Callers(RwLock<HashMap<[u8; 32], Known>>);

/// What is remembered of a principal.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Known {
    id: Uuid,
    kind: PrincipalType,
    credential: Credential,
}

impl From<&Principal> for Known {
    fn from(found: &Principal) -> Self {
        Self {
            id: found.id,
            kind: found.kind,
            credential: found.credential,
        }
    }
}

impl Callers {
    fn recall(&self, token: [u8; 32]) -> Option<Known> {
        // Entries are whole between any two statements that could panic.
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&token).copied()
    }

    fn note(&self, token: [u8; 32], found: Option<Known>) {
        if self.recall(token) == found {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = found else {
            known.remove(&token);
            return;
        };
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(token, found);
    }
}
