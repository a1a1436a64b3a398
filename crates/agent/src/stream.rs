//! Follows the event stream: what makes delivery fast. What it misses, the pull of the state brings.

use crate::backoff::{Backoff, spread};
use crate::delivery::{Event, Verifier};
use crate::dispatcher::Inbox;
use crate::entropy::System;
use crate::fatal::Fatal;
use crate::report::retry_after;
use plex_client::Error;
use plex_client::node::{Events, NodeClient};
use plex_domain::text::printable;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

const BASE: Duration = Duration::from_secs(1);
const CEILING: Duration = Duration::from_secs(60);
/// However soon the server wants us back.
const LEAST: Duration = Duration::from_millis(100);
/// A server that does not offer the stream is asked again after this long; the state is pulled meanwhile.
const NOT_OFFERED: Duration = Duration::from_secs(600);
/// At most one line about bad envelopes in this time.
const COMPLAINT: Duration = Duration::from_secs(10);

/// Follows the stream, and asks for a pull whenever it opens. Ends only when the node's key is refused.
pub async fn run(
    client: NodeClient,
    verifier: Verifier,
    inbox: Inbox,
    (pull, rotate): (Arc<Notify>, Arc<Notify>),
) -> Fatal {
    let mut follower = Follower {
        verifier,
        inbox,
        pull,
        rotate,
        complaints: Complaints::default(),
    };
    let mut backoff = Backoff::new(BASE, CEILING);
    loop {
        let (asked, ended) = match client.events().await {
            Ok(events) => {
                tracing::info!("event stream open");
                backoff.reset();
                follower.follow(events).await
            }
            Err(error) => (None, Some(error)),
        };
        let mut wait = asked.map_or_else(
            || backoff.next(&System),
            |asked| spread(asked.clamp(LEAST, CEILING), &System),
        );
        if let Some(error) = ended {
            if let Some(fatal) = Fatal::of(&error) {
                return fatal;
            }
            if let Error::Api(answer) = &error {
                wait = if answer.status == 501 {
                    NOT_OFFERED
                } else {
                    wait.max(retry_after(answer))
                };
            }
            tracing::warn!(reason = %printable(&error.to_string()), wait_ms = wait.as_millis(), "event stream interrupted");
        }
        tokio::time::sleep(wait).await;
    }
}

struct Follower {
    verifier: Verifier,
    inbox: Inbox,
    pull: Arc<Notify>,
    rotate: Arc<Notify>,
    complaints: Complaints,
}

impl Follower {
    /// Reads the stream to its end; how long the server asked to wait, and the error that ended it.
    async fn follow(&mut self, mut events: Events) -> (Option<Duration>, Option<Error>) {
        self.pull.notify_one();
        let mut asked = None;
        while let Some(frame) = events.next().await {
            match frame {
                Ok(frame) => {
                    asked = frame.retry.or(asked);
                    if let Some(text) = frame.data {
                        self.take(&text).await;
                    }
                }
                Err(error) => return (asked, Some(error)),
            }
        }
        (asked, None)
    }

    async fn take(&mut self, text: &str) {
        match self.verifier.open(text, &System) {
            Ok(Event::Action(job)) => self.inbox.deliver(job).await,
            Ok(Event::RotateKey) => self.rotate.notify_one(),
            Ok(Event::Other) => self.pull.notify_one(),
            Err(error) => self.complaints.log(&error.to_string()),
        }
    }
}

/// Says what is wrong with envelopes without letting whoever sends them fill the log.
#[derive(Debug, Default)]
pub struct Complaints {
    last: Option<Instant>,
    suppressed: u64,
}

impl Complaints {
    /// Logs, or counts for the next line.
    pub fn log(&mut self, reason: &str) {
        if self.last.is_some_and(|last| last.elapsed() < COMPLAINT) {
            self.suppressed += 1;
            return;
        }
        tracing::error!(reason = %printable(reason), suppressed = self.suppressed, "event refused");
        self.last = Some(Instant::now());
        self.suppressed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn complaints_are_counted_while_they_are_too_many() {
        let mut complaints = Complaints::default();
        for _ in 0..5 {
            complaints.log("bad");
        }
        assert_eq!(complaints.suppressed, 4);
        tokio::time::advance(COMPLAINT).await;
        complaints.log("bad");
        assert_eq!(complaints.suppressed, 0);
    }
}
