use super::*;
use crate::executions::tests::{dispatch, list, tenancy};
use crate::testing::{TestClock, db_at, new_execution, node, report};
use crate::{Db, invocations};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// I8: whatever the filter, the order, the page sizes and the ties in time, a walk gives every matching
    /// execution that existed when it began exactly once, in order, while others are added.
    #[test]
    fn a_walk_neither_skips_nor_repeats(
        gaps in prop::collection::vec(gap(), 1..40),
        limits in prop::collection::vec(1..9_u32, 1..6),
        ascending in any::<bool>(),
        by_status in any::<bool>(),
        by_action in any::<bool>(),
        range in prop::option::of((0..40_usize, 0..40_usize)),
    ) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let clock = TestClock::new();
            let (_dir, db) = db_at(Arc::clone(&clock));
            let ids = tenancy(&db).await;
            let mut expected = Vec::new();
            for (number, gap) in gaps.iter().enumerate() {
                clock.advance(Duration::from_millis(*gap));
                let action = if number % 2 == 0 { "even" } else { "odd" };
                let id = dispatch(&db, ids, action).await;
                let is_acked = number % 3 == 0;
                if is_acked {
                    acknowledge(&db, id, ids.2).await;
                }
                if (!by_action || number % 2 == 0) && (!by_status || is_acked) {
                    expected.push(id);
                }
            }
            let mut filter = Filter {
                status: by_status.then_some(ExecutionStatus::Ack),
                action: by_action.then(|| "even".to_owned()),
                ..Filter::default()
            };
            if let Some((from, before)) = range {
                let all = list(&db, ids.1, &Filter::default(), (Order::Ascending, None), 40).await;
                let time = |number: usize| all[number % all.len()].created_at;
                (filter.created_from, filter.created_before) = (Some(time(from)), Some(time(before)));
                let dispatched_at: BTreeMap<Uuid, Timestamp> =
                    all.iter().map(|item| (item.id, item.created_at)).collect();
                expected.retain(|id| (time(from)..time(before)).contains(&dispatched_at[id]));
            }
            let order = if ascending { Order::Ascending } else { Order::Descending };
            let mut seen = Vec::new();
            let mut after = None;
            for limit in limits.iter().cycle() {
                let items = list(&db, ids.1, &filter, (order, after), *limit).await;
                let Some(last) = items.last() else { break };
                after = Some(Position { created_at: last.created_at, id: last.id });
                seen.extend(items.iter().map(|item| item.id).filter(|id| expected.contains(id)));
                if order == Order::Descending {
                    clock.advance(Duration::from_millis(1));
                    dispatch(&db, ids, "even").await;
                }
            }
            if order == Order::Descending {
                expected.reverse();
            }
            assert_eq!(seen, expected);
        });
    }
}

/// Milliseconds between two dispatches: mostly next to none, now and then more than a list looks at at once.
fn gap() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0..3_u64, 1 => (1..40_u64).prop_map(|days| days * 24 * 3_600_000)]
}

#[test]
fn what_is_near_and_what_is_far_are_the_whole() {
    let day = |day: i64| Timestamp::from_second(day * 24 * 3600).unwrap();
    let range = |first, last| Range {
        first: before(first),
        last: before(last),
    };
    let all = range(day(0), Timestamp::MAX);
    let newest = [range(day(968), Timestamp::MAX), range(day(0), day(968))];
    assert_eq!(all.near_and_far(Order::Descending, day(1000)), newest);
    assert_eq!(
        range(day(0), day(900)).near_and_far(Order::Descending, day(1000)),
        [range(day(868), day(900)), range(day(0), day(868))]
    );
    assert_eq!(
        range(day(900), Timestamp::MAX).near_and_far(Order::Ascending, day(1000)),
        [range(day(900), day(932)), range(day(932), Timestamp::MAX)]
    );
    for (order, whole) in [
        (Order::Descending, range(day(880), day(900))),
        (Order::Ascending, range(day(880), day(900))),
        (Order::Ascending, all),
        (Order::Descending, range(day(900), day(880))),
    ] {
        assert_eq!(whole.near_and_far(order, day(1000)), [whole]);
    }
}

proptest! {
    /// Whatever is in the range is in one of its parts, and nothing else is; the parts are in the order of the walk.
    #[test]
    fn parts_have_what_the_whole_has_and_once(
        days in prop::collection::vec(0..200_i64, 4),
        ids in prop::collection::vec(0..3_u128, 3),
        ascending in any::<bool>(),
    ) {
        let time = |day: i64| Timestamp::from_second(day * 24 * 3600).unwrap();
        let place = |index: usize| Position { created_at: time(days[index]), id: Uuid::from_u128(ids[index]) };
        let (whole, asked) = (Range { first: place(0), last: place(1) }, place(2));
        let order = if ascending { Order::Ascending } else { Order::Descending };
        let parts = whole.near_and_far(order, time(days[3]));
        let holds = |range: &Range| range.first < asked && asked < range.last;
        // No execution has the id that is before all others.
        if !asked.id.is_nil() {
            prop_assert_eq!(parts.iter().filter(|part| holds(part)).count(), usize::from(holds(&whole)));
        }
        if let [near, far] = &parts[..] {
            prop_assert_eq!(near.first < far.first, ascending);
        }
    }
}

