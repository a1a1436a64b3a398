//! The definitions themselves: making, finding, changing and deleting them.

use super::{AssignedBy, json_text, parse, parsed, read_schema};
use crate::db::{Error, Row, Tx};
use crate::values;
use plex_api::labels::{LabelDefinition, LabelScope, OnDelete};
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
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A change; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Free text.
    pub description: Option<String>,
    /// What values it takes.
    pub schema: Option<ValueSchema>,
    /// What kinds of objects may have it.
    pub kinds: Option<Vec<String>>,
    /// Whether the default counts where there is no label.
    pub required: Option<bool>,
    /// Another default; null for none.
    pub default_value: Option<Json>,
    /// Kept, without effect.
    pub cloud_tag_propagation: Option<bool>,
    /// What becomes of the labels.
    pub on_delete: Option<OnDelete>,
}

/// Why a definition was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It is immutable, and the schema would be another.
    #[error("the definition is immutable")]
    Immutable,
    /// A label that there is does not satisfy the new schema.
    #[error("a label does not satisfy the schema")]
    LabelRefused,
    /// The default does not satisfy the schema.
    #[error("the default does not satisfy the schema")]
    DefaultRefused,
    /// An object of a kind that is no longer among the kinds has such a label.
    #[error("a label is on an object of another kind")]
    KindInUse,
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Why a definition was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The platform came with it.
    #[error("the definition is the platform's own")]
    Seeded,
    /// There are labels of it, and they block.
    #[error("there are labels of it")]
    Assigned,
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Makes a definition.
pub async fn create(tx: &mut Tx, new: &NewDefinition) -> Result<LabelDefinition, CreateError> {
    let prefix = prefix(tx, new.scope).await?.ok_or(CreateError::ScopeMissing)?;
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
                AssignedBy::User.as_str(),
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
    Ok(made.ok_or_else(|| Error::Corrupt("a label definition just stored is missing".to_owned()))?)
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

/// Changes a definition. `None` when there is none.
pub async fn change(tx: &mut Tx, id: Uuid, change: &Change) -> Result<Option<LabelDefinition>, ChangeError> {
    let Some(mut definition) = find(tx, id).await? else {
        return Ok(None);
    };
    let schema = read_wire(&definition)?;
    let schema = change_schema(tx, &mut definition, change, schema).await?;
    let default_value = default_of(tx, id, change).await?;
    if default_value.as_ref().is_some_and(|value| !schema.accepts(value)) {
        return Err(ChangeError::DefaultRefused);
    }
    if let Some(kinds) = &change.kinds {
        require_kinds(tx, id, kinds).await?;
        definition.applicable_kinds.clone_from(kinds);
    }
    let default_value = default_value.as_ref().map(Json::to_string);
    tx.execute(
        "update label_definitions
        set description = coalesce($2, description),
            value_schema = $3,
            applicable_kinds = $4,
            required = coalesce($5, required),
            default_value = $6,
            cloud_tag_propagation = coalesce($7, cloud_tag_propagation),
            on_delete = coalesce($8, on_delete),
            updated_at = $9
        where id = $1",
        &values![
            id,
            change.description.as_deref(),
            &json_text(&schema.to_api()),
            &json_text(&definition.applicable_kinds),
            change.required,
            default_value.as_deref(),
            change.cloud_tag_propagation,
            change.on_delete.map(OnDelete::as_str),
            tx.now(),
        ],
    )
    .await?;
    Ok(find(tx, id).await?)
}

fn read_wire(definition: &LabelDefinition) -> Result<ValueSchema, Error> {
    ValueSchema::read(&definition.value_schema).map_err(|error| Error::Corrupt(error.to_string()))
}

/// The schema that the change leaves: the old one, or one that every label there is satisfies.
async fn change_schema(
    tx: &mut Tx,
    definition: &mut LabelDefinition,
    change: &Change,
    old: ValueSchema,
) -> Result<ValueSchema, ChangeError> {
    let Some(new) = change.schema.clone().filter(|new| *new != old) else {
        return Ok(old);
    };
    if definition.immutable {
        return Err(ChangeError::Immutable);
    }
    let (checker, mut refused) = (new.checker(), false);
    tx.each(
        "select distinct value
        from object_labels
        where definition_id = $1",
        &values![definition.id],
        |row| {
            refused |= !checker.accepts(&parse(&row.get::<String>(0)?)?);
            Ok(())
        },
    )
    .await?;
    if refused {
        return Err(ChangeError::LabelRefused);
    }
    Ok(new)
}

/// The default that the change leaves.
async fn default_of(tx: &mut Tx, id: Uuid, change: &Change) -> Result<Option<Json>, Error> {
    if let Some(value) = &change.default_value {
        return Ok(Some(value.clone()).filter(|value| !value.is_null()));
    }
    let stored = tx
        .optional(
            "select default_value from label_definitions where id = $1",
            &values![id],
            |row| row.get::<Option<String>>(0),
        )
        .await?;
    stored.flatten().map(|text| parse(&text)).transpose()
}

async fn require_kinds(tx: &mut Tx, id: Uuid, kinds: &[String]) -> Result<(), ChangeError> {
    let used = tx
        .all(
            "select distinct object_kind
            from object_labels
            where definition_id = $1",
            &values![id],
            |row| row.get::<String>(0),
        )
        .await?;
    if used.iter().all(|kind| kinds.contains(kind)) {
        Ok(())
    } else {
        Err(ChangeError::KindInUse)
    }
}

/// Deletes a definition, and does with its labels as it says. Returns whether there was one.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool, DeleteError> {
    let Some(definition) = find(tx, id).await? else {
        return Ok(false);
    };
    if definition.scope == LabelScope::Platform && definition.created_by == AssignedBy::System.as_str() {
        return Err(DeleteError::Seeded);
    }
    match definition.on_delete {
        OnDelete::Block => require_unassigned(tx, id).await?,
        OnDelete::Cascade => {}
        OnDelete::Orphan => orphan(tx, id).await?,
    }
    tx.execute("delete from object_labels where definition_id = $1", &values![id])
        .await?;
    tx.execute("delete from label_definitions where id = $1", &values![id])
        .await?;
    Ok(true)
}

