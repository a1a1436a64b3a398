//! The operations' paths, as a client fills them in.

use uuid::Uuid;

/// The service's health.
pub const HEALTH: &str = "/v1/health";
/// The service's build.
pub const VERSION: &str = "/v1/version";
/// Who the caller is.
pub const WHOAMI: &str = "/v1/auth/whoami";
/// API tokens.
pub const TOKENS: &str = "/v1/auth/tokens";
/// The way to the identity provider.
pub const SIGN_IN: &str = "/v1/auth/sign-in";
/// The way back from it.
pub const SIGN_IN_CALLBACK: &str = "/v1/auth/callback";
/// Ending the session or token that one comes with (*beyond*).
pub const LOGOUT: &str = "/v1/auth/logout";
/// A device asks to be logged in.
pub const DEVICE_CODE: &str = "/v1/auth/device-code";
/// A device asks for its token.
pub const DEVICE_TOKEN: &str = "/v1/auth/device-token";
/// The page on which a person decides about a device (*beyond*).
pub const DEVICE_PAGE: &str = "/v1/auth/device";
/// A person decides about a device.
pub const DEVICE_APPROVE: &str = "/v1/auth/device/approve";
/// What there is to decide about (*beyond*).
pub const DEVICE_PENDING: &str = "/v1/auth/device/pending";
/// Relation tuples.
pub const RELATION_TUPLES: &str = "/v1/authz/relation-tuples";
/// Asking whether somebody may.
pub const AUTHZ_CHECK: &str = "/v1/authz/check";
/// Asking on what somebody may.
pub const LOOKUP_RESOURCES: &str = "/v1/authz/lookup-resources";
/// Asking who may.
pub const LOOKUP_SUBJECTS: &str = "/v1/authz/lookup-subjects";
/// Groups (*beyond*).
pub const GROUPS: &str = "/v1/groups";
/// Domains.
pub const DOMAINS: &str = "/v1/domains";
/// Projects.
pub const PROJECTS: &str = "/v1/projects";
/// Nodes.
pub const NODES: &str = "/v1/nodes";
/// Label definitions.
pub const LABEL_DEFINITIONS: &str = "/v1/label-definitions";
/// What a selector means.
pub const SELECTOR_PREVIEW: &str = "/v1/labels/selectors/preview";
/// Objects by their labels.
pub const OBJECT_SEARCH: &str = "/v1/objects/search";
/// Registration.
pub const REGISTER: &str = "/v1/register";

/// Kubernetes hooks that nodes discovered.
pub const HOOKS: &str = "/v1/hooks";
/// Integrity violations.
pub const INTEGRITY_VIOLATIONS: &str = "/v1/integrity-violations";

/// One API token.
pub fn token(id: Uuid) -> String {
    format!("{TOKENS}/{id}")
}

/// Replacing an API token's secret.
pub fn rotate_token(id: Uuid) -> String {
    format!("{TOKENS}/{id}/rotate")
}

/// One relation tuple.
pub fn relation_tuple(id: Uuid) -> String {
    format!("{RELATION_TUPLES}/{id}")
}

/// One group (*beyond*).
pub fn group(id: Uuid) -> String {
    format!("{GROUPS}/{id}")
}

/// The members of a group (*beyond*).
pub fn group_members(id: Uuid) -> String {
    format!("{GROUPS}/{id}/members")
}

/// One membership of a group (*beyond*).
pub fn group_member(id: Uuid, membership: Uuid) -> String {
    format!("{GROUPS}/{id}/members/{membership}")
}

/// One domain.
pub fn domain(id: Uuid) -> String {
    format!("{DOMAINS}/{id}")
}

/// One project.
pub fn project(id: Uuid) -> String {
    format!("{PROJECTS}/{id}")
}

/// How long a project's history is kept.
pub fn project_retention(id: Uuid) -> String {
    format!("{PROJECTS}/{id}/retention")
}

/// A project's executions.
pub fn executions(project: Uuid) -> String {
    format!("{PROJECTS}/{project}/executions")
}

/// Dispatching in a project.
pub fn dispatch(project: Uuid) -> String {
    format!("{PROJECTS}/{project}/executions/dispatch")
}

/// One execution.
pub fn execution(project: Uuid, execution: Uuid) -> String {
    format!("{PROJECTS}/{project}/executions/{execution}")
}

