//! Relation tuples: who holds which relation on what; and the graph that they and the structure make.
//!
//! Every change has a revision, written by the database itself. Whoever keeps the graph in memory asks for the
//! newest revision together with something that it reads anyway, and for [`changes`] only when it missed some.

mod graph;

pub use graph::{Change, Changes, Edge, changes, only_grew_since, prune, revision, whole};

use crate::db::{Error, Row, Tx};
use crate::{erasure, groups, principals, values};
use jiff::Timestamp;
use plex_api::relations::RelationTuple;
use plex_api::tokens::PrincipalType;
use plex_domain::relation::{ObjectKind, ObjectRef, SubjectRef};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

/// Most groups within one another.
pub const MAX_NESTING: u32 = 16;

/// A condition as it is stored: its name, and the values that the tuple fixes.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The caveat's name.
    pub name: String,
    /// Values by parameter.
    pub context: Map<String, Json>,
}

/// A relation about to be granted.
#[derive(Debug, Clone)]
pub struct NewTuple {
    /// Who gets it.
    pub subject: SubjectRef,
    /// What they get.
    pub relation: String,
    /// On what.
    pub object: ObjectRef,
    /// On which condition.
    pub condition: Option<Condition>,
    /// Who grants it, for example `user:<uuid>`.
    pub created_by: String,
}

/// A granted relation.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuple {
    /// Its id.
    pub id: Uuid,
    /// Who holds it.
    pub subject: SubjectRef,
    /// What is held.
    pub relation: String,
    /// On what.
    pub object: ObjectRef,
    /// On which condition.
    pub condition: Option<Condition>,
    /// When it was granted.
    pub created_at: Timestamp,
}

impl From<Tuple> for RelationTuple {
    fn from(tuple: Tuple) -> Self {
        Self {
            id: tuple.id,
            subject: tuple.subject.to_string(),
            relation: tuple.relation,
            resource: tuple.object.to_string(),
            caveat_context: tuple.condition.map(|condition| condition.context),
            created_at: tuple.created_at,
        }
    }
}

/// What a grant came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Granted {
    /// The relation is new.
    New(Tuple),
    /// It was held already, on the same condition; nothing changed.
    Held(Tuple),
}

/// Why a relation was not granted.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The subject's id is known as an identity of the other kind.
    #[error("the subject is an identity of another kind")]
    OtherKind,
    /// The subject was erased, and is nobody any more.
    #[error("the subject was erased")]
    Erased,
    /// The subject is a group that does not exist.
    #[error("the subject is no group")]
    NoGroup,
    /// The subject holds the relation on another condition.
    #[error("the relation is held on another condition")]
    OtherCondition,
    /// The group would contain itself, or be nested too deep.
    #[error("groups are nested in a circle or too deep")]
    Nesting,
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Grants a relation; an identity named for the first time becomes known.
pub async fn create(tx: &mut Tx, new: &NewTuple) -> Result<Granted, CreateError> {
    require_subject(tx, &new.subject.object).await?;
    require_shallow(tx, new).await?;
    if let Some(held) = find_equal(tx, new).await? {
        return if held.condition == new.condition {
            Ok(Granted::Held(held))
        } else {
            Err(CreateError::OtherCondition)
        };
    }
    let id = tx.new_id();
    Ok(Granted::New(insert(tx, id, new).await?))
}

/// Puts another relation in the place of one, under its id, in one step.
///
/// # Errors
/// As [`create`], and [`CreateError::OtherCondition`] when another tuple states the same.
pub async fn replace(tx: &mut Tx, id: Uuid, new: &NewTuple) -> Result<Option<Tuple>, CreateError> {
    require_subject(tx, &new.subject.object).await?;
    if find_equal(tx, new).await?.is_some_and(|other| other.id != id) {
        return Err(CreateError::OtherCondition);
    }
    if !delete(tx, id).await? {
        return Ok(None);
    }
    require_shallow(tx, new).await?;
    Ok(Some(insert(tx, id, new).await?))
}

async fn require_subject(tx: &mut Tx, subject: &ObjectRef) -> Result<(), CreateError> {
    let id = subject.id.unwrap_or_default();
    let kind = match subject.kind {
        ObjectKind::User => PrincipalType::User,
        ObjectKind::ServiceIdentity => PrincipalType::Service,
        ObjectKind::Group => {
            let found = groups::find(tx, id).await?;
            return found.map(|_| ()).ok_or(CreateError::NoGroup);
        }
        ObjectKind::Platform | ObjectKind::Domain | ObjectKind::Project | ObjectKind::Node => return Ok(()),
    };
    if principals::ensure(tx, kind, id).await? != kind {
        return Err(CreateError::OtherKind);
    }
    if erasure::is_erased(tx, id).await? {
        return Err(CreateError::Erased);
    }
    Ok(())
}

/// Groups in groups: never in a circle, and no deeper than [`MAX_NESTING`], so that a check always ends soon.
async fn require_shallow(tx: &mut Tx, new: &NewTuple) -> Result<(), CreateError> {
    let is_nested = new.object.kind == ObjectKind::Group && new.subject.object.kind == ObjectKind::Group;
    if !is_nested {
        return Ok(());
    }
    let (outer, inner) = (
        new.object.id.unwrap_or_default(),
        new.subject.object.id.unwrap_or_default(),
    );
    let depths = tx
        .optional(
            "with recursive
                inside (id, depth) as (
                    select $2, 1
                    union
                    select t.subject_id, depth + 1
                    from inside
                        join relation_tuples t on t.object_kind = 'group' and t.object_id = inside.id
                    where t.subject_kind = 'group' and depth <= $3
                ),
                around (id, depth) as (
                    select $1, 1
                    union
                    select t.object_id, depth + 1
                    from around
                        join relation_tuples t on t.subject_id = around.id and t.object_kind = 'group'
                    where t.subject_kind = 'group' and depth <= $3
                )
            select
                (select max(depth) from inside),
                (select max(depth) from around),
                exists (select 1 from inside where id = $1)",
            &values![outer, inner, MAX_NESTING],
            |row| Ok((row.get::<u32>(0)?, row.get::<u32>(1)?, row.get::<bool>(2)?)),
        )
        .await?;
    match depths {
        Some((inside, around, false)) if inside + around <= MAX_NESTING => Ok(()),
        Some(_) | None => Err(CreateError::Nesting),
    }
}

