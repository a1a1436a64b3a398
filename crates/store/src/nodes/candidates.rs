//! The look-up behind a dispatch: which nodes there are, what they are labelled, and whether they can run
//! an action.
//!
//! A dispatch may address 10,000 nodes, so nothing here runs once per node: one statement walks the
//! project's nodes with what they declare, another their labels, both by node id, and the two are merged. What a
//! node has from its project is read once.

use crate::db::{Error, Row, Tx, Value};
use crate::labels::{self, Names};
use crate::values;
use plex_api::executions::ActionKind;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A node that a dispatch may address.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The node.
    pub node_id: Uuid,
    /// The labels in effect on it, by every key that finds them; see [`Names`]. Empty when they were not asked for.
    pub labels: BTreeMap<String, serde_json::Value>,
    /// Whether its manifest declares the action.
    pub declared: bool,
    /// Whether it ever sent a manifest.
    pub manifest: bool,
    /// The hook's digest as declared now, base64.
    pub checksum: Option<String>,
    /// The hook's pinned digest, base64.
    pub pinned: Option<String>,
    /// The action's secret parameters.
    pub secrets: Vec<String>,
}

/// Whether labels are wanted; one node by its id needs none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// Load them.
    Load,
    /// Leave them empty.
    Skip,
}

macro_rules! candidates_sql {
    ($only:literal) => {
        concat!(
            "select n.id, c.node_id is not null, a.node_id is not null, a.checksum, p.checksum, a.secrets
            from nodes n
                left join capabilities c on c.node_id = n.id
                left join node_actions a on a.node_id = n.id and a.kind = $2 and a.name = $3
                left join hook_pins p on p.node_id = n.id and p.name = $3 and $2 = 'hook'
            where n.project_id = $1 and n.revoked_at is null",
            $only,
            " order by n.id"
        )
    };
}

macro_rules! labels_sql {
    ($only:literal) => {
        concat!(
            "select n.id, l.definition_id, l.value
            from nodes n cross join object_labels l on l.object_id = n.id
            where n.project_id = $1 and n.revoked_at is null",
            $only,
            " order by n.id"
        )
    };
}

/// All nodes of a project that are not revoked, or the one of them that is named, by node id.
#[expect(
    clippy::too_many_arguments,
    reason = "one question: which nodes, which action, with or without labels"
)]
pub async fn candidates(
    tx: &mut Tx,
    project_id: Uuid,
    only: Option<Uuid>,
    kind: ActionKind,
    action: &str,
    labels: Labels,
) -> Result<Vec<Candidate>, Error> {
    let sql = if only.is_some() {
        candidates_sql!(" and n.id = $4")
    } else {
        candidates_sql!("")
    };
    let mut values = values![project_id, kind, action].to_vec();
    values.extend(only.map(Value::from));
    let mut found = tx.all(sql, &values, read).await?;
    match labels {
        Labels::Load => label(tx, (project_id, only), &mut found).await?,
        Labels::Skip => {}
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<Candidate, Error> {
    let secrets: Option<String> = row.get(5)?;
    let secrets = secrets.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text));
    Ok(Candidate {
        node_id: row.get(0)?,
        labels: BTreeMap::new(),
        manifest: row.get(1)?,
        declared: row.get(2)?,
        checksum: row.get(3)?,
        pinned: row.get(4)?,
        secrets: secrets.map_err(|error| Error::Corrupt(error.to_string()))?,
    })
}

/// Fills in the labels in effect: both sequences run by node id.
async fn label(
    tx: &mut Tx,
    (project_id, only): (Uuid, Option<Uuid>),
    found: &mut [Candidate],
) -> Result<(), Error> {
    let names = Names::of_project(tx, project_id).await?;
    let sql = if only.is_some() {
        labels_sql!(" and n.id = $2")
    } else {
        labels_sql!("")
    };
    let mut values = values![project_id].to_vec();
    values.extend(only.map(Value::from));
    let (mut rest, mut own) = (found.iter_mut().peekable(), Vec::new());
    tx.each(sql, &values, |row| {
        let node_id: Uuid = row.get(0)?;
        while let Some(candidate) = rest.next_if(|candidate| candidate.node_id < node_id) {
            candidate.labels = names.node_keys(&own)?;
            own.clear();
        }
        if rest.peek().is_some_and(|candidate| candidate.node_id == node_id) {
            own.push((row.get(1)?, labels::parse(&row.get::<String>(2)?)?));
        }
        Ok(())
    })
    .await?;
    for candidate in rest {
        candidate.labels = names.node_keys(&own)?;
        own.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::db;

    #[tokio::test]
    async fn both_statements_walk_the_project_in_order() {
        let (_dir, db) = db();
        let plans = db.read(async |tx| {
            let plan = |row: &Row<'_>| row.get::<String>(3);
            let values = values![Uuid::max(), ActionKind::Hook, "a"];
            Ok::<_, Error>([
                tx.all(concat!("explain query plan ", candidates_sql!("")), &values, plan)
                    .await?,
                tx.all(
                    concat!("explain query plan ", labels_sql!("")),
                    &values[..1],
                    plan,
                )
                .await?,
            ])
        });
        for plan in plans.await.unwrap() {
            assert_eq!(plan[0], "SEARCH n USING INDEX nodes_by_project (project_id=?)");
            assert!(
                plan.iter().all(|step| step.starts_with("SEARCH")),
                "no scan, no sorting: {plan:?}"
            );
        }
    }
}
