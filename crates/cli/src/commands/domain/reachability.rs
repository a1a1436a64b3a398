//! How a domain's nodes are judged: three durations that only go together.

use plex_api::domains::DomainReachabilityPolicy;

/// The three.
#[derive(clap::Args)]
pub(crate) struct ReachabilityArgs {
    /// How often nodes report, for example 30s; with the next two, or none of them
    #[arg(long, value_name = "DURATION", requires_all = ["stale_after", "unreachable_after"])]
    heartbeat_interval: Option<String>,
    /// Silence after which a node is stale, at least three intervals
    #[arg(long, value_name = "DURATION", requires_all = ["heartbeat_interval", "unreachable_after"])]
    stale_after: Option<String>,
    /// Silence after which it is unreachable, at least twice that
    #[arg(long, value_name = "DURATION", requires_all = ["heartbeat_interval", "stale_after"])]
    unreachable_after: Option<String>,
}

impl ReachabilityArgs {
    /// The policy, where one was given.
    pub(crate) fn policy(&self) -> Option<DomainReachabilityPolicy> {
        Some(DomainReachabilityPolicy {
            heartbeat_interval: self.heartbeat_interval.clone()?,
            stale_after: self.stale_after.clone()?,
            unreachable_after: self.unreachable_after.clone()?,
        })
    }
}