async fn acknowledge(db: &Db, execution_id: Uuid, node_id: Uuid) {
    let report = report(execution_id, node_id, (ExecutionStatus::Ack, 1));
    db.write(async move |tx| invocations::advance(tx, &[report]).await)
        .await
        .unwrap();
}

/// A list must never sort or scan: every combination of filters walks an index of its own.
#[tokio::test]
async fn every_list_walks_its_index() {
    let (_dir, db) = crate::testing::on_sqlite();
    let plans = db
        .read(async |tx| {
            let id = Uuid::max();
            let mut plans = Vec::new();
            for (sql, values) in [
                (
                    concat!(
                        "explain query plan ",
                        page_sql!("", "executions indexed by executions_by_time", "", "", "desc")
                    ),
                    values![id, 1_i64, id, 2_i64, id, 5_i64, id, id].to_vec(),
                ),
                (
                    concat!(
                        "explain query plan ",
                        page_sql!(
                            "",
                            "executions indexed by executions_by_status",
                            " and status = $9",
                            "",
                            "desc"
                        )
                    ),
                    values![id, 1_i64, id, 2_i64, id, 5_i64, id, id, "ack"].to_vec(),
                ),
                (
                    concat!(
                        "explain query plan ",
                        page_sql!(
                            "",
                            "executions indexed by executions_by_action",
                            " and action = $9",
                            "",
                            "asc"
                        )
                    ),
                    values![id, 1_i64, id, 2_i64, id, 5_i64, id, id, "ack"].to_vec(),
                ),
                (
                    concat!(
                        "explain query plan ",
                        page_sql!(
                            "",
                            "executions indexed by executions_by_action_status",
                            " and action = $9 and status = $10",
                            "",
                            "desc"
                        )
                    ),
                    values![id, 1_i64, id, 2_i64, id, 5_i64, id, id, "even", "ack"].to_vec(),
                ),
            ] {
                let steps = tx.all(sql, &values, |row| row.get::<String>(3)).await?;
                let (first, rest) = steps.split_first().expect("a step");
                plans.push(first.clone());
                // What there is beyond a list item's excluded nodes is asked by the execution's id.
                let asked = [
                    "CORRELATED SCALAR SUBQUERY 1",
                    "SEARCH excluded_beyond USING PRIMARY KEY (execution_id=?)",
                ];
                assert_eq!(rest, asked);
            }
            Ok::<_, Error>(plans)
        })
        .await
        .unwrap();
    let indexes = [
        "executions_by_time",
        "executions_by_status",
        "executions_by_action",
        "executions_by_action_status",
    ];
    assert_eq!(plans.len(), indexes.len(), "{plans:?}");
    for (plan, index) in plans.iter().zip(indexes) {
        assert!(
            plan.contains(&format!("USING INDEX {index} ("))
                && plan.ends_with("(created_at,id)>(?,?) AND (created_at,id)<(?,?))"),
            "{plan}"
        );
    }
}

/// Whatever a database asks for at once: an execution in a page has the targets that it has by itself, as many as an
/// item carries.
#[tokio::test]
async fn a_page_has_the_targets_of_each_execution_near_and_far() {
    let clock = TestClock::new();
    let (_dir, db) = db_at(Arc::clone(&clock));
    let (domain_id, project_id, first) = tenancy(&db).await;
    let nodes = db.write(async move |tx| {
        let mut nodes = vec![first];
        for number in 0..120 {
            nodes.push(node(tx, project_id, &format!("db-{number}")).await?);
        }
        Ok::<_, Error>(nodes)
    });
    let nodes = nodes.await.unwrap();
    for width in [1, 3, 100, 101, 0, 121] {
        let addressed = nodes[..width].to_vec();
        let dispatched = db.write(async move |tx| {
            let new = new_execution(domain_id, project_id);
            crate::executions::insert(tx, &new, &addressed).await
        });
        let id = dispatched.await.unwrap();
        if width > 0 {
            acknowledge(&db, id, first).await;
        }
        clock.advance(Duration::from_secs(20 * 24 * 3600));
    }
    for order in [Order::Ascending, Order::Descending] {
        let page = list(&db, project_id, &Filter::default(), (order, None), 6).await;
        let widths: Vec<(usize, bool)> = page
            .iter()
            .map(|item| (item.targets.len(), item.targets_truncated))
            .collect();
        let mut expected = [
            (1, false),
            (3, false),
            (100, false),
            (100, true),
            (0, false),
            (100, true),
        ];
        if order == Order::Descending {
            expected.reverse();
        }
        assert_eq!(widths, expected);
        for item in page {
            let id = item.id;
            let alone = db.read(async move |tx| targets(tx, id, 100).await).await.unwrap();
            assert_eq!(format!("{:?}", item.targets), format!("{alone:?}"));
            assert!(item.targets.is_sorted_by_key(|target| target.node_id));
        }
    }
}