/// The bytes of one target's output (*beyond*).
pub fn target_output(project: Uuid, execution: Uuid, node: Uuid) -> String {
    format!("{PROJECTS}/{project}/executions/{execution}/targets/{node}/output")
}

/// A project's bootstrap tokens.
pub fn bootstrap_tokens(project: Uuid) -> String {
    format!("{PROJECTS}/{project}/bootstrap-tokens")
}

/// One bootstrap token.
pub fn bootstrap_token(project: Uuid, id: Uuid) -> String {
    format!("{PROJECTS}/{project}/bootstrap-tokens/{id}")
}

/// The manifests of a project's nodes.
pub fn capabilities(project: Uuid) -> String {
    format!("{PROJECTS}/{project}/capabilities")
}

/// The script hooks of a project's nodes (*beyond*).
pub fn node_hooks(project: Uuid) -> String {
    format!("{PROJECTS}/{project}/node-hooks")
}

/// Accepting a drifted hook (*beyond*).
pub fn accept_node_hook(project: Uuid) -> String {
    format!("{PROJECTS}/{project}/node-hooks/accept")
}

/// One node; `DELETE` revokes it (*beyond*).
pub fn node(id: Uuid) -> String {
    format!("{NODES}/{id}")
}

/// Asking a node to change its key (*beyond*).
pub fn rotate_node_key(id: Uuid) -> String {
    format!("{NODES}/{id}/rotate-key")
}

/// Where a node hands in its next key (*beyond*).
pub fn node_key(id: Uuid) -> String {
    format!("{NODES}/{id}/key")
}

/// Where a node reports integrity violations.
pub fn node_integrity_violations(id: Uuid) -> String {
    format!("{NODES}/{id}/integrity-violations")
}

/// Acknowledging an integrity violation.
pub fn acknowledge_integrity_violation(id: Uuid) -> String {
    format!("{INTEGRITY_VIOLATIONS}/{id}/acknowledge")
}

/// A domain's capacity.
pub fn domain_capacity(id: Uuid) -> String {
    format!("{DOMAINS}/{id}/capacity")
}

/// A node's labels.
pub fn node_labels(id: Uuid) -> String {
    object_labels("node", id)
}

/// An object's labels; `kind` is `node` or `project`.
pub fn object_labels(kind: &str, id: Uuid) -> String {
    format!("/v1/objects/{kind}/{id}/labels")
}

/// One label definition.
pub fn label_definition(id: Uuid) -> String {
    format!("{LABEL_DEFINITIONS}/{id}")
}

/// A node's state.
pub fn node_state(id: Uuid) -> String {
    format!("{NODES}/{id}/state")
}

/// A node's event stream.
pub fn node_events(id: Uuid) -> String {
    format!("{NODES}/{id}/events")
}

/// A node's heartbeat.
pub fn node_heartbeat(id: Uuid) -> String {
    format!("{NODES}/{id}/heartbeat")
}

/// A node's manifest.
pub fn node_capabilities(id: Uuid) -> String {
    format!("{NODES}/{id}/capabilities")
}

/// Where a node reports an invocation.
pub fn callback(node: Uuid, execution: Uuid) -> String {
    format!("{NODES}/{node}/executions/{execution}")
}

/// A domain's audit chain, or the platform's (*beyond*) when none is named.
fn audit(domain: Option<Uuid>) -> String {
    domain.map_or_else(
        || "/v1/platform/audit".to_owned(),
        |domain| format!("{DOMAINS}/{domain}/audit"),
    )
}

/// The entries of an audit chain.
pub fn audit_entries(domain: Option<Uuid>) -> String {
    format!("{}/entries", audit(domain))
}

/// One entry of an audit chain with its proof.
pub fn audit_entry(domain: Option<Uuid>, seq: u64) -> String {
    format!("{}/entries/{seq}", audit(domain))
}

/// Verifying an audit chain.
pub fn audit_verify(domain: Option<Uuid>) -> String {
    format!("{}/verify", audit(domain))
}

/// A segment of an audit chain, one line for each entry (*beyond*).
pub fn audit_export(domain: Option<Uuid>) -> String {
    format!("{}/export", audit(domain))
}

/// Erasing an identity (*beyond*).
pub fn erase_identity(id: Uuid) -> String {
    format!("/v1/identities/{id}/erase")
}
