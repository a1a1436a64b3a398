use super::*;
use futures_util::FutureExt as _;
use plex_domain::execution::Report as Reported;

fn report(number: u128) -> (Advance, Context) {
    let advance = Advance {
        execution_id: Uuid::from_u128(number),
        node_id: Uuid::nil(),
        key: [0; 32],
        report: Reported {
            status: ExecutionStatus::Ack,
            declared_bytes: None,
            digest: [0; 32],
        },
        exit_code: None,
        error: None,
        declared_sha256: None,
        upload_key: None,
        output: None,
    };
    let context = Context {
        correlation_id: number.to_string(),
        ip: None,
        user_agent: None,
        span: None,
    };
    (advance, context)
}

/// Hands reports in, as far as waiting for their answers.
fn hand_in(committer: &Committer, numbers: std::ops::Range<usize>) -> Vec<Result<Outcome, Failure>> {
    let mut refused = Vec::new();
    for number in numbers {
        let (advance, context) = report(number as u128);
        let mut answered = Box::pin(committer.advance(advance, &context));
        refused.extend(answered.as_mut().now_or_never());
    }
    refused
}

fn numbers(batch: &Batch) -> Vec<usize> {
    let number = |report: &Report| report.correlation_id.parse().unwrap();
    batch.reports.iter().map(number).collect()
}

/// Whether a transaction is called, where none has to wait.
fn calls(committer: &Committer) -> bool {
    committer.call(Instant::now(), Duration::ZERO) == Call::Now
}

#[test]
fn one_transaction_is_called_for_all_that_waits_until_it_begins() {
    let committer = Committer::default();
    assert!(!calls(&committer), "nobody waits");
    assert!(hand_in(&committer, 0..1).is_empty());
    assert!(calls(&committer));
    hand_in(&committer, 1..3);
    assert!(!calls(&committer), "that one takes them too");
    assert_eq!(numbers(&committer.take()), [0, 1, 2]);
    hand_in(&committer, 3..4);
    assert!(calls(&committer), "it has begun");
    assert_eq!(numbers(&committer.take()), [3]);
}

#[test]
fn what_is_too_much_for_one_transaction_waits_for_the_next_in_order() {
    let committer = Committer::default();
    let refused = hand_in(&committer, 0..QUEUE + 3);
    assert_eq!(
        (refused.len(), committer.waiting()),
        (3, QUEUE),
        "no more than that"
    );
    let mut taken = Vec::new();
    while calls(&committer) {
        let batch = numbers(&committer.take());
        assert_eq!(batch.len(), BATCH);
        taken.extend(batch);
    }
    assert!(taken.into_iter().eq(0..QUEUE));
}

#[test]
fn nothing_is_handed_in_once_nobody_commits_any_more() {
    let committer = Committer::default();
    hand_in(&committer, 0..1);
    assert!(!committer.close(), "somebody waits");
    committer.take();
    assert!(committer.close());
    assert_eq!(hand_in(&committer, 1..2).len(), 1);
    assert_eq!(committer.waiting(), 0);
}

#[test]
fn who_waits_is_told_when_committing_ends_by_a_fault() {
    let committer = Committer::default();
    let (advance, context) = report(1);
    let mut answered = Box::pin(committer.advance(advance, &context));
    assert!(answered.as_mut().now_or_never().is_none());
    drop(Over(committer.clone()));
    assert!(answered.now_or_never().is_some_and(|answer| answer.is_err()));
    assert_eq!(hand_in(&committer, 2..3).len(), 1);
}

/// More than a commit waits for.
const CROWD: usize = 2 * ENOUGH;

fn take_and_answer(committer: &Committer) {
    let count = committer.take().reports.len();
    committer.have_answer(count);
}

