//! The other lists' rows.

use crate::listing::Row;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use uuid::Uuid;

fn or_nothing(value: Option<&impl ToString>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

/// `a=1,b=2`; a string value without quotes.
fn labels<V: LabelValue>(labels: &BTreeMap<String, V>) -> String {
    labels
        .iter()
        .map(|(key, value)| format!("{key}={}", value.shown()))
        .collect::<Vec<_>>()
        .join(",")
}

trait LabelValue {
    fn shown(&self) -> String;
}

impl LabelValue for Value {
    fn shown(&self) -> String {
        self.as_str().map_or_else(|| self.to_string(), str::to_owned)
    }
}

impl LabelValue for String {
    fn shown(&self) -> String {
        self.clone()
    }
}

/// A node.
#[derive(Deserialize)]
pub(crate) struct NodeRow {
    id: Uuid,
    #[serde(rename = "domain_id")]
    _domain_id: Uuid,
    created_at: Timestamp,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    project_id: Option<Uuid>,
    #[serde(default)]
    labels: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    reachability: Option<Reachability>,
    #[serde(default)]
    binary_version: Option<String>,
    #[serde(default)]
    revoked_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Reachability {
    state: String,
}

impl Row for NodeRow {
    const HEADERS: &'static [&'static str] =
        &["ID", "NAME", "STATE", "VERSION", "LABELS", "PROJECT", "CREATED"];

    fn cells(&self) -> Vec<String> {
        let state = match (&self.revoked_at, &self.reachability) {
            (Some(_), _) => "revoked".to_owned(),
            (None, Some(reachability)) => reachability.state.clone(),
            (None, None) => String::new(),
        };
        vec![
            self.id.to_string(),
            or_nothing(self.name.as_ref()),
            state,
            or_nothing(self.binary_version.as_ref()),
            self.labels.as_ref().map(labels).unwrap_or_default(),
            or_nothing(self.project_id.as_ref()),
            self.created_at.to_string(),
        ]
    }
}

/// A script hook on a node.
#[derive(Deserialize)]
pub(crate) struct HookRow {
    /// The node.
    pub(crate) node_id: Uuid,
    #[serde(default)]
    node_name: Option<String>,
    /// The hook's name.
    pub(crate) name: String,
    status: String,
    /// The digest that dispatches rely on.
    pub(crate) pinned_checksum: String,
    /// The digest that the node declares now.
    #[serde(default)]
    pub(crate) declared_checksum: Option<String>,
    #[serde(rename = "pinned_at")]
    _pinned_at: Timestamp,
}

impl Row for HookRow {
    const HEADERS: &'static [&'static str] = &["NODE", "NODE NAME", "HOOK", "STATUS", "PINNED", "DECLARED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.node_id.to_string(),
            or_nothing(self.node_name.as_ref()),
            self.name.clone(),
            self.status.clone(),
            self.pinned_checksum.clone(),
            or_nothing(self.declared_checksum.as_ref()),
        ]
    }
}

/// A project.
#[derive(Deserialize)]
pub(crate) struct ProjectRow {
    id: Uuid,
    domain_id: Uuid,
    name: String,
    slug: String,
    created_at: Timestamp,
    #[serde(rename = "updated_at")]
    _updated_at: Timestamp,
}

impl Row for ProjectRow {
    const HEADERS: &'static [&'static str] = &["ID", "SLUG", "NAME", "DOMAIN", "CREATED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.slug.clone(),
            self.name.clone(),
            self.domain_id.to_string(),
            self.created_at.to_string(),
        ]
    }
}

/// A domain.
#[derive(Deserialize)]
pub(crate) struct DomainRow {
    id: Uuid,
    name: String,
    slug: String,
    mesh_cidr: String,
    #[serde(rename = "reachability")]
    _reachability: Value,
    created_at: Timestamp,
    #[serde(rename = "updated_at")]
    _updated_at: Timestamp,
}

impl Row for DomainRow {
    const HEADERS: &'static [&'static str] = &["ID", "SLUG", "NAME", "MESH CIDR", "CREATED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.slug.clone(),
            self.name.clone(),
            self.mesh_cidr.clone(),
            self.created_at.to_string(),
        ]
    }
}

/// A bootstrap token without its secret.
#[derive(Deserialize)]
pub(crate) struct BootstrapTokenRow {
    id: Uuid,
    #[serde(rename = "project_id")]
    _project_id: Uuid,
    kind: String,
    env_prefix: String,
    issued_at: Timestamp,
    expires_at: Timestamp,
    #[serde(default)]
    consumed_at: Option<Timestamp>,
    #[serde(default)]
    revoked_at: Option<Timestamp>,
    #[serde(rename = "issued_by_user_id")]
    _issued_by_user_id: Uuid,
    #[serde(default)]
    max_uses: Option<u64>,
    #[serde(default)]
    uses: Option<u64>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Row for BootstrapTokenRow {
    const HEADERS: &'static [&'static str] = &[
        "ID", "KIND", "ENV", "STATE", "USES", "LABELS", "ISSUED", "EXPIRES",
    ];

