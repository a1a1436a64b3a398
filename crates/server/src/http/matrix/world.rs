//! Two domains with the same things in them, and everybody who calls.

use super::requests::{self, Request};
use crate::http::contract::conformance::Operation;
use crate::testing::{Actor, NodeActor, TestApp};
use axum::http::{HeaderMap, StatusCode};
use plex_api::paths;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::Uuid;

/// Who calls, in the order of the columns of `policy.txt`.
pub(super) const CALLERS: [&str; 11] = [
    "nobody",
    "stranger",
    "viewer",
    "operator",
    "auditor",
    "admin",
    "domain-admin",
    "platform-admin",
    "node",
    "revoked",
    "other-node",
];

/// Whose objects a call names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Those of the project on which viewer, operator, auditor and admin have their relation.
    Own,
    /// Those of another domain.
    Foreign,
    /// Nobody's.
    Missing,
    /// The own project, and in it something of the other domain.
    OwnWithForeign,
    /// The own project, and in it something that is nobody's.
    OwnWithMissing,
}

impl Place {
    /// Those that the policy speaks of.
    pub(super) const ALL: [Self; 3] = [Self::Own, Self::Foreign, Self::Missing];
}

/// Status, headers and body.
pub(super) type Answer = (StatusCode, HeaderMap, Vec<u8>);

/// Ids by what they are of.
pub(super) type Objects = BTreeMap<&'static str, Uuid>;

/// What is contained in a project, rather than containing it.
const INNER: [&str; 9] = [
    "bootstrap-token",
    "execution",
    "identity",
    "label",
    "membership",
    "node",
    "relation-tuple",
    "token",
    "violation",
];

pub(super) struct World {
    pub(super) app: TestApp,
    callers: BTreeMap<&'static str, Actor>,
    own: Objects,
    foreign: Objects,
    serial: AtomicU32,
}

impl World {
    pub(super) async fn start() -> Self {
        let app = TestApp::start().await;
        let admin = app.admin();
        let (_, domain) = admin
            .post(paths::DOMAINS, json!({"name": "Other", "slug": "other"}))
            .await;
        let domain = id(&domain["id"]);
        let wanted = json!({"domain_id": domain, "name": "Other", "slug": "other"});
        let (_, project) = admin.post(paths::PROJECTS, wanted).await;
        let (own, node) = furnish(&app, app.domain_id, app.project_id).await;
        let (foreign, _) = furnish(&app, domain, id(&project["id"])).await;
        let mut callers = BTreeMap::from([
            ("nobody", app.anybody()),
            ("stranger", app.stranger().await),
            ("domain-admin", app.user_on("admin", app.domain()).await),
            ("platform-admin", admin),
            ("node", node),
            ("revoked", revoked(&app).await),
            ("other-node", (*app.node("other").await).clone()),
        ]);
        for relation in ["viewer", "operator", "auditor", "admin"] {
            callers.insert(relation, app.user_with(relation, app.project_id).await);
        }
        Self {
            app,
            callers,
            own,
            foreign,
            serial: AtomicU32::new(0),
        }
    }

    /// A number that no call had before.
    pub(super) fn serial(&self) -> u32 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// A caller, at an address of its own, so that nobody is throttled for others.
    pub(super) fn caller(&self, name: &str) -> Actor {
        let [_, high, middle, low] = self.serial().to_be_bytes();
        self.callers[name]
            .clone()
            .from(&format!("10.{high}.{middle}.{low}"))
    }

    /// The request of an operation on the objects of some place.
    pub(super) async fn request(&self, operation: &Operation, caller: &str, place: Place) -> Request {
        let mut objects = self.objects(operation, place);
        self.renew(operation, caller, place, &mut objects).await;
        requests::of(operation, &objects, self.serial())
    }

    /// Sends it.
    pub(super) async fn call(&self, operation: &Operation, caller: &str, place: Place) -> Answer {
        let request = self.request(operation, caller, place).await;
        let caller = match operation.id() {
            // It ends the credential that it comes with.
            "PostAuthLogout" => self.throwaway(caller).await,
            _ => self.caller(caller),
        };
        self.send(operation.method, &caller, &request).await
    }

