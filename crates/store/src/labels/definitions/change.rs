//! Changing a definition, as far as the labels that there are stay true to it.

use super::find;
use crate::db::{Error, Tx};
use crate::labels::{json_text, parse};
use crate::values;
use plex_api::labels::{LabelDefinition, OnDelete};
use plex_domain::label::ValueSchema;
use serde_json::Value as Json;
use uuid::Uuid;

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
