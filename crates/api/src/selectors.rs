//! Selectors as data, and the search by them (`api.md` §6).

use crate::labels::LabelScope;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Asks what a selector means.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelSelectorPreviewRequest {
    /// The selector's text.
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub expression: String,
}

/// What a selector means, or what is wrong with it: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelSelectorPreviewResponse {
    /// Its meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ast: Option<LabelSelectorAstNode>,
    /// Its faults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<LabelSelectorError>>,
}

/// What a node of a selector's tree does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SelectorOp {
    /// The key has the value.
    Eq,
    /// The key has another value or is absent.
    Neq,
    /// The key has one of the values.
    In,
    /// The key is there.
    Exists,
    /// The key is not there.
    Absent,
    /// All children hold.
    And,
}

/// A node of a selector's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = LabelSelectorASTNode))]
pub struct LabelSelectorAstNode {
    /// What it does.
    pub op: SelectorOp,
    /// The key; absent for `and`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value of `eq` and `neq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The values of `in`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_items = 256))]
    pub values: Option<Vec<String>>,
    /// The children of `and`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub children: Option<Vec<LabelSelectorAstNode>>,
}

/// A fault in a selector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelSelectorError {
    /// Byte offset of the fault, from 0.
    pub position: u32,
    /// What is wrong.
    pub message: String,
}

/// Searches objects by their labels.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ObjectSearchRequest {
    /// Which labels.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub selector: String,
    /// What the caller must hold on each hit: a relation or permission of the schema, such as `read` or `manage`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub relation: String,
    /// Where to look. In a domain or project, objects that have a label defined there.
    pub scope: LabelScope,
    /// The domain or project; absent or the nil UUID for the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_id: Option<Uuid>,
    /// Only objects of this kind; those that have labels are `node` and `project`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub kind: Option<String>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub cursor: Option<String>,
    /// Most items; 50 when absent, and never more than 200 on a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub limit: Option<i32>,
}

/// What a search found. A page may be short, or empty, while there are more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ObjectSearchResponse {
    /// The hits that the caller may see: projects by slug, then nodes by id.
    pub items: Vec<ObjectSearchResultItem>,
    /// Where the next page starts; `""` on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Pairs with the server's log.
    pub correlation_id: String,
}

/// An object that a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ObjectSearchResultItem {
    /// `node` or `project`.
    pub kind: String,
    /// The object.
    pub id: Uuid,
}