async fn insert(tx: &mut Tx, id: Uuid, new: &NewTuple) -> Result<Tuple, Error> {
    let tuple = Tuple {
        id,
        subject: new.subject.clone(),
        relation: new.relation.clone(),
        object: new.object,
        condition: new.condition.clone(),
        created_at: tx.now(),
    };
    let context = tuple
        .condition
        .as_ref()
        .map(|condition| Json::Object(condition.context.clone()).to_string());
    tx.execute(
        "insert into relation_tuples (
            id, subject_kind, subject_id, subject_set, relation, object_kind, object_id, caveat, caveat_context,
            created_by, created_at
        ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &values![
            tuple.id,
            tuple.subject.object.kind.as_str(),
            tuple.subject.object.id.unwrap_or_default(),
            tuple.subject.set.as_deref().unwrap_or(""),
            &tuple.relation,
            tuple.object.kind.as_str(),
            tuple.object.id.unwrap_or_default(),
            tuple.condition.as_ref().map(|condition| condition.name.as_str()),
            context.as_deref(),
            &new.created_by,
            tuple.created_at,
        ],
    )
    .await?;
    Ok(tuple)
}

/// One tuple.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Tuple>, Error> {
    tx.optional(
        "select
            id, subject_kind, subject_id, subject_set, relation, object_kind, object_id, caveat, caveat_context,
            created_at
        from relation_tuples
        where id = $1",
        &values![id],
        read,
    )
    .await
}

async fn find_equal(tx: &mut Tx, new: &NewTuple) -> Result<Option<Tuple>, Error> {
    tx.optional(
        "select
            id, subject_kind, subject_id, subject_set, relation, object_kind, object_id, caveat, caveat_context,
            created_at
        from relation_tuples
        where subject_id = $1
            and object_id = $2
            and object_kind = $3
            and relation = $4
            and subject_kind = $5
            and subject_set = $6",
        &values![
            new.subject.object.id.unwrap_or_default(),
            new.object.id.unwrap_or_default(),
            new.object.kind.as_str(),
            &new.relation,
            new.subject.object.kind.as_str(),
            new.subject.set.as_deref().unwrap_or(""),
        ],
        read,
    )
    .await
}

/// The tuples on any of the objects, and on the nodes of a project, after an id; oldest first.
pub async fn page(
    tx: &mut Tx,
    objects: &[ObjectRef],
    nodes_of: Option<Uuid>,
    (after, limit): (Uuid, u32),
) -> Result<Vec<Tuple>, Error> {
    let mut found = tx
        .all(
            "select
                t.id, t.subject_kind, t.subject_id, t.subject_set, t.relation, t.object_kind, t.object_id, t.caveat,
                t.caveat_context, t.created_at
            from relation_tuples t join nodes n on n.id = t.object_id
            where t.object_kind = 'node' and n.project_id = $1 and t.id > $2
            order by t.id
            limit $3",
            &values![nodes_of, after, limit],
            read,
        )
        .await?;
    for object in objects {
        let on_object = tx
            .all(
                "select
                    id, subject_kind, subject_id, subject_set, relation, object_kind, object_id, caveat,
                    caveat_context, created_at
                from relation_tuples
                where object_kind = $1 and object_id = $2 and id > $3
                order by id
                limit $4",
                &values![object.kind.as_str(), object.id.unwrap_or_default(), after, limit],
                read,
            )
            .await?;
        found.extend(on_object);
    }
    found.sort_unstable_by_key(|tuple| tuple.id);
    found.truncate(limit as usize);
    Ok(found)
}

/// All that was granted to a subject itself, or to a set of it; oldest first.
pub async fn held_by(tx: &mut Tx, subject: &ObjectRef) -> Result<Vec<Tuple>, Error> {
    tx.all(
        "select
            id, subject_kind, subject_id, subject_set, relation, object_kind, object_id, caveat, caveat_context,
            created_at
        from relation_tuples
        where subject_id = $1 and subject_kind = $2
        order by id",
        &values![subject.id.unwrap_or_default(), subject.kind.as_str()],
        read,
    )
    .await
}

/// Withdraws all relations that a subject itself holds. Returns how many.
pub async fn delete_all_of(tx: &mut Tx, subject: ObjectRef) -> Result<usize, Error> {
    tx.execute(
        "delete from relation_tuples
        where subject_id = $1 and subject_kind = $2",
        &values![subject.id.unwrap_or_default(), subject.kind.as_str()],
    )
    .await
}

/// Withdraws a relation. Returns whether there was one.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool, Error> {
    let deleted = tx
        .execute(
            "delete from relation_tuples
            where id = $1",
            &values![id],
        )
        .await?;
    Ok(deleted > 0)
}

/// The order of the columns in the statements above.
fn read(row: &Row<'_>) -> Result<Tuple, Error> {
    let edge = graph::edge(row, (5, 6, 4), (1, 2, 3), (7, 8))?;
    Ok(Tuple {
        id: row.get(0)?,
        subject: edge.subject,
        relation: edge.relation,
        object: edge.object,
        condition: edge.condition,
        created_at: row.get(9)?,
    })
}

#[cfg(test)]
mod tests;
