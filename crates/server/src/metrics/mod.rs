//! What the control plane counts, for Prometheus to read.
//!
//! Whoever does something counts it where it is done, by a field of [`Metrics`]; what is somewhere to be looked up, such
//! as the length of a queue, is looked up when somebody reads. Labels are routes, methods, classes of status and
//! words of the contract: never an id, a name or anything else that somebody sent.
//!
//! The instruments are our own. A library's histograms take a lock where these take two atomic additions, and what it
//! writes is OpenMetrics; the text format wanted here is a few lines.

mod exposition;
mod instruments;
mod listener;
mod process;
mod requests;

pub use instruments::{Counter, Gauge, Histogram};
pub use listener::router;
pub use requests::Requests;

use crate::app::App;
use exposition::Exposition;
use instruments::{COUNTS, LONG, SHORT};
use plex_api::problem::DenialReason;
use plex_domain::relation::Permission;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    /// Requests that were answered.
    pub requests: Requests,
    /// From a report that is handed in to its commit.
    pub callbacks: Histogram,
    /// Reports in one commit.
    pub commit_batches: Histogram,
    /// From a dispatch's request to its commit.
    pub dispatches: Histogram,
    /// Targets of one dispatch.
    pub targets: Histogram,
    /// From a dispatch to its first frame on a stream of the node.
    pub deliveries: Histogram,
    /// Results that came after `timeout`.
    pub late_results: Counter,
    /// Requests without a credential that holds.
    pub unauthenticated: Counter,
    /// Such requests of sources that had failed too often.
    pub throttled: Counter,
    /// Open connections of the API's listener.
    pub connections: Arc<Gauge>,
    granted_reads: [Counter; Permission::ALL.len()],
    denials: [Counter; REASONS.len()],
    began: Instant,
    /// When the last whole look at the deadlines began, in milliseconds since `began`.
    deadlines_seen: AtomicU64,
}

const REASONS: [DenialReason; 3] = [
    DenialReason::OutOfScope,
    DenialReason::InsufficientRelation,
    DenialReason::CaveatViolation,
];

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Requests::default(),
            callbacks: Histogram::of_time(SHORT),
            commit_batches: Histogram::of_pieces(COUNTS),
            dispatches: Histogram::of_time(SHORT),
            targets: Histogram::of_pieces(COUNTS),
            deliveries: Histogram::of_time(LONG),
            late_results: Counter::default(),
            unauthenticated: Counter::default(),
            throttled: Counter::default(),
            connections: Arc::default(),
            granted_reads: std::array::from_fn(|_| Counter::default()),
            denials: Default::default(),
            began: Instant::now(),
            deadlines_seen: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// Counts a decision that let somebody do something, if it was to see something (decision 29: these are
    /// counted, not chained).
    pub fn granted(&self, permission: Permission) {
        if permission.is_read() {
            self.granted_reads[permission as usize].increment();
        }
    }

    /// Counts a decision that did not.
    pub fn denied(&self, reason: DenialReason) {
        self.denials[reason as usize].increment();
    }

    /// Notes that everything overdue at that moment has been ended.
    pub fn deadlines_kept(&self, at: Instant) {
        let millis = at.saturating_duration_since(self.began).as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        self.deadlines_seen.store(millis, Ordering::Relaxed);
    }

    /// How long ago that was.
    fn deadlines_lag(&self) -> Duration {
        let seen = Duration::from_millis(self.deadlines_seen.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(seen)
    }

    /// All of it as text, in Prometheus' format.
    pub fn text(&self, app: &App) -> String {
        let mut exposition = Exposition::default();
        let to = &mut exposition;
        self.requests.write(to);
        self.write_executions(to);
        self.write_callers(to);
        self.write_state(to, app);
        process::write(to);
        exposition.into_text()
    }

    fn write_executions(&self, to: &mut Exposition) {
        to.histogram(
            "plexsphere_dispatch_duration_seconds",
            "From a dispatch's request to its commit.",
            &self.dispatches,
        );
        to.histogram(
            "plexsphere_dispatch_targets",
            "Nodes that one dispatch reaches.",
            &self.targets,
        );
        to.histogram(
            "plexsphere_delivery_duration_seconds",
            "From a dispatch to its first frame on a stream of the node; a stream that opens anew counts anew.",
            &self.deliveries,
        );
        to.histogram(
            "plexsphere_callback_duration_seconds",
            "From a report that is handed in to its durable commit.",
            &self.callbacks,
        );
        to.histogram(
            "plexsphere_callback_commit_batch_size",
            "Reports in one commit.",
            &self.commit_batches,
        );
        to.counter(
            "plexsphere_late_results_total",
            "Results that came after their execution had timed out.",
            self.late_results.get(),
        );
    }

    fn write_callers(&self, to: &mut Exposition) {
        to.counters(
            "plexsphere_authentication_failures_total",
            "Requests without a credential that holds, by the status of their answer.",
            [
                (&[("status", "401")][..], self.unauthenticated.get()),
                (&[("status", "429")][..], self.throttled.get()),
            ],
        );
        let reads = Permission::ALL
            .into_iter()
            .filter(|permission| permission.is_read());
        let reads: Vec<_> = reads
            .map(|permission| ([("permission", permission.as_str())], permission as usize))
            .collect();
        to.counters(
            "plexsphere_granted_reads_total",
            "Decisions that let an operator see something.",
            reads
                .iter()
                .map(|(label, index)| (&label[..], self.granted_reads[*index].get())),
        );
        let denials = REASONS.map(|reason| ([("reason", reason.as_str())], reason as usize));
        to.counters(
            "plexsphere_denials_total",
            "Decisions that did not let an operator do something.",
            denials
                .iter()
                .map(|(label, index)| (&label[..], self.denials[*index].get())),
        );
    }

    fn write_state(&self, to: &mut Exposition, app: &App) {
        let streams = app.wakes.streams();
        to.gauge("plexsphere_streams", "Open event streams.", streams);
        to.gauge(
            "plexsphere_connections",
            "Open connections of operators and nodes.",
            self.connections.get(),
        );
        to.gauge(
            "plexsphere_callback_queue_depth",
            "Reports that wait for a commit.",
            app.committer.waiting(),
        );
        let queues = app
            .db
            .waiting()
            .map(|(queue, waiting)| ([("queue", queue)], waiting));
        to.gauges(
            "plexsphere_database_queue_depth",
            "Transactions that wait for the database.",
            queues.iter().map(|(label, waiting)| (&label[..], *waiting)),
        );
        to.gauge(
            "plexsphere_deadlines_lag_seconds",
            "Since everything overdue was last ended.",
            self.deadlines_lag().as_secs_f64(),
        );
        to.counter(
            "plexsphere_spans_dropped_total",
            "Spans that did not reach the collector.",
            app.traces.dropped(),
        );
        to.gauges(
            "plexsphere_build_info",
            "Always 1; the label tells the version.",
            [(&[("version", env!("CARGO_PKG_VERSION"))][..], 1)],
        );
    }
}

#[cfg(test)]
mod tests;
