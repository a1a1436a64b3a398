use super::*;
use crate::executions::{self, Filter, NewExecution, Order};
use crate::invocations::{self, Advance, Output, OutputPlace};
use crate::testing::{TestClock, db_at, domain, new_execution, node, on_sqlite_at, project, report};
use crate::{Db, outputs};
use plex_api::executions::{ExcludedNode, ExecutionStatus};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A project with nodes, and a clock to move.
struct Fleet {
    db: Db,
    clock: Arc<TestClock>,
    domain_id: Uuid,
    project_id: Uuid,
    nodes: Vec<Uuid>,
}

impl Fleet {
    async fn of(nodes: usize, clock: Arc<TestClock>, db: Db) -> Self {
        let (domain_id, project_id, nodes) = db
            .write(async move |tx| {
                let domain_id = domain(tx, "acme").await?;
                let project_id = project(tx, domain_id, "shop").await?;
                let mut made = Vec::new();
                for number in 0..nodes {
                    made.push(node(tx, project_id, &format!("node-{number}")).await?);
                }
                Ok::<_, Error>((domain_id, project_id, made))
            })
            .await
            .unwrap();
        Self {
            db,
            clock,
            domain_id,
            project_id,
            nodes,
        }
    }

    async fn dispatch(&self) -> Uuid {
        let new = NewExecution {
            excluded: (0..101)
                .map(|number| ExcludedNode {
                    node_id: Uuid::from_u128(number),
                    reason: "no_manifest".to_owned(),
                })
                .collect(),
            ..new_execution(self.domain_id, self.project_id)
        };
        let nodes = self.nodes.clone();
        self.db
            .write(async move |tx| executions::insert(tx, &new, &nodes).await)
            .await
            .unwrap()
    }

    /// One target fails, as a refusal that brings this output.
    async fn fail(&self, execution_id: Uuid, node: usize, place: Option<OutputPlace>) {
        let report = Advance {
            output: place.map(|place| Output {
                place,
                truncated: false,
            }),
            ..report(execution_id, self.nodes[node], (ExecutionStatus::Failed, 1))
        };
        self.db
            .report(async move |tx| invocations::advance(tx, &[report]).await)
            .await
            .unwrap();
    }

    async fn end(&self, execution_id: Uuid) {
        for node in 0..self.nodes.len() {
            self.fail(execution_id, node, Some(OutputPlace::Inline(vec![7; 8192])))
                .await;
        }
    }

    async fn forget(&self, retention: ProjectRetention, limit: u32) -> Option<Forgotten> {
        let project_id = self.project_id;
        self.db
            .report(async move |tx| {
                let bound = bound(tx, project_id, &retention).await?;
                forget(tx, project_id, bound, limit).await
            })
            .await
            .unwrap()
    }

    /// Removes what is left, in parts; returns the objects that went before.
    async fn clear(&self, limit: u32) -> Vec<String> {
        let mut objects = Vec::new();
        loop {
            let part = self
                .db
                .read(async move |tx| leftovers(tx, limit).await)
                .await
                .unwrap();
            objects.extend(part.iter().filter_map(|left| left.object.clone()));
            let work = async move |tx: &mut Tx| {
                remove(tx, &part).await?;
                finish(tx).await
            };
            if !self.db.report(work).await.unwrap() {
                return objects;
            }
        }
    }

    async fn list(&self, after: Option<Position>, limit: u32) -> Vec<(Position, Uuid)> {
        let project_id = self.project_id;
        let items = self.db.read(async move |tx| {
            executions::page(
                tx,
                project_id,
                &Filter::default(),
                (Order::Descending, after),
                limit,
            )
            .await
        });
        let place = |created_at, id| (Position { created_at, id }, id);
        items
            .await
            .unwrap()
            .iter()
            .map(|item| place(item.created_at, item.id))
            .collect()
    }

    async fn count(&self, sql: &'static str) -> u64 {
        self.db
            .read(async move |tx| tx.optional(sql, &[], |row| row.get(0)).await)
            .await
            .unwrap()
            .unwrap()
    }

    async fn left(&self) -> [u64; 6] {
        [
            self.count("select count(*) from executions").await,
            self.count("select count(*) from excluded_beyond").await,
            self.count("select count(*) from invocations").await,
            self.count("select count(*) from outputs").await,
            self.count("select count(*) from execution_events").await,
            self.count("select count(*) from removals").await,
        ]
    }
}

