//! Labels on nodes and projects, and the definitions they are of (`api.md` §6, decision 24).
//!
//! A definition belongs to the platform, a domain or a project and has a local key there. A bare key means
//! the nearest definition: the project's, else the domain's, else the platform's. A definition that a
//! nearer one hides is still found by its qualified key.
//!
//! The labels in effect on a node are its own; those of its project, where it has none of the same definition; and
//! the defaults of required definitions, where it has neither. Selectors see the labels in effect.

mod assignments;
pub mod definitions;
mod effective;
mod names;
mod selection;

pub use assignments::{assign, of_object, remove, remove_orphaned};
pub use effective::{in_effect, of_nodes, of_projects};
pub use names::Labelled;
pub use plex_domain::label::{Holder, ValueSchema};
pub(crate) use selection::{Selection, Values, enter_stored};

use crate::db::{Error, Row, Tx, id_list};
use crate::values;
use plex_api::labels::LabelValueSchema;
use serde_json::Value as Json;
use uuid::Uuid;

/// Most labels of one object.
pub const MAX_LABELS: u32 = plex_api::limits::OBJECT_LABELS;

/// Who put a label there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignedBy {
    /// An operator.
    User,
    /// The bootstrap token that the node redeemed.
    System,
}

impl AssignedBy {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::System => "system",
        }
    }
}

/// An object that can have labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: Holder,
    /// Its id.
    pub id: Uuid,
}

impl Object {
    /// A node.
    pub fn node(id: Uuid) -> Self {
        Self {
            kind: Holder::Node,
            id,
        }
    }

    /// A project.
    pub fn project(id: Uuid) -> Self {
        Self {
            kind: Holder::Project,
            id,
        }
    }
}

/// What a label is of, as far as its assignment depends on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The definition's id.
    pub id: Uuid,
    /// Its full key.
    pub qualified_key: String,
    /// What values it takes.
    pub schema: ValueSchema,
    /// What kinds of objects may have it.
    pub kinds: Vec<String>,
    /// Whether a value stays as it is first set.
    pub immutable: bool,
    /// Most values on one object; 0 for no bound of its own.
    pub cardinality: u32,
}

/// Why a label was not assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The value does not satisfy the definition.
    Value,
    /// The definition is not for this kind of object.
    Kind,
    /// The object has another value, and the definition is immutable.
    Immutable,
    /// The object has as many values of this definition as it can have.
    Cardinality,
    /// The object has as many labels as it can have.
    Limit,
}

/// A definition that may be used in a project: its own, its domain's or the platform's.
pub async fn definition(tx: &mut Tx, project_id: Uuid, id: Uuid) -> Result<Option<Definition>, Error> {
    tx.optional(
        "select d.id, d.qualified_key, d.value_schema, d.applicable_kinds, d.immutable, d.cardinality
        from label_definitions d join projects p on p.id = $1
        where d.id = $2 and (d.scope = 'platform' or d.scope_id in (p.id, p.domain_id))",
        &values![project_id, id],
        read_definition,
    )
    .await
}

/// The definition that a key means in a project: a qualified key that very one, a bare key the nearest.
pub async fn resolve(tx: &mut Tx, project_id: Uuid, key: &str) -> Result<Option<Definition>, Error> {
    tx.optional(
        "select d.id, d.qualified_key, d.value_schema, d.applicable_kinds, d.immutable, d.cardinality
        from projects p
            join label_definitions d on d.scope_id in (p.id, p.domain_id, $3)
        where p.id = $1 and (d.local_key = $2 or d.qualified_key = $2)
        order by case d.scope when 'project' then 0 when 'domain' then 1 else 2 end
        limit 1",
        &values![project_id, key, Uuid::nil()],
        read_definition,
    )
    .await
}

/// The order of the columns in the statements above.
fn read_definition(row: &Row<'_>) -> Result<Definition, Error> {
    Ok(Definition {
        id: row.get(0)?,
        qualified_key: row.get(1)?,
        schema: read_schema(&row.get::<String>(2)?)?,
        kinds: parsed(&row.get::<String>(3)?)?,
        immutable: row.get(4)?,
        cardinality: row.get(5)?,
    })
}

fn read_schema(text: &str) -> Result<ValueSchema, Error> {
    let wire: LabelValueSchema = parsed(text)?;
    ValueSchema::read(&wire).map_err(|error| Error::Corrupt(error.to_string()))
}

/// A label's value as it is stored.
pub(crate) fn parse(value: &str) -> Result<Json, Error> {
    parsed(value)
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Corrupt(error.to_string()))
}

fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("the contract's types have string keys and cannot fail")
}

#[cfg(test)]
mod tests;
