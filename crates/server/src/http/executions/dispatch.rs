//! `POST /v1/projects/{project_id}/executions/dispatch`: run an action on one node or on a selector's nodes.

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::http::executions::get::{Contents, answer};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{BodyRules, parse_json, path_id, read_body};
use crate::wakes::Wake;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use plex_api::capacity::CapacityDimension;
use plex_api::executions::{ActionKind, DispatchExecutionRequest, ExcludedNode, Execution};
use plex_api::limits::{DEFAULT_TIMEOUT_SECONDS, DISPATCH_BODY_BYTES, MAX_TIMEOUT_SECONDS, TEXT_BYTES};
use plex_api::{codes, paths};
use plex_domain::action;
use plex_domain::parameters::Parameters;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_domain::selector::Selector;
use plex_domain::trace::SpanContext;
use plex_store::executions::NewExecution;
use plex_store::nodes::{self, Addressed, Candidate};
use plex_store::{Tx, capacity, executions, idempotency};
use plex_telemetry::Kind;
use ring::digest::{SHA256, digest};
use std::collections::BTreeSet;
use std::time::Instant;
use uuid::Uuid;

const BODY: BodyRules = BodyRules {
    ceiling: DISPATCH_BODY_BYTES,
    too_large: codes::REQUEST_BODY_TOO_LARGE,
    malformed: codes::INVALID_BODY,
};
/// Longest idempotency key.
const KEY_BYTES: usize = 255;

