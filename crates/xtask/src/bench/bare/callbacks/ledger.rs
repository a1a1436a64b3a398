//! The floor's own database, seen from the bench: what can be reported on, and how much was stored.

use super::super::Database;
use super::{postgresql, sqlite};

use anyhow::ensure;
use uuid::Uuid;

/// By the floor's own account, in the order of [`Tally`]'s members.
const TALLY: &str = "select
        (select coalesce(sum(ack + 2 * started + 3 * succeeded), 0) from executions),
        (select coalesce(sum(status), 0) from invocations),
        (select count(*) from events),
        (select coalesce(sum(succeeded), 0) from executions),
        (select count(*) from outputs)";

/// A database of the floor of callbacks.
pub(in crate::bench) struct Ledger(Database);

/// How much is stored in it.
#[derive(Debug, PartialEq, Eq)]
struct Tally {
    /// Steps, by the counts of the executions.
    counted: i64,
    /// The same, by the invocations.
    reached: i64,
    /// The same, by the events.
    events: i64,
    /// Invocations that have ended, each with an output.
    ended: i64,
    /// Outputs.
    outputs: i64,
}

impl Ledger {
    /// Makes one in which all of the nodes can report on all of the executions.
    ///
    /// # Errors
    /// When the database does not take it.
    pub(in crate::bench) fn make(
        database: Database,
        executions: &[Uuid],
        nodes: &[Uuid],
    ) -> anyhow::Result<Self> {
        match &database {
            Database::File(path) => sqlite::make(path, executions, nodes)?,
            Database::Url(url) => postgresql::make(url, executions, nodes)?,
        }
        Ok(Self(database))
    }

    /// Where it is.
    pub(in crate::bench) fn database(&self) -> &Database {
        &self.0
    }

    /// Fails unless exactly so many reports, and an output of every invocation that has ended, are stored and counted.
    ///
    /// # Errors
    /// With what is stored instead.
    pub(in crate::bench) fn expect(&self, answered: usize) -> anyhow::Result<()> {
        let [counted, reached, events, ended, outputs] = match &self.0 {
            Database::File(path) => sqlite::tally(path, TALLY)?,
            Database::Url(url) => postgresql::tally(url, TALLY)?,
        };
        let tally = Tally {
            counted,
            reached,
            events,
            ended,
            outputs,
        };
        let all = i64::try_from(answered)?;
        let expected = Tally {
            counted: all,
            reached: all,
            events: all,
            outputs: ended,
            ended,
        };
        ensure!(
            tally == expected,
            "the bare handler answered 200 to {answered} reports, and stored {tally:?}"
        );
        Ok(())
    }
}
