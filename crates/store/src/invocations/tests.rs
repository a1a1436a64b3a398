use super::*;
use crate::executions::{self, NewExecution};
use crate::testing::{TestClock, db_at, domain, new_execution, node, project, report};
use crate::{Db, outputs};
use jiff::Timestamp;
use plex_api::executions::{Execution, OutputRef};
use plex_domain::execution::TargetCounts;
use proptest::prelude::*;
use std::time::Duration;

const TIMEOUT: u32 = 60;

/// An execution on some nodes of a fresh database, and a clock to move.
struct Fixture {
    _dir: tempfile::TempDir,
    db: Db,
    clock: std::sync::Arc<TestClock>,
    project_id: Uuid,
    execution_id: Uuid,
    nodes: Vec<Uuid>,
}

impl Fixture {
    async fn with_nodes(count: usize) -> Self {
        let clock = TestClock::new();
        let (dir, db) = db_at(std::sync::Arc::clone(&clock));
        let (project_id, execution_id, nodes) = db
            .write(async move |tx| {
                let domain_id = domain(tx, "acme").await?;
                let project_id = project(tx, domain_id, "shop").await?;
                let mut nodes = Vec::new();
                for number in 0..count {
                    nodes.push(node(tx, project_id, &format!("node-{number}")).await?);
                }
                let new = NewExecution {
                    timeout_seconds: TIMEOUT,
                    ..new_execution(domain_id, project_id)
                };
                let execution_id = executions::insert(tx, &new, &nodes).await?;
                Ok::<_, Error>((project_id, execution_id, nodes))
            })
            .await
            .unwrap();
        Self {
            _dir: dir,
            db,
            clock,
            project_id,
            execution_id,
            nodes,
        }
    }

    fn report(&self, node: usize, status: ExecutionStatus, mark: u8) -> Advance {
        report(self.execution_id, self.nodes[node], (status, mark))
    }

    async fn advance(&self, batch: Vec<Advance>) -> Vec<Outcome> {
        self.db
            .write(async move |tx| Ok::<_, Error>(advance(tx, &batch).await?.0))
            .await
            .unwrap()
    }

    async fn statuses(&self) -> Vec<ExecutionStatus> {
        let execution = self.execution().await;
        execution.targets.iter().map(|target| target.status).collect()
    }

    async fn execution(&self) -> Execution {
        let (project_id, id) = (self.project_id, self.execution_id);
        self.db
            .read(async move |tx| {
                let mut execution = executions::find(tx, project_id, id).await?.unwrap();
                execution.targets = targets(tx, id, u32::MAX).await?;
                Ok::<_, Error>(execution)
            })
            .await
            .unwrap()
    }