async fn fleet(nodes: usize) -> (tempfile::TempDir, Fleet) {
    let clock = TestClock::new();
    let (dir, db) = db_at(Arc::clone(&clock));
    (dir, Fleet::of(nodes, clock, db).await)
}

fn kept(max_age_days: Option<u32>, max_count: Option<u64>) -> ProjectRetention {
    ProjectRetention {
        max_age_days,
        max_count,
    }
}

#[tokio::test]
async fn a_retention_reads_back_as_set_and_goes_with_its_project() {
    let (_dir, fleet) = fleet(0).await;
    let (project_id, domain_id) = (fleet.project_id, fleet.domain_id);
    let read = fleet.db.write(async move |tx| {
        let mut read = vec![find(tx, project_id).await?];
        for retention in [
            kept(Some(90), Some(1_000_000)),
            kept(None, Some(5)),
            kept(None, None),
        ] {
            set(tx, project_id, &retention).await?;
            read.push(find(tx, project_id).await?);
            let expected = Bounded {
                project_id,
                domain_id,
                retention,
            };
            let is_bounded = retention != kept(None, None);
            assert_eq!(
                bounded(tx).await?,
                is_bounded.then_some(expected).into_iter().collect::<Vec<_>>()
            );
        }
        assert!(
            crate::projects::delete(tx, project_id)
                .await
                .expect("an empty project")
        );
        Ok::<_, Error>(read)
    });
    assert_eq!(
        read.await.unwrap(),
        [
            kept(None, None),
            kept(Some(90), Some(1_000_000)),
            kept(None, Some(5)),
            kept(None, None)
        ]
    );
}

#[tokio::test]
async fn what_is_forgotten_is_gone_at_once_and_its_rows_and_objects_after() {
    let (_dir, fleet) = fleet(3).await;
    let (old, young) = (fleet.dispatch().await, fleet.dispatch().await);
    for (execution, key) in [(old, "executions/old"), (young, "executions/young")] {
        let object = OutputPlace::Object {
            key: key.to_owned(),
            bytes: 20_000,
            sha256: "00".repeat(32),
        };
        fleet.fail(execution, 0, Some(OutputPlace::Inline(vec![1]))).await;
        fleet.fail(execution, 1, Some(object)).await;
        fleet.fail(execution, 2, None).await;
    }
    fleet.clock.advance(25 * HOUR);
    assert_eq!(fleet.left().await, [2, 2, 6, 2, 6, 0]);
    let forgotten = fleet.forget(kept(None, Some(1)), 10).await.unwrap();
    assert_eq!(forgotten.count, 1);
    assert_eq!(fleet.forget(kept(None, Some(1)), 10).await, None);
    assert_eq!(
        fleet
            .list(None, 10)
            .await
            .iter()
            .map(|(_, id)| *id)
            .collect::<Vec<_>>(),
        [young]
    );
    assert_eq!(
        fleet.left().await,
        [1, 1, 6, 2, 6, 1],
        "no more than its row is gone yet"
    );

    assert_eq!(fleet.clear(2).await, ["executions/old"]);
    let all = fleet.db.read(async |tx| steps(tx, 0, 100).await).await.unwrap();
    let places: Vec<i64> = all
        .iter()
        .filter(|step| step.is_left)
        .map(|step| step.place)
        .collect();
    let work = async move |tx: &mut Tx| remove_steps(tx, &places).await;
    fleet.db.report(work).await.unwrap();
    assert_eq!(fleet.left().await, [1, 1, 3, 1, 3, 0]);
    let node_id = fleet.nodes[0];
    let output = fleet
        .db
        .read(async move |tx| outputs::find(tx, young, node_id).await);
    assert_eq!(output.await.unwrap(), Some(vec![1]), "what is kept is whole");
}

