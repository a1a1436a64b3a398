//! `POST /v1/objects/search`: objects by their labels, as far as the caller may see them.
//!
//! What the caller may see is part of the query, so that neither a page nor a cursor tells of anything else.
//! The selector is matched after reading: a page looks at a bounded number of objects and may be short.

mod held;
mod walk;

use crate::app::App;
use crate::http::nodes::places;
use crate::http::projects::shown;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{BodyRules, PLAIN_BODY, json};
use axum::Json;
use axum::extract::{Request, State};
use held::Needed;
use plex_api::selectors::{ObjectSearchRequest, ObjectSearchResponse};
use plex_api::{codes, limits};
use plex_domain::cursor;
use plex_domain::label::{Holder, ScopeRef};
use plex_domain::relation::Permission;
use plex_domain::selector::Selector;
use plex_store::nodes::Within;
use std::collections::BTreeSet;
use walk::{Position, Walk};

/// The rules of the body.
const BODY: BodyRules = BodyRules {
    ceiling: limits::SEARCH_BODY_BYTES,
    ..PLAIN_BODY
};

/// Search objects by their labels
///
/// Nodes and projects whose labels in effect match, on which the caller holds `relation`: any relation or permission
/// that the schema of relations has for them, such as `read`, `manage` or `dispatch`. Others are left out without a
/// word.
#[utoipa::path(
    post,
    path = "/v1/objects/search",
    operation_id = "SearchObjectsByLabel",
    tag = "labels",
    request_body = ObjectSearchRequest,
    responses((status = 200, description = "A page", body = ObjectSearchResponse), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn search(
    State(app): State<App>,
    principal: Principal,
    request: Request,
) -> Result<Json<ObjectSearchResponse>, Failure> {
    let wanted: ObjectSearchRequest = json(request, BODY).await?;
    let question = Question::read(&app, &wanted)?;
    let context = question.context();
    let context: Vec<&str> = context.iter().map(String::as_str).collect();
    let caller = principal.subject();
    let start = match wanted.cursor.as_deref().filter(|cursor| !cursor.is_empty()) {
        None => Position::start(),
        Some(cursor) => {
            let bytes = cursor::open(&app.keys.cursors, &context, &caller, cursor);
            bytes
                .ok()
                .and_then(|bytes| Position::read(&bytes))
                .ok_or_else(|| {
                    let detail = "the cursor is not one this search gave you; start again without it";
                    Failure::bad_request(codes::INVALID_CURSOR, detail)
                })?
        }
    };
    let walk = question.walk(&app, &principal)?;
    let (items, next) = app.db.read(async move |tx| walk.page(tx, start).await).await?;
    let seal = |next: Position| cursor::seal(&app.keys.cursors, &context, &caller, &next.bytes());
    Ok(Json(ObjectSearchResponse {
        items,
        next_cursor: Some(next.map(seal).unwrap_or_default()),
        correlation_id: principal.context.correlation_id.clone(),
    }))
}

/// A search that is in order.
struct Question {
    selector: Selector,
    relation: String,
    needed: Needed,
    scope: ScopeRef,
    kind: Option<String>,
    limit: usize,
}

impl Question {
    fn read(app: &App, wanted: &ObjectSearchRequest) -> Result<Self, Failure> {
        let invalid = |detail: &'static str| Failure::bad_request(codes::INVALID_BODY, detail);
        let fits = |text: &str| (1..=limits::TEXT_BYTES).contains(&text.chars().count());
        if !fits(&wanted.selector) || !fits(&wanted.relation) {
            return Err(invalid("selector and relation take 1 to 4096 characters"));
        }
        if wanted
            .kind
            .as_ref()
            .is_some_and(|kind| kind.chars().count() > limits::TEXT_BYTES)
        {
            return Err(invalid("kind takes at most 4096 characters"));
        }
        let limit = wanted.limit.map_or(Ok(limits::DEFAULT_PAGE), u32::try_from);
        let limit = limit.ok().filter(|limit| *limit > 0);
        let limit = limit.ok_or_else(|| invalid("limit takes 1 or more"))?;
        let needed = Needed::read(app, &wanted.relation)
            .ok_or_else(|| invalid("relation is none that the schema knows"))?;
        let scope = ScopeRef::new(wanted.scope, wanted.scope_id).ok_or_else(|| {
            let detail = "a domain or project needs its id as scope_id, the platform has none";
            Failure::bad_request(codes::SCOPE_MISMATCH, detail)
        })?;
        let selector = Selector::parse(&wanted.selector)
            .map_err(|error| Failure::bad_request(codes::SELECTOR_SYNTAX, error.to_string()))?;
        Ok(Self {
            selector,
            relation: wanted.relation.clone(),
            needed,
            scope,
            kind: wanted.kind.clone(),
            limit: limit.min(limits::MAX_PAGE) as usize,
        })
    }

    /// What a cursor depends on.
    fn context(&self) -> [String; 5] {
        [
            "search".to_owned(),
            self.selector.to_string(),
            self.relation.clone(),
            self.scope.to_string(),
            self.kind.clone().unwrap_or_default(),
        ]
    }

    /// Where to look for a caller.
    fn walk(self, app: &App, principal: &Principal) -> Result<Walk, Failure> {
        let within = match self.scope {
            ScopeRef::Platform => Within::default(),
            ScopeRef::Domain(id) => Within {
                domain_id: Some(id),
                ..Within::default()
            },
            ScopeRef::Project(id) => Within {
                project_id: Some(id),
                ..Within::default()
            },
        };
        let kinds = [Holder::Node, Holder::Project].into_iter();
        let is_wanted = |holder: &Holder| self.kind.as_deref().is_none_or(|kind| kind == holder.as_str());
        Ok(Walk {
            // What cannot be read is not found either, whatever else the caller holds on it.
            nodes: places(app, principal, Permission::ReadNode, within)?,
            projects: shown(app, principal)?,
            within,
            held: self.needed.by(app, principal),
            defined_in: Some(self.scope.id()).filter(|id| !id.is_nil()),
            kinds: kinds
                .filter(is_wanted)
                .map(Holder::as_str)
                .collect::<BTreeSet<_>>(),
            selector: self.selector,
            limit: self.limit,
        })
    }
}

#[cfg(test)]
mod tests;
