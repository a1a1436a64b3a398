//! `POST /v1/nodes/{id}/integrity-violations`: a node found something changed (`api.md` §7.1).
//!
//! A batch is stored whole or not at all. The same finding is one violation while it is open.

use super::own_record;
use crate::app::App;
use crate::principal::Node;
use crate::problem::{Failure, Problems};
use crate::request::{BodyRules, json};
use axum::Json;
use axum::extract::{Request, State};
use plex_api::codes;
use plex_api::integrity::{IntegrityViolationsRequest, IntegrityViolationsResponse};
use plex_api::limits::INTEGRITY_BODY_BYTES;
use plex_domain::integrity;
use plex_store::audit::{self, Record};
use plex_store::integrity::{Finding, OPEN_OF_A_NODE, Reported, report as store};

const BODY: BodyRules = BodyRules {
    ceiling: INTEGRITY_BODY_BYTES,
    too_large: codes::INTEGRITY_VIOLATIONS_BODY_TOO_LARGE,
    malformed: codes::MALFORMED_INTEGRITY_VIOLATIONS_REQUEST,
};
/// How long a node with too many open violations is to wait.
const FULL_SECONDS: u32 = 600;

/// Report integrity violations
#[utoipa::path(
    post,
    path = "/v1/nodes/{id}/integrity-violations",
    operation_id = "PostNodeIntegrityViolations",
    tag = "integrity",
    params(("id" = Uuid, Path, description = "The node")),
    request_body = IntegrityViolationsRequest,
    responses((status = 200, description = "Stored", body = IntegrityViolationsResponse), Problems),
    security(("nskBearer" = [])),
)]
pub async fn report(
    State(app): State<App>,
    node: Node,
    request: Request,
) -> Result<Json<IntegrityViolationsResponse>, Failure> {
    let sent: IntegrityViolationsRequest = json(request, BODY).await?;
    let findings = findings(&sent)?;
    let id = node.id;
    let record = own_record(&node, "report_integrity");
    let pseudonyms = app.keys.pseudonyms;
    let (accepted_at, new) = app
        .db
        .write(async move |tx| {
            let new = match store(tx, id, &findings).await? {
                Reported::Stored { new } => new,
                Reported::TooManyOpen => return Err(too_many_open()),
                Reported::NoNode => return Err(no_node()),
            };
            if new > 0 {
                let details = Some(format!("violations:{new}"));
                audit::append(tx, &pseudonyms, Record { details, ..record }).await?;
            }
            Ok::<_, Failure>((tx.now(), new))
        })
        .await?;
    if new > 0 {
        tracing::warn!(node.id = %id, violations = new, "a node reports integrity violations");
    }
    Ok(Json(IntegrityViolationsResponse {
        accepted_at,
        violation_count: u32::try_from(sent.violations.len()).unwrap_or(u32::MAX),
    }))
}

fn findings(sent: &IntegrityViolationsRequest) -> Result<Vec<Finding>, Failure> {
    use plex_api::codes::INTEGRITY_VIOLATIONS_TOO_MANY as TOO_MANY;
    let checked = integrity::check(sent).map_err(|error| {
        if error.code == TOO_MANY {
            Failure::too_large(error.code, error.detail)
        } else {
            Failure::bad_request(error.code, error.detail)
        }
    })?;
    let finding = |violation: integrity::Violation| Finding {
        kind: violation.kind,
        detected_by: violation.detected_by,
        artifact_id: violation.artifact_id,
        observed: violation.observed,
        expected: violation.expected,
    };
    Ok(checked.into_iter().map(finding).collect())
}

fn too_many_open() -> Failure {
    let detail =
        format!("{OPEN_OF_A_NODE} violations of this node are open; operators must acknowledge some");
    Failure::rate_limited(FULL_SECONDS, detail)
}

/// The key ended between its check and the write.
fn no_node() -> Failure {
    Failure::not_found(codes::INTEGRITY_VIOLATIONS_NODE_NOT_FOUND, "node")
}

#[cfg(test)]
mod tests;
