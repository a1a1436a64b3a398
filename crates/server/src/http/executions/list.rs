//! `GET /v1/projects/{project_id}/executions`: a page of the log, newest first.

use crate::app::App;
use crate::authorize;
use crate::paging::{self, ANYBODY, Paging};
use crate::principal::{Claim, Principal};
use crate::problem::{Failure, Problems};
use crate::request::{Query, path_id};
use axum::Json;
use axum::extract::{Path, State};
use futures_util::FutureExt as _;
use futures_util::future::{OptionFuture, try_join};
use plex_api::codes;
use plex_api::executions::{Execution, ExecutionList, ExecutionStatus};
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
    claim: Claim,
    Path(project_id): Path<String>,
    query: Result<Query, Failure>,
) -> Result<Json<ExecutionList>, Failure> {
    let likely = claim.likely(&app).zip(query.as_ref().ok());
    let ahead = likely.and_then(|(likely, query)| ahead(&app, &likely, &project_id, query));
    let read = OptionFuture::from(ahead.clone().map(|page| page.read(&app)));
    let (principal, read) = try_join(claim.principal(&app), read.map(Ok)).await?;
    let query = query?;
    let project_id = path_id(&project_id, codes::INVALID_PROJECT_ID)?;
    let list = List::of(&query)?;
    let project = authorize::project(&app, &principal, Permission::ReadExecution, project_id)?;
    let paging = list.paging(&app, &principal, (project_id, &query))?;
    let page = Page::of(project_id, list, &paging)?;
    let mut items = match read {
        Some(items) if ahead.as_ref() == Some(&page) => items?,
        Some(_) | None => page.read(&app).await?,
    };
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

/// The page that a caller will get, if it is who it seems to be.
fn ahead(app: &App, likely: &Principal, project_id: &str, query: &Query) -> Option<Page> {
    let project_id = path_id(project_id, codes::INVALID_PROJECT_ID).ok()?;
    let list = List::of(query).ok()?;
    let project = ObjectRef::of(ObjectKind::Project, project_id);
    if !authorize::holds(app, likely, Permission::ReadExecution, &project) {
        return None;
    }
    let paging = list.paging(app, likely, (project_id, query)).ok()?;
    Page::of(project_id, list, &paging).ok()
}

/// What is read of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Page {
    project_id: Uuid,
    list: List,
    after: Option<Position>,
    limit: u32,
}

impl Page {
    fn of(project_id: Uuid, list: List, paging: &Paging<'_>) -> Result<Self, Failure> {
        let after = paging.after(paging::time_and_id)?;
        Ok(Self {
            project_id,
            list,
            after: after.map(|(created_at, id)| Position { created_at, id }),
            limit: paging.limit + 1,
        })
    }

    /// Its executions, and one more where there is one.
    async fn read(self, app: &App) -> Result<Vec<Execution>, Failure> {
        let read = app.db.read_committed(move |tx| {
            async move {
                let List { filter, order } = &self.list;
                executions::page(tx, self.project_id, filter, (*order, self.after), self.limit).await
            }
            .boxed()
        });
        Ok(read.await?)
    }
}

/// Which list the query asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    fn paging<'a>(
        &self,
        app: &'a App,
        principal: &Principal,
        (project_id, query): (Uuid, &Query),
    ) -> Result<Paging<'a>, Failure> {
        Paging::of(app, query, self.name(project_id, principal), ANYBODY)
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