#[test]
fn after_many_the_next_wait_for_a_moment_or_until_they_are_enough() {
    const APART: Duration = Duration::from_millis(3);
    let committer = Committer::default();
    hand_in(&committer, 0..CROWD);
    let before = Instant::now();
    assert_eq!(committer.call(before, APART), Call::Now, "nothing was before");
    take_and_answer(&committer);
    hand_in(&committer, 0..ENOUGH - 1);
    let Call::At(at) = committer.call(before, APART) else {
        panic!("many reported just now")
    };
    assert!(before + APART <= at && at <= Instant::now() + APART);
    assert_eq!(
        committer.call(at, Duration::ZERO),
        Call::Now,
        "nobody waits for nothing"
    );
    take_and_answer(&committer);
    hand_in(&committer, 0..1);
    let Call::At(at) = committer.call(before, APART) else {
        panic!("many reported just now")
    };
    assert_eq!(committer.call(at, APART), Call::Now, "the moment is over");
    take_and_answer(&committer);
    hand_in(&committer, 0..1);
    assert_eq!(committer.call(before, APART), Call::Now, "few reported");
}

#[test]
fn enough_for_a_commit_wait_for_nothing() {
    const APART: Duration = Duration::from_secs(3600);
    let committer = Committer::default();
    for _ in 0..3 {
        hand_in(&committer, 0..ENOUGH);
        assert_eq!(committer.call(Instant::now(), APART), Call::Now);
        committer.take();
    }
}

/// Of so many as are then expected.
fn commit(committer: &Committer, count: usize) {
    hand_in(committer, 0..count);
    assert!(calls(committer));
    take_and_answer(committer);
}

#[test]
fn nobody_waits_for_more_than_there_were_at_once_lately() {
    const APART: Duration = Duration::from_secs(3600);
    for at_once in MANY..ENOUGH {
        let committer = Committer::default();
        let waits = || matches!(committer.call(Instant::now(), APART), Call::At(_));
        commit(&committer, at_once);
        hand_in(&committer, 0..at_once - 1);
        assert!(waits(), "one is missing of {at_once}");
        hand_in(&committer, 0..1);
        assert!(calls(&committer));
        take_and_answer(&committer);
        // Those that are under way cannot come.
        hand_in(&committer, 0..MANY);
        assert!(calls(&committer));
        committer.take();
        if at_once > MANY + 1 {
            hand_in(&committer, 0..at_once - MANY - 1);
            assert!(waits(), "one is missing of {at_once}");
        }
        hand_in(&committer, 0..1);
        assert_eq!(committer.call(Instant::now(), APART), Call::Now);
    }
}

#[test]
fn those_who_have_gone_are_not_expected_for_long() {
    const APART: Duration = Duration::from_secs(3600);
    let committer = Committer::default();
    commit(&committer, CROWD);
    for _ in 0..LATELY {
        hand_in(&committer, 0..MANY);
        assert!(matches!(committer.call(Instant::now(), APART), Call::At(_)));
        assert!(calls(&committer));
        take_and_answer(&committer);
    }
    hand_in(&committer, 0..MANY);
    assert_eq!(committer.call(Instant::now(), APART), Call::Now);
}

#[tokio::test]
async fn one_that_waits_for_more_is_called_for_although_no_more_come() {
    let committer = Committer::default();
    let apart = Duration::from_millis(20);
    commit(&committer, CROWD);
    hand_in(&committer, 0..1);
    assert_eq!(committer.called(apart).now_or_never(), None);
    committer.called(apart).await;
    assert_eq!(numbers(&committer.take()), [0]);
}

#[tokio::test]
async fn the_first_and_the_last_of_enough_are_noticed_by_who_waits_for_them() {
    for (lately, enough) in [(CROWD, ENOUGH), (MANY + 1, MANY + 1)] {
        for apart in [Duration::ZERO, Duration::from_secs(3600)] {
            let committer = Committer::default();
            commit(&committer, lately);
            let mut called = Box::pin(committer.called(apart));
            assert_eq!(called.as_mut().now_or_never(), None, "nobody waits");
            if apart > Duration::ZERO {
                hand_in(&committer, 0..enough - 1);
                assert_eq!(called.as_mut().now_or_never(), None, "too few wait");
            }
            hand_in(&committer, 0..1);
            called.await;
        }
    }
}
