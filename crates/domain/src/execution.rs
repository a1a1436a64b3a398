//! The states of an invocation, which reports a node may make, and what the execution as a whole is.
//!
//! [`judge`] decides on a report without touching anything (decisions 13 and 14); the store applies the
//! verdict by compare-and-set. [`TargetCounts`] is what an execution keeps of its targets: the aggregate is a
//! pure function of it (decision 15), so it can never disagree with the targets it was counted from.

use plex_api::executions::ExecutionStatus;
use plex_api::limits::INLINE_OUTPUT_BYTES;

/// What is stored of an invocation, as far as a report's legality depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invocation {
    /// Where it stands.
    pub status: ExecutionStatus,
    /// SHA-256 of the last accepted callback body; `None` before the first, and after the server set `timeout`.
    pub last_report: Option<[u8; 32]>,
}

/// A node's callback, as far as its legality depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The status that the node reports.
    pub status: ExecutionStatus,
    /// The output size that it declares, in bytes.
    pub declared_bytes: Option<u64>,
    /// SHA-256 of the callback body as received.
    pub digest: [u8; 32],
}

/// What becomes of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The invocation goes to the reported status, with one event in the history.
    Advance,
    /// `started` again, to declare an output above the inline ceiling: the declaration is stored, no event.
    Declare,
    /// The last accepted report once more, byte for byte: the same answer, nothing stored.
    Replay,
    /// Nothing changes.
    Refuse(Refusal),
}

/// Why a report is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The step is not on the list of legal ones.
    InvalidTransition,
    /// The invocation is settled.
    AlreadyTerminal,
    /// `pending` and `timeout` are not a node's to report.
    NotReportable,
}

/// Decides on a report.
pub fn judge(invocation: &Invocation, report: &Report) -> Verdict {
    use ExecutionStatus::{Ack, Cancelled, Failed, Pending, Started, Succeeded, Timeout};
    if invocation.status != Timeout && invocation.last_report == Some(report.digest) {
        return Verdict::Replay;
    }
    match (invocation.status, report.status) {
        (Succeeded | Failed | Cancelled | Timeout, _) => Verdict::Refuse(Refusal::AlreadyTerminal),
        (Pending | Ack | Started, Pending | Timeout) => Verdict::Refuse(Refusal::NotReportable),
        (Pending, Ack | Failed) | (Ack, Started | Failed) | (Started, Succeeded | Failed | Cancelled) => {
            Verdict::Advance
        }
        (Started, Started) if declares_upload(report) => Verdict::Declare,
        (Pending, Started | Succeeded | Cancelled)
        | (Ack, Ack | Succeeded | Cancelled)
        | (Started, Ack | Started) => Verdict::Refuse(Refusal::InvalidTransition),
    }
}

fn declares_upload(report: &Report) -> bool {
    report
        .declared_bytes
        .is_some_and(|bytes| bytes > INLINE_OUTPUT_BYTES as u64)
}

/// How many targets of an execution stand at each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TargetCounts([u32; 7]);

impl TargetCounts {
    /// From counts in the order of [`ExecutionStatus::ALL`].
    pub fn from_array(counts: [u32; 7]) -> Self {
        Self(counts)
    }

    /// The counts in the order of [`ExecutionStatus::ALL`].
    pub fn to_array(self) -> [u32; 7] {
        self.0
    }

    /// Targets at that status.
    pub fn of(&self, status: ExecutionStatus) -> u32 {
        self.0[status as usize]
    }

    /// All targets.
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// Targets for which nothing can follow.
    pub fn terminal(&self) -> u32 {
        self.iter()
            .filter(|(status, _)| status.is_terminal())
            .map(|(_, n)| n)
            .sum()
    }

    /// Counts `n` more targets at that status.
    pub fn add(&mut self, status: ExecutionStatus, n: u32) {
        self.0[status as usize] += n;
    }

    /// One target goes from one status to another.
    ///
    /// # Panics
    /// When none was counted at `from`: the counts then no longer describe the targets.
    pub fn shift(&mut self, from: ExecutionStatus, to: ExecutionStatus) {
        let left = &mut self.0[from as usize];
        *left = left.checked_sub(1).expect("a target is counted under its status");
        self.0[to as usize] += 1;
    }

