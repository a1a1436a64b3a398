use super::*;
use crate::db::Db;
use crate::testing::{self, TestClock};
use crate::tokens::Presented;
use crate::{principals, sessions};
use plex_api::tokens::PrincipalType;
use plex_domain::env::Clock as _;
use std::sync::Arc;
use tempfile::TempDir;

const ANNA: Uuid = Uuid::from_u128(7);

fn code(number: u8) -> NewCode {
    NewCode {
        hash: [number; 32],
        user_code_hash: [number + 100; 32],
        client_ip: Some("192.0.2.1".to_owned()),
        user_agent: None,
    }
}

struct Bench {
    clock: Arc<TestClock>,
    db: Db,
    _dir: TempDir,
}

impl Bench {
    async fn with(numbers: &[u8]) -> Self {
        let clock = TestClock::new();
        let (dir, db) = testing::db_at(clock.clone());
        let numbers = numbers.to_vec();
        db.write(async move |tx| {
            principals::ensure(tx, PrincipalType::User, ANNA).await?;
            let session = sessions::NewSession {
                principal_id: ANNA,
                hash: [1; 32],
                csrf_hash: [2; 32],
                assurance: Assurance::default(),
            };
            sessions::begin(tx, &session).await?;
            for number in numbers {
                issue(tx, &code(number)).await?.expect("room");
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        Self { clock, db, _dir: dir }
    }

    async fn poll(&self, number: u8) -> Polled {
        self.db
            .write(async move |tx| poll(tx, &[number; 32]).await)
            .await
            .unwrap()
    }

    async fn find(&self, number: u8) -> Option<Found> {
        self.db
            .write(async move |tx| find(tx, &[number + 100; 32]).await)
            .await
            .unwrap()
    }

    async fn decide(&self, number: u8, decision: Decision) {
        let Some(Found::Pending(pending)) = self.find(number).await else {
            panic!("{number} is not pending")
        };
        let assurance = Assurance {
            acr: Some("mfa".to_owned()),
            amr: vec!["otp".to_owned()],
        };
        self.db
            .write(async move |tx| {
                let session = sessions::authenticate(tx, &[1; 32]).await?.expect("live");
                let Presented::Session { id, .. } = session.presented else {
                    panic!("a session")
                };
                let by = Decider {
                    principal_id: ANNA,
                    credential_id: id,
                    assurance,
                };
                decide(tx, pending.id, decision, &by).await
            })
            .await
            .unwrap();
    }

    fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn an_approved_code_is_good_for_one_token() {
    let bench = Bench::with(&[1, 2]).await;
    assert_eq!(bench.poll(1).await, Polled::Pending);
    bench.decide(1, Decision::Approve).await;
    assert_eq!(bench.find(1).await, Some(Found::Approved));
    let approved = bench.poll(1).await;
    let Polled::Approved {
        principal_id,
        assurance,
        ..
    } = approved
    else {
        panic!("{approved:?}")
    };
    assert_eq!((principal_id, assurance.acr.as_deref()), (ANNA, Some("mfa")));
    assert_eq!(bench.poll(1).await, Polled::Unknown, "a second time");
    assert_eq!(bench.find(1).await, Some(Found::Approved));
    assert_eq!(bench.poll(2).await, Polled::Pending, "the other one is untouched");
    assert_eq!(bench.poll(3).await, Polled::Unknown);
}

#[tokio::test]
async fn what_allowed_a_code_bounds_its_token_and_takes_it_along() {
    let bench = Bench::with(&[1, 2]).await;
    let began = bench.clock.now();
    for number in 1..=2 {
        bench.decide(number, Decision::Approve).await;
    }
    let approved = bench.poll(1).await;
    let Polled::Approved {
        not_after, issued_by, ..
    } = approved
    else {
        panic!("{approved:?}")
    };
    let session_ends = tokens::after(began, sessions::LIFE).unwrap();
    assert_eq!((not_after, issued_by), (session_ends, ANNA));
    let end = async |tx: &mut Tx| sessions::end_all(tx, ANNA).await;
    bench.db.write(end).await.unwrap();
    assert_eq!(bench.poll(2).await, Polled::Expired, "signed out meanwhile");
}

#[tokio::test]
async fn a_denied_code_stays_denied() {
    let bench = Bench::with(&[1]).await;
    bench.decide(1, Decision::Deny).await;
    assert_eq!(bench.find(1).await, Some(Found::Denied));
    for _ in 0..2 {
        assert_eq!(bench.poll(1).await, Polled::Denied);
    }
}

#[tokio::test]
async fn impatience_makes_the_pause_longer() {
    let bench = Bench::with(&[1]).await;
    assert_eq!(bench.poll(1).await, Polled::Pending, "the first question");
    bench.wait(5);
    assert_eq!(bench.poll(1).await, Polled::Pending);
    bench.wait(4);
    assert_eq!(bench.poll(1).await, Polled::TooFast);
    bench.wait(9);
    assert_eq!(bench.poll(1).await, Polled::TooFast, "the pause is 10 s now");
    bench.wait(15);
    assert_eq!(bench.poll(1).await, Polled::Pending);
}

#[tokio::test]
async fn only_what_changes_something_needs_the_writer() {
    let bench = Bench::with(&[1, 2]).await;
    let peek = async |number: u8| {
        bench
            .db
            .read(async move |tx| peek(tx, &[number; 32]).await)
            .await
            .unwrap()
    };
    assert_eq!(peek(3).await, Some(Polled::Unknown));
    assert_eq!(peek(1).await, None, "the first question is noted");
    assert_eq!(bench.poll(1).await, Polled::Pending);
    assert_eq!(peek(1).await, None, "so is the first that comes too early");
    assert_eq!(bench.poll(1).await, Polled::TooFast);
    for _ in 0..3 {
        assert_eq!(peek(1).await, Some(Polled::TooFast));
        assert_eq!(bench.poll(1).await, Polled::TooFast);
    }
    bench.wait(10);
    assert_eq!(bench.poll(1).await, Polled::Pending, "and none after it counts");
    bench.decide(1, Decision::Approve).await;
    assert_eq!(peek(1).await, None);
    bench.poll(1).await;
    assert_eq!(peek(1).await, Some(Polled::Unknown));
    bench.decide(2, Decision::Deny).await;
    assert_eq!(peek(2).await, Some(Polled::Denied));
}

#[tokio::test]
async fn a_code_ends_after_its_time_and_is_forgotten_later() {
    let bench = Bench::with(&[1, 2]).await;
    bench.decide(2, Decision::Approve).await;
    bench.clock.advance(LIFE - Duration::from_micros(1));
    assert!(matches!(bench.find(1).await, Some(Found::Pending(_))));
    bench.clock.advance(Duration::from_micros(1));
    assert_eq!(bench.find(1).await, Some(Found::Expired));
    assert_eq!(bench.poll(1).await, Polled::Expired);
    assert_eq!(
        bench.poll(2).await,
        Polled::Expired,
        "approved, and fetched too late"
    );
    assert_eq!(bench.db.write(async |tx| sweep(tx).await).await.unwrap(), 0);
    bench.clock.advance(MEMORY);
    assert_eq!(bench.db.write(async |tx| sweep(tx).await).await.unwrap(), 2);
    assert_eq!(bench.find(1).await, None);
}

#[tokio::test]
async fn who_has_waited_longest_gives_way_when_too_many_do() {
    let bench = Bench::with(&[]).await;
    let open = OPEN;
    let fill = async move |tx: &mut Tx| {
        let expires_at = tokens::after(tx.now(), LIFE)?;
        let ids: Vec<Uuid> = (0..open).map(|_| tx.new_id()).collect();
        tx.execute_each(
            "insert into device_codes (id, hash, user_code_hash, created_at, expires_at, poll_interval)
            values ($1, $2, $2, 0, $3, 5)",
            ids.iter()
                .map(|id| values![*id, id.as_bytes().as_slice(), expires_at]),
        )
        .await
    };
    bench.db.write(fill).await.unwrap();
    bench.wait(1);
    let mine = bench
        .db
        .write(async |tx| issue(tx, &code(1)).await)
        .await
        .unwrap();
    assert!(mine.is_some(), "nobody is kept out");
    let count = async |tx: &mut Tx| {
        tx.optional("select count(*) from device_codes", &[], |row| row.get::<u64>(0))
            .await
    };
    assert_eq!(bench.db.write(count).await.unwrap(), Some(OPEN));
    assert!(matches!(bench.find(1).await, Some(Found::Pending(_))));
    let decide_all = async |tx: &mut Tx| {
        tx.execute("update device_codes set outcome = 'denied'", &[])
            .await
    };
    bench.db.write(decide_all).await.unwrap();
    let refused = bench
        .db
        .write(async |tx| issue(tx, &code(2)).await)
        .await
        .unwrap();
    assert_eq!(refused, None);
    bench.clock.advance(LIFE);
    let taken = bench
        .db
        .write(async |tx| issue(tx, &code(2)).await)
        .await
        .unwrap();
    assert!(taken.is_some(), "those that are over leave room");
}
