//! `GET /v1/projects/{project_id}/executions`: a page of the log, newest first.

use crate::app::App;
use crate::authorize;
use crate::paging::{self, ANYBODY, Paging};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{Query, path_id};
use axum::Json;
use axum::extract::{Path, State};
use plex_api::codes;
use plex_api::executions::{ExecutionList, ExecutionStatus};
use plex_domain::env::micros_from;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::executions::{self, Filter, Order, Position};
use uuid::Uuid;

/// List executions
///
/// Newest first; a walk neither skips nor repeats what existed when it began. Targets come without their
/// output, and at most 100 of them for each execution.
#[utoipa::path(
    get,
    path = "/v1/projects/{project_id}/executions",
    operation_id = "ListExecutions",
    tag = "executions",
    params(
        ("project_id" = Uuid, Path, description = "The project"),
        ("status" = Option<ExecutionStatus>, Query, description = "Only with this aggregate status"),
        ("action_name" = Option<String>, Query, description = "Only of this action"),
        ("created_from" = Option<Timestamp>, Query, description = "Only dispatched at this time or later"),
        ("created_before" = Option<Timestamp>, Query, description = "Only dispatched before this time"),
        ("order" = Option<String>, Query, description = "`desc` (default) or `asc` by creation"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = ExecutionList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(project_id): Path<String>,
    query: Query,
) -> Result<Json<ExecutionList>, Failure> {
    let project_id = path_id(&project_id, codes::INVALID_PROJECT_ID)?;
    let list = List::of(&query)?;
    let project = authorize::project(&app, &principal, Permission::ReadExecution, project_id)?;
    let paging = Paging::of(&app, &query, list.name(project_id, &principal), ANYBODY)?;
    let after = paging.after(paging::time_and_id)?;
    let after = after.map(|(created_at, id)| Position { created_at, id });
    let (filter, order) = (list.filter, list.order);
    let mut items = app
        .db
        .read_committed(async move |tx| {
            executions::page(tx, project_id, &filter, (order, after), paging.limit + 1).await
        })
        .await?;
    for target in items.iter_mut().flat_map(|item| &mut item.targets) {
        target.output_ref = None;
    }
    let next_cursor = paging.cut(&mut items, |last| {
        paging::time_and_id_bytes(last.created_at, last.id)
    });
    let object = ObjectRef::of(ObjectKind::Project, project.id);
    if !authorize::holds(&app, &principal, Permission::ReadOutput, &object) {
        items.iter_mut().for_each(|item| item.parameters = None);
    }
    Ok(Json(ExecutionList { items, next_cursor }))
}

/// Which list the query asks for.
struct List {
    filter: Filter,
    order: Order,
}

impl List {
    fn of(query: &Query) -> Result<Self, Failure> {
        let order = query.parsed("order", codes::INVALID_QUERY, |word| match word {
            "desc" => Some(Order::Descending),
            "asc" => Some(Order::Ascending),
            _ => None,
        })?;
        let filter = Filter {
            status: query.parsed("status", codes::INVALID_QUERY, ExecutionStatus::parse)?,
            action: query.get("action_name").map(str::to_owned),
            created_from: query.time("created_from")?.map(micros_from),
            created_before: query.time("created_before")?.map(micros_from),
        };
        if let (Some(from), Some(before)) = (filter.created_from, filter.created_before)
            && before <= from
        {
            let detail = "created_before is not after created_from; nothing can be between them";
            return Err(Failure::bad_request(codes::INVALID_QUERY, detail));
        }
        Ok(Self {
            filter,
            order: order.unwrap_or(Order::Descending),
        })
    }

    /// What a cursor holds for: one project, one set of filters, one order and one caller, all alike (decision 1).
    fn name(&self, project_id: Uuid, principal: &Principal) -> [String; 8] {
        [
            "executions".to_owned(),
            project_id.to_string(),
            paging::filter(self.filter.status.map(ExecutionStatus::as_str)),
            paging::filter(self.filter.action.as_ref().map(|action| format!("={action}"))),
            paging::filter(self.filter.created_from),
            paging::filter(self.filter.created_before),
            format!("{:?}", self.order),
            principal.subject(),
        ]
    }
}
