//! Integrity violations: what nodes found changed, until an operator has said why.
//!
//! The same finding is one violation while it is open, so that a node which reports again and again does not bury
//! what others report; and a node can have only so many open ones.

use crate::db::{Error, Row, Tx, Value, id_list};
use crate::nodes::Within;
use crate::values;
use plex_api::integrity::{
    IntegrityDetector, IntegrityViolationKind, IntegrityViolationRow, IntegrityViolationStatus,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Most open violations of one node.
pub const OPEN_OF_A_NODE: u32 = 1000;

/// A finding, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was found changed.
    pub kind: IntegrityViolationKind,
    /// What found it.
    pub detected_by: IntegrityDetector,
    /// The hook's name, the binary's label or the key's file.
    pub artifact_id: String,
    /// The checksum or fingerprint that was found.
    pub observed: String,
    /// The one that was expected.
    pub expected: Option<String>,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// Everything in it is on record; so many are new.
    Stored {
        /// How many were not open already.
        new: u32,
    },
    /// The node would have more open violations than it may; nothing was stored.
    TooManyOpen,
    /// The node is not there, or its key is revoked.
    NoNode,
}

/// Records a node's findings, all or none.
pub async fn report(tx: &mut Tx, node_id: Uuid, findings: &[Finding]) -> Result<Reported, Error> {
    let node = crate::nodes::authenticate(tx, node_id).await?;
    let Some(node) = node.filter(|node| node.keys.revoked_at.is_none()) else {
        return Ok(Reported::NoNode);
    };
    let mut new = 0;
    for finding in findings {
        let (id, now) = (tx.new_id(), tx.now());
        let inserted = tx
            .execute(
                "insert into integrity_violations (
                    id, node_id, project_id, domain_id, kind, detected_by, artifact_id, observed, expected,
                    detected_at
                ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                on conflict do nothing",
                &values![
                    id,
                    node_id,
                    node.project_id,
                    node.domain_id,
                    finding.kind.as_str(),
                    finding.detected_by.as_str(),
                    &finding.artifact_id,
                    &finding.observed,
                    finding.expected.as_deref(),
                    now,
                ],
            )
            .await?;
        new += u32::from(inserted > 0);
    }
    if new > 0 && open_of(tx, node_id).await? > OPEN_OF_A_NODE {
        return Ok(Reported::TooManyOpen);
    }
    Ok(Reported::Stored { new })
}

/// How many are open, counted no further than matters.
async fn open_of(tx: &mut Tx, node_id: Uuid) -> Result<u32, Error> {
    let found = tx
        .optional(
            "select count(*)
            from (
                select 1
                from integrity_violations
                where node_id = $1 and status = 'open'
                limit $2
            ) open_ones",
            &values![node_id, OPEN_OF_A_NODE + 1],
            |row| row.get(0),
        )
        .await?;
    Ok(found.unwrap_or_default())
}

/// Which violations a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this node.
    pub node_id: Option<Uuid>,
    /// Only of this kind.
    pub kind: Option<IntegrityViolationKind>,
    /// Only in this state.
    pub status: Option<IntegrityViolationStatus>,
}

macro_rules! violations_sql {
    ($status:literal, $place:literal) => {
        concat!(
            "select id, node_id, domain_id, kind, status, artifact_id, detected_at, acknowledged_at,
                acknowledged_by, acknowledge_reason
            from integrity_violations
            where id < $1 and (kind = $3 or $3 is null) ",
            $status,
            $place,
            " order by id desc limit $2"
        )
    };
}

macro_rules! page_sql {
    ($is_open:expr, $place:literal) => {
        if $is_open {
            // As a literal, so that the indexes of the open ones are used.
            violations_sql!("and $4 = 'open' and status = 'open' ", $place)
        } else {
            violations_sql!("and (status = $4 or $4 is null) ", $place)
        }
    };
}

