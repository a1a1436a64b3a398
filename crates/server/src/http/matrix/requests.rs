//! A request that is in order, for every operation.

use super::world::Objects;
use crate::http::contract::conformance::Operation;
use jiff::Timestamp;
use serde_json::{Value, json};

/// SHA-256 of something, in base64.
pub(super) const CHECKSUM: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// The code of a device that nobody has.
const USER_CODE: &str = "ABCD-2345";

/// What is sent.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Path and query.
    pub(super) path: String,
    /// The body, where the operation has one.
    pub(super) body: Option<Value>,
    /// What stands in the head besides.
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Request {
    /// The same with a query parameter, in place of the one of that name.
    pub(super) fn with_query(mut self, name: &str, value: &str) -> Self {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let others = query
            .split('&')
            .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(name));
        let pairs: Vec<String> = others
            .map(str::to_owned)
            .chain([format!("{name}={value}")])
            .collect();
        self.path = format!("{path}?{}", pairs.join("&"));
        self
    }

    /// The same with these fields of the body; those that are null are left out.
    pub(super) fn merged(mut self, fields: &Value) -> Self {
        let body = self
            .body
            .as_mut()
            .and_then(Value::as_object_mut)
            .expect("a body to change");
        for (name, value) in fields.as_object().expect("fields") {
            if value.is_null() {
                body.shift_remove(name);
            } else {
                body.insert(name.clone(), value.clone());
            }
        }
        self
    }
}

/// The operation's request on these objects. The number makes unique what must be.
pub(super) fn of(operation: &Operation, objects: &Objects, number: u32) -> Request {
    let segments = operation.template.split('/').collect::<Vec<_>>();
    let filled: Vec<String> = segments
        .iter()
        .enumerate()
        .map(
            |(at, segment)| match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => path_parameter(name, segments[at - 1], objects),
                None => (*segment).to_owned(),
            },
        )
        .collect();
    let query = query(operation, objects);
    let separator = if query.is_empty() { "" } else { "?" };
    let body = operation.fields["requestBody"].is_object();
    Request {
        path: format!("{}{separator}{query}", filled.join("/")),
        body: body.then(|| self::body(operation.id(), objects, number)),
        // A browser would be sent on, whatever happened.
        headers: match operation.id() {
            "GetAuthCallback" => vec![("accept", "application/json".to_owned())],
            _ => Vec::new(),
        },
    }
}

/// What stands for a parameter of a path; `before` is the segment before it.
fn path_parameter(name: &str, before: &str, objects: &Objects) -> String {
    let object = match (name, before) {
        ("kind", _) => return "node".to_owned(),
        ("asset", _) => return "redoc.standalone.js".to_owned(),
        ("seq", _) => return "1".to_owned(),
        ("identity_id", _) => "identity",
        ("id", "integrity-violations") => "violation",
        ("id", "label-definitions") => "label",
        ("domain_id", _) | ("id", "domains") => "domain",
        ("project_id", _) | ("id", "projects") => "project",
        ("node_id", _) | ("id", "nodes") | ("id", "{kind}") => "node",
        ("execution_id", _) => "execution",
        ("id", "bootstrap-tokens") => "bootstrap-token",
        ("id", "relation-tuples") => "relation-tuple",
        ("id", "tokens") => "token",
        ("id", "groups") => "group",
        ("membership_id", _) => "membership",
        _ => panic!("requests.rs does not know what stands for {before}/{name}"),
    };
    objects[object].to_string()
}