    fn cells(&self) -> Vec<String> {
        let state = match (self.revoked_at, self.consumed_at) {
            (Some(_), _) => "revoked",
            (None, Some(_)) => "consumed",
            (None, None) => "issued",
        };
        let uses = self
            .uses
            .map(|uses| format!("{uses}/{}", self.max_uses.unwrap_or(1)));
        vec![
            self.id.to_string(),
            self.kind.clone(),
            self.env_prefix.clone(),
            state.to_owned(),
            uses.unwrap_or_default(),
            labels(&self.labels),
            self.issued_at.to_string(),
            self.expires_at.to_string(),
        ]
    }
}

/// An API token without its secret.
#[derive(Deserialize)]
pub(crate) struct TokenRow {
    id: Uuid,
    env_prefix: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    #[serde(default)]
    last_used_at: Option<Timestamp>,
    #[serde(default)]
    rotated_at: Option<Timestamp>,
}

impl Row for TokenRow {
    const HEADERS: &'static [&'static str] = &["ID", "ENV", "CREATED", "EXPIRES", "LAST USED", "ROTATED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.env_prefix.clone(),
            self.created_at.to_string(),
            self.expires_at.to_string(),
            or_nothing(self.last_used_at.as_ref()),
            or_nothing(self.rotated_at.as_ref()),
        ]
    }
}

/// A granted relation.
#[derive(Deserialize)]
pub(crate) struct TupleRow {
    id: Uuid,
    subject: String,
    relation: String,
    resource: String,
    created_at: Timestamp,
    #[serde(default)]
    caveat_context: Option<Box<RawValue>>,
}

impl Row for TupleRow {
    const HEADERS: &'static [&'static str] = &["ID", "SUBJECT", "RELATION", "RESOURCE", "CAVEAT", "CREATED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.subject.clone(),
            self.relation.clone(),
            self.resource.clone(),
            or_nothing(self.caveat_context.as_deref().map(RawValue::get).as_ref()),
            self.created_at.to_string(),
        ]
    }
}

/// A group of identities.
#[derive(Deserialize)]
pub(crate) struct GroupRow {
    id: Uuid,
    #[serde(default)]
    domain_id: Option<Uuid>,
    slug: String,
    name: String,
    created_at: Timestamp,
}

impl Row for GroupRow {
    const HEADERS: &'static [&'static str] = &["ID", "SLUG", "NAME", "DOMAIN", "CREATED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.slug.clone(),
            self.name.clone(),
            or_nothing(self.domain_id.as_ref()),
            self.created_at.to_string(),
        ]
    }
}

/// An entry of an audit chain.
#[derive(Deserialize)]
pub(crate) struct AuditRow {
    seq: u64,
    #[serde(rename = "domain_id")]
    _domain_id: Uuid,
    occurred_at: Timestamp,
    reason: String,
    subject: AuditSubject,
    relation: String,
    object: AuditObject,
    #[serde(rename = "decision")]
    _decision: Value,
    correlation_id: String,
    request_context: AuditRequestContext,
    #[serde(rename = "entry_hash")]
    _entry_hash: String,
    #[serde(rename = "prev_hash")]
    _prev_hash: String,
    #[serde(default)]
    count: Option<u64>,
}

#[derive(Deserialize)]
struct AuditSubject {
    pseudonym: String,
    #[serde(default)]
    identity_id_ref: Option<Uuid>,
    #[serde(default)]
    identity_kind: Option<String>,
}

#[derive(Deserialize)]
struct AuditObject {
    r#type: String,
    id: String,
}

#[derive(Deserialize)]
struct AuditRequestContext {
    #[serde(default)]
    ip: Option<String>,
}

impl AuditSubject {
    /// The identity; once it is erased its pseudonym, by which it is told from others still.
    fn shown(&self) -> String {
        match (&self.identity_kind, self.identity_id_ref) {
            (Some(kind), Some(id)) => format!("{kind}:{id}"),
            (None, Some(id)) => id.to_string(),
            (Some(kind), None) => kind.clone(),
            (None, None) => self.pseudonym.clone(),
        }
    }
}

impl Row for AuditRow {
    const HEADERS: &'static [&'static str] = &[
        "SEQ",
        "OCCURRED",
        "REASON",
        "COUNT",
        "RELATION",
        "OBJECT",
        "SUBJECT",
        "IP",
        "CORRELATION",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.seq.to_string(),
            self.occurred_at.to_string(),
            self.reason.clone(),
            or_nothing(self.count.as_ref()),
            self.relation.clone(),
            format!("{}:{}", self.object.r#type, self.object.id),
            self.subject.shown(),
            or_nothing(self.request_context.ip.as_ref()),
            self.correlation_id.clone(),
        ]
    }
}
