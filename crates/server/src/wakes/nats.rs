//! Wake-ups from one replica to the others, over NATS.
//!
//! Core subjects and no JetStream: nothing is kept, nothing is acknowledged, and nothing waits for NATS. A server that
//! is away, at start or later, is a warning in the log; the client comes back to it by itself.
//!
//! A message is the ids of nodes, and its subject says what about them. The subject holds a hash keyed by the master
//! key, so that two installations on one NATS do not wake each other. Whoever forges a message makes streams look in
//! vain, and no more.

use super::outbox::{self, Outbox};
use super::settings::{Credentials, NatsSettings};
use super::{Wake, Wakes};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, Message, Subscriber};
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(2);
/// Between two signs of life; a server that has answered none of three is away.
const PING: Duration = Duration::from_secs(2);
/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Messages that wait inside the client. Few, because those that wait in the outbox give way to newer ones.
const CLIENT_CAPACITY: usize = 16;
/// Messages received and not yet read, 64 KiB each at most.
const RECEIVED: usize = 1024;
/// How long the last wake-ups of a process that stops may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Carries wake-ups to and from other replicas until the process has answered its last request.
pub async fn carry(
    wakes: &Wakes,
    settings: NatsSettings,
    installation: &[u8; 32],
    ended: &CancellationToken,
) {
    let Some(outbox) = &wakes.outbox else {
        return;
    };
    let subjects = Subjects::of(installation);
    let (client, incoming) = match connect(settings, &subjects).await {
        Ok(connected) => connected,
        Err(error) => {
            tracing::error!(error.cause = ?error, "NATS cannot be used; other replicas find work by looking");
            return;
        }
    };
    tokio::select! {
        () = ended.cancelled() => {}
        () = publish(&client, outbox, &subjects) => {}
        () = receive(wakes, incoming, &subjects) => {}
    }
    let farewell = async {
        send(&client, outbox, &subjects).await;
        client.flush().await
    };
    if !matches!(tokio::time::timeout(FAREWELL, farewell).await, Ok(Ok(()))) {
        tracing::debug!("the last wake-ups were not sent");
    }
}

/// A client that connects by itself, now or when it can.
async fn connect(
    settings: NatsSettings,
    subjects: &Subjects,
) -> Result<(Client, Subscriber), async_nats::Error> {
    let standing = Arc::new(Standing::default());
    let mut options = ConnectOptions::new()
        .name("plexsphere")
        .no_echo()
        .retry_on_initial_connect()
        .connection_timeout(CONNECT)
        .ping_interval(PING)
        .reconnect_delay_callback(pause)
        .client_capacity(CLIENT_CAPACITY)
        .subscription_capacity(RECEIVED)
        .require_tls(settings.servers.iter().any(async_nats::ServerAddr::tls_required))
        .event_callback(move |event| {
            standing.note(&event);
            std::future::ready(())
        });
    if let Some(path) = settings.ca_file {
        options = options.add_root_certificates(path);
    }
    options = match settings.credentials {
        Some(Credentials::User(user, password)) => options.user_and_password(user, password),
        Some(Credentials::Token(token)) => options.token(token),
        None => options,
    };
    let client = options.connect(settings.servers).await?;
    let incoming = client.subscribe(subjects.all.clone()).await?;
    Ok((client, incoming))
}

/// The pause before an attempt to connect: none before the first, then longer and longer.
fn pause(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(2)).unwrap_or(u32::MAX);
    match attempt {
        0 | 1 => Duration::ZERO,
        _ => Duration::from_millis(50)
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(LONGEST_PAUSE),
    }
}

async fn publish(client: &Client, outbox: &Outbox, subjects: &Subjects) {
    loop {
        outbox.filled().await;
        send(client, outbox, subjects).await;
    }
}

/// Hands over what waits. It takes as long as NATS is away; meanwhile the outbox drops its oldest.
async fn send(client: &Client, outbox: &Outbox, subjects: &Subjects) {
    for (wake, nodes) in outbox.take() {
        if let Err(error) = client.publish(subjects.of_wake(wake).to_owned(), nodes).await {
            tracing::debug!(error.cause = ?error, "a wake-up was not sent");
        }
    }
}

async fn receive(wakes: &Wakes, mut incoming: Subscriber, subjects: &Subjects) {
    let mut unreadable: u64 = 0;
    while let Some(message) = incoming.next().await {
        if let Some((wake, nodes)) = subjects.read(&message) {
            wakes.tell_here(wake, &nodes);
            continue;
        }
        unreadable += 1;
        // A flood of them is no flood in the log.
        if unreadable.is_power_of_two() {
            tracing::warn!(unreadable, "messages from NATS that are no wake-ups are ignored");
        }
    }
}

/// Where one installation's replicas speak.
struct Subjects {
    all: String,
    pending: String,
    keys: String,
}

impl Subjects {
    fn of(installation: &[u8; 32]) -> Self {
        let prefix = installation[..16]
            .iter()
            .fold("plexsphere.v1.".to_owned(), |mut prefix, byte| {
                write!(prefix, "{byte:02x}").expect("a string takes everything");
                prefix
            });
        Self {
            all: format!("{prefix}.*"),
            pending: format!("{prefix}.pending"),
            keys: format!("{prefix}.keys"),
        }
    }

    fn of_wake(&self, wake: Wake) -> &str {
        match wake {
            Wake::Pending => &self.pending,
            Wake::Keys => &self.keys,
        }
    }

    fn read(&self, message: &Message) -> Option<(Wake, Vec<uuid::Uuid>)> {
        let wakes = [Wake::Pending, Wake::Keys];
        let wake = wakes
            .into_iter()
            .find(|wake| self.of_wake(*wake) == message.subject.as_str())?;
        Some((wake, outbox::nodes_of(&message.payload)?))
    }
}

/// What was last said about the connection, so that the same trouble is told once.
#[derive(Default)]
struct Standing(Mutex<Option<String>>);

impl Standing {
    fn note(&self, event: &Event) {
        let trouble = match event {
            Event::Connected => None,
            Event::Draining | Event::Closed => return,
            Event::Disconnected
            | Event::LameDuckMode
            | Event::SlowConsumer(_)
            | Event::ServerError(_)
            | Event::ClientError(_) => Some(event.to_string()),
        };
        let mut last = self.0.lock().expect("no holder of this lock panics");
        match &trouble {
            None => tracing::info!("NATS is connected; wake-ups reach other replicas at once"),
            Some(text) if last.as_ref() != Some(text) => {
                tracing::warn!(
                    cause = text,
                    "trouble with NATS; other replicas find work by looking"
                );
            }
            Some(_) => {}
        }
        *last = trouble;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_two_seconds() {
        let pauses = [0, 1, 2, 3, 4, 7, 8, 1000].map(|attempt| pause(attempt).as_millis());
        assert_eq!(pauses, [0, 0, 50, 100, 200, 1600, 2000, 2000]);
    }

    #[test]
    fn each_installation_has_its_own_subjects() {
        let (one, other) = (Subjects::of(&[1; 32]), Subjects::of(&[2; 32]));
        assert_eq!(one.pending, format!("plexsphere.v1.{}.pending", "01".repeat(16)));
        assert_ne!(one.all, other.all);
    }
}