    /// The same person, with a token that may be lost.
    async fn throwaway(&self, name: &str) -> Actor {
        let caller = self.caller(name);
        if caller.id.is_nil() && name != "platform-admin" || name == "revoked" {
            return caller;
        }
        let wanted = json!({"identity_ref": caller.subject(), "env_prefix": "prod"});
        let (_, token) = caller.post(paths::TOKENS, wanted).await;
        self.app.with_token(token["plaintext"].as_str().expect("a token"))
    }

    pub(super) async fn send(&self, method: &str, caller: &Actor, request: &Request) -> Answer {
        let json = request.body.iter().map(|_| ("content-type", "application/json"));
        let more = request
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<_> = json.chain(more).collect();
        let body = request
            .body
            .as_ref()
            .map_or_else(Vec::new, |body| body.to_string().into_bytes());
        caller
            .call(&method.to_uppercase(), &request.path, body, &headers)
            .await
    }

    fn objects(&self, operation: &Operation, place: Place) -> Objects {
        // What takes away the one thing that its path names, must not be told to take away the own one.
        let is_lone = operation.method == "delete" && operation.template.matches('{').count() == 1;
        let missing = || {
            self.own
                .keys()
                .map(|name| (*name, Uuid::now_v7()))
                .collect::<Objects>()
        };
        let with = |others: Objects| {
            let inner = others.into_iter().filter(|(name, _)| INNER.contains(name));
            self.own.clone().into_iter().chain(inner).collect()
        };
        match place {
            Place::Own => self.own.clone(),
            Place::Foreign => self.foreign.clone(),
            Place::Missing => missing(),
            Place::OwnWithForeign if is_lone => self.foreign.clone(),
            Place::OwnWithMissing if is_lone => missing(),
            Place::OwnWithForeign => with(self.foreign.clone()),
            Place::OwnWithMissing => with(missing()),
        }
    }

    /// Makes anew what the operation takes away, and names as its own what belongs to the caller alone.
    async fn renew(&self, operation: &Operation, caller: &str, place: Place, objects: &mut Objects) {
        let (admin, caller) = (self.app.admin(), &self.callers[caller]);
        let is_own = matches!(place, Place::Own);
        if is_own && !caller.id.is_nil() {
            objects.insert("identity", caller.id);
        }
        if matches!(place, Place::Missing | Place::OwnWithMissing) {
            return;
        }
        let home = if is_own { &self.own } else { &self.foreign };
        let project = home["project"];
        match operation.id() {
            "AcknowledgeIntegrityViolation" => {
                let node = self.app.node_in(project, &format!("n{}", self.serial())).await;
                objects.insert("violation", violation(&admin, &node).await);
            }
            "RevokeNode" | "RotateNodeKey" => {
                let node = self.app.node_in(project, &format!("n{}", self.serial())).await;
                objects.insert("node", node.id);
            }
            "RevokeBootstrapToken" => {
                objects.insert("bootstrap-token", bootstrap_token(&admin, project).await);
            }
            "DeleteRelationTuple" | "PatchRelationTuple" => {
                objects.insert("relation-tuple", relation_tuple(&admin, project).await);
            }
            "DeleteLabelDefinition" => {
                objects.insert("label", label(&admin, project, self.serial()).await);
            }
            "EraseIdentity" => {
                objects.insert("identity", self.app.stranger().await.id);
            }
            "DeleteGroup" => {
                objects.insert("group", group(&admin, home["domain"], self.serial()).await);
            }
            "RemoveGroupMember" => {
                objects.insert("membership", membership(&admin, home["group"]).await);
            }
            "DeleteAuthTokenByID" | "PostAuthTokenRotate" if is_own && !caller.id.is_nil() => {
                let wanted = json!({"identity_ref": caller.subject(), "env_prefix": "prod"});
                let (_, token) = admin.post(paths::TOKENS, wanted).await;
                objects.insert("token", id(&token["id"]));
            }
            _ => {}
        }
    }
}

/// The id in an answer.
#[track_caller]
pub(super) fn id(value: &Value) -> Uuid {
    value.as_str().expect("an id").parse().expect("an id")
}

/// Who comes with a token that was revoked.
async fn revoked(app: &TestApp) -> Actor {
    let user = app.user_with("admin", app.project_id).await;
    let (_, tokens) = user.get(paths::TOKENS).await;
    let (status, _) = user.delete(&paths::token(id(&tokens[0]["id"]))).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    user
}