/// A page, newest first, of the violations that lie in any of these places.
pub async fn page(
    tx: &mut Tx,
    places: &[Within],
    filter: &Filter,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<IntegrityViolationRow>, Error> {
    let before = before.unwrap_or(Uuid::max());
    let mut merged = BTreeMap::new();
    let (wide, singles) = Within::sorted_out(places);
    let wide = wide.into_iter().map(|place| (place, None));
    let singles = singles.into_iter().map(|(around, ids)| (around, Some(ids)));
    for (place, only) in wide.chain(singles) {
        let found = one_place(tx, (&place, only.as_deref()), filter, before, limit).await?;
        merged.extend(found.into_iter().map(|violation| (violation.id, violation)));
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(merged.into_values().rev().take(limit).collect())
}

async fn one_place(
    tx: &mut Tx,
    (place, only): (&Within, Option<&[Uuid]>),
    filter: &Filter,
    before: Uuid,
    limit: u32,
) -> Result<Vec<IntegrityViolationRow>, Error> {
    let (kind, status) = (
        filter.kind.map(|kind| kind.as_str()),
        filter.status.map(|status| status.as_str()),
    );
    let ids = only.map(id_list).unwrap_or_default();
    let mut values = values![before, limit, kind, status].to_vec();
    let is_open = filter.status == Some(IntegrityViolationStatus::Open);
    if filter
        .node_id
        .is_some_and(|wanted| only.is_some_and(|only| !only.contains(&wanted)))
    {
        return Ok(Vec::new());
    }
    // Where nodes are named their own index is the narrowest, and the place is only checked.
    let sql = if let Some(node) = filter.node_id {
        values.extend(values![node, place.domain_id, place.project_id]);
        page_sql!(
            false,
            "and node_id = $5 and (+domain_id = $6 or $6 is null) and (+project_id = $7 or $7 is null)"
        )
    } else if only.is_some() {
        values.extend(values![&ids, place.domain_id, place.project_id]);
        page_sql!(
            false,
            "and node_id in (select unhex(value) from json_each($5))
                and (+domain_id = $6 or $6 is null) and (+project_id = $7 or $7 is null)"
        )
    } else {
        values.extend(place.domain_id.map(Value::from));
        values.extend(place.project_id.map(Value::from));
        match (place.domain_id.is_some(), place.project_id.is_some()) {
            (false, false) => page_sql!(is_open, ""),
            (true, false) => page_sql!(is_open, "and domain_id = $5"),
            (false, true) => page_sql!(is_open, "and project_id = $5"),
            (true, true) => page_sql!(is_open, "and +domain_id = $5 and project_id = $6"),
        }
    };
    tx.all(sql, &values, read).await
}

/// One violation.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<IntegrityViolationRow>, Error> {
    tx.optional(
        "select id, node_id, domain_id, kind, status, artifact_id, detected_at, acknowledged_at,
            acknowledged_by, acknowledge_reason
        from integrity_violations
        where id = $1",
        &values![id],
        read,
    )
    .await
}

/// The project that a violation belongs to.
pub async fn project_of(tx: &mut Tx, id: Uuid) -> Result<Option<Uuid>, Error> {
    tx.optional(
        "select project_id
        from integrity_violations
        where id = $1",
        &values![id],
        |row| row.get(0),
    )
    .await
}

/// Notes who says why it is as it is. Returns whether it was open.
pub async fn acknowledge(tx: &mut Tx, id: Uuid, by: &str, reason: &str) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "update integrity_violations
            set status = 'acknowledged', acknowledged_at = $2, acknowledged_by = $3, acknowledge_reason = $4
            where id = $1 and status = 'open'",
            &values![id, tx.now(), by, reason],
        )
        .await?;
    Ok(changed > 0)
}

