use super::postgres::{self, Session};
use super::value::bind;
use super::{Error, Row, Settings, Value};
use crate::audit::{self, Unlinked};
use crate::nodes::Names;
use jiff::Timestamp;
use plex_domain::env::{Clock, Rng, micros, uuid_v7};
use std::sync::Arc;
use uuid::Uuid;

/// A transaction. Every statement runs in one; whoever opened it commits it.
///
/// The functions are asynchronous because a database over a network is; on SQLite they never wait.
pub struct Tx {
    connection: Connection,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    now: Timestamp,
    /// The last id minted here.
    last_id: Uuid,
    /// What is still to be appended to the audit chains.
    pub(crate) records: Vec<Unlinked>,
    /// What is known of nodes for good; all transactions of a database share it.
    pub(crate) names: Arc<Names>,
}

/// An engine's connection.
pub(super) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Session),
}

/// A statement: one text for both engines, or one for each.
#[derive(Debug, Clone, Copy)]
pub enum Sql {
    /// Both understand it; hints to SQLite's planner are left out for PostgreSQL.
    Both(&'static str),
    /// Each has its own. Run for many sets of values, PostgreSQL's gets each parameter as an array of them.
    Each {
        /// For SQLite.
        sqlite: &'static str,
        /// For PostgreSQL.
        postgres: &'static str,
    },
}

/// A query for sets of values, whose rows nobody has looked at yet.
#[must_use = "the answer says whether the question failed"]
pub(crate) enum Asked<'v, const N: usize> {
    /// SQLite looks for them when it is to tell.
    Sqlite(&'static str, Vec<[Value<'v>; N]>),
    /// PostgreSQL is at it.
    Postgres(postgres::Asked),
}

impl From<&'static str> for Sql {
    fn from(sql: &'static str) -> Self {
        Self::Both(sql)
    }
}

impl Sql {
    fn sqlite(self) -> &'static str {
        let (Self::Both(sql) | Self::Each { sqlite: sql, .. }) = self;
        sql
    }
}

impl Tx {
    pub(super) fn new(connection: Connection, settings: &Settings, names: &Arc<Names>) -> Self {
        Self {
            connection,
            clock: Arc::clone(&settings.clock),
            rng: Arc::clone(&settings.rng),
            now: settings.clock.now(),
            last_id: Uuid::nil(),
            records: Vec::new(),
            names: Arc::clone(names),
        }
    }

    /// The time of this transaction by the database's clock, in whole microseconds. In what reports, times ascend in
    /// the order of the commits only from the first answer of the database on; before it is an estimate.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new id, greater than those minted before at the same time or an earlier one.
    pub fn new_id(&mut self) -> Uuid {
        let id = uuid_v7(self.now, &*self.rng);
        // Of two ids of one time chance would say which is the greater. Adding 1 keeps version and variant: the last
        // 62 bits, random, are full once in 2⁶² ids.
        let next = Uuid::from_u128(self.last_id.as_u128() + 1);
        let is_same_time = self.last_id.as_u128() >> 64 == id.as_u128() >> 64;
        self.last_id = if is_same_time { next } else { id };
        self.last_id
    }

    /// Random bytes for secrets.
    pub fn rng(&self) -> Arc<dyn Rng> {
        Arc::clone(&self.rng)
    }

    /// Looks at the clock.
    pub(super) fn tick(&mut self) {
        let now = match &self.connection {
            Connection::Sqlite(_) => None,
            Connection::Postgres(session) => session.now(),
        };
        self.now = micros(now.unwrap_or_else(|| self.clock.now()));
    }

    /// Waits until the transaction has begun, and takes the time of that.
    pub(super) async fn await_begin(&mut self) -> Result<(), Error> {
        if let Connection::Postgres(session) = &mut self.connection
            && session.await_begin().await?
        {
            self.tick();
        }
        Ok(())
    }