async fn bootstrap_token(admin: &Actor, project: Uuid) -> Uuid {
    let wanted = json!({"kind": "node", "env_prefix": "test", "ttl_seconds": 300});
    let (_, token) = admin.post(&paths::bootstrap_tokens(project), wanted).await;
    id(&token["token_id"])
}

async fn relation_tuple(admin: &Actor, project: Uuid) -> Uuid {
    let subject = format!("user:{}", Uuid::now_v7());
    let wanted = json!({"subject": subject, "relation": "viewer", "resource": format!("project:{project}")});
    let path = format!("{}?project_id={project}", paths::RELATION_TUPLES);
    let (_, tuple) = admin.post(&path, wanted).await;
    id(&tuple["id"])
}

/// What the node reports as changed.
async fn violation(admin: &Actor, node: &NodeActor) -> Uuid {
    let path = format!("/v1/nodes/{}/integrity-violations", node.id);
    let (status, answer) = node.post(&path, requests::violations()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (_, found) = admin
        .get(&format!("/v1/integrity-violations?node_id={}", node.id))
        .await;
    id(&found["items"][0]["id"])
}

async fn label(admin: &Actor, project: Uuid, number: u32) -> Uuid {
    let wanted = json!({
        "scope": "project",
        "scope_id": project,
        "local_key": format!("label-{number}"),
        "value_schema": {"kind": "string"},
        "applicable_kinds": ["node"],
    });
    let (_, label) = admin.post("/v1/label-definitions", wanted).await;
    id(&label["id"])
}

async fn group(admin: &Actor, domain: Uuid, number: u32) -> Uuid {
    let wanted = json!({"domain_id": domain, "slug": format!("group-{number}")});
    let (_, group) = admin.post(paths::GROUPS, wanted).await;
    id(&group["id"])
}

async fn membership(admin: &Actor, group: Uuid) -> Uuid {
    let wanted = json!({"subject": format!("user:{}", Uuid::now_v7())});
    let (_, membership) = admin.post(&paths::group_members(group), wanted).await;
    id(&membership["id"])
}

/// Everything there can be in a project, and the node in it. Lists have two of everything, so that they have pages.
async fn furnish(app: &TestApp, domain: Uuid, project: Uuid) -> (Objects, Actor) {
    let (admin, node) = (app.admin(), app.node_in(project, "web").await);
    for node in [&node, &app.node_in(project, "web-2").await] {
        let (status, _) = node
            .put(&paths::node_capabilities(node.id), requests::manifest())
            .await;
        assert_eq!(status, StatusCode::OK);
    }
    let second = json!({"domain_id": domain, "name": "Second", "slug": "second"});
    admin.post(paths::PROJECTS, second).await;
    let order = json!({"action": "check", "node_id": node.id});
    admin.post(&paths::dispatch(project), order).await;
    let order = json!({"action": "check", "node_id": node.id});
    let (_, execution) = admin.post(&paths::dispatch(project), order).await;
    let execution = id(&execution["id"]);
    for report in [
        json!({"status": "ack"}),
        json!({"status": "started"}),
        json!({"status": "succeeded", "exit_code": 0, "output": {"inline": "AP8K"}}),
    ] {
        let (status, answer) = node.post(&paths::callback(node.id, execution), report).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let label = json!({"key": "env", "value": "prod"});
    let (_, label) = admin.put(&paths::node_labels(node.id), label).await;
    violation(&admin, &app.node_in(project, "changed-too").await).await;
    let other = app.user_with("viewer", project).await;
    let group = group(&admin, domain, 1_000_000).await;
    self::group(&admin, domain, 1_000_001).await;
    self::label(&admin, project, 1_000_000).await;
    membership(&admin, group).await;
    let (_, tokens) = other.get(paths::TOKENS).await;
    let objects = BTreeMap::from([
        ("domain", domain),
        ("project", project),
        ("node", node.id),
        ("execution", execution),
        ("bootstrap-token", bootstrap_token(&admin, project).await),
        ("relation-tuple", relation_tuple(&admin, project).await),
        ("label", id(&label["definition_id"])),
        (
            "violation",
            violation(&admin, &app.node_in(project, "changed").await).await,
        ),
        ("group", group),
        ("membership", membership(&admin, group).await),
        ("identity", other.id),
        ("token", id(&tokens[0]["id"])),
    ]);
    (objects, (*node).clone())
}
