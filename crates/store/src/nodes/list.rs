//! Nodes as operators see them.

use crate::db::{Error, Row, Tx, Value, id_list};
use crate::labels::{self, Labelled};
use crate::values;
use jiff::Timestamp;
use plex_api::nodes::{NodeSummary, Reachability, ReachabilityState};
use plex_domain::reachability::{Policy, verdict};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// Nodes of a domain, of a project, of both, or (with neither) all; or one node there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Within {
    /// Only of this domain.
    pub domain_id: Option<Uuid>,
    /// Only of this project.
    pub project_id: Option<Uuid>,
    /// Only this one.
    pub node_id: Option<Uuid>,
}

impl Within {
    /// The places that are more than one node, and the single nodes of the others by what they must lie in: one
    /// statement reads all of these, however many they are.
    pub(crate) fn sorted_out(places: &[Self]) -> (Vec<Self>, Vec<(Self, Vec<Uuid>)>) {
        let (mut wide, mut singles): (Vec<Self>, Vec<(Self, Vec<Uuid>)>) = (Vec::new(), Vec::new());
        for place in places {
            let Some(id) = place.node_id else {
                wide.push(*place);
                continue;
            };
            let around = Self {
                node_id: None,
                ..*place
            };
            match singles.iter_mut().find(|(known, _)| *known == around) {
                Some((_, ids)) => ids.push(id),
                None => singles.push((around, vec![id])),
            }
        }
        (wide, singles)
    }
}

/// A node of a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What is shown.
    pub summary: NodeSummary,
    /// The labels in effect on it.
    pub labels: Labelled,
}

macro_rules! nodes_sql {
    ($rest:literal) => {
        concat!(
            "select
                n.id, n.project_id, n.domain_id, n.name, n.kind, n.created_at, n.revoked_at,
                n.last_heartbeat_at, n.recovered_at, n.binary_version, c.reported_at,
                d.heartbeat_interval, d.stale_after, d.unreachable_after, n.rotation_requested_at, n.key_rotated_at
            from nodes n
                join domains d on d.id = n.domain_id
                left join capabilities c on c.node_id = n.id
            ",
            $rest
        )
    };
}