    /// Whether other replicas may share the database.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.connection, Connection::Postgres(_))
    }

    /// Begins or ends something on SQLite.
    pub(super) fn step(&self, sql: &'static str) -> Result<(), Error> {
        self.sqlite().prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    pub(super) fn sqlite(&self) -> &rusqlite::Connection {
        match &self.connection {
            Connection::Sqlite(connection) => connection,
            Connection::Postgres(_) => {
                unreachable!("only the threads of SQLite ask, for their own connection")
            }
        }
    }

    /// The same, for what changes the connection itself.
    pub(super) fn sqlite_mut(&mut self) -> &mut rusqlite::Connection {
        match &mut self.connection {
            Connection::Sqlite(connection) => connection,
            Connection::Postgres(_) => unreachable!("only what reads SQLite asks, for its own connection"),
        }
    }

    pub(super) fn postgres(&mut self) -> &mut Session {
        match &mut self.connection {
            Connection::Postgres(session) => session,
            Connection::Sqlite(_) => {
                unreachable!("only the threads of PostgreSQL ask, for their own connection")
            }
        }
    }

    /// Runs what a constraint may refuse; where it does, the transaction can go on all the same. On PostgreSQL a
    /// refusal would otherwise end it.
    pub async fn attempt<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.await_begin().await?;
        let recorded = self.records.len();
        match &mut self.connection {
            Connection::Sqlite(_) => self.step("savepoint attempt")?,
            Connection::Postgres(session) => session.send("savepoint attempt"),
        }
        let mut attempted = work(self).await;
        if let (Ok(_), Connection::Postgres(session)) = (&attempted, &mut self.connection) {
            attempted = session.settle().await.and(attempted);
        }
        match (&attempted, &mut self.connection) {
            (Ok(_), Connection::Sqlite(_)) => self.step("release savepoint attempt")?,
            (Ok(_), Connection::Postgres(session)) => session.send("release savepoint attempt"),
            (Err(_), Connection::Sqlite(_)) => self.step("rollback to savepoint attempt")?,
            (Err(_), Connection::Postgres(session)) => {
                session.back_to("rollback to savepoint attempt").await?;
            }
        }
        if attempted.is_err() {
            self.records.truncate(recorded);
        }
        attempted
    }

    /// Ends a job that is to be kept: what it told the audit chains is appended, on PostgreSQL at the end of the
    /// commit.
    pub(super) async fn end_job(&mut self) -> Result<(), Error> {
        match &mut self.connection {
            Connection::Sqlite(_) => audit::link(self).await,
            Connection::Postgres(_) => Ok(()),
        }
    }

    /// Keeps the ends of the audit chains to this transaction until it is over, whichever replica's the others are. On
    /// SQLite the writer is alone already.
    pub(crate) fn lock_chains(&mut self) {
        match &mut self.connection {
            Connection::Sqlite(_) => {}
            Connection::Postgres(session) => session.lock_chains(),
        }
    }

    /// Runs a statement; returns how many rows it changed.
    pub async fn execute(&mut self, sql: impl Into<Sql>, values: &[Value<'_>]) -> Result<usize, Error> {
        self.await_begin().await?;
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql.into().sqlite())?;
                bind(&mut statement, values)?;
                Ok(statement.raw_execute()?)
            }
            Connection::Postgres(session) => session.execute(sql.into(), values).await,
        }
    }

    /// The rows of a query.
    pub async fn all<T>(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        self.each(sql, values, |row| {
            found.push(read(row)?);
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// Every row of a query, one after the other.
    pub async fn each(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.await_begin().await?;
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql.into().sqlite())?;
                bind(&mut statement, values)?;
                let mut rows = statement.raw_query();
                while let Some(row) = rows.next()? {
                    read(&Row::Sqlite(row))?;
                }
                Ok(())
            }
            Connection::Postgres(session) => session.each(sql.into(), values, read).await,
        }
    }

    /// The only row of a query, where there is one.
    pub async fn optional<T>(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        self.await_begin().await?;
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql.into().sqlite())?;
                bind(&mut statement, values)?;
                let mut rows = statement.raw_query();
                rows.next()?.map(|row| read(&Row::Sqlite(row))).transpose()
            }
            Connection::Postgres(session) => session.optional(sql.into(), values, read).await,
        }
    }

    /// Asks for the rows of a query for many sets of values; they tell themselves whose they are. What is asked before
    /// the first answer is looked at costs one way to the database and back, however much it is.
    pub(crate) async fn ask<'v, const N: usize>(
        &mut self,
        sql: impl Into<Sql>,
        sets: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<Asked<'v, N>, Error> {
        let (sql, sets) = (sql.into(), sets.into_iter().collect::<Vec<_>>());
        match &mut self.connection {
            Connection::Sqlite(_) => Ok(Asked::Sqlite(sql.sqlite(), sets)),
            Connection::Postgres(session) => Ok(Asked::Postgres(session.ask(sql, &sets).await?)),
        }
    }

    /// The rows that were asked for.
    pub(crate) async fn told<const N: usize>(
        &mut self,
        asked: Asked<'_, N>,
        mut read: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.await_begin().await?;
        match (asked, &mut self.connection) {
            (Asked::Sqlite(sql, sets), Connection::Sqlite(connection)) => {
                let mut statement = connection.prepare_cached(sql)?;
                for values in sets {
                    bind(&mut statement, &values)?;
                    let mut rows = statement.raw_query();
                    while let Some(row) = rows.next()? {
                        read(&Row::Sqlite(row))?;
                    }
                }
                Ok(())
            }
            (Asked::Postgres(asked), Connection::Postgres(session)) => session.told(asked, read).await,
            _ => unreachable!("who was asked answers"),
        }
    }

    /// Runs a statement for many sets of values. On PostgreSQL nobody waits for it: where it fails, what comes after it
    /// fails, and so does the job.
    pub async fn execute_each<'v, const N: usize>(
        &mut self,
        sql: impl Into<Sql>,
        rows: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<(), Error> {
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql.into().sqlite())?;
                for values in rows {
                    bind(&mut statement, &values)?;
                    statement.raw_execute()?;
                }
                Ok(())
            }
            Connection::Postgres(session) => session.execute_each(sql.into(), rows).await,
        }
    }

    /// Runs code that only writes, by [`Tx::execute_each`]: nothing of it depends on what another part of it wrote, and no
    /// two touch one row. PostgreSQL gets all of it as one statement.
    pub(crate) async fn together<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let Connection::Postgres(session) = &mut self.connection {
            session.gather();
        }
        let worked = work(self).await;
        if let Connection::Postgres(session) = &mut self.connection {
            let gathered = session.gathered();
            if worked.is_ok() {
                session.write_united(gathered).await?;
            }
        }
        worked
    }
}

#[cfg(test)]
mod tests {
    use crate::Error;
    use crate::testing::{TestClock, db_at};
    use uuid::Uuid;

    /// On PostgreSQL the time is the database's own, and ids are of several times.
    #[tokio::test]
    async fn ids_of_one_transaction_and_of_the_next_ascend() {
        let (_dir, db) = db_at(TestClock::new());
        let mut last = Uuid::nil();
        for _ in 0..20 {
            let minted: Result<_, Error> = db
                .write(async move |tx| Ok((0..50).map(|_| tx.new_id()).collect::<Vec<Uuid>>()))
                .await;
            for id in minted.unwrap() {
                assert!(id > last, "{id} after {last}");
                assert_eq!(
                    (id.get_version_num(), id.get_variant()),
                    (7, uuid::Variant::RFC4122)
                );
                last = id;
            }
        }
    }
}
