//! `/v1/projects/{project_id}/node-hooks`: script hooks, their pinned digests, and accepting a changed one
//! (decision 12; all beyond the published contract).

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::paging::{self, Paging};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, Query, json, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use plex_api::codes;
use plex_api::hooks::{HookAcceptRequest, HookStatus, NodeHook, NodeHookList};
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::hooks::{self, Accepted, Position};
use plex_store::{Tx, discovered_hooks, nodes};
use uuid::Uuid;

/// How the digest of an image begins; base64 has no colon.
const IMAGE: &str = "sha256:";

/// List a project's script hooks
#[utoipa::path(
    get,
    path = "/v1/projects/{project_id}/node-hooks",
    operation_id = "ListNodeHooks",
    tag = "hooks",
    params(
        ("project_id" = Uuid, Path, description = "The project"),
        ("node_id" = Option<Uuid>, Query, description = "Only of this node"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = NodeHookList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(project_id): Path<String>,
    query: Query,
) -> Result<Json<NodeHookList>, Failure> {
    let id = path_id(&project_id, codes::INVALID_PROJECT_ID)?;
    authorize::project(&app, &principal, Permission::ReadCapabilities, id)?;
    let only = query.id("node_id", codes::INVALID_QUERY)?;
    let list = ["node-hooks".to_owned(), id.to_string(), paging::filter(only)];
    let paging = Paging::of(&app, &query, list, &principal.subject())?;
    let after = paging.after(paging::id_and_text)?;
    let after = after.map(|(node_id, name)| Position { node_id, name });
    let mut items = app
        .db
        .read(async move |tx| hooks::page(tx, (id, only), after.as_ref(), paging.limit + 1).await)
        .await?;
    let next_cursor = paging.cut(&mut items, |last| {
        paging::id_and_text_bytes(last.node_id, &last.name)
    });
    Ok(Json(NodeHookList { items, next_cursor }))
}

/// Accept a hook that changed
///
/// Pins the digest that the node declares now, of a script hook or of a Kubernetes hook's image. It must be the one in
/// the request.
#[utoipa::path(
    post,
    path = "/v1/projects/{project_id}/node-hooks/accept",
    operation_id = "AcceptNodeHook",
    tag = "hooks",
    params(("project_id" = Uuid, Path, description = "The project")),
    request_body = HookAcceptRequest,
    responses((status = 200, description = "Accepted", body = NodeHook), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn accept(
    State(app): State<App>,
    principal: Principal,
    Path(project_id): Path<String>,
    request: Request,
) -> Result<Json<NodeHook>, Failure> {
    let id = path_id(&project_id, codes::INVALID_PROJECT_ID)?;
    let project = authorize::project(&app, &principal, Permission::AcceptHook, id)?;
    let wanted: HookAcceptRequest = json(request, PLAIN_BODY).await?;
    let object = ObjectRef::of(ObjectKind::Node, wanted.node_id);
    let subject = principal.subject();
    let work = async move |tx: &mut Tx| {
        let (hook, before) = pin(tx, id, wanted, &subject).await?;
        let (before, now) = (prefixed(&before), prefixed(&hook.pinned_checksum));
        let entry = Entry::of(Some(project.domain_id), "accept_hook", &object)
            .about(format!("hook:{} {before} to {now}", hook.name));
        Ok((hook, [entry]))
    };
    let hook = authorize::change(&app, &principal, work).await?;
    Ok(Json(hook))
}

/// Pins; the hook as it is now, and the digest that was pinned before.
async fn pin(
    tx: &mut Tx,
    project_id: Uuid,
    wanted: HookAcceptRequest,
    by: &str,
) -> Result<(NodeHook, String), Failure> {
    let node = nodes::authenticate(tx, wanted.node_id).await?;
    if node.is_none_or(|node| node.project_id != project_id || node.keys.revoked_at.is_some()) {
        return Err(Failure::not_found(codes::NODE_NOT_FOUND, "node in this project"));
    }
    if wanted.checksum.starts_with(IMAGE) {
        return pin_image(tx, wanted, by).await;
    }
    let hook = Position {
        node_id: wanted.node_id,
        name: wanted.name,
    };
    let violated = |detail: &'static str| Err(Failure::conflict(codes::HOOK_INTEGRITY_VIOLATION, detail));
    match hooks::accept(tx, &hook, &wanted.checksum, by).await? {
        Accepted::Pinned { hook, before } => Ok((hook, before)),
        Accepted::Differs => violated("the node now declares another checksum; look at it again"),
        Accepted::NotDeclared => violated("the node does not declare this hook now"),
    }
}

/// The same for the image of a Kubernetes hook.
async fn pin_image(tx: &mut Tx, wanted: HookAcceptRequest, by: &str) -> Result<(NodeHook, String), Failure> {
    use discovered_hooks::Accepted;
    let hook = discovered_hooks::Position {
        node_id: wanted.node_id,
        name: wanted.name,
    };
    let violated = |detail: &'static str| Err(Failure::conflict(codes::HOOK_INTEGRITY_VIOLATION, detail));
    match discovered_hooks::accept(tx, &hook, &wanted.checksum, by).await? {
        Accepted::Pinned {
            before,
            pinned_at,
            node_name,
        } => {
            let hook = NodeHook {
                node_id: hook.node_id,
                node_name,
                name: hook.name,
                status: HookStatus::Pinned,
                declared_checksum: Some(wanted.checksum.clone()),
                pinned_checksum: wanted.checksum,
                pinned_at,
                description: None,
            };
            Ok((hook, before))
        }
        Accepted::Differs => violated("the node now declares another image; look at it again"),
        Accepted::NotDeclared => violated("the node does not declare this Kubernetes hook now"),
    }
}

/// A digest with the name of its algorithm, as an image's has it anyway.
fn prefixed(digest: &str) -> String {
    if digest.starts_with(IMAGE) {
        digest.to_owned()
    } else {
        format!("{IMAGE}{digest}")
    }
}

#[cfg(test)]
mod tests;