/// Dispatch an action
///
/// Answers at once, with every target pending. With an `Idempotency-Key`, sending the same body again within
/// 24 hours answers with the same execution instead of a second one.
#[utoipa::path(
    post,
    path = "/v1/projects/{project_id}/executions/dispatch",
    operation_id = "DispatchExecution",
    tag = "executions",
    params(
        ("project_id" = Uuid, Path, description = "The project"),
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "Chosen by the caller"),
    ),
    request_body = DispatchExecutionRequest,
    responses(
        (status = 201, description = "Dispatched", body = Execution, headers(("Location" = String))),
        Problems,
    ),
    security(("operatorBearer" = [])),
)]
pub async fn dispatch(
    State(app): State<App>,
    principal: Principal,
    Path(project_id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (began, arrived_at) = (Instant::now(), app.clock.now());
    let project_id = path_id(&project_id, codes::INVALID_PROJECT_ID)?;
    let key = idempotency_key(request.headers(), &principal, project_id)?;
    let project = authorize::project(&app, &principal, Permission::Dispatch, project_id)?;
    let body = read_body(request, BODY).await?;
    let order = Order::of(parse_json(&body, codes::INVALID_BODY)?)?;
    let action = order.action.clone();
    let digest = digest(&SHA256, &body)
        .as_ref()
        .try_into()
        .expect("SHA-256 has 32 bytes");
    let object = ObjectRef {
        kind: ObjectKind::Project,
        id: Some(project_id),
    };
    let dispatched_by = principal.subject();
    let max_live = app.max_live_executions;
    let work = async move |tx: &mut Tx| {
        if let Some(id) = before(tx, key.as_ref(), &digest).await? {
            return Ok(((id, Vec::new()), None));
        }
        let cohort = order.cohort(tx, project_id).await?;
        require_room(tx, project.domain_id, max_live).await?;
        let new = order.execution((project_id, project.domain_id), &cohort, dispatched_by);
        let id = executions::insert(tx, &new, &cohort.nodes).await?;
        if let Some(key) = &key {
            idempotency::remember(tx, key, &digest, id).await?;
        }
        let entry = Entry::of(Some(project.domain_id), "dispatch", &object)
            .about(format!("execution {id}, action {}", new.action));
        Ok(((id, cohort.nodes), Some(entry)))
    };
    let (id, nodes) = authorize::change(&app, &principal, work).await?;
    app.wakes.tell(Wake::Pending, &nodes);
    // A dispatch that came again has made nothing.
    if !nodes.is_empty() {
        app.metrics.dispatches.observe_time(began.elapsed());
        app.metrics.targets.observe(nodes.len() as u64);
        // The root of the execution's own trace; it ends here and now.
        let _ = app
            .traces
            .begin_known(SpanContext::of_execution(id), None, ("execution", Kind::Server))
            .since(arrived_at)
            .linked_to(principal.context.span)
            .with("plexsphere.execution_id", id)
            .with("plexsphere.action", action)
            .with("plexsphere.targets", nodes.len());
    }
    let mut response = answer(
        (app, principal),
        (project_id, id),
        Contents::Shown,
        StatusCode::CREATED,
    )
    .await?;
    let location =
        HeaderValue::from_str(&paths::execution(project_id, id)).expect("a path of UUIDs is a header value");
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

fn idempotency_key(
    headers: &HeaderMap,
    principal: &Principal,
    project_id: Uuid,
) -> Result<Option<idempotency::Key>, Failure> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let key = key
        .to_str()
        .ok()
        .filter(|key| (1..=KEY_BYTES).contains(&key.len()) && keys.next().is_none());
    let key = key.ok_or_else(|| {
        Failure::bad_request(
            codes::MALFORMED_REQUEST,
            "Idempotency-Key takes one value of 1 to 255 ASCII characters",
        )
    })?;
    Ok(Some(idempotency::Key {
        principal: principal.subject(),
        project_id,
        key: key.to_owned(),
    }))
}

/// The execution that this idempotency key made before (decision 9).
async fn before(
    tx: &mut Tx,
    key: Option<&idempotency::Key>,
    digest: &[u8; 32],
) -> Result<Option<Uuid>, Failure> {
    let Some(key) = key else { return Ok(None) };
    match idempotency::find(tx, key).await? {
        None => Ok(None),
        Some((id, known)) if known == *digest => Ok(Some(id)),
        Some(_) => {
            let detail = "this Idempotency-Key was used with another body; choose a new key";
            Err(Failure::conflict(codes::IDEMPOTENCY_KEY_REUSED, detail))
        }
    }
}

/// Asked in the transaction that stores the execution, so that no two take the last place. With many writers that
/// takes a lock for each domain, held by dispatches alone.
async fn require_room(tx: &mut Tx, domain_id: Uuid, max_live: u64) -> Result<(), Failure> {
    if max_live == 0 || capacity::live_executions(tx, domain_id).await? < max_live {
        return Ok(());
    }
    let detail = format!(
        "{max_live} executions of this domain have not ended, which is its cap; wait until some have"
    );
    Err(Failure::capacity_exceeded(
        CapacityDimension::ActionExecutions,
        detail,
    ))
}

/// A dispatch whose body made sense.
#[derive(Clone)]
struct Order {
    action: String,
    kind: ActionKind,
    parameters: Option<Parameters>,
    timeout_seconds: u32,
    target: Target,
}

#[derive(Clone)]
enum Target {
    Node(Uuid),
    Selector { text: String, parsed: Selector },
}

impl Order {
    fn of(request: DispatchExecutionRequest) -> Result<Self, Failure> {
        let invalid = |detail: &'static str| Failure::bad_request(codes::INVALID_BODY, detail);
        if !action::valid_name(&request.action) {
            return Err(invalid(
                "action takes 1 to 128 of a-z 0-9 . _ - and begins with a letter or digit",
            ));
        }
        let timeout_seconds = match request.timeout_seconds {
            None | Some(0) => DEFAULT_TIMEOUT_SECONDS,
            Some(seconds) if seconds <= MAX_TIMEOUT_SECONDS => seconds,
            Some(_) => return Err(invalid("timeout_seconds takes 0 to 86400")),
        };
        let target = match (request.node_id, request.selector) {
            (Some(node), None) => Target::Node(node),
            (None, Some(text)) => selector(text)?,
            (Some(_), Some(_)) | (None, None) => {
                return Err(invalid("give exactly one of node_id and selector"));
            }
        };
        let parameters = request
            .parameters
            .map(|raw| Parameters::parse(raw.get()))
            .transpose()
            .map_err(|error| Failure::bad_request(codes::INVALID_BODY, format!("parameters: {error}")))?;
        Ok(Self {
            action: request.action,
            kind: request.r#type.unwrap_or_default(),
            parameters,
            timeout_seconds,
            target,
        })
    }

    /// The nodes that will run it, resolved and gated in the transaction that stores them.
    async fn cohort(&self, tx: &mut Tx, project_id: Uuid) -> Result<Cohort, Failure> {
        let addressed = match &self.target {
            Target::Node(node) => Addressed::Node(*node),
            Target::Selector { parsed, .. } => Addressed::Selected(parsed),
        };
        let found = nodes::candidates(tx, project_id, addressed, self.kind, &self.action).await?;
        match addressed {
            Addressed::Node(_) => self.one(found),
            Addressed::Selected(_) => self.many(found),
        }
    }

    fn one(&self, found: Vec<Candidate>) -> Result<Cohort, Failure> {
        let node = found.first().ok_or_else(|| {
            Failure::unprocessable(
                codes::SELECTOR_EMPTY_COHORT,
                "no such node in this project, or its key was revoked",
            )
        })?;
        if !node.declared {
            return Err(Failure::bad_request(
                codes::ACTION_NOT_DECLARED,
                undeclared(self.kind),
            ));
        }
        self.many(found)
    }

    fn many(&self, found: Vec<Candidate>) -> Result<Cohort, Failure> {
        let mut cohort = Cohort::default();
        for node in found {
            if !node.declared {
                let reason = if node.manifest {
                    codes::ACTION_NOT_DECLARED
                } else {
                    "no_manifest"
                };
                cohort.excluded.push(ExcludedNode {
                    node_id: node.node_id,
                    reason: reason.to_owned(),
                });
                continue;
            }
            if self.kind == ActionKind::Hook && (node.pinned.is_none() || node.pinned != node.checksum) {
                let detail = format!(
                    "hook {} on node {} is not what was pinned; see plexctl hook list and hook accept",
                    self.action, node.node_id
                );
                return Err(Failure::conflict(codes::HOOK_INTEGRITY_VIOLATION, detail));
            }
            cohort.nodes.push(node.node_id);
            cohort.secrets.extend(node.secrets);
        }
        if cohort.nodes.is_empty() {
            let detail = format!(
                "no node is left to run this ({} matched without the action)",
                cohort.excluded.len()
            );
            return Err(Failure::unprocessable(codes::SELECTOR_EMPTY_COHORT, detail));
        }
        Ok(cohort)
    }

    fn execution(
        self,
        (project_id, domain_id): (Uuid, Uuid),
        cohort: &Cohort,
        dispatched_by: String,
    ) -> NewExecution {
        let (selector, node_id) = match self.target {
            Target::Node(node) => (None, Some(node)),
            Target::Selector { text, .. } => (Some(text), None),
        };
        let masked = |parameters: &Parameters| {
            let has_secret = parameters
                .keys()
                .iter()
                .any(|key| cohort.secrets.contains(key.as_str()));
            has_secret.then(|| parameters.mask(&cohort.secrets))
        };
        NewExecution {
            project_id,
            domain_id,
            action: self.action,
            kind: self.kind,
            parameters_shown: self.parameters.as_ref().and_then(masked),
            parameters: self.parameters.map(|parameters| parameters.as_str().to_owned()),
            timeout_seconds: self.timeout_seconds,
            selector,
            node_id,
            dispatched_by,
            excluded: cohort.excluded.clone(),
        }
    }
}

/// Why an action cannot be dispatched to a node that does not declare it, and what may have been meant.
fn undeclared(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Builtin => {
            "the node offers no built-in of this name; for a hook, the type is hook (plexctl: --type hook)"
        }
        ActionKind::Hook => {
            "the node declares no hook of this name; plexctl hook list shows what nodes declare"
        }
    }
}

fn selector(text: String) -> Result<Target, Failure> {
    let malformed = |detail: String| Failure::bad_request(codes::MALFORMED_SELECTOR, detail);
    if text.len() > TEXT_BYTES {
        return Err(malformed("a selector takes at most 4096 bytes".to_owned()));
    }
    let parsed = Selector::parse(&text)
        .map_err(|error| malformed(format!("at byte {}: {}", error.position, error.message)))?;
    Ok(Target::Selector { text, parsed })
}

/// Who runs it.
#[derive(Default)]
struct Cohort {
    nodes: Vec<Uuid>,
    excluded: Vec<ExcludedNode>,
    /// Parameters that any of them declares secret (decision 5).
    secrets: BTreeSet<String>,
}
