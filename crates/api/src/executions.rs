//! Executions: one named action, dispatched to one node or to a selector's nodes (`api.md` §9).

use crate::Base64Bytes;
use crate::page::page;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Where an action comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Compiled into the agent.
    #[default]
    Builtin,
    /// An executable that the node declared.
    Hook,
}

impl ActionKind {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Hook => "hook",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Builtin, Self::Hook]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// The state of an invocation, and of an execution as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    /// Dispatched; the node has not answered.
    Pending,
    /// The node has it.
    Ack,
    /// The node runs it.
    Started,
    /// Ended well.
    Succeeded,
    /// Ended badly, or was refused.
    Failed,
    /// The node gave up its own run.
    Cancelled,
    /// The node never reported; only the server sets this.
    Timeout,
}

impl ExecutionStatus {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Ack,
        Self::Started,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Timeout,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ack => "ack",
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
        }
    }

    /// The status of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether nothing can follow.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Ack | Self::Started => false,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Timeout => true,
        }
    }
}

/// What to run, and where: exactly one of `node_id` and `selector`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DispatchExecutionRequest {
    /// The action's name; it matches `^[a-z0-9][a-z0-9._-]{0,127}$`.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 128, pattern = "^[a-z0-9][a-z0-9._-]{0,127}$")
    )]
    pub action: String,
    /// Built-in when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<ActionKind>,
    /// An object; it reaches the node token by token as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub parameters: Option<Box<RawValue>>,
    /// Seconds until the invocation times out; 0 or absent is the server's default, 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 86400))]
    pub timeout_seconds: Option<u32>,
    /// Which nodes, by label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub selector: Option<String>,
    /// Which node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<Uuid>,
}

/// One dispatch and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Execution {
    /// The execution's id.
    pub id: Uuid,
    /// The owning project.
    pub project_id: Uuid,
    /// The domain whose capacity it counts against.
    pub domain_id: Uuid,
    /// The action's name.
    pub action: String,
    /// Where the action comes from.
    pub r#type: ActionKind,
    /// The aggregate over all targets (decision 15).
    pub status: ExecutionStatus,
    /// When it was dispatched.
    pub created_at: Timestamp,
    /// When any target last advanced.
    pub updated_at: Timestamp,
    /// As dispatched, secret values masked (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub parameters: Option<Box<RawValue>>,
    /// The deadline in seconds after the dispatch (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// The deadline (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The selector as dispatched (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The node as dispatched (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<Uuid>,
    /// Who dispatched it, for example `user:<uuid>` (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatched_by: Option<String>,
    /// Nodes that the selector matched but that cannot run the action (*beyond*).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<ExcludedNode>,
    /// A list item carries at most 100 excluded nodes; then this is true (*beyond*).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excluded_truncated: bool,
    /// How many targets are in which status (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<std::collections::BTreeMap<String, u32>>))]
    pub target_counts: Option<BTreeMap<ExecutionStatus, u32>>,
    /// A list item carries at most 100 targets; then this is true (*beyond*).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub targets_truncated: bool,
    /// One per node, by node id.
    pub targets: Vec<ExecutionTarget>,
}

/// A node that a selector matched and the dispatch left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExcludedNode {
    /// The node.
    pub node_id: Uuid,
    /// Why, for example `action_not_declared`.
    pub reason: String,
}

/// What became of an execution on one node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionTarget {
    /// The node.
    pub node_id: Uuid,
    /// Its name (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// The invocation's status.
    pub status: ExecutionStatus,
    /// When it was dispatched.
    pub created_at: Timestamp,
    /// When it last advanced.
    pub updated_at: Timestamp,
    /// When the run began (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The process's exit code (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Why it failed, as the node says (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Length of the collected output in bytes (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// Whether the node cut the output (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_truncated: Option<bool>,
    /// Where the output is; absent until there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<OutputRefSchema>))]
    pub output_ref: Option<OutputRef>,
}

/// Where an output is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OutputRef {
    /// Here.
    Inline {
        /// The output, at most 16,384 bytes; absent for a reader who may not see it (decision 11).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inline_bytes: Option<Base64Bytes>,
    },
    /// In the object store.
    ObjectStore {
        /// The bucket; `local` for the embedded store.
        bucket: String,
        /// The key in it.
        key: String,
        /// SHA-256 of the object in lowercase hex.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
}

/// How [`OutputRef`] is documented: as one flat object, as it was published.
#[cfg(feature = "openapi")]
#[derive(utoipa::ToSchema)]
#[schema(as = OutputRef)]
#[expect(dead_code, reason = "only its schema is used")]
struct OutputRefSchema {
    /// Which of the two; the other fields are those of this one.
    kind: OutputKind,
    /// Of `inline`: the output, at most 16,384 bytes; absent for a reader who may not see it (decision 11).
    inline_bytes: Option<Base64Bytes>,
    /// Of `object_store`: the bucket; `local` for the embedded store.
    bucket: Option<String>,
    /// Of `object_store`: the key in it.
    key: Option<String>,
    /// Of `object_store`: SHA-256 of the object in lowercase hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: Option<String>,
}

/// The two places of outputs.
#[cfg(feature = "openapi")]
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum OutputKind {
    /// In the answer.
    Inline,
    /// In the object store.
    ObjectStore,
}

/// What a node reports of one invocation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionCallbackRequest {
    /// The state reached.
    pub status: ExecutionStatus,
    /// The process's exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub error: Option<String>,
    /// Size of the output to come; over 16,384 the answer carries an upload URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_output_bytes: Option<u64>,
    /// SHA-256 of the output to come, in lowercase hex (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub output_sha256: Option<String>,
    /// The output, with a terminal status only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<CallbackOutput>,
}

/// The output of a terminal callback: inline, or the key it was uploaded to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallbackOutput {
    /// At most 16,384 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<Base64Bytes>,
    /// The key of the uploaded object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_key: Option<String>,
    /// SHA-256 of the uploaded bytes in lowercase hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
    /// Whether the node cut the output (*beyond*).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// The answer to a callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionCallbackResponse {
    /// The status after the advance.
    pub status: ExecutionStatus,
    /// Where to `PUT` the declared output; bound to its length and 15 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = "uri", extensions(("x-plexsphere-once" = json!(true)))))]
    pub output_upload_url: Option<String>,
}

page! {
    /// Executions, newest first.
    ExecutionList of Execution
}
