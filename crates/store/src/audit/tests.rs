mod linking;

use super::*;
use crate::db::Db;
use crate::testing::{self, TestClock};
use jiff::Timestamp;
use plex_api::audit::AuditFinding;
use plex_domain::audit::Divergence;
use proptest::prelude::*;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const KEY: [u8; 32] = [7; 32];
const CHAIN: Option<Uuid> = Some(Uuid::from_u128(5));

fn record(nth: u32) -> Record {
    let denied = nth % 5 == 3;
    Record {
        domain_id: CHAIN,
        reason: if denied {
            AuditReason::OutOfScope
        } else {
            AuditReason::Granted
        },
        identity: format!("user:{}", Uuid::from_u128(u128::from(nth % 3))),
        relation: ["dispatch", "label_node"][nth as usize % 2].to_owned(),
        object_type: ["project", "node", "domain"][nth as usize % 3].to_owned(),
        object_id: format!("o{}", nth % 4),
        correlation_id: format!("c{}", nth / 2),
        ip: Some("::1".to_owned()),
        user_agent: None,
        caveats: BTreeMap::new(),
        count: 1,
        details: None,
    }
}

/// A runtime for tests that are no futures: those of properties.
fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

async fn begin(db: &Db) {
    db.write(async |tx| open(tx, &KEY, CHAIN).await).await.unwrap();
}

async fn write(db: &Db, record: Record) {
    db.write(async move |tx| append(tx, &KEY, record).await)
        .await
        .unwrap();
}

/// A chain of so many entries, and the file to tamper with.
async fn chain(length: u32) -> (TempDir, Db, Connection) {
    let (dir, db) = testing::on_sqlite();
    begin(&db).await;
    let records = (0..length).map(record).collect();
    db.write(async move |tx| append_all(tx, &KEY, records).await)
        .await
        .unwrap();
    let file = Connection::open(dir.path().join("test.db")).unwrap();
    let triggers = "drop trigger audit_entries_are_kept; drop trigger audit_entries_are_final;
        drop trigger audit_entries_keep_their_time";
    file.execute_batch(triggers).unwrap();
    (dir, db, file)
}

async fn verify(db: &Db, from: u64, to: Option<u64>) -> Outcome {
    let begin = async move |tx: &mut Tx| Verification::begin(tx, &KEY, CHAIN, (from, to)).await;
    let Begun::Walking(mut walking) = db.read(begin).await.unwrap() else {
        panic!("beyond the end");
    };
    loop {
        let step = async move |tx: &mut Tx| Ok::<_, Error>((walking.go_on(tx, 3).await?, walking));
        let (outcome, rest) = db.read(step).await.unwrap();
        match outcome {
            Some(outcome) => return outcome,
            None => walking = rest,
        }
    }
}

async fn found(db: &Db) -> Option<(u64, AuditFinding)> {
    let divergence = verify(db, 1, None).await.divergence;
    divergence.map(|Divergence { seq, finding, .. }| (seq, finding))
}

/// What is done to the row at a place of a chain of ten, and the place that must be named.
#[derive(Debug, Clone, Copy)]
enum Tamper {
    Column(&'static str),
    Rehashed,
    Delete,
    DeleteRenumbered,
    Insert,
    Swap,
    Truncate,
}

impl Tamper {
    const ALL: [Self; 22] = [
        Self::Column("occurred_at = occurred_at + 1"),
        Self::Column("latest_at = latest_at + 1"),
        Self::Column("reason = 'unknown'"),
        Self::Column("subject = zeroblob(32)"),
        Self::Column("identity = 'user:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0'"),
        Self::Column("identity = null"),
        Self::Column("relation = relation || 'x'"),
        Self::Column("object_type = 'planet'"),
        Self::Column("object_id = ''"),
        Self::Column("correlation_id = 'other'"),
        Self::Column("canonical = cast(replace(cast(canonical as text), '::1', '::2') as blob)"),
        Self::Column("canonical = x'00ff'"),
        Self::Column("prev_hash = zeroblob(31)"),
        Self::Column("prev_hash = randomblob(32)"),
        Self::Column("entry_hash = randomblob(32)"),
        Self::Column("seq = seq + 100"),
        Self::Rehashed,
        Self::Delete,
        Self::DeleteRenumbered,
        Self::Insert,
        Self::Swap,
        Self::Truncate,
    ];

