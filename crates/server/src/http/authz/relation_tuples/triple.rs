//! A grant's text: subject, relation, resource, caveat.

use crate::app::App;
use crate::authorize::Project;
use crate::principal::Principal;
use crate::problem::Failure;
use plex_api::codes;
use plex_api::relations::RelationTupleCreateRequest;
use plex_domain::relation::caveat::ContextError;
use plex_domain::relation::{ObjectKind, ObjectRef, SubjectRef};
use plex_store::relations::{Condition, NewTuple};
use serde_json::{Map, Value};

/// Longest text of a field.
const MAX_TEXT: usize = 4096;

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::bad_request(codes::INVALID_TRIPLE, detail)
}

/// The tuple that a request states.
pub(in crate::http) fn read(
    app: &App,
    principal: &Principal,
    request: RelationTupleCreateRequest,
) -> Result<NewTuple, Failure> {
    let texts = [&request.subject, &request.relation, &request.resource];
    if texts.iter().any(|text| text.is_empty() || text.len() > MAX_TEXT) {
        return Err(invalid(
            "subject, relation and resource take 1 to 4096 characters",
        ));
    }
    let subject = SubjectRef::parse(&request.subject).ok_or_else(|| {
        invalid("subject takes user:<uuid>, service-identity:<uuid> or group:<uuid>#member")
    })?;
    let object = ObjectRef::parse(&request.resource).ok_or_else(|| {
        invalid(
            "resource takes project:<uuid>, node:<uuid>, group:<uuid>, domain:<uuid> or platform:platform",
        )
    })?;
    app.authority
        .rules()
        .admits(&subject, &request.relation, &object)
        .map_err(|error| invalid(error.to_string()))?;
    Ok(NewTuple {
        subject,
        relation: request.relation,
        object,
        condition: condition(app, request.caveat_name, request.caveat_context)?,
        created_by: principal.subject(),
    })
}

/// The condition of a request; an empty name is none.
fn condition(
    app: &App,
    name: Option<String>,
    context: Option<Map<String, Value>>,
) -> Result<Option<Condition>, Failure> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return match context {
            Some(context) if !context.is_empty() => Err(invalid("caveat_context needs a caveat_name")),
            Some(_) | None => Ok(None),
        };
    };
    let attached = app
        .authority
        .caveats()
        .attach(&name, context.unwrap_or_default())
        .map_err(|error| invalid(unfit(&error)))?;
    Ok(Some(Condition {
        name,
        context: attached.context.as_ref().clone(),
    }))
}

fn unfit(error: &ContextError) -> String {
    let takes = "within_time_window takes not_before and not_after as RFC 3339 texts, from_cidr takes cidr, \
        requires_assurance takes any_acr and all_amr as lists of texts";
    match error {
        ContextError::Unknown => format!("no such caveat; {takes}"),
        ContextError::Unfit(_) => {
            format!("caveat_context has a value that the caveat does not take; {takes}")
        }
        ContextError::Missing(name) => format!("caveat_context lacks {name}; {takes}"),
        ContextError::Empty => format!("caveat_context holds nobody to anything; {takes}"),
    }
}

/// Requires that a resource has to do with the project in whose name the grant is made.
pub(super) fn require_of_project(app: &App, project: &Project, object: &ObjectRef) -> Result<(), Failure> {
    let domain = ObjectRef::of(ObjectKind::Domain, project.domain_id);
    let is_of_project = match object.kind {
        ObjectKind::Project => object.id == Some(project.id),
        ObjectKind::Domain => *object == domain,
        ObjectKind::Platform => true,
        ObjectKind::Node => {
            app.authority.parent(object) == Some(ObjectRef::of(ObjectKind::Project, project.id))
        }
        ObjectKind::Group => {
            let owner = app.authority.parent(object);
            owner == Some(domain) || owner == Some(ObjectRef::PLATFORM)
        }
        ObjectKind::User | ObjectKind::ServiceIdentity => false,
    };
    if is_of_project {
        return Ok(());
    }
    Err(invalid(
        "resource must be the project of ?project_id=, a node of it, its domain, a group of that, or the platform",
    ))
}
