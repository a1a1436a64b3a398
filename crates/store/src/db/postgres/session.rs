//! One connection.

mod owed;
mod statements;
mod writes;

use super::clock::Clock;
use super::settings::Settings;
use crate::db::dialect;
use crate::db::error::is_conflict;
use crate::db::tx::Sql;
use crate::db::{Error, Row, Value};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryStreamExt as _, pin_mut};
use jiff::{SignedDuration, Timestamp};
pub(in crate::db) use owed::Asked;
use owed::{Encoded, Owed, Pending, sent};
use statements::{Key, Prepared, arrays, named, transposed};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, Statement};
use writes::Write;

/// The first half of our advisory locks' keys; the second tells one installation of a database from another.
const LOCKS: i32 = 0x0070_6c78;

/// The lock of the ends of the audit chains; the lanes have the numbers after it.
const AUDIT_CHAINS: i32 = 0;

/// What every connection is told. Whatever the server's defaults are, commits are durable, and who waited for his turn
/// sees what was committed before it; nothing waits for ever, and nobody holds a lock longer than he works. Each
/// statement is planned once, as on SQLite without a look at its values: with the months of the history planning would
/// take longer than anything else. Such a plan may be made while a month is empty, and reading it whole looks cheap; so
/// where there is an index it is used, row by row.
const SETTLE: &str = "
    set synchronous_commit = on;
    set default_transaction_isolation = 'read committed';
    set statement_timeout = '30s';
    set lock_timeout = '15s';
    set idle_in_transaction_session_timeout = '10s';
    set client_min_messages = warning;
    set plan_cache_mode = force_generic_plan;
    set enable_seqscan = off;
    set enable_mergejoin = off;
    set jit = off;
";

/// The server's time, in microseconds since 1970.
const CLOCK: &str = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint";

/// Begins what reads.
const SNAPSHOT: &str = "begin isolation level repeatable read read only";

/// A connection with the statements that it has prepared; both may be shared with others ([`Session::beside`]).
pub(in crate::db) struct Session {
    client: Arc<Client>,
    shared: Arc<Shared>,
    /// Those that were united of several.
    unions: HashMap<Vec<Key>, Statement>,
    /// Told what the server says.
    clock: Option<Arc<Clock>>,
    trouble: Option<Trouble>,
    is_aborted: bool,
    /// The answer to what began the transaction, and asked for the time, until somebody looks at it.
    begun: Option<Pending<Vec<SimpleQueryMessage>>>,
    owed: Owed,
    /// What is to be written as one statement, while it is gathered.
    gathered: Option<Vec<Write>>,
}

/// What the sessions of one connection have in common.
#[derive(Default)]
struct Shared {
    statements: Mutex<HashMap<Key, Arc<Prepared>>>,
    /// The server's time at a moment of ours.
    synced: Mutex<Option<(Instant, Timestamp)>>,
}

/// What becomes of a transaction whose end was sent.
pub(super) type EndAnswer = BoxFuture<'static, Result<(), (Error, Option<Trouble>)>>;

/// Why a transaction as a whole came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// With another transaction; run again, it may succeed.
    Conflict,
    /// The connection is gone.
    Lost,
}

impl Session {
    /// Connects.
    pub(super) async fn open(server: &Settings, clock: Option<Arc<Clock>>) -> Result<Self, Error> {
        let client = if server.config.get_ssl_mode() == SslMode::Disable {
            let (client, connection) = server.config.connect(NoTls).await?;
            tokio::spawn(connection);
            client
        } else {
            let (client, connection) = server.config.connect(server.tls()?).await?;
            tokio::spawn(connection);
            client
        };
        client.batch_execute(SETTLE).await?;
        Ok(Self::on(Arc::new(client), Arc::default(), clock))
    }

