//! Statements that were sent, and whose answers nobody has looked at yet.
//!
//! A server a network away answers many statements as soon as one when they are sent one behind the other. What only
//! writes is therefore not waited for: its answer is looked at before the job that sent it is done.

use crate::db::Error;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use tokio::task::JoinHandle;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Row, Statement};

type Answer<T> = Result<T, tokio_postgres::Error>;

/// An answer on its way.
pub(super) type Pending<T> = BoxFuture<'static, Answer<T>>;

/// The answers to come, in the order of their statements.
#[derive(Default)]
pub(super) struct Owed(VecDeque<Pending<()>>);

impl Owed {
    /// Sends a statement.
    pub(super) fn begin(&mut self, statement: impl Future<Output = Answer<()>> + Send + 'static) {
        self.0.push_back(sent(statement));
    }

    /// Waits for the next answer; `None` when all were looked at.
    pub(super) async fn next(&mut self) -> Option<Answer<()>> {
        Some(self.0.pop_front()?.await)
    }

    /// Forgets what a transaction that is over still owes.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// A query whose rows nobody has looked at yet. They are taken off the connection as they come: it would stand still
/// otherwise, with what is behind them.
#[must_use = "the answer says whether the question failed"]
pub(crate) struct Asked(Option<JoinHandle<Answer<Vec<Row>>>>);

impl Asked {
    /// Sends a query.
    pub(super) fn begin(query: impl Future<Output = Answer<Vec<Row>>> + Send + 'static) -> Self {
        Self(Some(tokio::spawn(sent(query))))
    }

    /// What has no rows, whoever is asked.
    pub(super) fn nothing() -> Self {
        Self(None)
    }

    /// The rows; `None` when whoever waited for them is gone.
    pub(super) async fn answer(self) -> Option<Answer<Vec<Row>>> {
        match self.0 {
            Some(rows) => rows.await.ok(),
            None => Some(Ok(Vec::new())),
        }
    }
}

/// Begins what sends something: the driver does so when it is first polled, without waiting for anything.
pub(super) fn sent<T: Send + 'static>(
    statement: impl Future<Output = Answer<T>> + Send + 'static,
) -> Pending<T> {
    let mut answer = statement.boxed();
    match answer.as_mut().now_or_never() {
        Some(refused) => std::future::ready(refused).boxed(),
        None => answer,
    }
}

/// A value as it is sent. It outlives what it was made of, as long as its answer is owed.
#[derive(Debug)]
pub(super) struct Encoded(Option<BytesMut>);

impl Encoded {
    /// What a statement is given.
    pub(super) fn all(statement: &Statement, given: &[&(dyn ToSql + Sync)]) -> Result<Vec<Self>, Error> {
        let encoded = |(value, column): (&&(dyn ToSql + Sync), &Type)| {
            let mut bytes = BytesMut::new();
            match value.to_sql_checked(column, &mut bytes) {
                Ok(IsNull::No) => Ok(Self(Some(bytes))),
                Ok(IsNull::Yes) => Ok(Self(None)),
                Err(error) => Err(Error::Corrupt(error.to_string())),
            }
        };
        given.iter().zip(statement.params()).map(encoded).collect()
    }
}

impl ToSql for Encoded {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(bytes) = &self.0 else {
            return Ok(IsNull::Yes);
        };
        out.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
