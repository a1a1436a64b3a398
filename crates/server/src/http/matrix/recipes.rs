//! What is wrong with one request of an operation, and brings about a code of its own.

use super::requests::{CHECKSUM, Request};
use serde_json::{Value, json};
use uuid::Uuid;

/// The operation, and how its valid request is changed.
type Recipe = (&'static str, fn(Request) -> Request);

fn body(request: Request, fields: Value) -> Request {
    request.merged(&fields)
}

fn header(mut request: Request, name: &'static str, value: &str) -> Request {
    request.headers.push((name, value.to_owned()));
    request
}

/// The labels of a project that does not exist.
fn of_no_project(mut request: Request) -> Request {
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    request.path = format!("/v1/objects/project/{}/labels?{query}", Uuid::now_v7());
    request
}

/// A report whose one violation has these fields.
fn wrong_violation(mut request: Request, fields: Value) -> Request {
    let sent = request.body.as_mut().expect("a report");
    let violation = sent["violations"][0].as_object_mut().expect("a violation");
    for (name, value) in fields.as_object().expect("fields") {
        if value.is_null() {
            violation.shift_remove(name);
        } else {
            violation.insert(name.clone(), value.clone());
        }
    }
    request
}

/// A manifest with so many things of one kind.
fn many(count: usize, item: impl Fn(usize) -> Value) -> Value {
    (0..count).map(item).collect::<Vec<_>>().into()
}

pub(super) const RECIPES: &[Recipe] = &[
    // Anybody.
    ("GetDocsAsset", |mut it| {
        it.path = "/v1/docs/assets/no-such.js".to_owned();
        it
    }),
    ("GetAuthDevicePending", |it| it.with_query("user_code", "x")),
    ("PostAuthDeviceCode", |it| {
        body(it, json!({"idp_binding_alias": "no-such"}))
    }),
    ("PostRegister", |it| body(it, json!({"public_key": "AAAA"}))),
    ("PostRegister", |it| body(it, json!({"resource_handle": " "}))),
    // Relations.
    ("CreateRelationTuple", |it| {
        body(it, json!({"relation": "no-such"}))
    }),
    ("PatchRelationTuple", |it| {
        body(it, json!({"relation": "no-such"}))
    }),
    ("PostAuthzCheck", |it| body(it, json!({"subject": "no such"}))),
    ("PostAuthzLookupResources", |it| {
        body(it, json!({"resource_type": "no-such"}))
    }),
    ("PostAuthzLookupSubjects", |it| {
        body(it, json!({"resource": "no such"}))
    }),
    ("CreateGroup", |it| body(it, json!({"slug": "group-1000000"}))),
    ("AddGroupMember", |it| body(it, json!({"subject": "no such"}))),
    // Tenancy.
    ("CreateDomain", |it| body(it, json!({"name": " "}))),
    ("CreateDomain", |it| body(it, json!({"slug": "other"}))),
    ("CreateDomain", |it| body(it, json!({"mesh_cidr": "10.0.0.0/16"}))),
    ("CreateDomain", |it| {
        let policy = json!({"heartbeat_interval": "1s", "stale_after": "3s", "unreachable_after": "6s"});
        body(it, json!({"reachability": policy}))
    }),
    ("CreateProject", |it| body(it, json!({"name": " "}))),
    ("CreateProject", |it| body(it, json!({"slug": "web"}))),
    ("CreateProject", |it| {
        body(it, json!({"domain_id": Uuid::now_v7()}))
    }),
    ("CreateProject", |it| {
        body(it, json!({"sub_range_cidr": "10.0.7.0/24"}))
    }),
    ("CreateProject", |it| {
        body(it, json!({"sub_range_cidr": "10.0.7.0/25"}))
    }),
    ("PatchDomain", |it| body(it, json!({"name": null}))),
    ("PatchDomain", |it| body(it, json!({"name": " "}))),
    ("PatchDomain", |it| body(it, json!({"slug": "another"}))),
    ("PatchDomain", |it| body(it, json!({"mesh_cidr": "10.1.0.0/16"}))),
    ("PatchDomain", |it| {
        body(it, json!({"mesh_cidr": "10.200.0.0/16"}))
    }),
    ("PatchDomain", |it| {
        let policy = json!({"heartbeat_interval": "1s", "stale_after": "3s", "unreachable_after": "6s"});
        body(it, json!({"reachability": policy}))
    }),
    ("PatchProject", |it| body(it, json!({"name": null}))),
    ("PatchProject", |it| body(it, json!({"name": " "}))),
    ("PatchProject", |it| body(it, json!({"slug": "another"}))),
    ("PatchProject", |it| {
        body(it, json!({"sub_range_cidr": "10.0.7.0/25"}))
    }),
    ("PatchProject", |it| {
        body(
            it,
            json!({"sub_range_cidr": "10.0.8.0/24", "release_sub_range": true}),
        )
    }),
    ("PutProjectRetention", |it| {
        body(it, json!({"max_age_days": 36_501}))
    }),
    ("PutProjectRetention", |it| body(it, json!({"days": 1}))),
    // Labels.
    ("CreateLabelDefinition", |it| {
        body(it, json!({"local_key": "env"}))
    }),
    ("CreateLabelDefinition", |it| {
        body(it, json!({"local_key": "plexsphere.x"}))
    }),
    ("CreateLabelDefinition", |it| {
        body(it, json!({"value_schema": {"kind": "enum"}}))
    }),
    ("UpdateLabelDefinition", |it| {
        body(it, json!({"value_schema": {"kind": "enum"}}))
    }),
    ("UpdateLabelDefinition", |it| {
        body(it, json!({"applicable_kinds": ["project"]}))
    }),
    ("SearchObjectsByLabel", |it| body(it, json!({"selector": "a=="}))),
    ("SearchObjectsByLabel", |it| body(it, json!({"scope_id": null}))),
    ("SearchObjectsByLabel", |it| {
        body(it, json!({"cursor": "made-up"}))
    }),
    // The fleet.
    ("ListNodes", |it| it.with_query("selector", "a==")),
    ("AcceptNodeHook", |it| body(it, json!({"name": "no-such-hook"}))),
    ("PutObjectLabel", |it| {
        body(it, json!({"key": null, "definition_id": Uuid::now_v7()}))
    }),
    ("PutObjectLabel", |it| body(it, json!({"value": {"a": 1}}))),
    ("PutObjectLabel", of_no_project),
    ("DeleteObjectLabel", of_no_project),
    ("DeleteObjectLabel", |it| {
        it.with_query("qualified_key", "no-such-key")
    }),
    // Dispatch.
    ("DispatchExecution", |it| {
        body(it, json!({"action": "no-such-action"}))
    }),
    ("DispatchExecution", |it| {
        body(it, json!({"node_id": null, "selector": " "}))
    }),
    ("DispatchExecution", |it| {
        body(it, json!({"node_id": null, "selector": "env=none"}))
    }),
    ("DispatchExecution", |it| header(it, "idempotency-key", "one")),
    ("DispatchExecution", |it| {
        header(body(it, json!({"timeout_seconds": 7})), "idempotency-key", "one")
    }),
    // Nodes.
    ("AcknowledgeIntegrityViolation", |it| {
        body(it, json!({"reason": " "}))
    }),
    ("UpdateLabelDefinition", |it| {
        body(it, json!({"description": null}))
    }),
    ("PostNodeIntegrityViolations", |it| {
        body(it, json!({"violations": []}))
    }),
    ("PostNodeIntegrityViolations", |it| {
        wrong_violation(it, json!({"kind": "no-such"}))
    }),
    ("PostNodeIntegrityViolations", |it| {
        wrong_violation(it, json!({"detected_by": "no-such"}))
    }),
    ("PostNodeIntegrityViolations", |it| {
        wrong_violation(it, json!({"artifact_id": ""}))
    }),
    ("PostNodeIntegrityViolations", |it| {
        wrong_violation(it, json!({"observed_checksum": "x"}))
    }),
    ("PostNodeIntegrityViolations", |it| {
        wrong_violation(it, json!({"observed_fingerprint": format!("SHA256:{CHECKSUM}")}))
    }),
    ("PostNodeIntegrityViolations", |it| {
        let host_key =
            json!({"kind": "ssh_host_key", "observed_checksum": null, "observed_fingerprint": "x"});
        wrong_violation(it, host_key)
    }),
    ("PostNodeIntegrityViolations", |it| {
        let one = super::requests::violations()["violations"][0].clone();
        body(it, json!({"violations": many(129, |_| one.clone())}))
    }),
    ("GetNodeEvents", |it| header(it, "last-event-id", "x")),
    ("PostNodeHeartbeat", |it| body(it, json!({"binary_checksum": ""}))),
    ("PostNodeHeartbeat", |it| body(it, json!({"binary_version": " "}))),
    ("PostNodeHeartbeat", |it| {
        body(it, json!({"client_now": "2020-01-01T00:00:00Z"}))
    }),
    ("PutNodeCapabilities", |it| {
        body(it, json!({"binary_version": " "}))
    }),
    ("PutNodeCapabilities", |it| {
        body(it, json!({"binary_checksum": "x"}))
    }),
    ("PutNodeCapabilities", |it| {
        body(it, json!({"ssh_host_key_fingerprint": "x"}))
    }),
    ("PutNodeCapabilities", |it| {
        body(
            it,
            json!({"declared_hooks": [{"name": "", "checksum": CHECKSUM}]}),
        )
    }),
    ("PutNodeCapabilities", |it| {
        body(
            it,
            json!({"declared_hooks": many(2, |_| json!({"name": "a", "checksum": CHECKSUM}))}),
        )
    }),
    ("PutNodeCapabilities", |it| {
        let hook = |at| json!({"name": format!("hook-{at}"), "checksum": CHECKSUM});
        body(it, json!({"declared_hooks": many(129, hook)}))
    }),
    ("PutNodeCapabilities", |it| {
        body(it, json!({"plexd_hooks": [{"name": "a", "image_digest": "x"}]}))
    }),
    ("PutNodeCapabilities", |it| {
        let digest = format!("sha256:{}", "ab".repeat(32));
        body(
            it,
            json!({"plexd_hooks": many(2, |_| json!({"name": "a", "image_digest": digest}))}),
        )
    }),
    ("PutNodeCapabilities", |it| {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let hook = |at| json!({"name": format!("hook-{at}"), "image_digest": digest});
        body(it, json!({"plexd_hooks": many(129, hook)}))
    }),
    ("PutNodeCapabilities", |it| {
        body(it, json!({"builtin_actions": [{"name": ""}]}))
    }),
    ("PutNodeCapabilities", |it| {
        body(it, json!({"builtin_actions": many(2, |_| json!({"name": "a"}))}))
    }),
    ("PutNodeCapabilities", |it| {
        body(
            it,
            json!({"builtin_actions": many(129, |at| json!({"name": format!("a{at}")}))}),
        )
    }),
];