/// A page, by id, of the nodes that lie in any of these places.
///
/// Each place is read by its own index, so a page costs the same wherever it is, and the pages are merged.
pub async fn page(
    tx: &mut Tx,
    places: &[Within],
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Listed>, Error> {
    let after = after.unwrap_or(Uuid::nil());
    let mut merged = BTreeMap::new();
    let (wide, singles) = Within::sorted_out(places);
    for place in &wide {
        let found = one_place(tx, place, after, limit).await?;
        merged.extend(found.into_iter().map(|summary| (summary.id, summary)));
    }
    for (around, ids) in &singles {
        let found = single_nodes(tx, (around, ids), after, limit).await?;
        merged.extend(found.into_iter().map(|summary| (summary.id, summary)));
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    labelled(tx, merged.into_values().take(limit).collect()).await
}

async fn one_place(tx: &mut Tx, place: &Within, after: Uuid, limit: u32) -> Result<Vec<NodeSummary>, Error> {
    let sql = match (place.domain_id.is_some(), place.project_id.is_some()) {
        (false, false) => nodes_sql!("where n.id > $1 order by n.id limit $2"),
        (true, false) => nodes_sql!("where n.id > $1 and n.domain_id = $3 order by n.id limit $2"),
        (false, true) => nodes_sql!("where n.id > $1 and n.project_id = $3 order by n.id limit $2"),
        (true, true) => {
            // The `+` keeps SQLite from walking the larger index, that of the domain.
            nodes_sql!("where n.id > $1 and +n.domain_id = $3 and n.project_id = $4 order by n.id limit $2")
        }
    };
    let mut values = values![after, limit].to_vec();
    values.extend(place.domain_id.map(Value::from));
    values.extend(place.project_id.map(Value::from));
    let now = tx.now();
    tx.all(sql, &values, |row| read(row, now)).await
}

async fn single_nodes(
    tx: &mut Tx,
    (around, ids): (&Within, &[Uuid]),
    after: Uuid,
    limit: u32,
) -> Result<Vec<NodeSummary>, Error> {
    let now = tx.now();
    tx.all(
        nodes_sql!(
            "where n.id in (select unhex(value) from json_each($3)) and n.id > $1
                and (+n.domain_id = $4 or $4 is null) and (+n.project_id = $5 or $5 is null)
            order by n.id
            limit $2"
        ),
        &values![after, limit, &id_list(ids), around.domain_id, around.project_id],
        |row| read(row, now),
    )
    .await
}

/// One node.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Listed>, Error> {
    let now = tx.now();
    let found = tx
        .optional(nodes_sql!("where n.id = $1"), &values![id], |row| read(row, now))
        .await?;
    Ok(labelled(tx, found.into_iter().collect()).await?.pop())
}

/// The verdict on one node.
pub async fn reachability(tx: &mut Tx, id: Uuid) -> Result<Option<Reachability>, Error> {
    let now = tx.now();
    let found = tx
        .optional(nodes_sql!("where n.id = $1"), &values![id], |row| read(row, now))
        .await?;
    Ok(found.and_then(|summary| summary.reachability))
}

async fn labelled(tx: &mut Tx, nodes: Vec<NodeSummary>) -> Result<Vec<Listed>, Error> {
    let ids: Vec<Uuid> = nodes.iter().map(|node| node.id).collect();
    let mut labels = labels::of_nodes(tx, &ids).await?;
    let listed = nodes.into_iter().map(|mut summary| {
        let labels = labels.remove(&summary.id).unwrap_or_default();
        summary.labels = Some(labels.shown.clone());
        Listed { summary, labels }
    });
    Ok(listed.collect())
}

fn read(row: &Row<'_>, now: Timestamp) -> Result<NodeSummary, Error> {
    let created_at: Timestamp = row.get(5)?;
    let seconds = |column| {
        row.get::<u32>(column)
            .map(|seconds| Duration::from_secs(seconds.into()))
    };
    let policy = Policy {
        heartbeat_interval: seconds(11)?,
        stale_after: seconds(12)?,
        unreachable_after: seconds(13)?,
    };
    let mut reachability = verdict(&policy, created_at, row.get(7)?, now);
    // Only the row knows how long the present run of heartbeats has lasted.
    if let (ReachabilityState::Healthy, Some(recovered_at)) = (reachability.state, row.get(8)?) {
        reachability.changed_at = recovered_at;
    }
    Ok(NodeSummary {
        id: row.get(0)?,
        project_id: Some(row.get(1)?),
        domain_id: row.get(2)?,
        name: Some(row.get(3)?),
        kind: Some(row.get(4)?),
        created_at,
        revoked_at: row.get(6)?,
        labels: None,
        reachability: Some(reachability),
        binary_version: row.get(9)?,
        manifest_at: row.get(10)?,
        key_rotation_requested_at: row.get(14)?,
        key_rotated_at: row.get(15)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::on_sqlite;

    #[tokio::test]
    async fn every_place_is_walked_by_its_index() {
        let (_dir, db) = on_sqlite();
        let plans = db.read(async |tx| {
            let id = Uuid::max();
            let plan = |row: &Row<'_>| row.get::<String>(3);
            let (all, one, both) = (values![id, 5], values![id, 5, id], values![id, 5, id, id]);
            Ok::<_, Error>([
                tx.all(concat!("explain query plan ", nodes_sql!("where n.id > $1 order by n.id limit $2")), &all, plan)
                    .await?,
                tx.all(
                    concat!(
                        "explain query plan ",
                        nodes_sql!("where n.id > $1 and n.domain_id = $3 order by n.id limit $2")
                    ),
                    &one,
                    plan,
                )
                .await?,
                tx.all(
                    concat!(
                        "explain query plan ",
                        nodes_sql!(
                            "where n.id > $1 and +n.domain_id = $3 and n.project_id = $4 order by n.id limit $2"
                        )
                    ),
                    &both,
                    plan,
                )
                .await?,
            ])
        });
        let expected = [
            "SEARCH n USING INDEX sqlite_autoindex_nodes_1 (id>?)",
            "SEARCH n USING INDEX nodes_by_domain (domain_id=? AND id>?)",
            "SEARCH n USING INDEX nodes_by_project (project_id=? AND id>?)",
        ];
        for (plan, expected) in plans.await.unwrap().iter().zip(expected) {
            assert!(plan.iter().any(|step| step == expected), "{plan:?}");
            assert!(
                !plan
                    .iter()
                    .any(|step| step.contains("SCAN") || step.contains("B-TREE")),
                "{plan:?}"
            );
        }
    }
}
