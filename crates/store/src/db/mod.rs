//! One database handle for two engines.
//!
//! [`Db`] runs transactions: `db.read(async |tx| …)` on a snapshot that never waits for a writer,
//! `db.read_committed(|tx| ….boxed())` for what asks only once, `db.look_up(|tx| ….boxed())` for one short statement,
//! `db.write(async |tx| …)` as the only writer, `db.report(async |tx| …)` for what changes executions that exist. A
//! statement is written once, with `$n` parameters, next to the row it fills; where the engines differ it is written
//! twice, whole ([`Sql`]).
//!
//! * **SQLite** runs on threads of its own: a few readers, and one writer that gathers the writes which wait
//!   into one durable commit, each in a savepoint, so that one refusal undoes only itself. What asks once is read on the
//!   caller's thread, over a few connections that are idle otherwise, unless it takes long.
//! * **PostgreSQL** is shared by replicas. Each has one connection that writes and gathers in the same way, one for
//!   reports, a few that read, a few for what asks once, and two that look-ups share. A lock that the server holds makes
//!   the writers of all replicas one, and so the reporters: a transaction sees the same world on both engines.
//!
//! A caller that goes away changes nothing: its transaction ends as if it had stayed.

mod checkpoint;
mod dialect;
mod error;
mod handle;
mod idle;
mod job;
pub mod postgres;
mod sqlite;
mod tx;
mod value;

pub use error::{Cause, Error};
pub use handle::{Db, Engine, Settings};
pub(crate) use tx::Asked;
pub use tx::{Sql, Tx};
pub(crate) use value::id_list;
pub use value::{Column, Row, Value};

/// Values to bind, in the order of `$1`, `$2`, …
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::db::Value::from($value)),*] };
}