    /// Another for the same connection. Each statement of either is a transaction of its own; none waits for the answer
    /// to another before it is sent.
    pub(super) fn beside(&self) -> Self {
        let (client, shared) = (Arc::clone(&self.client), Arc::clone(&self.shared));
        Self::on(client, shared, self.clock.clone())
    }

    fn on(client: Arc<Client>, shared: Arc<Shared>, clock: Option<Arc<Clock>>) -> Self {
        Self {
            client,
            shared,
            unions: HashMap::new(),
            clock,
            trouble: None,
            is_aborted: false,
            begun: None,
            owed: Owed::default(),
            gathered: None,
        }
    }

    /// Whether both are of one connection.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.client, &other.client)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The server's time, as far as it is known; `None` when another clock rules.
    pub(in crate::db) fn now(&self) -> Option<Timestamp> {
        let (then, time) = (*self.synced())?;
        let passed = SignedDuration::try_from(then.elapsed()).ok()?;
        time.checked_add(passed).ok()
    }

    /// Asks for the server's time when it was not asked for within a second.
    pub(super) async fn sync(&mut self) -> Result<(), Error> {
        self.renew();
        if !self.is_fresh() {
            self.begin_with(CLOCK).await?;
        }
        Ok(())
    }

    fn is_fresh(&self) -> bool {
        self.synced()
            .is_some_and(|(then, _)| then.elapsed().as_secs() == 0)
    }

