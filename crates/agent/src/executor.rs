//! Carries one execution through: acknowledge, wait for the turn, start, run, keep the result, report it.

mod preparation;

use crate::builtins::Builtins;
use crate::delivery::Job;
use crate::dispatcher::{Inbox, Stops, Turn};
use crate::hooks::{Catalog, Hooks};
use crate::integrity::Findings;
use crate::process::{Captured, End, Finished, Launcher, Limits};
use crate::report::Reporter;
use crate::spans::Spans;
use crate::spool::{Outcome, Spool, Spooled};
use plex_api::executions::{ActionKind, ExecutionStatus};
use plex_domain::action;
use plex_telemetry::Kind;
use preparation::{Body, Prepared};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long an upload may take when nothing can be late any more, or everything is.
const SHORT_UPLOAD: Duration = Duration::from_secs(1);
/// How long an upload may take at most.
const LONG_UPLOAD: Duration = Duration::from_secs(300);
/// How long the upload of an earlier run's result may take.
const RESUMED_UPLOAD: Duration = Duration::from_secs(10);

/// How an execution leaves the agent's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// The server has its result or does not want it.
    Settled,
    /// Not now: it is left as it is for the next start or delivery.
    Deferred,
}

/// What carrying out needs.
pub struct Executor {
    /// This node.
    pub node_id: Uuid,
    /// The home directory that hooks see.
    pub home: String,
    /// How many bytes of output are kept.
    pub output_bytes: usize,
    /// Talks to the server.
    pub reporter: Reporter,
    /// Tells a collector what was done when.
    pub spans: Spans,
    /// Starts programs.
    pub launcher: Launcher,
    /// The actions compiled in.
    pub builtins: Arc<Builtins>,
    /// The hooks directory.
    pub hooks: Hooks,
    /// What was last declared of it.
    pub catalog: watch::Receiver<Arc<Catalog>>,
    /// Takes what is found changed.
    pub findings: Findings,
    /// Keeps results.
    pub spool: Spool,
}

impl Executor {
    /// Executions whose results an earlier run left behind.
    pub(crate) fn spooled(&self) -> Vec<Uuid> {
        self.spool.list().unwrap_or_else(|error| {
            tracing::error!(reason = %error, "spool cannot be read");
            Vec::new()
        })
    }

    /// Reports a result that an earlier run left behind.
    pub(crate) async fn resume(&self, id: Uuid) -> Departure {
        let result = match self.spool.get(id) {
            Ok(Some(result)) => result,
            Ok(None) => return Departure::Deferred,
            Err(error) => {
                tracing::error!(execution.id = %id, reason = %error, "kept result cannot be read");
                Spooled {
                    execution_id: id,
                    outcome: Outcome::failed("interrupted"),
                    output: Vec::new(),
                }
            }
        };
        self.deliver(&result, Instant::now() + RESUMED_UPLOAD).await
    }

    /// Carries an accepted job through.
    pub(crate) async fn perform(&self, job: Job, inbox: &Inbox, stops: &Stops) -> Departure {
        let id = job.execution_id;
        let _whole = self.spans.invocation(id);
        if let Some(reason) = self.refusal(&job) {
            return self.conclude(failed(id, reason), Instant::now(), None).await;
        }
        let lapsed = || failed(id, "not started before its deadline");
        let acked = tokio::select! {
            acked = self.reporter.ack(id) => acked,
            () = sleep_until(job.deadline) => return self.conclude(lapsed(), Instant::now(), None).await,
            () = stops.soft.cancelled() => return Departure::Deferred,
        };
        if !acked {
            return Departure::Settled;
        }
        let queue = self.spans.step(id, "queue", Kind::Internal);
        let turn = tokio::select! {
            biased;
            turn = inbox.turn(id) => turn,
            () = sleep_until(job.deadline) => return self.conclude(lapsed(), Instant::now(), None).await,
        };
        drop(queue);
        match turn {
            Some(Turn::Granted) => self.take_turn(job, inbox, &stops.hard).await,
            Some(Turn::Refused(reason)) => self.conclude(failed(id, reason), Instant::now(), None).await,
            None => Departure::Deferred,
        }
    }

    async fn take_turn(&self, job: Job, inbox: &Inbox, stop: &CancellationToken) -> Departure {
        let id = job.execution_id;
        let deadline = job.deadline;
        let prepared = match self.prepare(job).await {
            Ok(prepared) => prepared,
            Err(reason) => {
                return self
                    .conclude(failed(id, reason), Instant::now(), Some(inbox))
                    .await;
            }
        };
        let refused = tokio::select! {
            may_run = self.reporter.started(id) => if may_run { None } else { return Departure::Settled },
            () = sleep_until(deadline) => Some("not started before its deadline"),
            () = stop.cancelled() => Some("interrupted"),
        };
        if let Some(reason) = refused {
            return self
                .conclude(failed(id, reason), Instant::now(), Some(inbox))
                .await;
        }
        let seconds = prepared.seconds;
        let run = self.spans.step(id, "run", Kind::Internal);
        let finished = self.run(prepared, stop).await;
        drop(run);
        let cut_short = matches!(finished.end, End::TimedOut | End::Interrupted);
        let now = Instant::now();
        let upload_until = if cut_short {
            now + SHORT_UPLOAD
        } else {
            deadline.clamp(now + SHORT_UPLOAD, now + LONG_UPLOAD)
        };
        let result = Spooled {
            execution_id: id,
            outcome: outcome(finished.end, seconds, finished.output.truncated),
            output: finished.output.bytes,
        };
        self.conclude(result, upload_until, Some(inbox)).await
    }

