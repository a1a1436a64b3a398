//! From a signed envelope to a job: verify the received bytes first, read them only then.

use jiff::SignedDuration;
use plex_api::events::{ACTION_REQUEST, ActionRequest, ROTATE_NODE_KEY};
use plex_api::executions::ActionKind;
use plex_domain::env::Clock;
use plex_domain::envelope::{self, EnvelopeError};
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// One thing to do. It has no `Debug`: its parameters may be secret.
pub struct Job {
    /// The execution.
    pub execution_id: Uuid,
    /// The action's name.
    pub action: String,
    /// Whether a built-in or a hook is meant; the one never stands in for the other.
    pub kind: ActionKind,
    /// An object or nothing, as dispatched.
    pub parameters: Option<Box<RawValue>>,
    /// When it must be over, on our own clock.
    pub deadline: Instant,
    /// The dispatch's time-out, for messages.
    pub timeout_seconds: u32,
    /// The hook's pinned SHA-256, base64, where the server says it.
    pub checksum: Option<String>,
}

/// What an envelope turned out to be.
pub enum Event {
    /// Run something.
    Action(Box<Job>),
    /// Hand in a new key.
    RotateKey,
    /// Anything else means that the state is worth a look.
    Other,
}

/// Why an envelope is not acted upon.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// It is not genuine, or not fresh.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Genuine, but not an action request.
    #[error("the payload is not an action request")]
    Payload,
    /// Genuine, but meant for another node.
    #[error("the action request is for another node")]
    OtherNode,
}

/// Knows whose word counts.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// This node.
    pub node_id: Uuid,
    /// The name of the domain's key.
    pub key_id: String,
    /// The domain's Ed25519 key.
    pub key: [u8; 32],
}

impl Verifier {
    /// Reads an envelope that has just been received.
    ///
    /// # Errors
    /// When it must not be acted upon.
    pub fn open(&self, text: &str, clock: &dyn Clock) -> Result<Event, DeliveryError> {
        let received = Instant::now();
        let opened = envelope::open(text, |id| (id == self.key_id).then_some(self.key), clock.now())?;
        if opened.event_type == ROTATE_NODE_KEY {
            return Ok(Event::RotateKey);
        }
        if opened.event_type != ACTION_REQUEST {
            return Ok(Event::Other);
        }
        let request: ActionRequest =
            serde_json::from_str(opened.payload).map_err(|_| DeliveryError::Payload)?;
        if request.node_id != self.node_id {
            return Err(DeliveryError::OtherNode);
        }
        // Both times are the server's, so our wall clock has no say in how long the action may take.
        let left = match request.expires_at {
            Some(expires_at) => expires_at.duration_since(opened.issued_at),
            None => SignedDuration::from_secs(request.timeout_seconds.into()),
        };
        Ok(Event::Action(Box::new(Job {
            execution_id: request.execution_id,
            action: request.action,
            kind: request.r#type,
            parameters: request.parameters,
            deadline: received + Duration::try_from(left).unwrap_or_default(),
            timeout_seconds: request.timeout_seconds,
            checksum: request.checksum,
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use plex_domain::envelope::{Header, SigningKey, seal};

    struct At(Timestamp);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    fn issued() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn verifier(key: &SigningKey) -> Verifier {
        Verifier {
            node_id: Uuid::from_u128(7),
            key_id: key.key_id(),
            key: key.public_key(),
        }
    }

    fn sealed(key: &SigningKey, event_type: &str, node: u128) -> String {
        let payload = serde_json::json!({
            "event_id": Uuid::from_u128(1), "occurred_at": "2026-11-23T12:00:00Z", "execution_id": Uuid::from_u128(2),
            "node_id": Uuid::from_u128(node), "action": "a", "type": "hook", "parameters": {"n": 1},
            "timeout_seconds": 300, "callback_url": "https://elsewhere/", "expires_at": "2026-11-23T12:00:40Z",
        });
        let id = Uuid::from_u128(9);
        seal(
            key,
            &Header {
                id,
                event_type,
                scope: "node:7",
                issued_at: issued(),
            },
            &payload.to_string(),
        )
    }

    #[test]
    fn the_deadline_counts_from_receipt_whatever_our_clock_says() {
        let key = SigningKey::from_seed(&[1; 32]);
        let text = sealed(&key, ACTION_REQUEST, 7);
        for skew in [-250, 0, 250] {
            let before = Instant::now();
            let clock = At(issued() + SignedDuration::from_secs(skew));
            let Ok(Event::Action(job)) = verifier(&key).open(&text, &clock) else {
                panic!("a job")
            };
            let left = job.deadline - before;
            assert!(
                left >= Duration::from_secs(40) && left < Duration::from_secs(41),
                "{left:?}"
            );
            assert_eq!(job.parameters.unwrap().get(), r#"{"n":1}"#);
        }
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let key = SigningKey::from_seed(&[1; 32]);
        let clock = At(issued());
        let ours = verifier(&key);
        assert!(matches!(
            ours.open(&sealed(&key, ACTION_REQUEST, 8), &clock),
            Err(DeliveryError::OtherNode)
        ));
        assert!(matches!(
            ours.open(&sealed(&key, "node_state_updated", 8), &clock),
            Ok(Event::Other)
        ));
        let foreign = SigningKey::from_seed(&[2; 32]);
        assert!(matches!(
            ours.open(&sealed(&foreign, ACTION_REQUEST, 7), &clock),
            Err(DeliveryError::Envelope(_))
        ));
        let tampered = sealed(&key, ACTION_REQUEST, 7).replace("\"n\":1", "\"n\":2");
        assert!(matches!(
            ours.open(&tampered, &clock),
            Err(DeliveryError::Envelope(_))
        ));
        let late = At(issued() + SignedDuration::from_secs(301));
        assert!(matches!(
            ours.open(&sealed(&key, ACTION_REQUEST, 7), &late),
            Err(DeliveryError::Envelope(_))
        ));
    }
}