    /// Every status with its count, zeros included, in the order of the enum.
    pub fn iter(&self) -> impl Iterator<Item = (ExecutionStatus, u32)> + '_ {
        ExecutionStatus::ALL.into_iter().zip(self.0)
    }

    /// The status of the execution as a whole (decision 15).
    ///
    /// An execution always has a target; the counts of none, which only a damaged store can hold, count as
    /// `pending`, so that nothing is ever called a success for lack of targets.
    pub fn aggregate(&self) -> ExecutionStatus {
        use ExecutionStatus::{Ack, Cancelled, Failed, Pending, Started, Succeeded, Timeout};
        let total = self.total();
        if total > 0 && self.terminal() == total {
            let worst = [Failed, Timeout, Cancelled]
                .into_iter()
                .find(|status| self.of(*status) > 0);
            return worst.unwrap_or(Succeeded);
        }
        if self.terminal() > 0 || self.of(Started) > 0 {
            Started
        } else if self.of(Ack) > 0 {
            Ack
        } else {
            Pending
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ExecutionStatus::*;
    use proptest::prelude::*;

    const SEEN: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];

    fn verdict(from: ExecutionStatus, to: ExecutionStatus, declared_bytes: Option<u64>) -> Verdict {
        let last_report = (from != Timeout).then_some(SEEN);
        judge(
            &Invocation {
                status: from,
                last_report,
            },
            &Report {
                status: to,
                declared_bytes,
                digest: NEW,
            },
        )
    }

    #[test]
    fn the_legal_edges_are_these_and_no_others() {
        let legal = [
            (Pending, Ack),
            (Pending, Failed),
            (Ack, Started),
            (Ack, Failed),
            (Started, Succeeded),
            (Started, Failed),
            (Started, Cancelled),
        ];
        for from in ExecutionStatus::ALL {
            for to in ExecutionStatus::ALL {
                let expected = if from.is_terminal() {
                    Verdict::Refuse(Refusal::AlreadyTerminal)
                } else if to == Pending || to == Timeout {
                    Verdict::Refuse(Refusal::NotReportable)
                } else if legal.contains(&(from, to)) {
                    Verdict::Advance
                } else {
                    Verdict::Refuse(Refusal::InvalidTransition)
                };
                assert_eq!(verdict(from, to, None), expected, "{from:?} -> {to:?}");
            }
        }
    }

    #[test]
    fn a_declaration_needs_more_than_the_inline_ceiling() {
        let refused = Verdict::Refuse(Refusal::InvalidTransition);
        assert_eq!(verdict(Started, Started, Some(16_384)), refused);
        assert_eq!(verdict(Started, Started, Some(16_385)), Verdict::Declare);
        assert_eq!(verdict(Ack, Ack, Some(16_385)), refused);
        assert_eq!(verdict(Ack, Started, Some(16_385)), Verdict::Advance);
        assert_eq!(verdict(Pending, Ack, Some(16_385)), Verdict::Advance);
        assert_eq!(verdict(Pending, Started, Some(16_385)), refused);
    }

    #[test]
    fn a_repeat_is_a_replay_unless_the_server_timed_the_invocation_out() {
        for status in ExecutionStatus::ALL {
            let report = Report {
                status,
                declared_bytes: None,
                digest: SEEN,
            };
            let again = judge(
                &Invocation {
                    status,
                    last_report: Some(SEEN),
                },
                &report,
            );
            let expected = match status {
                Timeout => Verdict::Refuse(Refusal::AlreadyTerminal),
                Pending | Ack | Started | Succeeded | Failed | Cancelled => Verdict::Replay,
            };
            assert_eq!(again, expected, "{status:?}");
        }
        let late = Report {
            status: Started,
            declared_bytes: None,
            digest: SEEN,
        };
        let timed_out = Invocation {
            status: Timeout,
            last_report: None,
        };
        assert_eq!(
            judge(&timed_out, &late),
            Verdict::Refuse(Refusal::AlreadyTerminal)
        );
    }

    fn status() -> impl Strategy<Value = ExecutionStatus> {
        (0..7_usize).prop_map(|at| ExecutionStatus::ALL[at])
    }

    /// Decision 15, word for word, on the list itself.
    fn naive(targets: &[ExecutionStatus]) -> ExecutionStatus {
        let any = |status| targets.contains(&status);
        if !targets.iter().all(|status| status.is_terminal()) {
            let past_ack = targets.iter().any(|status| *status != Pending && *status != Ack);
            return if past_ack {
                Started
            } else if any(Ack) {
                Ack
            } else {
                Pending
            };
        }
        if any(Failed) {
            Failed
        } else if any(Timeout) {
            Timeout
        } else if any(Cancelled) {
            Cancelled
        } else {
            Succeeded
        }
    }

    proptest! {
        #[test]
        fn the_aggregate_follows_the_decision(targets in prop::collection::vec(status(), 1..9)) {
            let mut counts = TargetCounts::default();
            for status in &targets {
                counts.add(*status, 1);
            }
            prop_assert_eq!(counts.aggregate(), naive(&targets));
            prop_assert_eq!(counts.total() as usize, targets.len());
            prop_assert_eq!(counts.terminal() as usize, targets.iter().filter(|s| s.is_terminal()).count());
            prop_assert_eq!(TargetCounts::from_array(counts.to_array()), counts);
        }

        #[test]
        fn legal_steps_never_turn_the_aggregate_back(
            steps in prop::collection::vec((0..4_usize, status()), 0..60)
        ) {
            let rank = |status: ExecutionStatus| if status.is_terminal() { 3 } else { status as u8 };
            let mut targets = [Pending; 4];
            let mut counts = TargetCounts::default();
            counts.add(Pending, 4);
            for (target, to) in steps {
                let before = counts.aggregate();
                if verdict(targets[target], to, None) == Verdict::Advance {
                    counts.shift(targets[target], to);
                    targets[target] = to;
                }
                let after = counts.aggregate();
                prop_assert_eq!(after, naive(&targets));
                prop_assert!(rank(after) >= rank(before));
                prop_assert!(!before.is_terminal() || before == after);
            }
        }
    }

    #[test]
    fn no_targets_are_never_a_success() {
        assert_eq!(TargetCounts::default().aggregate(), Pending);
    }
}
