//! One database handle.
//!
//! [`Db`] runs transactions: `db.read(async |tx| …)` on a snapshot that never waits for a writer,
//! `db.write(async |tx| …)` as the only writer, `db.look_up(async |tx| …)` for one short statement on the
//! caller's own thread. A statement is written once, with `$n` parameters, next to
//! the row it fills.
//!
//! SQLite runs on threads of its own: a few readers, and one writer that gathers the writes which wait into
//! one durable commit, each in a savepoint, so that one refusal undoes only itself. A caller that goes away
//! changes nothing: its transaction ends as if it had stayed.

mod checkpoint;
mod error;
mod look_ups;
mod sqlite;
mod tx;
mod value;

pub use error::Error;
pub use sqlite::{Db, Settings};
pub use tx::Tx;
pub(crate) use value::id_list;
pub use value::{Column, Row, Value};

/// Values to bind, in the order of `$1`, `$2`, …
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::db::Value::from($value)),*] };
}