    async fn events(&self) -> Vec<(Uuid, ExecutionStatus)> {
        self.db
            .read(async |tx| {
                tx.all("select node_id, status from execution_events", &[], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .await
            })
            .await
            .unwrap()
    }

    async fn time_out(&self, limit: u32) -> usize {
        let now = plex_domain::env::Clock::now(&*self.clock);
        self.db
            .write(async move |tx| Ok::<_, Error>(time_out(tx, now, limit).await?.len()))
            .await
            .unwrap()
    }
}

fn accepted(status: ExecutionStatus) -> Outcome {
    Outcome::Accepted { status, upload: None }
}

#[tokio::test]
async fn a_report_with_another_key_changes_nothing_and_does_not_hold_up_the_rest() {
    let fixture = Fixture::with_nodes(2).await;
    let mut forged = fixture.report(0, ExecutionStatus::Ack, 1);
    forged.key[0] ^= 1;
    let honest = fixture.report(1, ExecutionStatus::Ack, 2);
    assert_eq!(
        fixture.advance(vec![forged, honest]).await,
        [Outcome::Stranger, accepted(ExecutionStatus::Ack)]
    );
    assert_eq!(
        fixture.statuses().await,
        [ExecutionStatus::Pending, ExecutionStatus::Ack]
    );

    let node = fixture.nodes[0];
    fixture
        .db
        .write(async move |tx| crate::nodes::revoke(tx, node).await)
        .await
        .unwrap();
    let late = fixture.report(0, ExecutionStatus::Ack, 1);
    assert_eq!(fixture.advance(vec![late]).await, [Outcome::Stranger]);
    assert_eq!(
        fixture.statuses().await,
        [ExecutionStatus::Pending, ExecutionStatus::Ack]
    );
}

#[tokio::test]
async fn a_terminal_report_brings_its_output_and_is_final() {
    let fixture = Fixture::with_nodes(1).await;
    fixture
        .advance(vec![fixture.report(0, ExecutionStatus::Ack, 1)])
        .await;
    fixture
        .advance(vec![fixture.report(0, ExecutionStatus::Started, 2)])
        .await;
    let mut last = fixture.report(0, ExecutionStatus::Failed, 3);
    last.exit_code = Some(-7);
    last.error = Some("no\u{202e}luck".to_owned());
    last.output = Some(Output {
        place: OutputPlace::Inline(vec![0, 159, 146, 150]),
        truncated: true,
    });
    assert_eq!(
        fixture.advance(vec![last.clone()]).await,
        [accepted(ExecutionStatus::Failed)]
    );

    let target = fixture.execution().await.targets.remove(0);
    assert_eq!(
        (target.exit_code, target.error.as_deref()),
        (Some(-7), Some("no\u{202e}luck"))
    );
    assert_eq!(
        (target.output_bytes, target.output_truncated),
        (Some(4), Some(true))
    );
    assert_eq!(target.output_ref, Some(OutputRef::Inline { inline_bytes: None }));
    assert!(target.started_at.is_some() && target.finished_at.is_some());
    let (id, node) = (fixture.execution_id, fixture.nodes[0]);
    let bytes = fixture
        .db
        .read(async move |tx| outputs::find(tx, id, node).await)
        .await
        .unwrap();
    assert_eq!(bytes, Some(vec![0, 159, 146, 150]));

    // The same report again is fine, another is not, and neither changes anything.
    assert_eq!(
        fixture.advance(vec![last.clone()]).await,
        [accepted(ExecutionStatus::Failed)]
    );
    last.report = Report {
        status: ExecutionStatus::Succeeded,
        declared_bytes: None,
        digest: [4; 32],
    };
    let refused = Outcome::Refused {
        refusal: Refusal::AlreadyTerminal,
        current: ExecutionStatus::Failed,
    };
    assert_eq!(fixture.advance(vec![last]).await, [refused]);
    assert_eq!(fixture.events().await.len(), 3);
}

#[tokio::test]
async fn a_declaration_is_answered_with_its_upload_until_a_later_one_replaces_it() {
    let fixture = Fixture::with_nodes(1).await;
    let declare = |status, mark, bytes, key: &str| {
        let mut report = fixture.report(0, status, mark);
        report.report.declared_bytes = Some(bytes);
        report.upload_key = Some(key.to_owned());
        report
    };
    let upload = |key: &str, bytes| {
        Some(Upload {
            key: key.to_owned(),
            bytes,
            sha256: None,
        })
    };
    let on_ack = declare(ExecutionStatus::Ack, 1, 20_000, "a");
    let answers = fixture
        .advance(vec![on_ack, fixture.report(0, ExecutionStatus::Started, 2)])
        .await;
    assert_eq!(
        answers[0],
        Outcome::Accepted {
            status: ExecutionStatus::Ack,
            upload: upload("a", 20_000)
        }
    );
    assert_eq!(answers[1], accepted(ExecutionStatus::Started));

    let again = declare(ExecutionStatus::Started, 3, 30_000, "b");
    let replay = declare(ExecutionStatus::Started, 3, 30_000, "c");
    let answers = fixture.advance(vec![again, replay]).await;
    let expected = Outcome::Accepted {
        status: ExecutionStatus::Started,
        upload: upload("b", 30_000),
    };
    assert_eq!(
        answers,
        [expected.clone(), expected],
        "a replay gets the object of the first time"
    );
    assert_eq!(fixture.events().await.len(), 2, "a declaration is no event");
}

#[tokio::test]
async fn only_what_is_overdue_times_out_and_what_came_late_is_refused() {
    let fixture = Fixture::with_nodes(3).await;
    fixture
        .advance(vec![fixture.report(0, ExecutionStatus::Ack, 1)])
        .await;
    fixture
        .advance(vec![fixture.report(2, ExecutionStatus::Failed, 2)])
        .await;
    fixture.clock.advance(Duration::from_secs(u64::from(TIMEOUT)));
    assert_eq!(
        fixture.time_out(100).await,
        0,
        "not before the deadline has passed"
    );
    fixture.clock.advance(Duration::from_micros(1));
    assert_eq!(fixture.time_out(1).await, 1);
    assert_eq!(fixture.time_out(100).await, 1);
    assert_eq!(fixture.time_out(100).await, 0);

    let execution = fixture.execution().await;
    let statuses: Vec<_> = execution.targets.iter().map(|target| target.status).collect();
    assert_eq!(
        statuses,
        [
            ExecutionStatus::Timeout,
            ExecutionStatus::Timeout,
            ExecutionStatus::Failed
        ]
    );
    assert_eq!(execution.status, ExecutionStatus::Failed);
    let late = Outcome::Refused {
        refusal: Refusal::AlreadyTerminal,
        current: ExecutionStatus::Timeout,
    };
    assert_eq!(
        fixture
            .advance(vec![fixture.report(0, ExecutionStatus::Ack, 1)])
            .await,
        [late],
        "not even a replay"
    );
}

#[tokio::test]
async fn the_queue_of_a_node_holds_what_has_neither_ended_nor_expired() {
    let fixture = Fixture::with_nodes(2).await;
    let queued_for = async |node: usize| {
        let node = fixture.nodes[node];
        let found = fixture
            .db
            .read(async move |tx| queued(tx, node, Audience::Node, 10).await)
            .await
            .unwrap();
        found
            .into_iter()
            .map(|item| (item.execution_id, item.status))
            .collect::<Vec<_>>()
    };
    fixture
        .advance(vec![fixture.report(0, ExecutionStatus::Failed, 1)])
        .await;
    assert_eq!(queued_for(0).await, []);
    assert_eq!(
        queued_for(1).await,
        [(fixture.execution_id, ExecutionStatus::Pending)]
    );
    fixture.clock.advance(Duration::from_secs(u64::from(TIMEOUT)));
    assert_eq!(queued_for(1).await, []);
}

#[tokio::test]
async fn a_node_waits_while_something_new_is_pending() {
    let fixture = Fixture::with_nodes(3).await;
    let nodes = fixture.nodes.clone();
    let dispatched_at = plex_domain::env::Clock::now(&*fixture.clock);
    let before = dispatched_at.checked_sub(Duration::from_secs(1)).unwrap();
    let waiting_since = async |since: Timestamp| {
        let mut found = fixture
            .db
            .read(async move |tx| waiting(tx, since).await)
            .await
            .unwrap();
        found.sort_unstable();
        found
    };
    assert_eq!(waiting_since(before).await, nodes);
    let just_before = dispatched_at.checked_sub(Duration::from_micros(1)).unwrap();
    assert_eq!(waiting_since(just_before).await, nodes);
    let after = dispatched_at + Duration::from_millis(1);
    assert!(waiting_since(after).await.is_empty(), "all are older");
    fixture
        .advance(vec![
            fixture.report(0, ExecutionStatus::Ack, 1),
            fixture.report(1, ExecutionStatus::Failed, 1),
        ])
        .await;
    assert_eq!(waiting_since(before).await, [nodes[2]]);
}

#[tokio::test]
async fn an_unknown_invocation_is_not_found() {
    let fixture = Fixture::with_nodes(1).await;
    let mut report = fixture.report(0, ExecutionStatus::Ack, 1);
    report.node_id = Uuid::max();
    assert_eq!(fixture.advance(vec![report]).await, [Outcome::NotFound]);
}

/// What a walk may do next: report a status with some digest, or let the deadline pass.
fn steps() -> impl Strategy<Value = Vec<(usize, ExecutionStatus, u8)>> {
    let status = prop::sample::select(ExecutionStatus::ALL.to_vec());
    prop::collection::vec((0..3_usize, status, 0..4_u8), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// I1, I2, I3, I6: whatever nodes report in whatever batches, the stored states are those of the rules, the
    /// aggregate is theirs, and each status reached stands in the history once.
    #[test]
    fn the_store_follows_the_rules(steps in steps(), size in 1..8_usize) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let fixture = Fixture::with_nodes(3).await;
            let mut model = [const { Invocation { status: ExecutionStatus::Pending, last_report: None } }; 3];
            let mut reached = 0;
            for batch in steps.chunks(size) {
                let reports = batch.iter().map(|(node, status, mark)| fixture.report(*node, *status, *mark)).collect();
                let outcomes = fixture.advance(reports).await;
                for ((node, status, mark), outcome) in batch.iter().zip(outcomes) {
                    let report = Report { status: *status, declared_bytes: None, digest: [*mark; 32] };
                    let before = &mut model[*node];
                    let expected = match judge(before, &report) {
                        Verdict::Advance => {
                            *before = Invocation { status: *status, last_report: Some(report.digest) };
                            reached += 1;
                            accepted(*status)
                        }
                        Verdict::Declare => unreachable!("nothing is declared"),
                        Verdict::Replay => accepted(before.status),
                        Verdict::Refuse(refusal) => Outcome::Refused { refusal, current: before.status },
                    };
                    assert_eq!(outcome, expected);
                }
                let execution = fixture.execution().await;
                let stored: Vec<_> = execution.targets.iter().map(|target| target.status).collect();
                assert_eq!(stored, model.iter().map(|state| state.status).collect::<Vec<_>>());
                let mut counts = TargetCounts::from_array([0; 7]);
                model.iter().for_each(|state| counts.add(state.status, 1));
                assert_eq!(execution.status, counts.aggregate());
                assert_eq!(execution.target_counts.unwrap(), counts.iter().filter(|(_, n)| *n > 0).collect());
            }
            assert_eq!(fixture.events().await.len(), reached);
        });
    }
}

