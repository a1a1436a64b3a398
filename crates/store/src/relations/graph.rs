//! The graph as it is stored: whole, and what changed since a revision.

use super::Condition;
use crate::db::{Error, Row, Tx};
use crate::values;
use plex_domain::relation::{ObjectKind, ObjectRef, SubjectRef};
use uuid::Uuid;

/// A relation that holds, granted or structural.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// On what.
    pub object: ObjectRef,
    /// What is held.
    pub relation: String,
    /// Who holds it.
    pub subject: SubjectRef,
    /// On which condition.
    pub condition: Option<Condition>,
}

/// An edge that came or went.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Whether it is there from now on.
    pub added: bool,
    /// The edge; of one that went, without its condition.
    pub edge: Edge,
}

/// What is known of the time after a revision.
#[derive(Debug, Clone, PartialEq)]
pub enum Changes {
    /// All that changed, in order, up to the revision.
    Since(Vec<Change>, u64),
    /// Some of it was pruned: the graph must be read whole.
    Lost,
}

/// How often the graph has changed.
pub async fn revision(tx: &mut Tx) -> Result<u64, Error> {
    let newest = tx
        .optional("select max(revision) from relation_changes", &[], |row| {
            row.get::<Option<u64>>(0)
        })
        .await?;
    Ok(newest.flatten().unwrap_or(0))
}

/// Whether all that changed after a revision is new structure: nodes, projects, domains and groups that were made.
pub async fn only_grew_since(tx: &mut Tx, revision: u64) -> Result<bool, Error> {
    let found = tx
        .optional(
            "select
                exists (select 1 from relation_changes where revision = $1),
                exists (
                    select 1
                    from relation_changes
                    where revision > $1
                        and not (added = 1 and relation in ('platform', 'domain', 'project'))
                )",
            &values![revision],
            |row| Ok((row.get::<bool>(0)?, row.get::<bool>(1)?)),
        )
        .await?;
    // Without the change of that revision, some of what came after it may be forgotten as well.
    Ok(found == Some((true, false)))
}

/// The whole graph and its revision; `tx` must be one snapshot.
pub async fn whole(tx: &mut Tx) -> Result<(Vec<Edge>, u64), Error> {
    let revision = revision(tx).await?;
    let edges = tx
        .all(
            "select object_kind, object_id, relation, subject_kind, subject_id, subject_set, caveat, caveat_context
            from relation_graph",
            &[],
            |row| edge(row, (0, 1, 2), (3, 4, 5), (6, 7)),
        )
        .await?;
    Ok((edges, revision))
}

/// What changed after a revision.
pub async fn changes(tx: &mut Tx, after: u64) -> Result<Changes, Error> {
    let mut newest = after;
    let mut is_first_known = false;
    let found = tx
        .all(
            "select
                revision, added, object_kind, object_id, relation, subject_kind, subject_id, subject_set, caveat,
                caveat_context
            from relation_changes
            where revision >= $1
            order by revision",
            &values![after],
            |row| {
                newest = row.get(0)?;
                is_first_known |= newest == after;
                let change = Change {
                    added: row.get(1)?,
                    edge: edge(row, (2, 3, 4), (5, 6, 7), (8, 9))?,
                };
                Ok((newest, change))
            },
        )
        .await?;
    // The change that made the known revision is still there, so nothing after it was pruned.
    if after > 0 && !is_first_known {
        return Ok(Changes::Lost);
    }
    let later = found.into_iter().filter(|(revision, _)| *revision > after);
    Ok(Changes::Since(later.map(|(_, change)| change).collect(), newest))
}

/// Forgets all changes but the newest. Returns how many were forgotten.
pub async fn prune(tx: &mut Tx, keep: u64) -> Result<usize, Error> {
    let newest = revision(tx).await?;
    tx.execute(
        "delete from relation_changes
        where revision <= $1",
        &values![newest.saturating_sub(keep.max(1))],
    )
    .await
}

/// Reads an edge: kind, id and relation of the object; kind, id and set of the subject; condition and values.
pub(super) fn edge(
    row: &Row<'_>,
    object: (usize, usize, usize),
    subject: (usize, usize, usize),
    condition: (usize, usize),
) -> Result<Edge, Error> {
    let set: String = row.get(subject.2)?;
    let name: Option<String> = row.get(condition.0)?;
    let condition = match name {
        None => None,
        Some(name) => {
            let text: String = row.get(condition.1)?;
            let context = serde_json::from_str(&text).map_err(|error| Error::Corrupt(error.to_string()))?;
            Some(Condition { name, context })
        }
    };
    Ok(Edge {
        object: reference(row, object.0, object.1)?,
        relation: row.get(object.2)?,
        subject: SubjectRef {
            object: reference(row, subject.0, subject.1)?,
            set: Some(set).filter(|set| !set.is_empty()),
        },
        condition,
    })
}

fn reference(row: &Row<'_>, kind: usize, id: usize) -> Result<ObjectRef, Error> {
    let word: String = row.get(kind)?;
    let id: Uuid = row.get(id)?;
    match ObjectKind::parse(&word) {
        Some(ObjectKind::Platform) => Ok(ObjectRef::PLATFORM),
        Some(kind) => Ok(ObjectRef::of(kind, id)),
        None => Err(Error::Corrupt(format!("an object of kind {word:?}"))),
    }
}
