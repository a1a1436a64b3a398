//! `GET /v1/projects/{project_id}/executions/{execution_id}`: one execution with all its targets.
//!
//! Statuses and counts come from one snapshot. Outputs are read chunk by chunk while the body goes out; that
//! is still the same snapshot, because an output belongs to a terminal invocation and never changes.

use crate::app::App;
use crate::authorize::{self, Watch};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::path_id;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use plex_api::executions::{Execution, ExecutionTarget, OutputRef};
use plex_api::{Base64Bytes, codes};
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::{Tx, executions, invocations, outputs};
use std::collections::HashMap;
use uuid::Uuid;

/// Targets whose outputs are in memory at once: at most 64 × 16 KiB.
const CHUNK: usize = 64;

/// Get an execution
#[utoipa::path(
    get,
    path = "/v1/projects/{project_id}/executions/{execution_id}",
    operation_id = "GetExecution",
    tag = "executions",
    params(
        ("project_id" = Uuid, Path, description = "The project"),
        ("execution_id" = Uuid, Path, description = "The execution"),
    ),
    responses((status = 200, description = "The execution", body = Execution), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path((project_id, execution_id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let project_id = path_id(&project_id, codes::INVALID_PROJECT_ID)?;
    let execution_id = path_id(&execution_id, codes::INVALID_EXECUTION_ID)?;
    let project = authorize::project_or(&app, &principal, Permission::ReadExecution, project_id, missing)?;
    let object = ObjectRef::of(ObjectKind::Project, project.id);
    let contents = if authorize::holds(&app, &principal, Permission::ReadOutput, &object) {
        // The answer rests on it from now on.
        authorize::allow(&app, &principal, Permission::ReadOutput, &object, missing)?;
        Contents::Shown
    } else {
        Contents::Withheld
    };
    answer(
        (app, principal),
        (project_id, execution_id),
        contents,
        StatusCode::OK,
    )
    .await
}

/// Whether the reader may see outputs and parameters; an auditor may not (decision 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// They are in the answer.
    Shown,
    /// They are left out.
    Withheld,
}

/// The 404 for an execution that is missing, or that the caller may not know of.
pub fn missing() -> Failure {
    Failure::not_found(codes::EXECUTION_NOT_FOUND, "execution")
}

/// The execution as a streamed answer to a caller.
pub async fn answer(
    (app, principal): (App, Principal),
    (project_id, id): (Uuid, Uuid),
    contents: Contents,
    status: StatusCode,
) -> Result<Response, Failure> {
    let found = app
        .db
        .read(async move |tx| {
            let Some(execution) = executions::find(tx, project_id, id).await? else {
                return Ok(None);
            };
            let mut targets = invocations::targets(tx, id, u32::MAX).await?;
            let rest = targets.split_off(CHUNK.min(targets.len()));
            fill(tx, id, &mut targets, contents).await?;
            Ok::<_, Failure>(Some((execution, targets, rest)))
        })
        .await?;
    let (mut execution, mut first, mut rest) = found.ok_or_else(missing)?;
    app.objects.locate(first.iter_mut().chain(&mut rest));
    if contents == Contents::Withheld {
        execution.parameters = None;
    }
    let mut head = serde_json::to_vec(&execution).map_err(Failure::internal)?;
    // `targets` is the last member: open its empty array again.
    head.truncate(head.len() - b"]}".len());
    push(&mut head, &first, "")?;
    let headers = [(header::CONTENT_TYPE, "application/json")];
    if rest.is_empty() {
        head.extend_from_slice(b"]}");
        return Ok((status, headers, head).into_response());
    }
    let body = Body::from_stream(body((app, Watch::new(principal)), id, contents, (head, rest)));
    Ok((status, headers, body).into_response())
}

/// The head, then the other targets chunk by chunk. An error breaks the body off, so no reader takes it for
/// whole.
fn body(
    (app, watch): (App, Watch),
    id: Uuid,
    contents: Contents,
    (head, rest): (Vec<u8>, Vec<ExecutionTarget>),
) -> impl stream::Stream<Item = Result<Bytes, BrokenOff>> {
    stream::try_unfold((watch, Some((head, rest))), move |(mut watch, state)| {
        let app = app.clone();
        async move {
            let Some((ready, mut rest)) = state else {
                return Ok(None);
            };
            watch.check(&app).await.map_err(BrokenOff)?;
            if rest.is_empty() {
                return Ok(Some((Bytes::from([&ready[..], b"]}"].concat()), (watch, None))));
            }
            let later = rest.split_off(CHUNK.min(rest.len()));
            let next = async move |tx: &mut Tx| {
                fill(tx, id, &mut rest, contents).await?;
                Ok::<_, Failure>(rest)
            };
            let chunk = app.db.read(next).await.map_err(BrokenOff)?;
            let mut text = Vec::new();
            push(&mut text, &chunk, ",").map_err(BrokenOff)?;
            Ok(Some((Bytes::from(ready), (watch, Some((text, later))))))
        }
    })
}

/// Puts the inline outputs of some neighbouring targets in their place.
async fn fill(
    tx: &mut Tx,
    id: Uuid,
    targets: &mut [ExecutionTarget],
    contents: Contents,
) -> Result<(), Failure> {
    let (Some(first), Some(last)) = (targets.first(), targets.last()) else {
        return Ok(());
    };
    let is_inline = |target: &ExecutionTarget| matches!(target.output_ref, Some(OutputRef::Inline { .. }));
    if contents == Contents::Withheld || !targets.iter().any(is_inline) {
        return Ok(());
    }
    // Some may be of targets that ended after the snapshot; those are not in it and have no place here.
    let found = outputs::range(tx, id, first.node_id, last.node_id).await?;
    let mut found: HashMap<Uuid, Vec<u8>> = found.into_iter().collect();
    for target in targets {
        if let Some(OutputRef::Inline { inline_bytes }) = &mut target.output_ref {
            let bytes = found.remove(&target.node_id);
            let bytes = bytes.ok_or_else(|| Failure::internal("a stored output is missing"))?;
            *inline_bytes = Some(Base64Bytes(bytes));
        }
    }
    Ok(())
}

/// Appends targets to an open array. `before` is what separates them from those before.
fn push(text: &mut Vec<u8>, targets: &[ExecutionTarget], before: &str) -> Result<(), Failure> {
    let mut separator = before;
    for target in targets {
        text.extend_from_slice(separator.as_bytes());
        serde_json::to_writer(&mut *text, target).map_err(Failure::internal)?;
        separator = ",";
    }
    Ok(())
}

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
#[error("the body broke off")]
struct BrokenOff(Failure);