    /// Keeps a result on disk, gives its slot back, and reports it.
    pub(crate) async fn conclude(
        &self,
        result: Spooled,
        upload_until: Instant,
        slot: Option<&Inbox>,
    ) -> Departure {
        let spool = self.spool.clone();
        let kept = tokio::task::spawn_blocking(move || (spool.put(&result), result)).await;
        let Ok((kept, result)) = kept else {
            return Departure::Deferred;
        };
        if let Err(error) = kept {
            tracing::error!(execution.id = %result.execution_id, reason = %error, "result cannot be kept on disk; reporting it at once");
        }
        if let Some(inbox) = slot {
            inbox.body_over(result.execution_id).await;
        }
        self.deliver(&result, upload_until).await
    }

    async fn deliver(&self, result: &Spooled, upload_until: Instant) -> Departure {
        self.reporter.deliver(result, upload_until).await;
        if let Err(error) = self.spool.remove(result.execution_id) {
            tracing::warn!(execution.id = %result.execution_id, reason = %error, "reported result stays on disk");
        }
        Departure::Settled
    }

    /// Why a job is refused before anybody waits for it.
    fn refusal(&self, job: &Job) -> Option<&'static str> {
        if self.builtins.is_disabled(&job.action) {
            return Some("actions_disabled");
        }
        let known = match job.kind {
            ActionKind::Builtin => self.builtins.has(&job.action),
            ActionKind::Hook => action::valid_name(&job.action),
        };
        (!known).then_some("unknown_action")
    }

    async fn run(&self, prepared: Prepared, stop: &CancellationToken) -> Finished {
        let own_end = prepared.own_limit.map(|own| Instant::now() + own);
        let deadline = own_end.map_or(prepared.deadline, |end| end.min(prepared.deadline));
        let limits = Limits {
            deadline,
            output_bytes: self.output_bytes,
        };
        match prepared.body {
            Body::Program(command) => self.launcher.run(command, limits, stop).await,
            Body::Work(work) => {
                let none = |end| Finished {
                    end,
                    output: Captured::default(),
                };
                tokio::select! {
                    done = work => Finished { end: End::Exited(done.exit_code), output: Captured::of(&done.output, limits.output_bytes) },
                    () = sleep_until(limits.deadline) => none(End::TimedOut),
                    () = stop.cancelled() => none(End::Interrupted),
                }
            }
        }
    }
}

fn failed(execution_id: Uuid, reason: impl Into<String>) -> Spooled {
    Spooled {
        execution_id,
        outcome: Outcome::failed(reason),
        output: Vec::new(),
    }
}

fn outcome(end: End, seconds: u32, truncated: bool) -> Outcome {
    let failed = |exit_code: Option<i64>, error: String| Outcome {
        status: ExecutionStatus::Failed,
        exit_code,
        error: Some(error),
        truncated,
    };
    match end {
        End::Exited(0) => Outcome {
            status: ExecutionStatus::Succeeded,
            exit_code: Some(0),
            error: None,
            truncated,
        },
        End::Exited(code) => failed(Some(code.into()), format!("exit code {code}")),
        End::Signalled(signal) => failed(None, format!("killed by signal {signal}")),
        End::TimedOut => failed(None, format!("timed out after {seconds} s")),
        End::Interrupted => failed(None, "interrupted".to_owned()),
        End::Unstartable(reason) => failed(None, format!("cannot be run: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_say_what_happened() {
        let text = |end| {
            let outcome = outcome(end, 7, false);
            (
                outcome.status,
                outcome.exit_code,
                outcome.error.unwrap_or_default(),
            )
        };
        assert_eq!(
            text(End::Exited(0)),
            (ExecutionStatus::Succeeded, Some(0), String::new())
        );
        assert_eq!(
            text(End::Exited(3)),
            (ExecutionStatus::Failed, Some(3), "exit code 3".to_owned())
        );
        assert_eq!(
            text(End::Signalled(9)),
            (ExecutionStatus::Failed, None, "killed by signal 9".to_owned())
        );
        assert_eq!(
            text(End::TimedOut),
            (ExecutionStatus::Failed, None, "timed out after 7 s".to_owned())
        );
        assert_eq!(
            text(End::Interrupted),
            (ExecutionStatus::Failed, None, "interrupted".to_owned())
        );
        assert!(outcome(End::TimedOut, 1, true).truncated);
    }
}
