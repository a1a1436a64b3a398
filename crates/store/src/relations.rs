//! Relation tuples: who holds which relation on what. Every change counts up the revision.

use crate::db::{Error, Row, Tx};
use crate::{erasure, principals, values};
use jiff::Timestamp;
use plex_api::relations::RelationTuple;
use plex_api::tokens::PrincipalType;
use plex_domain::relation::{Binding, ObjectKind, ObjectRef, Relation};
use uuid::Uuid;

/// A relation about to be granted.
#[derive(Debug, Clone)]
pub struct NewTuple {
    /// Who gets it: the kind of identity and its id.
    pub subject: (PrincipalType, Uuid),
    /// What it gets.
    pub binding: Binding,
    /// Who grants it, for example `user:<uuid>`.
    pub created_by: String,
}

/// A granted relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuple {
    /// Its id.
    pub id: Uuid,
    /// Who holds it.
    pub subject: ObjectRef,
    /// What is held.
    pub binding: Binding,
    /// When it was granted.
    pub created_at: Timestamp,
}

impl From<Tuple> for RelationTuple {
    fn from(tuple: Tuple) -> Self {
        Self {
            id: tuple.id,
            subject: tuple.subject.to_string(),
            relation: tuple.binding.relation.as_str().to_owned(),
            resource: tuple.binding.object.to_string(),
            caveat_context: None,
            created_at: tuple.created_at,
        }
    }
}

/// What a grant came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// The relation is new.
    New(Tuple),
    /// It was held already; nothing changed.
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
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Grants a relation; an identity named for the first time becomes known.
pub async fn create(tx: &mut Tx, new: &NewTuple) -> Result<Granted, CreateError> {
    let (kind, id) = new.subject;
    if principals::ensure(tx, kind, id).await? != kind {
        return Err(CreateError::OtherKind);
    }
    if erasure::is_erased(tx, id).await? {
        return Err(CreateError::Erased);
    }
    let subject = principals::subject(kind, id);
    if let Some(held) = find_equal(tx, subject, new.binding).await? {
        return Ok(Granted::Held(held));
    }
    let tuple = Tuple {
        id: tx.new_id(),
        subject,
        binding: new.binding,
        created_at: tx.now(),
    };
    tx.execute(
        "insert into relation_tuples (
            id, subject_kind, subject_id, relation, object_kind, object_id, created_by, created_at
        ) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &values![
            tuple.id,
            subject.kind.as_str(),
            id,
            new.binding.relation.as_str(),
            new.binding.object.kind.as_str(),
            new.binding.object.id.unwrap_or_default(),
            &new.created_by,
            tuple.created_at,
        ],
    )
    .await?;
    count_change(tx).await?;
    Ok(Granted::New(tuple))
}

/// One tuple.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Tuple>, Error> {
    tx.optional(
        "select id, subject_kind, subject_id, relation, object_kind, object_id, created_at
        from relation_tuples
        where id = $1",
        &values![id],
        read,
    )
    .await
}

async fn find_equal(tx: &mut Tx, subject: ObjectRef, binding: Binding) -> Result<Option<Tuple>, Error> {
    tx.optional(
        "select id, subject_kind, subject_id, relation, object_kind, object_id, created_at
        from relation_tuples
        where subject_id = $1
            and object_id = $2
            and object_kind = $3
            and relation = $4
            and subject_kind = $5",
        &values![
            subject.id.unwrap_or_default(),
            binding.object.id.unwrap_or_default(),
            binding.object.kind.as_str(),
            binding.relation.as_str(),
            subject.kind.as_str(),
        ],
        read,
    )
    .await
}

