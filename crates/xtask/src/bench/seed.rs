//! A long history, written straight into the database while the server is stopped.
//!
//! Through the API ten million executions with their reports would take hours; what the server finds is the same. The
//! rows are those that real dispatches leave: one execution, one invocation, three events, and an output where the run
//! succeeded. The audit chain is left alone, so it stays valid.

mod postgresql;
mod sqlite;

use super::control_plane::Installation;
use super::fleet::{ACTION, Fleet};
use super::random::Random;
use std::collections::HashMap;

use plex_api::executions::{ActionKind, ExecutionStatus};
use uuid::Uuid;

/// An action that one in a thousand executions has.
pub(super) const RARE_ACTION: &str = "rotate-keys";
/// The time that the whole history covers, in microseconds: 30 days.
const SPAN: i64 = 30 * 24 * 3600 * 1_000_000;
/// From one status of an invocation to the next, in microseconds.
const STEP: i64 = 250_000;
/// Executions of one transaction.
const PER_TRANSACTION: usize = 20_000;
const PARAMETERS: &str = r#"{"release":"2026.11.3","attempt":1}"#;
const DISPATCHED_BY: &str = "user:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a1";
const OUTPUT: &str = "release 2026.11.3 is in place\nrestarted in 1.2 s\n";

/// The history of one project. It grows from its oldest execution on.
pub(super) struct History {
    project_id: Uuid,
    domain_id: Uuid,
    /// Who ran it.
    nodes: Vec<Uuid>,
    /// When the first execution was dispatched, in microseconds since 1970.
    began: i64,
    /// How many executions it has in the end.
    size: u32,
    written: u32,
    random: Random,
    tally: HashMap<(String, ExecutionStatus), u64>,
}

impl History {
    /// The beginning of a history that `fleet` is to have, and that has `size` executions in the end.
    pub(super) fn new(installation: &Installation, fleet: &Fleet, size: u32, random: &Random) -> Self {
        Self {
            project_id: installation.project_id,
            domain_id: installation.domain_id,
            nodes: fleet.nodes.iter().map(|node| node.id).collect(),
            began: jiff::Timestamp::now().as_microsecond() - SPAN,
            size,
            written: 0,
            random: random.clone(),
            tally: HashMap::new(),
        }
    }

    /// How many executions are stored.
    pub(super) fn stored(&self) -> u32 {
        self.written
    }

    /// How many of them have an action and a status that pass.
    pub(super) fn count(&self, passes: impl Fn(&str, ExecutionStatus) -> bool) -> u64 {
        let passing = self
            .tally
            .iter()
            .filter(|((action, status), _)| passes(action, *status));
        passing.map(|(_, count)| count).sum()
    }

    /// A thirtieth of it, so a day, from its middle on.
    pub(super) fn middle_day(&self) -> Day {
        let (first, next) = (self.written / 2, self.written / 2 + self.written / 30);
        Day {
            began: self.dispatched_at(first),
            ended: self.dispatched_at(next),
            count: u64::from(next - first),
        }
    }

    /// Microseconds since 1970.
    fn dispatched_at(&self, number: u32) -> i64 {
        self.began + SPAN / i64::from(self.size) * i64::from(number)
    }

    /// Writes on until so many are stored. The server must be stopped.
    ///
    /// # Errors
    /// When the database does not take it.
    pub(super) fn grow(&mut self, installation: &Installation, stored: u32) -> anyhow::Result<()> {
        let (project, began, numbers) = (
            (self.project_id, self.domain_id),
            self.began,
            self.written..stored,
        );
        self.written = stored;
        let mut pasts = numbers.map(|number| {
            let past = self.past(number);
            *self.tally.entry((past.action.clone(), past.status)).or_default() += 1;
            past
        });
        match installation.shared() {
            None => sqlite::write(&installation.database(), project, &mut pasts),
            Some(shared) => postgresql::write(&shared.url, (project, began), &mut pasts),
        }
    }

    fn past(&mut self, number: u32) -> Past {
        let created_at = self.dispatched_at(number);
        let random = &mut self.random;
        let status = match random.below(10_000) {
            0..9300 => ExecutionStatus::Succeeded,
            9300..9800 => ExecutionStatus::Failed,
            9800..9900 => ExecutionStatus::Timeout,
            9900..9999 => ExecutionStatus::Cancelled,
            _ => ExecutionStatus::Started,
        };
        let (action, kind) = match (number % 1000, random.below(20)) {
            (7, _) => (RARE_ACTION.to_owned(), ActionKind::Hook),
            (_, 0..10) => (ACTION.to_owned(), ActionKind::Builtin),
            (_, other) => (format!("deploy-{other}"), ActionKind::Hook),
        };
        let node = usize::try_from(random.below(self.nodes.len() as u64)).expect("it is below a length");
        Past {
            id: random.id(u64::try_from(created_at / 1000).expect("the clock stands after 1970")),
            node_id: self.nodes[node],
            action,
            kind,
            status,
            created_at,
        }
    }
}