#[tokio::test]
async fn a_refused_write_undoes_itself_alone() {
    let fixture = Fixture::with_nodes(1).await;
    let (db, id, node) = (fixture.db.clone(), fixture.execution_id, fixture.nodes[0]);
    let writes = (0..64).map(|number| {
        let db = db.clone();
        tokio::spawn(async move {
            db.write(async move |tx| {
                let detail = number.to_string();
                let status = if number % 2 == 0 {
                    ExecutionStatus::Ack
                } else {
                    ExecutionStatus::Started
                };
                tx.execute("delete from execution_events where status = $1", &values![status])
                    .await?;
                writing::record(tx, [((id, node, status), Some(detail.as_str()))]).await?;
                if number % 2 == 0 {
                    Ok(())
                } else {
                    Err(Error::Corrupt("refused on purpose".to_owned()))
                }
            })
            .await
        })
    });
    let mut kept = 0;
    for write in writes.collect::<Vec<_>>() {
        kept += usize::from(write.await.unwrap().is_ok());
    }
    assert_eq!(kept, 32);
    assert_eq!(
        fixture.events().await,
        [(node, ExecutionStatus::Ack)],
        "of the refused ones nothing is left"
    );
    assert!(Timestamp::UNIX_EPOCH < fixture.execution().await.created_at);
}