/// An idempotency key names an execution for a day: the same dispatch again must find it.
#[tokio::test]
async fn what_is_younger_than_a_day_is_kept() {
    let (_dir, fleet) = fleet(1).await;
    for _ in 0..3 {
        let id = fleet.dispatch().await;
        fleet.end(id).await;
    }
    fleet.clock.advance(24 * HOUR);
    assert_eq!(fleet.forget(kept(None, Some(1)), 10).await, None);
    fleet.clock.advance(Duration::from_millis(1));
    assert_eq!(fleet.forget(kept(None, Some(1)), 10).await.unwrap().count, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What goes is exactly what a naive reading of the bounds says, nothing that has not ended, and a walk over the
    /// pages meanwhile repeats nothing and misses nothing that is kept.
    #[test]
    fn what_goes_is_what_the_bounds_say(
        hours in prop::collection::vec((0..20_u32, any::<bool>()), 1..30),
        rest in 0..80_u32,
        max_age_days in prop::option::of(1..6_u32),
        max_count in prop::option::of(1..20_u64),
        (batch, page) in (1..5_u32, 1..4_u32),
    ) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let (_dir, fleet) = fleet(1).await;
            let mut made = Vec::new();
            for (gap, has_ended) in &hours {
                fleet.clock.advance(HOUR * *gap);
                let id = fleet.dispatch().await;
                if *has_ended {
                    fleet.end(id).await;
                }
                made.push((id, *gap, *has_ended));
            }
            fleet.clock.advance(HOUR * rest);
            let mut expected = Vec::new();
            let mut age = rest;
            for (place, (id, gap, has_ended)) in made.iter().rev().enumerate() {
                let is_old = max_age_days.is_some_and(|days| age > days * 24);
                let is_beyond = max_count.is_some_and(|count| place as u64 >= count);
                if !(*has_ended && age > 24 && (is_old || is_beyond)) {
                    expected.push(*id);
                }
                age += gap;
            }
            let retention = kept(max_age_days, max_count);
            let mut walked = Vec::new();
            let mut after = None;
            loop {
                let items = fleet.list(after, page).await;
                let Some((last, _)) = items.last() else { break };
                after = Some(*last);
                walked.extend(items.iter().map(|(_, id)| *id));
                fleet.forget(retention, batch).await;
            }
            while fleet.forget(retention, batch).await.is_some() {}
            let left: Vec<Uuid> = fleet.list(None, 200).await.iter().map(|(_, id)| *id).collect();
            assert_eq!(left, expected);
            let mut distinct = walked.clone();
            distinct.sort();
            distinct.dedup();
            assert_eq!(distinct.len(), walked.len(), "nothing is repeated");
            walked.retain(|id| expected.contains(id));
            assert_eq!(walked, expected, "nothing that is kept is skipped");
        });
    }
}

#[tokio::test]
async fn the_file_shrinks_when_its_free_pages_are_given_back() {
    let clock = TestClock::new();
    let (_dir, db) = on_sqlite_at(Arc::clone(&clock));
    let fleet = Fleet::of(20, clock, db).await;
    for _ in 0..10 {
        let id = fleet.dispatch().await;
        fleet.end(id).await;
    }
    fleet.clock.advance(25 * HOUR);
    let full = fleet.count("pragma page_count").await;
    while fleet.forget(kept(None, Some(1)), 4).await.is_some() {}
    fleet.clear(50).await;
    assert_eq!(
        fleet.count("pragma page_count").await,
        full,
        "pages are free, but still there"
    );
    let mut rounds = 0;
    while fleet.db.report(async |tx| give_back(tx).await).await.unwrap() {
        rounds += 1;
    }
    assert!(rounds > 1, "in steps");
    let left = fleet.count("pragma page_count").await;
    assert!(left * 2 < full, "{full} pages are {left}");
}

#[tokio::test]
async fn what_is_beyond_a_bound_is_found_by_its_index() {
    let (_dir, db) = crate::testing::on_sqlite();
    let plan = db.read(async |tx| {
        let sql = "explain query plan
            select id, updated_at
            from executions
            where project_id = $1 and (created_at, id) < ($2, $3) and status not in ('pending', 'ack', 'started')
            order by created_at, id
            limit $4";
        tx.all(sql, &values![Uuid::nil(), 1_i64, Uuid::nil(), 1_i64], |row| row.get::<String>(3)).await
    });
    let plan = plan.await.unwrap();
    assert_eq!(plan.len(), 1, "nothing is sorted: {plan:?}");
    assert!(
        plan[0].contains("executions_by_time (project_id=? AND (created_at,id)<(?,?))"),
        "{plan:?}"
    );
}