    fn synced(&self) -> MutexGuard<'_, Option<(Instant, Timestamp)>> {
        self.shared.synced.lock().expect("no holder of this lock panics")
    }

    /// Runs what begins a transaction, and takes the server's time from its last row.
    async fn begin_with(&mut self, sql: &str) -> Result<(), Error> {
        self.renew();
        let answer = self.client.simple_query(sql).await;
        self.take_time(answer)
    }

    /// Forgets what the transaction before it left behind.
    fn renew(&mut self) {
        (self.trouble, self.is_aborted, self.begun, self.gathered) = (None, false, None, None);
        self.owed.clear();
    }

    fn take_time(
        &mut self,
        answer: Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>,
    ) -> Result<(), Error> {
        let messages = self.note(answer)?;
        if let Some(clock) = &self.clock {
            let rows = messages.iter().rev().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
                _ => None,
            });
            let micros = rows.ok_or_else(|| Error::Corrupt("the server told no time".to_owned()))?;
            let time =
                Timestamp::from_microsecond(micros).map_err(|error| Error::Corrupt(error.to_string()))?;
            clock.set(time);
            *self.synced() = Some((Instant::now(), time));
        }
        Ok(())
    }

    /// One state of the whole database, which nothing is written to. It begins with the first statement, unless the
    /// server's time is to be asked for as well.
    pub(super) async fn begin_snapshot(&mut self) -> Result<(), Error> {
        if !self.is_fresh() {
            return self.begin_with(&format!("{SNAPSHOT}; {CLOCK}")).await;
        }
        self.renew();
        self.send(SNAPSHOT);
        Ok(())
    }

    /// Begins a transaction that is the only one with this lock, and what is to come first in it. What is asked next
    /// need not wait for the lock: the server answers in order.
    pub(super) fn begin_alone(&mut self, lane: i32, first: &str) {
        self.renew();
        let sql = format!("begin; {}; {CLOCK}{first}", advisory_lock(lane));
        let client = Arc::clone(&self.client);
        self.begun = Some(sent(async move { client.simple_query(&sql).await }));
    }

    /// Waits until the transaction has begun; `true` from the call that took the answer.
    pub(in crate::db) async fn await_begin(&mut self) -> Result<bool, Error> {
        let Some(begun) = self.begun.take() else {
            return Ok(false);
        };
        let answer = begun.await;
        self.take_time(answer).map(|()| true)
    }

    /// Runs statements without values, and looks at all answers that are owed.
    pub(in crate::db) async fn step(&mut self, sql: &str) -> Result<(), Error> {
        let answer = self.client.batch_execute(sql).await;
        // The first failure is the one that tells why.
        self.settle().await?;
        self.note(answer)
    }

    /// Sends statements without values; what follows may be sent at once.
    pub(in crate::db) fn send(&mut self, sql: impl AsRef<str> + Send + 'static) {
        let client = Arc::clone(&self.client);
        self.owed
            .begin(async move { client.batch_execute(sql.as_ref()).await });
    }

    /// Keeps the ends of the audit chains to the rest of the transaction. Nobody takes another lock while he has this
    /// one.
    pub(in crate::db) fn lock_chains(&mut self) {
        self.send(advisory_lock(AUDIT_CHAINS));
    }

    /// Looks at the answers that are owed; the first failure is the result.
    pub(in crate::db) async fn settle(&mut self) -> Result<(), Error> {
        let mut settled = self.await_begin().await.map(drop);
        while let Some(answer) = self.owed.next().await {
            settled = settled.and(self.note(answer));
        }
        settled
    }

    /// What a statement answered. Where it failed, the reason may be one that was sent before it.
    async fn answered<T>(&mut self, answer: Result<T, tokio_postgres::Error>) -> Result<T, Error> {
        if answer.is_err() {
            self.settle().await?;
        }
        self.note(answer)
    }

    /// The first column of the first row of a query without values.
    pub(super) async fn text(&mut self, sql: &str) -> Result<Option<String>, Error> {
        let answer = self.client.simple_query(sql).await;
        let found = self.note(answer)?.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        Ok(found)
    }

    /// What ended the transaction as a whole, if anything did.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    /// Whether a statement has failed since the last savepoint, so that nothing after it counts.
    pub(super) fn is_aborted(&self) -> bool {
        self.is_aborted
    }

    /// Undoes what was done since a savepoint, whatever became of it.
    pub(in crate::db) async fn back_to(&mut self, savepoint: &str) -> Result<(), Error> {
        let _ = self.settle().await;
        self.gathered = None;
        self.step(savepoint).await?;
        self.is_aborted = false;
        Ok(())
    }

    fn note<T>(&mut self, answer: Result<T, tokio_postgres::Error>) -> Result<T, Error> {
        answer.map_err(|cause| {
            self.is_aborted = true;
            let (error, trouble) = failure(&self.client, cause);
            match trouble {
                Some(Trouble::Conflict) => {
                    self.trouble.get_or_insert(Trouble::Conflict);
                }
                Some(Trouble::Lost) => self.trouble = trouble,
                None => {}
            }
            error
        })
    }

    /// Ends the transaction. The next may begin behind that at once, before it is known what became of this one.
    pub(super) fn end(&mut self, sql: &'static str) -> EndAnswer {
        let client = Arc::clone(&self.client);
        let mut owed = std::mem::take(&mut self.owed);
        let ended = sent({
            let client = Arc::clone(&client);
            async move { client.batch_execute(sql).await }
        });
        async move {
            let mut settled = Ok(());
            while let Some(answer) = owed.next().await {
                settled = settled.and(answer);
            }
            // The first failure is the one that tells why: what follows it in the transaction fails as well.
            settled.and(ended.await).map_err(|cause| failure(&client, cause))
        }
        .boxed()
    }

    async fn prepared(&mut self, sql: Sql, values: &[Value<'_>]) -> Result<Arc<Prepared>, Error> {
        let text = match sql {
            Sql::Both(text) | Sql::Each { postgres: text, .. } => text,
        };
        let key = (text.as_ptr().addr(), text.len());
        if let Some(known) = self.known().get(&key) {
            return Ok(Arc::clone(known));
        }
        let text = match sql {
            Sql::Both(text) => dialect::postgres(text),
            Sql::Each { postgres, .. } => postgres.into(),
        };
        let names = named(&text);
        let types: Vec<Type> = (0..names.len())
            .map(|index| match values.get(index) {
                // What is not named has no type; any will do.
                _ if !names[index] => Type::TEXT,
                Some(Value::Id(_)) => Type::UUID,
                Some(_) | None => Type::UNKNOWN,
            })
            .collect();
        let answer = self.client.prepare_typed(&text, &types).await;
        let statement = self.answered(answer).await?;
        let prepared = Arc::new(Prepared {
            key,
            text,
            statement,
            names,
        });
        self.known().insert(key, Arc::clone(&prepared));
        Ok(prepared)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Key, Arc<Prepared>>> {
        self.shared
            .statements
            .lock()
            .expect("no holder of this lock panics")
    }

    pub(in crate::db) async fn execute(&mut self, sql: Sql, values: &[Value<'_>]) -> Result<usize, Error> {
        let prepared = self.prepared(sql, values).await?;
        let given = prepared.given(values);
        let answer = self.client.execute(&prepared.statement, &given).await;
        self.answered(answer)
            .await
            .map(|rows| usize::try_from(rows).unwrap_or(usize::MAX))
    }

    pub(in crate::db) async fn each(
        &mut self,
        sql: Sql,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let prepared = self.prepared(sql, values).await?;
        let given = prepared.given(values);
        let answer = self.client.query_raw(&prepared.statement, given).await;
        let rows = self.answered(answer).await?;
        pin_mut!(rows);
        loop {
            let next = rows.try_next().await;
            match self.answered(next).await? {
                Some(row) => read(&Row::Postgres(&row))?,
                None => return Ok(()),
            }
        }
    }

    pub(in crate::db) async fn optional<T>(
        &mut self,
        sql: Sql,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let prepared = self.prepared(sql, values).await?;
        let given = prepared.given(values);
        let answer = self.client.query(&prepared.statement, &given).await;
        let rows = self.answered(answer).await?;
        rows.first().map(|row| read(&Row::Postgres(row))).transpose()
    }

    /// Sends a query for many sets of values; what follows may be sent at once.
    pub(in crate::db) async fn ask<'v, const N: usize>(
        &mut self,
        sql: Sql,
        sets: &[[Value<'v>; N]],
    ) -> Result<Asked, Error> {
        assert!(matches!(sql, Sql::Each { .. }), "sets are sent as arrays");
        if sets.is_empty() {
            return Ok(Asked::nothing());
        }
        let statement = self.prepared(sql, &[]).await?.statement.clone();
        let values = Encoded::all(&statement, &arrays(&transposed(sets)))?;
        let client = Arc::clone(&self.client);
        Ok(Asked::begin(async move {
            client.query_raw(&statement, values).await?.try_collect().await
        }))
    }

    /// The rows of a query that was sent.
    pub(in crate::db) async fn told(
        &mut self,
        asked: Asked,
        mut read: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(answer) = asked.answer().await else {
            self.trouble = Some(Trouble::Lost);
            return Err(Error::Unavailable(None));
        };
        let rows = self.answered(answer).await?;
        rows.iter().try_for_each(|row| read(&Row::Postgres(row)))
    }
}

/// Why a statement failed, and what that means for its transaction.
fn failure(client: &Client, cause: tokio_postgres::Error) -> (Error, Option<Trouble>) {
    let is_in_conflict = cause.code().is_some_and(is_conflict);
    let error = Error::from(cause);
    let is_lost = client.is_closed() || matches!(error, Error::Unavailable(_));
    let trouble = if is_in_conflict {
        Some(Trouble::Conflict)
    } else {
        is_lost.then_some(Trouble::Lost)
    };
    (error, trouble)
}

pub(super) fn advisory_lock(lane: i32) -> String {
    format!("select pg_advisory_xact_lock({})", advisory_key(lane))
}

/// Both halves of a lock's key.
pub(super) fn advisory_key(lane: i32) -> String {
    format!("{}, hashtext(current_schema())", LOCKS + lane)
}
