//! How full domains are, in figures that cost little to read.

use crate::db::{Error, Tx};
use crate::values;
use plex_domain::cidr::Cidr;
use uuid::Uuid;

/// What the database knows of one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The domain.
    pub domain_id: Uuid,
    /// Nodes that were given an address of the pool. A revoked node keeps its own: none is given out twice.
    pub nodes: u64,
    /// Addresses that its pool has.
    pub addresses: u128,
    /// Executions that have not ended.
    pub live_executions: u64,
}

/// Every domain's figures.
pub async fn usage(tx: &mut Tx) -> Result<Vec<Usage>, Error> {
    tx.all(
        "select
            d.id, d.mesh_cidr,
            (select count(*) from nodes n where n.domain_id = d.id),
            (select cast(coalesce(sum(live), 0) as bigint) from live_executions l where l.domain_id = d.id)
        from domains d
        order by d.id",
        &[],
        |row| {
            let pool: String = row.get(1)?;
            let pool = Cidr::parse(&pool).ok_or_else(|| Error::Corrupt(format!("a mesh pool {pool:?}")))?;
            Ok(Usage {
                domain_id: row.get(0)?,
                addresses: pool.address_count(),
                nodes: row.get(2)?,
                live_executions: row.get(3)?,
            })
        },
    )
    .await
}

/// How many executions of a domain have not ended.
pub async fn live_executions(tx: &mut Tx, domain_id: Uuid) -> Result<u64, Error> {
    let found = tx
        .optional(
            "select cast(coalesce(sum(live), 0) as bigint)
            from live_executions
            where domain_id = $1",
            &values![domain_id],
            |row| row.get(0),
        )
        .await?;
    Ok(found.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executions::{self, NewExecution};
    use crate::testing::{TestClock, db_at, domain, new_execution, node, project};
    use crate::{invocations, nodes};
    use std::time::Duration;

    fn execution(project_id: Uuid, domain_id: Uuid) -> NewExecution {
        NewExecution {
            timeout_seconds: 60,
            ..new_execution(domain_id, project_id)
        }
    }

    #[tokio::test]
    async fn the_counter_is_what_counting_would_give() {
        let clock = TestClock::new();
        let (_dir, db) = db_at(clock.clone());
        let ids = db.write(async |tx| {
            let (acme, other) = (domain(tx, "acme").await?, domain(tx, "other").await?);
            let web = project(tx, acme, "web").await?;
            let (a, b) = (node(tx, web, "a").await?, node(tx, web, "b").await?);
            for _ in 0..40 {
                executions::insert(tx, &execution(web, acme), &[a, b]).await?;
            }
            assert_eq!(live_executions(tx, acme).await?, 40);
            assert_eq!(live_executions(tx, other).await?, 0);
            nodes::revoke(tx, b).await?;
            let found = usage(tx).await?;
            assert_eq!(
                (found[0].nodes, found[0].live_executions, found[0].addresses),
                (2, 40, 254),
                "a revoked node keeps its address"
            );
            assert_eq!((found[1].nodes, found[1].live_executions), (0, 0));
            Ok::<_, Error>(acme)
        });
        let acme = ids.await.unwrap();
        clock.advance(Duration::from_secs(120));
        db.write(async move |tx| {
            let cutoff = tx.now();
            for batch in [31, 20, 100] {
                invocations::time_out(tx, cutoff, batch).await?;
                let counted: Option<u64> = tx
                    .optional(
                        "select count(*) from executions where status in ('pending', 'ack', 'started')",
                        &[],
                        |row| row.get(0),
                    )
                    .await?;
                assert_eq!(Some(live_executions(tx, acme).await?), counted);
            }
            assert_eq!(live_executions(tx, acme).await?, 0);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
}
