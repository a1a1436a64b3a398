//! Names of nodes, remembered.
//!
//! A node keeps the name that it registered with and is never removed, so what was once read stays true. A page of the
//! log names as many nodes as it has targets; to look each up was a third of what a page cost PostgreSQL.

use crate::db::{Error, Tx, id_list};
use crate::values;
use plex_api::executions::ExecutionTarget;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use uuid::Uuid;

/// Names that are remembered at most, some 10 MiB of them.
const MOST: usize = 100_000;

/// What is known so far.
#[derive(Default)]
pub(crate) struct Names(RwLock<HashMap<Uuid, Box<str>>>);

impl Names {
    /// Names the nodes that are known; the targets of the others.
    fn give<'t>(
        &self,
        targets: impl Iterator<Item = &'t mut ExecutionTarget>,
    ) -> Vec<&'t mut ExecutionTarget> {
        // It is whole between any two statements that could panic.
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut nameless = Vec::new();
        for target in targets {
            match known.get(&target.node_id) {
                Some(name) => target.node_name = Some(name.as_ref().to_owned()),
                None => nameless.push(target),
            }
        }
        nameless
    }

    fn remember(&self, found: HashMap<Uuid, Box<str>>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() + found.len() > MOST {
            known.clear();
        }
        known.extend(found.into_iter().take(MOST));
    }
}

/// Gives targets the names of their nodes.
pub(crate) async fn name<'t>(
    tx: &mut Tx,
    targets: impl Iterator<Item = &'t mut ExecutionTarget>,
) -> Result<(), Error> {
    let names = Arc::clone(&tx.names);
    let nameless = names.give(targets);
    if nameless.is_empty() {
        return Ok(());
    }
    let mut ids: Vec<Uuid> = nameless.iter().map(|target| target.node_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut found: HashMap<Uuid, Box<str>> = HashMap::with_capacity(ids.len());
    tx.each(
        "select n.id, n.name
        from json_each($1) ids cross join nodes n on n.id = unhex(ids.value)",
        &values![&id_list(&ids)],
        |row| {
            found.insert(row.get(0)?, row.get::<String>(1)?.into());
            Ok(())
        },
    )
    .await?;
    for target in nameless {
        let name = found.get(&target.node_id);
        let name = name.ok_or_else(|| Error::Corrupt("a target without its node".to_owned()))?;
        target.node_name = Some(name.as_ref().to_owned());
    }
    names.remember(found);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executions::{self, Filter, Order};
    use crate::testing::{TestClock, db_at, domain, new_execution, node, project};
    use crate::{Db, invocations};

    /// An execution on these nodes.
    async fn dispatch(db: &Db, (domain_id, project_id): (Uuid, Uuid), nodes: &[Uuid]) -> Uuid {
        let nodes = nodes.to_vec();
        db.write(async move |tx| executions::insert(tx, &new_execution(domain_id, project_id), &nodes).await)
            .await
            .unwrap()
    }

    /// Each target's node and its name.
    type Named = Vec<(Uuid, Option<String>)>;

    fn named(targets: impl IntoIterator<Item = ExecutionTarget>) -> Named {
        let targets = targets.into_iter();
        targets.map(|target| (target.node_id, target.node_name)).collect()
    }

    /// The targets of an execution as a page shows them, as it shows itself, and one by one.
    async fn read(db: &Db, project_id: Uuid, id: Uuid) -> [Named; 3] {
        db.read(async move |tx| {
            let newest = (Order::Descending, None);
            let page = executions::page(tx, project_id, &Filter::default(), newest, 50).await?;
            let shown = page.into_iter().find(|item| item.id == id).expect("it is there");
            let whole = named(invocations::targets(tx, id, u32::MAX).await?);
            let mut each = Vec::new();
            for (node_id, _) in &whole {
                each.extend(invocations::target(tx, id, *node_id).await?);
            }
            Ok::<_, Error>([named(shown.targets), whole, named(each)])
        })
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn targets_have_the_names_of_their_nodes_and_each_is_looked_up_once() {
        let (_dir, db) = db_at(TestClock::new());
        let (ids, nodes) = db
            .write(async |tx| {
                let domain_id = domain(tx, "acme").await?;
                let project_id = project(tx, domain_id, "shop").await?;
                let mut nodes = Vec::new();
                for number in 0..3 {
                    nodes.push(node(tx, project_id, &format!("web-{number}")).await?);
                }
                Ok::<_, Error>(((domain_id, project_id), nodes))
            })
            .await
            .unwrap();
        let expected = |count: usize| -> Named {
            let numbered = nodes.iter().enumerate().take(count);
            numbered
                .map(|(number, id)| (*id, Some(format!("web-{number}"))))
                .collect()
        };
        let narrow = dispatch(&db, ids, &nodes[..1]).await;
        assert_eq!(read(&db, ids.1, narrow).await, [(); 3].map(|()| expected(1)));
        let wide = dispatch(&db, ids, &nodes).await;
        assert_eq!(
            read(&db, ids.1, wide).await,
            [(); 3].map(|()| expected(3)),
            "one known, two not"
        );
        db.write(async |tx| tx.execute("update nodes set name = 'never'", &[]).await)
            .await
            .unwrap();
        assert_eq!(read(&db, ids.1, wide).await, [(); 3].map(|()| expected(3)));
    }

    #[test]
    fn no_more_names_are_remembered_than_there_is_room_for() {
        let names = Names::default();
        let remember = |numbers: std::ops::Range<usize>| {
            let found = numbers.map(|number| (Uuid::from_u128(number as u128), number.to_string().into()));
            names.remember(found.collect());
            names.0.read().unwrap().len()
        };
        assert_eq!(remember(0..MOST), MOST);
        assert_eq!(remember(MOST..MOST + 10), 10, "it began anew");
        assert_eq!(remember(0..MOST + 10), MOST);
    }
}
