//! Kubernetes hooks as nodes discover them, each beside the image digest first catalogued for it.
//!
//! As with script hooks, the first digest declared under a name is the reference until an operator accepts another,
//! and it outlives the declaration (decision 12).

use crate::db::{Error, Row, Tx, Value, id_list};
use crate::nodes::Within;
use crate::values;
use jiff::Timestamp;
use plex_api::hooks::DiscoveredHook;
use plex_api::nodes::PlexdHook;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Where a page starts: after this node's hook of this name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// The node.
    pub node_id: Uuid,
    /// The hook's name.
    pub name: String,
}

/// Puts what a node declares in the place of what it declared before.
pub async fn replace(tx: &mut Tx, node_id: Uuid, hooks: &[PlexdHook]) -> Result<(), Error> {
    tx.execute(
        "update discovered_hooks
        set image_digest = null
        where node_id = $1 and image_digest is not null",
        &values![node_id],
    )
    .await?;
    let now = tx.now();
    tx.execute_each(
        "insert into discovered_hooks (
            node_id, name, project_id, domain_id, image_digest, pinned_digest, pinned_at
        ) select id, $2, project_id, domain_id, $3, $3, $4 from nodes where id = $1
        on conflict (node_id, name) do update set image_digest = excluded.image_digest",
        hooks
            .iter()
            .map(|hook| values![node_id, &hook.name, &hook.image_digest, now]),
    )
    .await
}

/// What became of an acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// The digest is the catalogued one now.
    Pinned {
        /// The digest that was catalogued before.
        before: String,
        /// Since when it is as it is.
        pinned_at: Timestamp,
        /// The node's name.
        node_name: String,
    },
    /// The node declares another digest.
    Differs,
    /// The node does not declare this hook.
    NotDeclared,
}

/// Catalogues the image digest that a node declares now, which must be the one given: nobody accepts what they have
/// not seen.
pub async fn accept(
    tx: &mut Tx,
    hook: &Position,
    image_digest: &str,
    accepted_by: &str,
) -> Result<Accepted, Error> {
    let found = tx
        .optional(
            "select h.image_digest, h.pinned_digest, h.pinned_at, n.name
            from discovered_hooks h join nodes n on n.id = h.node_id
            where h.node_id = $1 and h.name = $2 and h.image_digest is not null",
            &values![hook.node_id, &hook.name],
            |row| {
                Ok((
                    row.get::<String>(0)?,
                    row.get::<String>(1)?,
                    row.get(2)?,
                    row.get(3)?,
                ))
            },
        )
        .await?;
    let Some((declared, before, pinned_at, node_name)) = found else {
        return Ok(Accepted::NotDeclared);
    };
    if declared != image_digest {
        return Ok(Accepted::Differs);
    }
    let now = tx.now();
    let changed = tx
        .execute(
            "update discovered_hooks
            set pinned_digest = $3, pinned_at = $4, accepted_by = $5
            where node_id = $1 and name = $2 and pinned_digest <> $3",
            &values![hook.node_id, &hook.name, image_digest, now, accepted_by],
        )
        .await?;
    Ok(Accepted::Pinned {
        before,
        pinned_at: if changed > 0 { now } else { pinned_at },
        node_name,
    })
}

macro_rules! page_sql {
    ($place:literal) => {
        concat!(
            "select h.node_id, h.domain_id, h.name, h.image_digest, h.pinned_digest
            from discovered_hooks h cross join nodes n on n.id = h.node_id
            where (h.node_id, h.name) > ($1, $2)",
            $place,
            " and h.image_digest is not null
                and n.revoked_at is null
            order by h.node_id, h.name
            limit $3"
        )
    };
}

