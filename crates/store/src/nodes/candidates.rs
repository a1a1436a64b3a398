//! The look-up behind a dispatch: which nodes are selected, and whether they can run an action.
//!
//! A dispatch may address 10,000 nodes, and it is done by the only writer. So nothing here runs once per node: one
//! statement walks the project's nodes with what they declare, another those of their labels that the selector
//! names. What a node has from its project is found out once, and so is whether that is enough.

use crate::db::{Error, Row, Tx, Value};
use crate::labels::{self, Selection};
use crate::values;
use plex_api::executions::ActionKind;
use plex_domain::selector::Selector;
use std::collections::HashMap;
use uuid::Uuid;

/// A node that a dispatch may address.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The node.
    pub node_id: Uuid,
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

/// Which nodes a dispatch addresses.
#[derive(Debug, Clone, Copy)]
pub enum Addressed<'a> {
    /// This one.
    Node(Uuid),
    /// Those whose labels in effect satisfy the selector.
    Selected(&'a Selector),
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
    () => {
        "select n.id, l.definition_id, l.value
        from nodes n cross join object_labels l on l.object_id = n.id
        where n.project_id = $1
            and n.revoked_at is null
            and l.definition_id in (select unhex(value) from json_each($2))"
    };
}

/// The nodes of a project that are addressed and not revoked, by node id.
pub async fn candidates(
    tx: &mut Tx,
    project_id: Uuid,
    addressed: Addressed<'_>,
    kind: ActionKind,
    action: &str,
) -> Result<Vec<Candidate>, Error> {
    let mut values = values![project_id, kind, action].to_vec();
    match addressed {
        Addressed::Node(id) => {
            values.push(Value::from(id));
            tx.all(candidates_sql!(" and n.id = $4"), &values, read).await
        }
        Addressed::Selected(selector) => {
            let mut found = tx.all(candidates_sql!(""), &values, read).await?;
            retain(tx, project_id, selector, &mut found).await?;
            Ok(found)
        }
    }
}

fn read(row: &Row<'_>) -> Result<Candidate, Error> {
    let secrets: Option<String> = row.get(5)?;
    let secrets = secrets.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text));
    Ok(Candidate {
        node_id: row.get(0)?,
        manifest: row.get(1)?,
        declared: row.get(2)?,
        checksum: row.get(3)?,
        pinned: row.get(4)?,
        secrets: secrets.map_err(|error| Error::Corrupt(error.to_string()))?,
    })
}

/// Keeps the nodes that the selector selects.
async fn retain(
    tx: &mut Tx,
    project_id: Uuid,
    selector: &Selector,
    found: &mut Vec<Candidate>,
) -> Result<(), Error> {
    let selection = Selection::resolve(tx, project_id, selector).await?;
    let mut own: HashMap<Uuid, labels::Values> = HashMap::new();
    tx.each(
        labels_sql!(),
        &values![project_id, &selection.definition_ids()],
        |row| {
            let values = own.entry(row.get(0)?).or_default();
            labels::enter_stored(values, row.get(1)?, &row.get::<String>(2)?)
        },
    )
    .await?;
    let without_own = selection.matches(&labels::Values::new());
    found.retain(|candidate| {
        let own = own.get(&candidate.node_id);
        own.map_or(without_own, |own| selection.matches(own))
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::on_sqlite;

    #[tokio::test]
    async fn both_statements_walk_the_project_by_its_index() {
        let (_dir, db) = on_sqlite();
        let plans = db.read(async |tx| {
            let plan = |row: &Row<'_>| row.get::<String>(3);
            let values = values![Uuid::max(), ActionKind::Hook, "a"];
            let nodes = concat!("explain query plan ", candidates_sql!(""));
            let labels = concat!("explain query plan ", labels_sql!());
            Ok::<_, Error>([
                tx.all(nodes, &values, plan).await?,
                tx.all(labels, &values![Uuid::max(), "[]"], plan).await?,
            ])
        });
        let [nodes, labels] = plans.await.unwrap();
        for plan in [&nodes, &labels] {
            assert_eq!(plan[0], "SEARCH n USING INDEX nodes_by_project (project_id=?)");
        }
        assert!(
            nodes.iter().all(|step| step.starts_with("SEARCH")),
            "no scan, no sorting: {nodes:?}"
        );
        assert_eq!(
            labels[1],
            "SEARCH l USING PRIMARY KEY (object_id=? AND definition_id=?)"
        );
    }
}
