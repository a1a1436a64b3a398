//! The definitions themselves: making and finding them; below, changing and deleting them.

mod change;
mod delete;

pub use change::{Change, ChangeError, change};
pub(crate) use delete::forget_scope;
pub use delete::{DeleteError, delete};

use super::{AssignedBy, Definition, Holder, json_text, parsed, read_schema};
use crate::db::{Error, Row, Tx};
use crate::values;
use plex_api::labels::{LabelDefinition, LabelScope, OnDelete};
use plex_api::limits::SCOPE_LABEL_DEFINITIONS;
use plex_domain::label::{ScopeRef, ValueSchema};
use serde_json::Value as Json;
use uuid::Uuid;

/// A definition about to be made.
#[derive(Debug, Clone)]
pub struct NewDefinition {
    /// Whose it is.
    pub scope: ScopeRef,
    /// A valid local key.
    pub local_key: String,
    /// Free text.
    pub description: String,
    /// What values it takes.
    pub schema: ValueSchema,
    /// What kinds of objects may have it.
    pub kinds: Vec<String>,
    /// Whether the default counts where there is no label.
    pub required: bool,
    /// A value that satisfies the schema.
    pub default_value: Option<Json>,
    /// Whether a value stays as it is first set.
    pub immutable: bool,
    /// Kept, without effect.
    pub cloud_tag_propagation: bool,
    /// What becomes of the labels.
    pub on_delete: OnDelete,
    /// Most values on one object; 0 for no bound of its own.
    pub cardinality: u32,
    /// Who makes it.
    pub created_by: AssignedBy,
}

impl NewDefinition {
    /// A plain string key of a project, for nodes and for the project itself.
    fn plain(project_id: Uuid, key: &str, created_by: AssignedBy) -> Self {
        Self {
            scope: ScopeRef::Project(project_id),
            local_key: key.to_owned(),
            description: String::new(),
            schema: ValueSchema::plain(),
            kinds: [Holder::Node, Holder::Project]
                .map(|kind| kind.as_str().to_owned())
                .to_vec(),
            required: false,
            default_value: None,
            immutable: false,
            cloud_tag_propagation: false,
            on_delete: OnDelete::Block,
            cardinality: 1,
            created_by,
        }
    }
}

/// Why a definition was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is no such domain or project.
    #[error("the scope is missing")]
    ScopeMissing,
    /// The scope has one of that key.
    #[error("the key is taken")]
    KeyTaken,
    /// The scope has as many as it can have.
    #[error("the scope has as many definitions as it can have")]
    Full,
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Makes a definition.
pub async fn create(tx: &mut Tx, new: &NewDefinition) -> Result<LabelDefinition, CreateError> {
    let prefix = prefix(tx, new.scope).await?.ok_or(CreateError::ScopeMissing)?;
    if count(tx, new.scope).await? >= SCOPE_LABEL_DEFINITIONS {
        return Err(CreateError::Full);
    }
    let id = tx.new_id();
    let default_value = new.default_value.as_ref().map(Json::to_string);
    let inserted = tx
        .execute(
            "insert into label_definitions (
                id, scope, scope_id, local_key, qualified_key, value_schema, created_by, created_at, updated_at,
                description, applicable_kinds, required, default_value, immutable, cloud_tag_propagation,
                on_delete, cardinality
            ) values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13, $14, $15, $16)
            on conflict do nothing",
            &values![
                id,
                new.scope.scope().as_str(),
                new.scope.id(),
                &new.local_key,
                &format!("{prefix}/{}", new.local_key),
                &json_text(&new.schema.to_api()),
                new.created_by.as_str(),
                tx.now(),
                &new.description,
                &json_text(&new.kinds),
                new.required,
                default_value.as_deref(),
                new.immutable,
                new.cloud_tag_propagation,
                new.on_delete.as_str(),
                new.cardinality,
            ],
        )
        .await?;
    if inserted == 0 {
        return Err(CreateError::KeyTaken);
    }
    let made = find(tx, id).await?;
    Ok(made.ok_or_else(stored_is_missing)?)
}