fn read(row: &Row<'_>) -> Result<IntegrityViolationRow, Error> {
    let (kind, status): (String, String) = (row.get(3)?, row.get(4)?);
    let corrupt = |word: &str| Error::Corrupt(format!("a violation's {word:?}"));
    Ok(IntegrityViolationRow {
        id: row.get(0)?,
        node_id: row.get(1)?,
        domain_id: row.get(2)?,
        kind: IntegrityViolationKind::parse(&kind).ok_or_else(|| corrupt(&kind))?,
        status: IntegrityViolationStatus::parse(&status).ok_or_else(|| corrupt(&status))?,
        artifact_id: row.get(5)?,
        detected_at: row.get(6)?,
        acknowledged_at: row.get(7)?,
        acknowledged_by_subject: row.get(8)?,
        acknowledge_reason: row.get(9)?,
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

    fn finding(artifact: &str, observed: &str) -> Finding {
        Finding {
            kind: IntegrityViolationKind::Hook,
            detected_by: IntegrityDetector::StartupScan,
            artifact_id: artifact.to_owned(),
            observed: observed.to_owned(),
            expected: None,
        }
    }

    async fn shown(tx: &mut Tx, places: &[Within], filter: Filter, limit: u32) -> Vec<String> {
        let (mut before, mut seen) = (None, Vec::new());
        loop {
            let found = page(tx, places, &filter, before, limit).await.unwrap();
            let Some(last) = found.last() else { return seen };
            before = Some(last.id);
            seen.extend(found.into_iter().map(|violation| violation.artifact_id));
        }
    }

    #[tokio::test]
    async fn open_ones_are_found_by_indexes_of_their_own() {
        let (_dir, db) = crate::testing::on_sqlite();
        let plans = db.read(async |tx| {
            let plan = |row: &Row<'_>| row.get::<String>(3);
            let base = values![Uuid::max(), 5, None::<&str>, "open"].to_vec();
            let one = [base.clone(), values![Uuid::max()].to_vec()].concat();
            Ok::<_, Error>([
                tx.all(
                    concat!(
                        "explain query plan ",
                        violations_sql!("and $4 = 'open' and status = 'open' ", "")
                    ),
                    &base,
                    plan,
                )
                .await?,
                tx.all(
                    concat!(
                        "explain query plan ",
                        violations_sql!("and $4 = 'open' and status = 'open' ", "and domain_id = $5")
                    ),
                    &one,
                    plan,
                )
                .await?,
                tx.all(
                    concat!(
                        "explain query plan ",
                        violations_sql!("and $4 = 'open' and status = 'open' ", "and project_id = $5")
                    ),
                    &one,
                    plan,
                )
                .await?,
            ])
        });
        for (plan, index) in plans.await.unwrap().iter().zip(["id", "domain", "project"]) {
            let index = format!("INDEX integrity_violations_open_by_{index} (");
            assert!(plan.iter().any(|step| step.contains(&index)), "{plan:?}");
            assert!(!plan.iter().any(|step| step.contains("B-TREE")), "{plan:?}");
        }
    }

    #[tokio::test]
    async fn an_open_finding_is_one_violation_however_often_it_is_reported() {
        let (_dir, db) = db();
        db.write(async |tx| {
            let domain = domain(tx, "acme").await?;
            let project = project(tx, domain, "web").await?;
            let id = node(tx, project, "web-1").await?;
            let twice = [finding("a", "1"), finding("a", "1"), finding("a", "2")];
            assert_eq!(report(tx, id, &twice).await?, Reported::Stored { new: 2 });
            assert_eq!(report(tx, id, &twice).await?, Reported::Stored { new: 0 });
            let open = page(tx, &[EVERYWHERE], &Filter::default(), None, 9).await?;
            assert!(acknowledge(tx, open[1].id, "user:x", "an upgrade").await?);
            assert!(!acknowledge(tx, open[1].id, "user:y", "again").await?);
            let said = find(tx, open[1].id).await?.unwrap();
            assert_eq!(said.status, IntegrityViolationStatus::Acknowledged);
            assert_eq!(said.acknowledged_by_subject.as_deref(), Some("user:x"));
            assert_eq!(
                report(tx, id, &twice).await?,
                Reported::Stored { new: 1 },
                "found again after that"
            );
            crate::nodes::revoke(tx, id).await?;
            assert_eq!(report(tx, id, &twice).await?, Reported::NoNode);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_node_has_only_so_many_open() {
        let (_dir, db) = db();
        db.write(async |tx| {
            let domain = domain(tx, "acme").await?;
            let project = project(tx, domain, "web").await?;
            let id = node(tx, project, "web-1").await?;
            let many: Vec<_> = (0..OPEN_OF_A_NODE)
                .map(|n| finding(&format!("f{n}"), "1"))
                .collect();
            assert_eq!(
                report(tx, id, &many).await?,
                Reported::Stored { new: OPEN_OF_A_NODE }
            );
            assert_eq!(report(tx, id, &many).await?, Reported::Stored { new: 0 });
            assert_eq!(
                report(tx, id, &[finding("more", "1")]).await?,
                Reported::TooManyOpen
            );
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn pages_run_backwards_and_every_filter_holds() {
        let (_dir, db) = db();
        db.write(async |tx| {
            let (acme, other) = (domain(tx, "acme").await?, domain(tx, "other").await?);
            let (web, lab) = (project(tx, acme, "web").await?, project(tx, other, "lab").await?);
            let (a, b) = (node(tx, web, "a").await?, node(tx, lab, "b").await?);
            for (id, artifact) in [(a, "1"), (b, "2"), (a, "3"), (b, "4")] {
                report(tx, id, &[finding(artifact, "x")]).await?;
            }
            let binary = Finding {
                kind: IntegrityViolationKind::Binary,
                ..finding("5", "x")
            };
            report(tx, a, &[binary]).await?;
            let of = |domain_id, project_id| Within {
                domain_id,
                project_id,
                node_id: None,
            };
            let alone = Within {
                node_id: Some(b),
                ..EVERYWHERE
            };
            let node_is = |node_id| Filter {
                node_id: Some(node_id),
                ..Filter::default()
            };
            let all = Filter::default();
            for limit in [1, 2, 9] {
                assert_eq!(
                    shown(tx, &[EVERYWHERE], all, limit).await,
                    ["5", "4", "3", "2", "1"]
                );
                assert_eq!(
                    shown(tx, &[of(Some(acme), None)], all, limit).await,
                    ["5", "3", "1"]
                );
                assert_eq!(shown(tx, &[of(None, Some(lab))], all, limit).await, ["4", "2"]);
                let both = [
                    of(None, Some(lab)),
                    of(Some(acme), Some(web)),
                    of(Some(acme), None),
                ];
                assert_eq!(shown(tx, &both, all, limit).await, ["5", "4", "3", "2", "1"]);
                assert_eq!(shown(tx, &[EVERYWHERE], node_is(b), limit).await, ["4", "2"]);
                assert_eq!(
                    shown(tx, &[of(Some(acme), None)], node_is(b), limit).await,
                    [""; 0]
                );
                assert_eq!(shown(tx, &[alone], all, limit).await, ["4", "2"]);
                assert_eq!(shown(tx, &[alone], node_is(a), limit).await, [""; 0]);
                let kind = Some(IntegrityViolationKind::Binary);
                assert_eq!(
                    shown(tx, &[EVERYWHERE], Filter { kind, ..all }, limit).await,
                    ["5"]
                );
                let status = Some(IntegrityViolationStatus::Acknowledged);
                assert_eq!(
                    shown(tx, &[EVERYWHERE], Filter { status, ..all }, limit).await,
                    [""; 0]
                );
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
}
