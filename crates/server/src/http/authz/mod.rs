//! `/v1/authz`: who holds which relation on what, and what follows (`api.md` §4).

pub mod check;
pub mod lookup_resources;
pub mod lookup_subjects;
pub mod relation_tuples;

use crate::app::App;
use crate::authority::{self, Decision};
use crate::principal::Principal;
use crate::problem::Failure;
use crate::request::BodyRules;
use plex_api::codes;
use plex_domain::relation::caveat::Request;
use plex_domain::relation::schema::Name;
use plex_domain::relation::{ObjectKind, ObjectRef};
use serde_json::{Map, Value};

/// Most bytes of a body here.
const BODY_BYTES: usize = 8 * 1024;

/// The rules of bodies here; a body that is not the request's JSON is `invalid_body`.
const BODY: BodyRules = BodyRules {
    ceiling: BODY_BYTES,
    too_large: codes::REQUEST_BODY_TOO_LARGE,
    malformed: codes::INVALID_BODY,
};

/// A `type:id` of a question.
fn object(text: &str, field: &'static str, code: &'static str) -> Result<ObjectRef, Failure> {
    let detail = || format!("{field} takes type:id, for example project:<uuid>, or platform:platform");
    ObjectRef::parse(text).ok_or_else(|| Failure::bad_request(code, detail()))
}

/// A type of a question.
fn kind(text: &str, field: &'static str, code: &'static str) -> Result<ObjectKind, Failure> {
    let words = ObjectKind::ALL.map(ObjectKind::as_str).join(", ");
    ObjectKind::parse(text).ok_or_else(|| Failure::bad_request(code, format!("{field} takes one of {words}")))
}

/// A relation or permission that objects of a kind have.
fn name(app: &App, text: &str, kind: ObjectKind, code: &'static str) -> Result<Name, Failure> {
    let schema = app.authority.rules().schema();
    let known = schema
        .name(text)
        .filter(|name| schema.member(kind.into(), *name).is_some());
    let detail = || {
        format!(
            "a {} has no relation and no permission of that name",
            kind.as_str()
        )
    };
    known.ok_or_else(|| Failure::bad_request(code, detail()))
}

/// What conditions ask: of the caller's own request when the question is about the caller, and of another's only
/// what the question says.
fn request_about(
    app: &App,
    principal: &Principal,
    subject: &ObjectRef,
    given: Option<Map<String, Value>>,
) -> Request {
    let own = if *subject == principal.object() {
        principal.request(app)
    } else {
        Request {
            now: app.clock.now(),
            ..Request::default()
        }
    };
    Request {
        given: given.unwrap_or_default(),
        ..own
    }
}

/// What a caller must have on an object to learn what others hold there.
fn view_of(app: &App, kind: ObjectKind) -> Option<Name> {
    let word = if kind == ObjectKind::Group { "read" } else { "view" };
    app.authority.rules().schema().name(word)
}

/// The objects of a kind of which the caller may learn what others hold there (decision 27), in order.
async fn askable(app: &App, principal: &Principal, kind: ObjectKind) -> Result<Vec<ObjectRef>, Failure> {
    let Some(view) = view_of(app, kind) else {
        return Ok(Vec::new());
    };
    authority::resources(app, principal.object(), (view, kind), principal.request(app)).await
}

/// Whether the caller may learn what others hold on an object (decision 27).
fn may_ask_about_others(app: &App, principal: &Principal, object: &ObjectRef) -> bool {
    let Some(view) = view_of(app, object.kind) else {
        return false;
    };
    let asked = app
        .authority
        .decide(&principal.object(), (view, object), &principal.request(app));
    matches!(asked, Ok(Decision::Granted { .. }))
}