/// Makes a plain definition of a bare key in a project, where [`resolve`](super::resolve) finds none. The key must be a
/// valid local key.
pub async fn define(
    tx: &mut Tx,
    project_id: Uuid,
    key: &str,
    by: AssignedBy,
) -> Result<Definition, CreateError> {
    let made = create(tx, &NewDefinition::plain(project_id, key, by)).await?;
    let found = super::definition(tx, project_id, made.id).await?;
    Ok(found.ok_or_else(stored_is_missing)?)
}

fn stored_is_missing() -> Error {
    Error::Corrupt("a label definition just stored is missing".to_owned())
}

/// How many definitions a scope has.
async fn count(tx: &mut Tx, scope: ScopeRef) -> Result<u32, Error> {
    let count = tx
        .optional(
            "select count(*) from label_definitions where scope_id = $1",
            &values![scope.id()],
            |row| row.get(0),
        )
        .await?;
    Ok(count.unwrap_or(0))
}

/// What stands before the `/` of a scope's qualified keys; `None` when there is no such domain or project.
async fn prefix(tx: &mut Tx, scope: ScopeRef) -> Result<Option<String>, Error> {
    match scope {
        ScopeRef::Platform => Ok(Some("platform".to_owned())),
        ScopeRef::Domain(id) => {
            tx.optional("select slug from domains where id = $1", &values![id], |row| {
                row.get(0)
            })
            .await
        }
        ScopeRef::Project(id) => {
            tx.optional(
                "select d.slug || ':' || p.slug
                from projects p join domains d on d.id = p.domain_id
                where p.id = $1",
                &values![id],
                |row| row.get(0),
            )
            .await
        }
    }
}

/// One definition.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<LabelDefinition>, Error> {
    tx.optional(
        "select
            id, scope, scope_id, local_key, qualified_key, value_schema, applicable_kinds, on_delete, cardinality,
            immutable, cloud_tag_propagation, description, created_by, created_at, updated_at
        from label_definitions
        where id = $1",
        &values![id],
        read,
    )
    .await
}

/// The definitions of a scope whose key comes after one, by key.
pub async fn page(
    tx: &mut Tx,
    scope: ScopeRef,
    after: &str,
    limit: u32,
) -> Result<Vec<LabelDefinition>, Error> {
    tx.all(
        "select
            id, scope, scope_id, local_key, qualified_key, value_schema, applicable_kinds, on_delete, cardinality,
            immutable, cloud_tag_propagation, description, created_by, created_at, updated_at
        from label_definitions
        where scope_id = $1 and local_key > $2
        order by local_key
        limit $3",
        &values![scope.id(), after, limit],
        read,
    )
    .await
}

/// The order of the columns in the statements above.
fn read(row: &Row<'_>) -> Result<LabelDefinition, Error> {
    let word = |word: String| Error::Corrupt(format!("a label definition with {word:?}"));
    let scope: String = row.get(1)?;
    let on_delete: String = row.get(7)?;
    Ok(LabelDefinition {
        id: row.get(0)?,
        scope: LabelScope::parse(&scope).ok_or_else(|| word(scope))?,
        scope_id: row.get(2)?,
        local_key: row.get(3)?,
        qualified_key: row.get(4)?,
        value_schema: read_schema(&row.get::<String>(5)?)?.to_api(),
        applicable_kinds: parsed(&row.get::<String>(6)?)?,
        on_delete: OnDelete::parse(&on_delete).ok_or_else(|| word(on_delete))?,
        cardinality: row.get(8)?,
        immutable: row.get(9)?,
        cloud_tag_propagation: row.get(10)?,
        description: Some(row.get::<String>(11)?).filter(|text| !text.is_empty()),
        created_by: row.get(12)?,
        created_at: row.get(13)?,
        updated_at: row.get(14)?,
    })
}

#[cfg(test)]
mod tests;