async fn require_unassigned(tx: &mut Tx, id: Uuid) -> Result<(), DeleteError> {
    let assigned = tx
        .optional(
            "select 1 from object_labels where definition_id = $1 limit 1",
            &values![id],
            |_| Ok(()),
        )
        .await?;
    match assigned {
        Some(()) => Err(DeleteError::Assigned),
        None => Ok(()),
    }
}

async fn orphan(tx: &mut Tx, id: Uuid) -> Result<(), Error> {
    tx.execute(
        "insert or replace into orphaned_labels (
            object_id, qualified_key, value, object_kind, assigned_by, assigned_at
        )
        select l.object_id, d.qualified_key, l.value, l.object_kind, l.assigned_by, l.assigned_at
        from object_labels l join label_definitions d on d.id = l.definition_id
        where l.definition_id = $1",
        &values![id],
    )
    .await?;
    Ok(())
}

/// Deletes what a domain or project defined, and a project's own labels; for one that is about to go itself. A
/// definition whose labels are on something else is refused by the database.
pub(crate) async fn forget_scope(tx: &mut Tx, scope_id: Uuid) -> Result<(), Error> {
    tx.execute(
        "delete from object_labels where object_id = $1",
        &values![scope_id],
    )
    .await?;
    tx.execute(
        "delete from orphaned_labels where object_id = $1",
        &values![scope_id],
    )
    .await?;
    tx.execute(
        "delete from label_definitions where scope_id = $1",
        &values![scope_id],
    )
    .await?;
    Ok(())
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