    fn apply(self, file: &Connection, at: u64) {
        let run = |sql: &str| file.execute_batch(&sql.replace('@', &at.to_string())).unwrap();
        match self {
            Self::Column(set) => run(&format!("update audit_entries set {set} where seq = @")),
            Self::Rehashed => rehash(file, at),
            Self::Delete => run("delete from audit_entries where seq = @"),
            Self::DeleteRenumbered => run("delete from audit_entries where seq = @;
                update audit_entries set seq = -(seq - 1) where seq > @;
                update audit_entries set seq = -seq where seq < 0"),
            Self::Insert => run("update audit_entries set seq = -(seq + 1) where seq >= @;
                update audit_entries set seq = -seq where seq < 0;
                insert into audit_entries select
                    chain, @, occurred_at, reason, subject, identity, relation, object_type, object_id,
                    correlation_id, canonical, prev_hash, entry_hash, latest_at
                from audit_entries where seq = @ + 1"),
            Self::Swap => run("update audit_entries set seq = -seq where seq = @;
                update audit_entries set seq = @ where seq = @ + 1;
                update audit_entries set seq = @ + 1 where seq = -@"),
            Self::Truncate => run("delete from audit_entries where seq >= @"),
        }
    }
}

/// Alters an entry and makes its hash fit, as somebody would who knows the rule.
fn rehash(file: &Connection, at: u64) {
    let at = i64::try_from(at).unwrap();
    let read = "select canonical, prev_hash from audit_entries where seq = ?1";
    let (canonical, prev): (Vec<u8>, [u8; 32]) = file
        .query_row(read, [at], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let forged = String::from_utf8(canonical).unwrap().replace("::1", "::2");
    let hash = entry_hash(&prev, forged.as_bytes());
    let sql = "update audit_entries set canonical = ?2, entry_hash = ?3 where seq = ?1";
    file.execute(sql, (at, forged.as_bytes(), hash)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_single_change_is_found_where_it_was_made(at in 1..=10_u64, how in prop::sample::select(&Tamper::ALL[..])) {
        wait(async move {
            let (_dir, db, file) = chain(10).await;
            assert_eq!(found(&db).await, None);
            // The last entry has no next one to be exchanged with, and a copy after it is one entry too many.
            let at = if matches!(how, Tamper::Swap | Tamper::Insert) { at.min(9) } else { at };
            how.apply(&file, at);
            let named = found(&db).await.map(|(seq, _)| seq);
            assert_eq!(named, Some(at), "{how:?} at {at}");
            if at > 5 {
                let whole = verify(&db, 2, Some(3)).await;
                assert_eq!((whole.divergence, whole.from, whole.to), (None, 2, 3), "{how:?} at {at}");
            }
            // What is appended later hides nothing.
            write(&db, record(11)).await;
            assert_eq!(found(&db).await.map(|(seq, _)| seq), named, "{how:?} at {at}, later");
        });
    }
}

#[tokio::test]
async fn a_chain_cannot_be_cut_short_or_gone_on_with() {
    for (forgery, expected) in [
        ("delete from audit_entries where seq > 7", (8, AuditFinding::Missing)),
        ("delete from audit_entries", (1, AuditFinding::Missing)),
        (
            "insert into audit_entries select chain, 11, occurred_at, reason, subject, identity, relation,
            object_type, object_id, correlation_id, canonical, prev_hash, entry_hash, latest_at
            from audit_entries where seq = 10",
            (11, AuditFinding::Unlinked),
        ),
        (
            "delete from audit_entries where seq > 7;
            update audit_heads set seq = 7, entry_hash = (select entry_hash from audit_entries where seq = 7)",
            (7, AuditFinding::Unsealed),
        ),
        ("update audit_heads set seal = x''", (10, AuditFinding::Unsealed)),
        ("delete from audit_heads", (10, AuditFinding::Unsealed)),
        ("delete from audit_heads; delete from audit_entries", (1, AuditFinding::Missing)),
        (
            "insert into audit_entries select chain, -1, occurred_at, reason, subject, identity, relation,
            object_type, object_id, correlation_id, canonical, prev_hash, entry_hash, latest_at
            from audit_entries where seq = 10",
            (1, AuditFinding::Unlinked),
        ),
    ] {
        let (_dir, db, file) = chain(10).await;
        file.execute_batch(forgery).unwrap();
        assert_eq!(found(&db).await, Some(expected), "{forgery}");
        for nth in 0..3 {
            // Nor does a chain begin again where one was.
            write(&db, record(nth)).await;
            let later = found(&db).await.expect("still there");
            let moves_on = later.1 == AuditFinding::Unsealed;
            assert!(later == expected || moves_on, "{forgery}: {later:?}");
        }
    }
}

#[tokio::test]
async fn a_segment_ends_where_the_chain_does_and_does_not_begin_after_it() {
    let (_dir, db, _file) = chain(10).await;
    let whole = verify(&db, 1, None).await;
    assert_eq!((whole.from, whole.to, whole.divergence), (1, 10, None));
    assert_eq!(verify(&db, 4, Some(99)).await.to, 10);
    assert_eq!(verify(&db, 10, None).await.hash, whole.hash);
    let beyond = async |tx: &mut Tx| Verification::begin(tx, &KEY, CHAIN, (11, None)).await;
    assert!(matches!(db.read(beyond).await.unwrap(), Begun::BeyondTheEnd(10)));
}

#[tokio::test]
async fn many_who_append_at_once_leave_no_gap() {
    let (_dir, db) = testing::db();
    begin(&db).await;
    let tasks: Vec<_> = (0..60)
        .map(|nth| {
            let db = db.clone();
            tokio::spawn(async move { write(&db, record(nth)).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let outcome = verify(&db, 1, None).await;
    assert_eq!((outcome.to, outcome.divergence), (60, None));
}

/// The whole list, a few entries at a time.
async fn walk(db: &Db, filter: &Filter, limit: u32) -> Vec<i64> {
    let (mut seen, mut after): (Vec<i64>, u64) = (Vec::new(), 0);
    loop {
        let filter = filter.clone();
        let most = Most {
            rows: limit,
            looked_at: 4,
        };
        let read = async move |tx: &mut Tx| page(tx, CHAIN, &filter, after, most).await;
        let Page { rows, next } = db.read(read).await.unwrap();
        assert!(rows.len() <= limit as usize);
        seen.extend(rows.iter().map(|row| row.seq));
        match next {
            Some(next) => {
                assert!(next > after, "it comes to an end");
                after = next;
            }
            None => return seen,
        }
    }
}

/// A chain in which each entry is as many seconds later than the one before as its step says.
async fn timed(steps: &[i64]) -> (TempDir, Db, Vec<i64>) {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Scripted(std::sync::atomic::AtomicI64::new(1_000)));
    let settings = testing::settings(&dir, Arc::clone(&clock) as Arc<dyn plex_domain::env::Clock>);
    let db = Db::open(settings).unwrap();
    begin(&db).await;
    let mut times = Vec::new();
    for (nth, step) in (0..).zip(steps) {
        let time = clock.0.fetch_add(*step, std::sync::atomic::Ordering::Relaxed) + step;
        times.push(time);
        write(&db, record(nth)).await;
    }
    (dir, db, times)
}

struct Scripted(std::sync::atomic::AtomicI64);

impl plex_domain::env::Clock for Scripted {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(std::sync::atomic::Ordering::Relaxed)).unwrap()
    }
}

fn filters() -> impl Strategy<Value = Filter> {
    let option = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        prop::option::weighted(0.25, prop::sample::select(words))
    };
    let texts = (
        option(&["dispatch", "label_node", "none"]),
        option(&["project", "node", "planet"]),
        option(&["o0", "o1", "o9"]),
        option(&["c0", "c1", "c99"]),
    );
    let subject = prop::option::weighted(0.25, 0..4_u128);
    let reason = prop::option::weighted(
        0.3,
        prop::sample::select(vec![
            AuditReason::Granted,
            AuditReason::OutOfScope,
            AuditReason::Unknown,
        ]),
    );
    let time = || prop::option::weighted(0.4, 990..1_030_i64);
    (texts, subject, reason, time(), time()).prop_map(|(texts, subject, reason, from, to)| Filter {
        subject: subject.map(|id| pseudonym(&KEY, CHAIN, &format!("user:{}", Uuid::from_u128(id)))),
        relation: texts.0,
        object_type: texts.1,
        object_id: texts.2,
        reason,
        from: from.map(|second| Timestamp::from_second(second).unwrap()),
        to: to.map(|second| Timestamp::from_second(second).unwrap()),
        correlation_id: texts.3,
    })
}

/// Whether the filter lets an entry through, said the plain way.
fn lets_through(filter: &Filter, nth: u32, second: i64) -> bool {
    let record = record(nth);
    let time = Timestamp::from_second(second).unwrap();
    let is = |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|wanted| wanted == text);
    filter
        .subject
        .is_none_or(|wanted| wanted == pseudonym(&KEY, CHAIN, &record.identity))
        && is(&filter.relation, &record.relation)
        && is(&filter.object_type, &record.object_type)
        && is(&filter.object_id, &record.object_id)
        && is(&filter.correlation_id, &record.correlation_id)
        && filter.reason.is_none_or(|wanted| wanted == record.reason)
        && filter.from.is_none_or(|from| time >= from)
        && filter.to.is_none_or(|to| time <= to)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_list_has_what_the_filter_lets_through_also_where_the_clock_went_back(
        steps in prop::collection::vec(-4..8_i64, 1..14), wanted in prop::collection::vec(filters(), 8), limit in 1..4_u32,
    ) {
        wait(async move {
            let (_dir, db, times) = timed(&steps).await;
            for filter in wanted {
                let expected: Vec<i64> = (0_u32..)
                    .zip(&times)
                    .filter(|(nth, second)| lets_through(&filter, *nth, **second))
                    .map(|(nth, _)| i64::from(nth) + 1)
                    .collect();
                assert_eq!(walk(&db, &filter, limit).await, expected, "{filter:?} of {times:?}");
            }
            assert_eq!(found(&db).await, None);
        });
    }
}

#[tokio::test]
async fn no_page_sorts_or_walks_a_whole_chain() {
    let (_dir, _db, file) = chain(1).await;
    for (sql, index) in entries::statements() {
        let mut plan = file.prepare(&format!("explain query plan {sql}")).unwrap();
        let mut rows = plan.raw_query();
        let mut steps: Vec<String> = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            steps.push(row.get(3).unwrap());
        }
        let plan = steps.join("; ");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}\n{sql}");
        let search = format!("SEARCH audit_entries USING {index}");
        assert!(plan.contains(&search), "{plan} has no {search}");
    }
}

#[tokio::test]
async fn a_chain_from_before_heads_were_sealed_is_adopted_once() {
    let (_dir, db, file) = chain(4).await;
    file.execute_batch("update audit_heads set seal = x''").unwrap();
    assert_eq!(found(&db).await, Some((4, AuditFinding::Unsealed)));
    db.write(async |tx| adopt(tx, &KEY).await).await.unwrap();
    assert_eq!(found(&db).await, None);
    write(&db, record(5)).await;
    assert_eq!(found(&db).await, None);
}

#[tokio::test]
async fn entries_are_shown_with_what_their_bytes_say() {
    let clock = TestClock::new();
    let (_dir, db) = testing::db_at(Arc::clone(&clock));
    begin(&db).await;
    clock.advance(Duration::from_micros(5));
    let caveats = BTreeMap::from([("from_cidr".to_owned(), vec!["cidrs".to_owned()])]);
    let wanted = Record {
        caveats: caveats.clone(),
        details: Some("more".to_owned()),
        count: 3,
        ..record(3)
    };
    write(&db, wanted).await;
    let row = db
        .read(async |tx| find(tx, CHAIN, 1).await)
        .await
        .unwrap()
        .unwrap();
    let proof = row.proof(CHAIN);
    let entry = &proof.entry;
    assert_eq!(
        (entry.seq, Some(entry.domain_id), entry.reason),
        (1, CHAIN, AuditReason::OutOfScope)
    );
    assert_eq!(entry.subject.identity_id_ref, Some(Uuid::from_u128(0)));
    assert_eq!(entry.subject.identity_kind.as_deref(), Some("user"));
    assert_eq!(entry.decision.caveat_context, caveats);
    assert_eq!((entry.count, entry.details.as_deref()), (Some(3), Some("more")));
    assert_eq!(entry.prev_hash, "0".repeat(64));
    let told = plex_domain::audit::read_canonical(&proof.proof.canonical_bytes.0).unwrap();
    assert_eq!(told.occurred_at, entry.occurred_at);
    assert_eq!(db.read(async |tx| find(tx, CHAIN, 2).await).await.unwrap(), None);
    assert_eq!(db.read(async |tx| find(tx, None, 1).await).await.unwrap(), None);
}

#[tokio::test]
async fn a_page_looks_at_so_many_entries_and_the_list_goes_on() {
    let (_dir, db, _file) = chain(30).await;
    let most = Most {
        rows: 5,
        looked_at: 6,
    };
    let nobody = Filter {
        object_type: Some("planet".to_owned()),
        ..Filter::default()
    };
    // Every second entry is of this relation, and none of them is of that request.
    let rare = Filter {
        relation: Some("dispatch".to_owned()),
        subject: Some([0; 32]),
        ..Filter::default()
    };
    let late = Filter {
        object_id: Some("o1".to_owned()),
        to: Some(Timestamp::from_second(1).unwrap()),
        ..Filter::default()
    };
    for (filter, next) in [(nobody, Some(6)), (rare, None), (late, None)] {
        let wanted = filter.clone();
        let found = db
            .read(async move |tx| page(tx, CHAIN, &wanted, 0, most).await)
            .await
            .unwrap();
        assert_eq!((found.rows, found.next), (Vec::new(), next), "{filter:?}");
    }
}

#[tokio::test]
async fn only_who_was_erased_has_no_name() {
    let anna = format!("user:{}", Uuid::from_u128(1));
    let (_dir, db, file) = chain(10).await;
    // Entries 2, 5 and 8 are hers.
    let erase =
        "insert into erased_identities (identity, principal_id, erased_at) values (?1, zeroblob(16), 0)";
    file.execute(erase, [&anna]).unwrap();
    assert_eq!(
        found(&db).await,
        Some((2, AuditFinding::FieldsDiffer)),
        "the platform's chain tells nothing of it"
    );
    let erasure = Record {
        domain_id: None,
        relation: ERASURE.to_owned(),
        object_id: plex_domain::audit::hash_text(&pseudonym(&KEY, None, &anna)),
        ..record(0)
    };
    write(&db, erasure).await;
    assert_eq!(found(&db).await, None);
    let clear = "update audit_entries set identity = null where seq = ?1";
    file.execute(clear, [5]).unwrap();
    assert_eq!(found(&db).await, None);
    file.execute(clear, [6]).unwrap();
    assert_eq!(found(&db).await, Some((6, AuditFinding::FieldsDiffer)));
}

#[tokio::test]
async fn what_is_appended_together_hangs_together_in_each_chain() {
    let (_dir, db, _file) = chain(0).await;
    let of = |chain: Option<Uuid>, nth| Record {
        domain_id: chain,
        ..record(nth)
    };
    let other = Some(Uuid::from_u128(6));
    db.write(async move |tx| {
        open(tx, &KEY, other).await?;
        append_all(
            tx,
            &KEY,
            vec![of(CHAIN, 0), of(other, 1), of(CHAIN, 2), of(other, 3)],
        )
        .await
    })
    .await
    .unwrap();
    write(&db, record(4)).await;
    let outcome = verify(&db, 1, None).await;
    assert_eq!((outcome.to, outcome.divergence), (3, None));
    assert_eq!(
        db.read(async move |tx| last_seq(tx, other).await).await.unwrap(),
        2
    );
}