/// The tuples on any of the objects after an id, oldest first.
pub async fn page(tx: &mut Tx, objects: &[ObjectRef], after: Uuid, limit: u32) -> Result<Vec<Tuple>, Error> {
    let mut found = Vec::new();
    for object in objects {
        let on_object = tx
            .all(
                "select id, subject_kind, subject_id, relation, object_kind, object_id, created_at
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

/// All relations that an identity holds.
pub async fn held_by(tx: &mut Tx, kind: PrincipalType, id: Uuid) -> Result<Vec<Binding>, Error> {
    tx.all(
        "select relation, object_kind, object_id
        from relation_tuples
        where subject_id = $1 and subject_kind = $2",
        &values![id, principals::subject(kind, id).kind.as_str()],
        |row| binding(row, 0),
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
    if deleted > 0 {
        count_change(tx).await?;
    }
    Ok(deleted > 0)
}

/// Withdraws all relations that a subject holds. Returns how many.
pub async fn delete_all_of(tx: &mut Tx, subject: ObjectRef) -> Result<usize, Error> {
    let deleted = tx
        .execute(
            "delete from relation_tuples
            where subject_id = $1 and subject_kind = $2",
            &values![subject.id.unwrap_or_default(), subject.kind.as_str()],
        )
        .await?;
    if deleted > 0 {
        count_change(tx).await?;
    }
    Ok(deleted)
}

/// How often the tuples have changed.
pub async fn revision(tx: &mut Tx) -> Result<u64, Error> {
    let revision = tx
        .optional("select revision from tuple_revision", &[], |row| row.get(0))
        .await?;
    revision.ok_or_else(|| Error::Corrupt("the tuple revision is missing".to_owned()))
}

async fn count_change(tx: &mut Tx) -> Result<(), Error> {
    tx.execute("update tuple_revision set revision = revision + 1", &[])
        .await?;
    Ok(())
}

/// The order of the columns in the statements above.
fn read(row: &Row<'_>) -> Result<Tuple, Error> {
    let kind: String = row.get(1)?;
    let kind =
        ObjectKind::parse(&kind).ok_or_else(|| Error::Corrupt(format!("a subject of kind {kind:?}")))?;
    Ok(Tuple {
        id: row.get(0)?,
        subject: ObjectRef::of(kind, row.get(2)?),
        binding: binding(row, 3)?,
        created_at: row.get(6)?,
    })
}

/// Reads `relation, object_kind, object_id`, of which the first stands at `column`.
pub(crate) fn binding(row: &Row<'_>, column: usize) -> Result<Binding, Error> {
    let (relation, kind): (String, String) = (row.get(column)?, row.get(column + 1)?);
    let unreadable = || Error::Corrupt(format!("a relation {relation:?} on {kind:?}"));
    let relation = Relation::parse(&relation).ok_or_else(unreadable)?;
    let object = match ObjectKind::parse(&kind).ok_or_else(unreadable)? {
        ObjectKind::Platform => ObjectRef::PLATFORM,
        kind => ObjectRef::of(kind, row.get(column + 2)?),
    };
    Ok(Binding { relation, object })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const ANNA: Uuid = Uuid::from_u128(7);
    const PROJECT: Uuid = Uuid::from_u128(11);

    fn grant(relation: Relation, object: ObjectRef) -> NewTuple {
        let binding = Binding { relation, object };
        NewTuple {
            subject: (PrincipalType::User, ANNA),
            binding,
            created_by: "system".to_owned(),
        }
    }

    async fn granted(tx: &mut Tx, new: &NewTuple) -> Tuple {
        match create(tx, new).await.unwrap() {
            Granted::New(tuple) => tuple,
            Granted::Held(tuple) => panic!("held already: {tuple:?}"),
        }
    }

    #[tokio::test]
    async fn a_grant_is_found_listed_and_withdrawn_and_each_change_counts() {
        let (_dir, db) = testing::db();
        db.write(async move |tx| {
            let project = ObjectRef::of(ObjectKind::Project, PROJECT);
            let first = granted(tx, &grant(Relation::Viewer, project)).await;
            let second = granted(tx, &grant(Relation::Admin, ObjectRef::PLATFORM)).await;
            assert_eq!(revision(tx).await?, 2);
            assert_eq!(principals::kind_of(tx, ANNA).await?, Some(PrincipalType::User));
            assert_eq!(find(tx, first.id).await?, Some(first.clone()));
            assert_eq!(find(tx, second.id).await?, Some(second.clone()));
            assert_eq!(held_by(tx, PrincipalType::User, ANNA).await?.len(), 2);
            assert_eq!(held_by(tx, PrincipalType::Service, ANNA).await?, []);

            assert!(delete(tx, first.id).await?);
            assert!(!delete(tx, first.id).await?);
            assert_eq!(revision(tx).await?, 3);
            assert_eq!(find(tx, first.id).await?, None);
            assert_eq!(held_by(tx, PrincipalType::User, ANNA).await?, [second.binding]);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_relation_is_held_once_and_an_id_is_of_one_kind() {
        let (_dir, db) = testing::db();
        db.write(async move |tx| {
            let new = grant(Relation::Viewer, ObjectRef::PLATFORM);
            let first = granted(tx, &new).await;
            assert_eq!(create(tx, &new).await.unwrap(), Granted::Held(first));
            assert_eq!(revision(tx).await?, 1);
            let service = NewTuple {
                subject: (PrincipalType::Service, ANNA),
                ..new
            };
            assert!(matches!(create(tx, &service).await, Err(CreateError::OtherKind)));
            assert_eq!(revision(tx).await?, 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn pages_run_over_several_objects_without_gap_or_repetition() {
        let (_dir, db) = testing::db();
        db.write(async move |tx| {
            let project = ObjectRef::of(ObjectKind::Project, PROJECT);
            let foreign = ObjectRef::of(ObjectKind::Project, Uuid::from_u128(12));
            let mut expected = Vec::new();
            for relation in [Relation::Admin, Relation::Operator, Relation::Viewer] {
                expected.push(granted(tx, &grant(relation, project)).await.id);
                granted(tx, &grant(relation, foreign)).await;
                expected.push(granted(tx, &grant(relation, ObjectRef::PLATFORM)).await.id);
            }
            let (mut seen, mut after) = (Vec::new(), Uuid::nil());
            loop {
                let tuples = page(tx, &[project, ObjectRef::PLATFORM], after, 4).await?;
                let Some(last) = tuples.last() else { break };
                after = last.id;
                seen.extend(tuples.iter().map(|tuple| tuple.id));
            }
            assert_eq!(seen, expected);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
}