/// A page, by node and name, of the hooks that lie in any of these places. Revoked nodes are left out.
pub async fn page(
    tx: &mut Tx,
    places: &[Within],
    after: &Position,
    limit: u32,
) -> Result<Vec<DiscoveredHook>, Error> {
    let mut merged = BTreeMap::new();
    let (wide, singles) = Within::sorted_out(places);
    let wide = wide.into_iter().map(|place| (place, None));
    let singles = singles.into_iter().map(|(around, ids)| (around, Some(ids)));
    for (place, only) in wide.chain(singles) {
        let found = one_place(tx, (&place, only.as_deref()), after, limit).await?;
        merged.extend(
            found
                .into_iter()
                .map(|hook| ((hook.node_id, hook.name.clone()), hook)),
        );
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(merged.into_values().take(limit).collect())
}

async fn one_place(
    tx: &mut Tx,
    (place, only): (&Within, Option<&[Uuid]>),
    after: &Position,
    limit: u32,
) -> Result<Vec<DiscoveredHook>, Error> {
    let ids = only.map(id_list).unwrap_or_default();
    let mut values = values![after.node_id, &after.name, limit].to_vec();
    let sql = if only.is_some() {
        values.extend(values![&ids, place.domain_id, place.project_id]);
        page_sql!(
            " and h.node_id in (select unhex(value) from json_each($4)) and (+h.domain_id = $5 or $5 is null) and (+h.project_id = $6 or $6 is null)"
        )
    } else {
        values.extend(place.domain_id.map(Value::from));
        values.extend(place.project_id.map(Value::from));
        match (place.domain_id.is_some(), place.project_id.is_some()) {
            (false, false) => page_sql!(""),
            (true, false) => page_sql!(" and h.domain_id = $4"),
            (false, true) => page_sql!(" and h.project_id = $4"),
            // The `+` keeps SQLite from walking the larger index, that of the domain.
            (true, true) => page_sql!(" and +h.domain_id = $4 and h.project_id = $5"),
        }
    };
    tx.all(sql, &values, read).await
}

fn read(row: &Row<'_>) -> Result<DiscoveredHook, Error> {
    let (image_digest, pinned): (String, String) = (row.get(3)?, row.get(4)?);
    Ok(DiscoveredHook {
        node_id: row.get(0)?,
        domain_id: row.get(1)?,
        name: row.get(2)?,
        image_digest_match: image_digest == pinned,
        image_digest,
        pinned_image_digest: Some(pinned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{db, domain, node, project};

    const EVERYWHERE: Within = Within {
        domain_id: None,
        project_id: None,
        node_id: None,
    };

    fn hook(name: &str, image_digest: &str) -> PlexdHook {
        PlexdHook {
            name: name.to_owned(),
            image_digest: image_digest.to_owned(),
            parameters: BTreeMap::new(),
            timeout_seconds: None,
            sandbox: false,
        }
    }

    async fn shown(tx: &mut Tx, places: &[Within], limit: u32) -> Vec<String> {
        let (mut after, mut seen) = (Position::default(), Vec::new());
        loop {
            let found = page(tx, places, &after, limit).await.unwrap();
            let Some(last) = found.last() else { return seen };
            after = Position {
                node_id: last.node_id,
                name: last.name.clone(),
            };
            seen.extend(found.into_iter().map(|hook| hook.name));
        }
    }

    #[tokio::test]
    async fn the_first_digest_stays_the_reference() {
        let (_dir, db) = db();
        db.write(async |tx| {
            let domain = domain(tx, "acme").await?;
            let project = project(tx, domain, "web").await?;
            let id = node(tx, project, "web-1").await?;
            for (digest, matches) in [("a", true), ("b", false), ("a", true)] {
                replace(tx, id, &[hook("k", digest)]).await?;
                let found = page(tx, &[EVERYWHERE], &Position::default(), 9).await?;
                assert_eq!(
                    (found[0].image_digest.as_str(), found[0].image_digest_match),
                    (digest, matches)
                );
                assert_eq!(found[0].pinned_image_digest.as_deref(), Some("a"));
            }
            replace(tx, id, &[]).await?;
            assert!(shown(tx, &[EVERYWHERE], 9).await.is_empty());
            replace(tx, id, &[hook("k", "b")]).await?;
            let found = page(tx, &[EVERYWHERE], &Position::default(), 9).await?;
            assert!(!found[0].image_digest_match, "the reference outlives an absence");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn pages_show_each_hook_of_each_place_once() {
        let (_dir, db) = db();
        db.write(async |tx| {
            let (acme, other) = (domain(tx, "acme").await?, domain(tx, "other").await?);
            let (web, lab) = (project(tx, acme, "web").await?, project(tx, other, "lab").await?);
            let (first, second, third) = (
                node(tx, web, "1").await?,
                node(tx, web, "2").await?,
                node(tx, lab, "3").await?,
            );
            replace(tx, first, &[hook("a", "1"), hook("b", "1")]).await?;
            replace(tx, second, &[hook("a2", "1")]).await?;
            replace(tx, third, &[hook("c", "1"), hook("d", "1")]).await?;
            replace(tx, third, &[hook("c", "2"), hook("d", "1")]).await?;
            let of = |domain_id, project_id| Within {
                domain_id,
                project_id,
                node_id: None,
            };
            let alone = Within {
                node_id: Some(second),
                ..EVERYWHERE
            };
            for limit in [1, 2, 9] {
                assert_eq!(shown(tx, &[EVERYWHERE], limit).await, ["a", "b", "a2", "c", "d"]);
                assert_eq!(shown(tx, &[of(Some(acme), None)], limit).await, ["a", "b", "a2"]);
                assert_eq!(shown(tx, &[of(None, Some(lab))], limit).await, ["c", "d"]);
                assert_eq!(shown(tx, &[of(Some(acme), Some(lab))], limit).await, [""; 0]);
                assert_eq!(shown(tx, &[alone], limit).await, ["a2"]);
                let both = [of(Some(acme), None), of(None, Some(web)), of(None, Some(lab))];
                assert_eq!(shown(tx, &both, limit).await, ["a", "b", "a2", "c", "d"]);
            }
            crate::nodes::revoke(tx, third).await?;
            assert_eq!(shown(tx, &[EVERYWHERE], 9).await, ["a", "b", "a2"]);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
}