/// The parameters that name an object, whether they are required or a filter.
fn query(operation: &Operation, objects: &Objects) -> String {
    let parameters = operation.fields["parameters"].as_array().into_iter().flatten();
    let named = parameters.filter(|parameter| parameter["in"] == "query");
    let pairs = named.filter_map(|parameter| {
        let name = parameter["name"].as_str().unwrap_or_default();
        let value = match name {
            "project_id" => objects["project"].to_string(),
            "domain_id" => objects["domain"].to_string(),
            "scope" => format!("project:{}", objects["project"]),
            "qualified_key" => "env".to_owned(),
            "user_code" => USER_CODE.to_owned(),
            "code" | "state" => "made-up".to_owned(),
            _ if parameter["required"] == true => panic!("requests.rs does not know the parameter {name}"),
            _ => return None,
        };
        Some(format!("{name}={value}"))
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// What a node can run.
pub(super) fn manifest() -> Value {
    json!({
        "binary_version": "v1",
        "binary_checksum": CHECKSUM,
        "builtin_actions": [{"name": "check", "parameters": [{"name": "depth"}]}],
        "declared_hooks": [{"name": "backup", "checksum": CHECKSUM}],
        "plexd_hooks": [{"name": "rotate", "image_digest": format!("sha256:{}", "ab".repeat(32))}],
    })
}

/// What a node finds changed.
pub(super) fn violations() -> Value {
    json!({"violations": [{
        "kind": "hook_checksum",
        "detected_by": "startup_scan",
        "artifact_id": "backup",
        "observed_checksum": CHECKSUM,
    }]})
}

fn body(operation: &str, objects: &Objects, number: u32) -> Value {
    let slug = format!("new-{number}");
    let id = |name: &str| objects[name].to_string();
    match operation {
        "PostRegister" => json!({
            "project_id": id("project"),
            "resource_handle": slug,
            "bootstrap_token": "psb_test_aaaaaaaaaaaaaaaaaaaaaaaaaa_node_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "nonce": slug,
            "public_key": CHECKSUM,
        }),
        "PostAuthSignIn" | "PostAuthDeviceCode" => json!({}),
        "PostAuthDeviceToken" => json!({"device_code": "made-up"}),
        "PostAuthDeviceApprove" => json!({"user_code": USER_CODE}),
        "PostAuthTokens" => json!({"identity_ref": format!("user:{}", id("identity")), "env_prefix": "prod"}),
        "CreateRelationTuple" => json!({
            "subject": format!("user:0190a8b8-a0c0-7a0a-8a0a-{number:012}"),
            "relation": "viewer",
            "resource": format!("project:{}", id("project")),
        }),
        "PatchRelationTuple" => json!({
            "subject": format!("user:0190a8b8-a0c0-7a0a-8a0a-{number:012}"),
            "relation": "viewer",
            "resource": format!("project:{}", id("project")),
        }),
        "PostAuthzCheck" => json!({
            "subject": format!("user:{}", id("identity")),
            "relation": "read",
            "resource": format!("project:{}", id("project")),
        }),
        "PostAuthzLookupResources" => json!({
            "subject": format!("user:{}", id("identity")),
            "relation": "read",
            "resource_type": "project",
        }),
        "PostAuthzLookupSubjects" => json!({
            "subject_type": "user",
            "relation": "read",
            "resource": format!("project:{}", id("project")),
        }),
        "CreateGroup" => json!({"domain_id": id("domain"), "slug": slug}),
        "AddGroupMember" => json!({"subject": format!("user:0190a8b8-a0c0-7a0a-8a0a-{number:012}")}),
        "CreateDomain" => json!({"name": "New", "slug": slug}),
        "PatchDomain" | "PatchProject" => json!({"name": "Renamed"}),
        "PutProjectRetention" => json!({"max_age_days": 90, "max_count": 1_000_000}),
        "CreateLabelDefinition" => json!({
            "scope": "project",
            "scope_id": id("project"),
            "local_key": slug,
            "value_schema": {"kind": "string"},
            "applicable_kinds": ["node"],
        }),
        "UpdateLabelDefinition" => json!({"description": "Changed"}),
        "PreviewLabelSelector" => json!({"expression": "env=prod"}),
        "SearchObjectsByLabel" => json!({
            "selector": "env=prod",
            "relation": "read",
            "scope": "project",
            "scope_id": id("project"),
        }),
        "VerifyAuditChain" | "VerifyPlatformAuditChain" => json!({"from_seq": 1}),
        "CreateProject" => json!({"domain_id": id("domain"), "name": "New", "slug": slug}),
        "IssueBootstrapToken" => json!({"kind": "node", "env_prefix": "test", "ttl_seconds": 300}),
        "AcceptNodeHook" => json!({"node_id": id("node"), "name": "backup", "checksum": CHECKSUM}),
        "PutObjectLabel" => json!({"key": "env", "value": "prod"}),
        "DispatchExecution" => json!({"action": "check", "node_id": id("node")}),
        "PostNodeHeartbeat" => json!({
            "client_now": Timestamp::now(),
            "binary_checksum": CHECKSUM,
            "binary_version": "v1",
            "nat_summary": {},
        }),
        "PutNodeCapabilities" => manifest(),
        "PostNodeKey" => json!({"nsk": "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="}),
        "PostNodeIntegrityViolations" => violations(),
        "AcknowledgeIntegrityViolation" => json!({"reason": "Updated on purpose"}),
        "PostNodeExecutionCallback" => json!({"status": "ack"}),
        other => panic!("requests.rs has no body for {other}"),
    }
}
