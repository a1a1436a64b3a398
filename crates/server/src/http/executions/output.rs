//! `GET …/executions/{execution_id}/targets/{node_id}/output`: the bytes of one output (*beyond*, decision 21).

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::http::executions::get::missing;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::path_id;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use plex_api::codes;
use plex_api::executions::OutputRef;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::{Tx, executions, invocations, outputs};

/// Bytes as they are, in the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Bytes(pub Vec<u8>);

/// Get one target's output
///
/// An inline output is answered with its bytes; an archived one with a redirect to a URL that holds for 60 s.
#[utoipa::path(
    get,
    path = "/v1/projects/{project_id}/executions/{execution_id}/targets/{node_id}/output",
    operation_id = "GetTargetOutput",
    tag = "executions",
    params(
        ("project_id" = uuid::Uuid, Path, description = "The project"),
        ("execution_id" = uuid::Uuid, Path, description = "The execution"),
        ("node_id" = uuid::Uuid, Path, description = "The target's node"),
    ),
    responses(
        (status = 200, description = "The bytes", content_type = "application/octet-stream", body = Bytes),
        (status = 303, description = "Where the bytes are", headers(("Location" = String))),
        Problems,
    ),
    security(("operatorBearer" = [])),
)]
pub async fn output(
    State(app): State<App>,
    principal: Principal,
    Path((project_id, execution_id, node_id)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let project_id = path_id(&project_id, codes::INVALID_PROJECT_ID)?;
    let execution_id = path_id(&execution_id, codes::INVALID_EXECUTION_ID)?;
    let node_id = path_id(&node_id, codes::INVALID_ID)?;
    let project = authorize::project_or(&app, &principal, Permission::ReadOutput, project_id, missing)?;
    let object = ObjectRef {
        kind: ObjectKind::Project,
        id: Some(project_id),
    };
    let work = async move |tx: &mut Tx| {
        executions::find(tx, project_id, execution_id)
            .await?
            .ok_or_else(missing)?;
        let target = invocations::target(tx, execution_id, node_id).await?;
        let reference = target.and_then(|target| target.output_ref).ok_or_else(none)?;
        let inline = outputs::find(tx, execution_id, node_id).await?;
        let entry = Entry::of(Some(project.domain_id), "read_output", &object)
            .about(format!("execution {execution_id}, node {node_id}"));
        Ok(((reference, inline), [entry]))
    };
    let found = authorize::change(&app, &principal, work).await?;
    match found {
        (OutputRef::ObjectStore { key, .. }, _) => {
            let location = app.objects.presign_download(&app, &key);
            Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
        }
        (OutputRef::Inline { .. }, Some(bytes)) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::CONTENT_DISPOSITION, "attachment"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            Ok((headers, bytes).into_response())
        }
        (OutputRef::Inline { .. }, None) => Err(Failure::internal("a stored output is missing")),
    }
}

fn none() -> Failure {
    Failure::not_found(codes::OUTPUT_NOT_FOUND, "output for this target (yet)")
}