/// Takes executions out of the log again, as if they had never been dispatched. Their events and their outputs stay:
/// nothing reads those but through an invocation.
///
/// # Errors
/// When the database does not take it.
pub(super) fn forget(installation: &Installation, executions: &[Uuid]) -> anyhow::Result<()> {
    match installation.shared() {
        None => sqlite::forget(&installation.database(), executions),
        Some(shared) => postgresql::forget(&shared.url, executions),
    }
}

/// Part of a history. Times are microseconds since 1970.
pub(super) struct Day {
    /// When its first execution was dispatched.
    pub(super) began: i64,
    /// When the first one after it was.
    pub(super) ended: i64,
    /// How many it has.
    pub(super) count: u64,
}

/// One execution of long ago. Times are microseconds since 1970.
struct Past {
    id: Uuid,
    node_id: Uuid,
    action: String,
    kind: ActionKind,
    status: ExecutionStatus,
    created_at: i64,
}

impl Past {
    fn ended(&self) -> Option<i64> {
        self.status.is_terminal().then_some(self.updated_at())
    }

    fn updated_at(&self) -> i64 {
        self.created_at + 3 * STEP
    }

    fn started_at(&self) -> i64 {
        self.created_at + 2 * STEP
    }

    /// One that is still running must not fall due while it is being measured.
    fn timeout_seconds(&self) -> i64 {
        if self.status == ExecutionStatus::Started {
            60 * 24 * 3600
        } else {
            300
        }
    }

    fn expires_at(&self) -> i64 {
        self.created_at + self.timeout_seconds() * 1_000_000
    }

    /// How many of its one target are in that status.
    fn has(&self, status: ExecutionStatus) -> i64 {
        i64::from(self.status == status)
    }

    fn output(&self) -> Option<&'static str> {
        (self.status == ExecutionStatus::Succeeded).then_some(OUTPUT)
    }

    fn output_bytes(&self) -> Option<i64> {
        self.output()
            .map(|output| i64::try_from(output.len()).expect("it is short"))
    }

    fn exit_code(&self) -> Option<i64> {
        match self.status {
            ExecutionStatus::Succeeded => Some(0),
            ExecutionStatus::Failed => Some(1),
            _ => None,
        }
    }

    fn error(&self) -> Option<&'static str> {
        (self.status == ExecutionStatus::Failed).then_some("exit status 1")
    }

    fn live(&self) -> Option<i64> {
        (!self.status.is_terminal()).then_some(1)
    }

    /// What its events say, and when.
    fn events(&self) -> impl Iterator<Item = (ExecutionStatus, i64)> {
        let reached = match self.status {
            ExecutionStatus::Timeout => [Some(ExecutionStatus::Timeout), None, None],
            ExecutionStatus::Started => [Some(ExecutionStatus::Ack), Some(ExecutionStatus::Started), None],
            other => [
                Some(ExecutionStatus::Ack),
                Some(ExecutionStatus::Started),
                Some(other),
            ],
        };
        let times = (1..).map(|step| self.created_at + step * STEP);
        reached.into_iter().flatten().zip(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(size: u32) -> History {
        History {
            project_id: Uuid::nil(),
            domain_id: Uuid::nil(),
            nodes: vec![Uuid::nil(), Uuid::max()],
            began: 1_700_000_000_000_000,
            size,
            written: 0,
            random: Random::new(3),
            tally: HashMap::new(),
        }
    }

    #[test]
    fn a_history_goes_on_where_it_was_left_and_ends_now() {
        let mut history = history(10_000);
        let pasts: Vec<_> = (0..10_000).map(|number| history.past(number)).collect();
        assert!(pasts.is_sorted_by(|one, next| one.id < next.id && one.created_at < next.created_at));
        let last = pasts.last().unwrap();
        assert!(last.created_at - history.began > SPAN - SPAN / 1000);
        for status in [
            ExecutionStatus::Succeeded,
            ExecutionStatus::Failed,
            ExecutionStatus::Cancelled,
        ] {
            assert!(pasts.iter().any(|past| past.status == status), "{status:?}");
        }
        assert_eq!(pasts.iter().filter(|past| past.action == RARE_ACTION).count(), 10);
    }

    #[test]
    fn a_day_has_what_was_dispatched_in_it() {
        let mut history = history(10_000);
        let pasts: Vec<_> = (0..10_000).map(|number| history.past(number)).collect();
        history.written = 10_000;
        let day = history.middle_day();
        let within = |past: &&Past| (day.began..day.ended).contains(&past.created_at);
        assert_eq!(pasts.iter().filter(within).count(), 333);
        assert_eq!(day.count, 333);
    }

    #[test]
    fn a_run_that_has_ended_has_an_end_and_no_live_invocation() {
        let past = history(1000).past(1);
        for status in [
            ExecutionStatus::Started,
            ExecutionStatus::Succeeded,
            ExecutionStatus::Timeout,
        ] {
            let past = Past {
                status,
                action: past.action.clone(),
                ..past
            };
            let is_over = status != ExecutionStatus::Started;
            assert_eq!(
                (past.ended().is_some(), past.live().is_none()),
                (is_over, is_over)
            );
            let (last, _) = past.events().last().unwrap();
            assert_eq!(last, status);
        }
    }
}
