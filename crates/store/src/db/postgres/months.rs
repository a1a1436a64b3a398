//! The months of the history, each a partition of each of its tables: made before they begin, dropped when they are over
//! and nothing is left in them.
//!
//! Both need the tables for themselves for a moment. Whoever waits for that lets nobody past, so it waits only a little
//! and comes again an hour later; there are two months for that.

use super::Opener;
use super::lane::Name;
use super::session::{Session, advisory_lock};
use crate::db::Error;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use plex_domain::env::first_id;
use std::time::Duration;
use uuid::Uuid;

/// The tables that lie in months.
const TABLES: [&str; 4] = ["executions", "invocations", "outputs", "execution_events"];
/// How many months there are at least, the present one included.
const AHEAD: i32 = 3;
/// Between two looks.
const PERIOD: Duration = Duration::from_secs(60 * 60);
/// The lock under which months are made and dropped.
const LOCK: i32 = 4;
/// Begins a change of tables that waits only a little for them.
const BEGIN: &str = "begin; set local lock_timeout = '250ms'";

/// Makes and drops months until the other end of `stop` is dropped.
pub(super) fn run(opener: &Opener, stop: &Receiver<()>) {
    while stop.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
        let kept = super::block_on(async {
            let mut session = Session::open(&opener.server, None).await?;
            let now = opener.settings.clock.now();
            make(&mut session, now).await?;
            drop_empty(&mut session, now).await
        });
        match kept {
            Ok(()) | Err(Error::Busy) => {}
            Err(error) => tracing::warn!(error.cause = ?error, "months of the history could not be kept"),
        }
    }
}

/// Makes this month and the next two, as far as they are missing. A month of which the default partition holds
/// something already stays there.
pub(super) async fn make(session: &mut Session, now: Timestamp) -> Result<(), Error> {
    for ahead in 0..AHEAD {
        let Some(month) = Month::of(now).and_then(|month| month.plus(ahead)) else {
            continue;
        };
        if session
            .text(&format!("select to_regclass('{}')", month.table(TABLES[0])))
            .await?
            .is_some()
        {
            continue;
        }
        let made = TABLES.map(|table| month.made(table)).join(";");
        match alone(session, &format!("{}; {made}", advisory_lock(LOCK))).await {
            Err(error) if !error.is_constraint() => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Drops the months that are over and hold nothing any more.
pub(super) async fn drop_empty(session: &mut Session, now: Timestamp) -> Result<(), Error> {
    let known = session
        .text(
            "select string_agg(right(inhrelid::regclass::text, 7), ' ' order by inhrelid::regclass::text)
            from pg_inherits
            where inhparent = 'executions'::regclass and inhrelid::regclass::text ~ 'executions_[0-9]{4}_[0-9]{2}$'",
        )
        .await?
        .unwrap_or_default();
    for month in known.split(' ').filter_map(Month::parse) {
        if !month.is_over(now) || holds_any(session, month).await? {
            continue;
        }
        // The lanes first: then nobody who changes the tables can wait for us while we wait for him.
        let lanes = [Name::Writers, Name::Reporters]
            .map(|lane| advisory_lock(lane as i32))
            .join(";");
        let tables = TABLES.join(",");
        begin(
            session,
            &format!("{}; {lanes}; lock table {tables}", advisory_lock(LOCK)),
        )
        .await?;
        let dropped = match holds_any(session, month).await {
            Ok(false) => {
                let months = TABLES.map(|table| month.table(table)).join(",");
                session.step(&format!("drop table {months}; commit")).await
            }
            Ok(true) => session.step("rollback").await,
            Err(error) => Err(error),
        };
        if dropped.is_err() {
            let _ = session.step("rollback").await;
        }
        dropped?;
    }
    Ok(())
}

async fn holds_any(session: &mut Session, month: Month) -> Result<bool, Error> {
    let any = TABLES.map(|table| format!("exists (select from {})", month.table(table)));
    let found = session.text(&format!("select {}", any.join(" or "))).await?;
    Ok(found.as_deref() != Some("f"))
}

/// Begins a transaction with these statements; where one fails there is none.
async fn begin(session: &mut Session, sql: &str) -> Result<(), Error> {
    let begun = session.step(&format!("{BEGIN}; {sql}")).await;
    if begun.is_err() {
        let _ = session.step("rollback").await;
    }
    begun
}

async fn alone(session: &mut Session, sql: &str) -> Result<(), Error> {
    begin(session, sql).await?;
    session.step("commit").await
}

/// A month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Month(Date);

impl Month {
    fn of(time: Timestamp) -> Option<Self> {
        Some(Self(time.to_zoned(TimeZone::UTC).date().first_of_month()))
    }

    /// `2026_11`
    fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('_')?;
        Date::new(year.parse().ok()?, month.parse().ok()?, 1)
            .ok()
            .map(Self)
    }

    fn plus(self, months: i32) -> Option<Self> {
        self.0.checked_add(months.months()).ok().map(Self)
    }

    /// Its partition of a table.
    fn table(self, table: &str) -> String {
        format!("{table}_{}", self.0.strftime("%Y_%m"))
    }

    fn made(self, table: &str) -> String {
        let (from, to) = (self.first_id(), self.plus(1).map_or(Uuid::max(), Self::first_id));
        let name = self.table(table);
        // Room for the next state of a row on its own page, so that its indexes stay as they are.
        let room = if table == "invocations" {
            " with (fillfactor = 75)"
        } else {
            ""
        };
        format!(
            "create table if not exists {name} partition of {table} for values from ('{from}') to ('{to}'){room}"
        )
    }

    /// Where the ids of a month begin.
    fn first_id(self) -> Uuid {
        let began = self.0.to_zoned(TimeZone::UTC);
        began.map_or(Uuid::nil(), |began| first_id(began.timestamp()))
    }

    /// Whether it ended more than a day ago, whatever the clocks say.
    fn is_over(self, now: Timestamp) -> bool {
        let end = self.plus(1).and_then(|next| next.0.to_zoned(TimeZone::UTC).ok());
        end.and_then(|end| end.timestamp().checked_add(24.hours()).ok())
            .is_some_and(|end| end < now)
    }
}

#[cfg(test)]
mod tests;
