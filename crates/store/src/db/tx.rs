use super::{Error, Row, Value};
use jiff::Timestamp;
use plex_domain::env::{Clock, Rng, micros, uuid_v7};
use rusqlite::{Connection, Statement};
use std::sync::Arc;
use uuid::Uuid;

/// A transaction. Every statement runs in one; whoever opened it commits it.
///
/// The functions are asynchronous because a database over a network is; on SQLite they never wait.
pub struct Tx {
    pub(super) connection: Connection,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: Arc<dyn Rng>,
    pub(super) now: Timestamp,
}

impl Tx {
    /// The time of this transaction by the database's clock, in whole microseconds.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new id, later than those minted before.
    pub fn new_id(&self) -> Uuid {
        uuid_v7(self.now, &*self.rng)
    }

    /// Random bytes for secrets.
    pub fn rng(&self) -> Arc<dyn Rng> {
        Arc::clone(&self.rng)
    }

    pub(super) fn tick(&mut self) {
        self.now = micros(self.clock.now());
    }

    /// Begins or ends something.
    pub(super) fn step(&self, sql: &'static str) -> Result<(), Error> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Runs a statement; returns how many rows it changed.
    pub async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<usize, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        Ok(statement.raw_execute()?)
    }

    /// The rows of a query.
    pub async fn all<T>(
        &mut self,
        sql: &'static str,
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
        sql: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            read(&Row(row))?;
        }
        Ok(())
    }

    /// The only row of a query, where there is one.
    pub async fn optional<T>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        let mut rows = statement.raw_query();
        rows.next()?.map(|row| read(&Row(row))).transpose()
    }

    /// Runs one statement for each set of values, prepared once.
    pub async fn execute_each<const N: usize>(
        &mut self,
        sql: &'static str,
        rows: impl IntoIterator<Item = [Value<'_>; N]>,
    ) -> Result<(), Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        for values in rows {
            bind(&mut statement, &values)?;
            statement.raw_execute()?;
        }
        Ok(())
    }
}

/// Binds `$n` to the n-th value. SQLite takes `$n` for a name and numbers names by their first occurrence.
fn bind(statement: &mut Statement<'_>, values: &[Value<'_>]) -> Result<(), Error> {
    for index in 1..=statement.parameter_count() {
        let number = statement
            .parameter_name(index)
            .and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let value = number.and_then(|number| values.get(number - 1));
        let value = value.expect("a statement names its values $1, $2, … and is given as many");
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(())
}
