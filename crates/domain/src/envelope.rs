//! Signed events, from the control plane to a node (decision 18, `api.md` §7.2).
//!
//! An envelope is one line of compact JSON, members in the order
//! `id,type,scope,key_id,issued_at,payload,signature`. The signed bytes are that very text without the
//! signature member, so the reader verifies what it received and parses the payload only afterwards: two
//! JSON readers can never disagree about what was signed. Nothing but this layout is accepted.

use crate::json;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use plex_api::events::MAX_SIGNATURE_AGE_SECONDS;
use ring::signature::KeyPair as _;
use ring::{digest, signature};
use uuid::Uuid;

/// Deepest nesting of a payload: that of parameters, and what stands around them.
const MAX_DEPTH: usize = 96;
/// `,"signature":"`, 88 characters of base64, `"}`.
const TAIL_BYTES: usize = TAIL_HEAD.len() + 88 + TAIL_END.len();
const TAIL_HEAD: &str = ",\"signature\":\"";
const TAIL_END: &str = "\"}";

/// A domain's Ed25519 key. It has no `Debug`.
pub struct SigningKey(signature::Ed25519KeyPair);

/// What an envelope says about its payload.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    /// The event's id.
    pub id: Uuid,
    /// The event's type, for example `action_request`.
    pub event_type: &'a str,
    /// Whom it concerns, for example `node:<uuid>`.
    pub scope: &'a str,
    /// When it is signed.
    pub issued_at: Timestamp,
}

/// A verified envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened<'a> {
    /// The event's id.
    pub id: String,
    /// The event's type.
    pub event_type: String,
    /// Whom it concerns.
    pub scope: String,
    /// The key that signed it.
    pub key_id: String,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// The payload: compact JSON without duplicate keys, as received.
    pub payload: &'a str,
}

/// Why an envelope is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not the one accepted layout.
    #[error("envelope is malformed")]
    Malformed,
    /// No key of that name is trusted.
    #[error("envelope is signed by an unknown key")]
    UnknownKey,
    /// The signature does not hold.
    #[error("envelope's signature does not hold")]
    BadSignature,
    /// Genuine, but signed more than 300 s before or after now.
    #[error("envelope is too old, or the clock is wrong")]
    OutOfTime,
    /// Genuine, but the payload is not compact JSON with unique keys.
    #[error("envelope's payload is malformed")]
    BadPayload,
}

impl SigningKey {
    /// The key of a 32-byte secret seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(signature::Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are an Ed25519 seed"))
    }

    /// The raw public key.
    pub fn public_key(&self) -> [u8; 32] {
        self.0
            .public_key()
            .as_ref()
            .try_into()
            .expect("an Ed25519 public key has 32 bytes")
    }

    /// The key's name: the first 16 hex digits of the SHA-256 of its public key.
    pub fn key_id(&self) -> String {
        let digest = digest::digest(&digest::SHA256, self.0.public_key().as_ref());
        data_encoding::HEXLOWER.encode(&digest.as_ref()[..8])
    }
}

/// The envelope of a payload that is compact JSON without duplicate keys.
pub fn seal(key: &SigningKey, header: &Header<'_>, payload: &str) -> String {
    let mut text = format!(
        "{{\"id\":\"{}\",\"type\":{},\"scope\":{},\"key_id\":\"{}\",\"issued_at\":\"{}\",\"payload\":{}}}",
        header.id,
        json::quoted(header.event_type),
        json::quoted(header.scope),
        key.key_id(),
        header.issued_at,
        json::escaped(payload),
    );
    let signature = key.0.sign(text.as_bytes());
    text.pop();
    text + TAIL_HEAD + &STANDARD.encode(signature) + TAIL_END
}

/// Verifies an envelope against the key that `key_of` knows under the named id.
pub fn open<'a>(
    text: &'a str,
    key_of: impl Fn(&str) -> Option<[u8; 32]>,
    now: Timestamp,
) -> Result<Opened<'a>, EnvelopeError> {
    let (signed, signature) = split_signature(text).ok_or(EnvelopeError::Malformed)?;
    let opened = read(signed).ok_or(EnvelopeError::Malformed)?;
    let key = key_of(&opened.key_id).ok_or(EnvelopeError::UnknownKey)?;
    let bytes = [signed.as_bytes(), b"}"].concat();
    signature::UnparsedPublicKey::new(&signature::ED25519, key)
        .verify(&bytes, &signature)
        .map_err(|_| EnvelopeError::BadSignature)?;
    if now.duration_since(opened.issued_at).unsigned_abs().as_nanos() > window().as_nanos() {
        return Err(EnvelopeError::OutOfTime);
    }
    match json::compact(opened.payload, MAX_DEPTH) {
        Ok(compact) if compact == opened.payload => Ok(opened),
        Ok(_) | Err(_) => Err(EnvelopeError::BadPayload),
    }
}

fn window() -> std::time::Duration {
    std::time::Duration::from_secs(MAX_SIGNATURE_AGE_SECONDS.unsigned_abs())
}

/// The signed text without its last brace, and the signature.
fn split_signature(text: &str) -> Option<(&str, Vec<u8>)> {
    let (signed, tail) = text.split_at_checked(text.len().checked_sub(TAIL_BYTES)?)?;
    let signature = tail.strip_prefix(TAIL_HEAD)?.strip_suffix(TAIL_END)?;
    Some((
        signed,
        STANDARD
            .decode(signature)
            .ok()
            .filter(|bytes| bytes.len() == 64)?,
    ))
}

/// The members in their one order; the payload stays as it is.
fn read(signed: &str) -> Option<Opened<'_>> {
    let (id, rest) = member(signed, "{\"id\":")?;
    let (event_type, rest) = member(rest, ",\"type\":")?;
    let (scope, rest) = member(rest, ",\"scope\":")?;
    let (key_id, rest) = member(rest, ",\"key_id\":")?;
    let (issued_text, rest) = member(rest, ",\"issued_at\":")?;
    let payload = rest.strip_prefix(",\"payload\":")?;
    let issued_at: Timestamp = issued_text.parse().ok()?;
    (issued_at.to_string() == issued_text).then_some(Opened {
        id,
        event_type,
        scope,
        key_id,
        issued_at,
        payload,
    })
}

/// The string that follows the prefix, and what follows that.
fn member<'a>(text: &'a str, prefix: &str) -> Option<(String, &'a str)> {
    let literal = text.strip_prefix(prefix)?;
    let body = literal.strip_prefix('"')?;
    let mut escaped = false;
    let end = body.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })?;
    let (literal, rest) = literal.split_at(end + 2);
    Some((serde_json::from_str(literal).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::value;
    use proptest::prelude::*;

    fn key() -> SigningKey {
        SigningKey::from_seed(&[9; 32])
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn header<'a>() -> Header<'a> {
        let id = Uuid::from_u128(0x0190_a8b8_a0c0_7a0a_8a0a_a0a0_a0a0_a0c0);
        Header {
            id,
            event_type: "action_request",
            scope: "node:<1>",
            issued_at: at("2026-01-02T03:04:05.6Z"),
        }
    }

    fn trusted(id: &str) -> Option<[u8; 32]> {
        (id == key().key_id()).then(|| key().public_key())
    }

    fn open_now(text: &str) -> Result<Opened<'_>, EnvelopeError> {
        open(text, trusted, header().issued_at)
    }

    /// Signs any text of the shape `{…}` as if it were ours.
    fn forge(body: &str) -> String {
        let signature = key().0.sign(body.as_bytes());
        format!(
            "{},\"signature\":\"{}\"}}",
            &body[..body.len() - 1],
            STANDARD.encode(signature)
        )
    }

    #[test]
    fn the_golden_envelope() {
        let text = seal(&key(), &header(), r#"{"a":[1.0,"<&>"]}"#);
        let signed = concat!(
            r#"{"id":"0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0","type":"action_request","scope":"node:\u003c1\u003e","#,
            r#""key_id":"@","issued_at":"2026-01-02T03:04:05.6Z","payload":{"a":[1.0,"\u003c\u0026\u003e"]}}"#,
        );
        let signed = signed.replace('@', &key().key_id());
        assert_eq!(text, forge(&signed));
        assert_eq!(key().key_id(), GOLDEN_KEY_ID);
        assert!(text.ends_with(GOLDEN_TAIL), "{text}");
        let opened = open_now(&text).unwrap();
        assert_eq!(opened.scope, "node:<1>");
        assert_eq!(opened.payload, r#"{"a":[1.0,"\u003c\u0026\u003e"]}"#);
    }

    /// Computed by another Ed25519 implementation.
    const GOLDEN_KEY_ID: &str = "dbc298251c51321b";
    const GOLDEN_TAIL: &str =
        "\"5SBikSecp1zu+nm2VG0jqmt2Er/Z9uCRSlmLHr+CfwOyBb6TTg3xVXT3bV4VUaW9ru18weFXHP/P/W0U39LjDQ==\"}";

    #[test]
    fn other_layouts_are_refused_though_signed() {
        let good = seal(&key(), &header(), "{}");
        let body = format!("{}}}", &good[..good.len() - TAIL_BYTES]);
        assert_eq!(forge(&body), good);
        let refused = |body: String| open_now(&forge(&body)).unwrap_err();
        let malformed = [
            body.replace("\"id\":", "\"id\": "),
            body.replace("\"scope\"", "\"Scope\""),
            body.replacen("{\"id\"", "{\"type\":\"x\",\"id\"", 1),
            body.replace("05.6Z", "05.60Z"),
            body.replace("05.6Z", "05.6+00:00"),
            format!(" {body}"),
            body.replace(",\"scope\":\"node:\\u003c1\\u003e\"", ""),
        ];
        for body in malformed {
            assert_eq!(refused(body.clone()), EnvelopeError::Malformed, "{body}");
        }
        let bad_payloads = [
            "{} ",
            " {}",
            "{ }",
            "",
            "{},\"payload\":{}",
            "{},\"id\":\"x\"",
            "{\"a\":1,\"a\":2}",
            "{\"a\":\"<\"}",
            "{\"a\":\n1}",
        ];
        for payload in bad_payloads {
            let body = body.replace("\"payload\":{}", &format!("\"payload\":{payload}"));
            assert_eq!(refused(body.clone()), EnvelopeError::BadPayload, "{body}");
        }
        assert_eq!(open_now(&format!("{good} ")), Err(EnvelopeError::Malformed));
        assert_eq!(open_now(""), Err(EnvelopeError::Malformed));
    }

    #[test]
    fn the_window_and_the_key() {
        let text = seal(&key(), &header(), "null");
        let shifted = |seconds: i64| header().issued_at + std::time::Duration::from_secs(seconds as u64);
        assert!(open(&text, trusted, shifted(300)).is_ok());
        assert_eq!(open(&text, trusted, shifted(301)), Err(EnvelopeError::OutOfTime));
        let early = header().issued_at - std::time::Duration::from_secs(300);
        assert!(open(&text, trusted, early).is_ok());
        let nanosecond = std::time::Duration::from_nanos(1);
        assert_eq!(
            open(&text, trusted, early - nanosecond),
            Err(EnvelopeError::OutOfTime)
        );
        assert_eq!(
            open(&text, |_| None, header().issued_at),
            Err(EnvelopeError::UnknownKey)
        );
        let stranger = SigningKey::from_seed(&[1; 32]).public_key();
        let refused = open(&text, |_| Some(stranger), header().issued_at);
        assert_eq!(refused, Err(EnvelopeError::BadSignature));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_to_the_same(
            payload in value(), event_type in ".{0,9}", scope in "[a\"\\\\<\u{2028}]{0,9}", nanos in 0..1_000_000_000_i32,
        ) {
            let issued_at = Timestamp::new(1_700_000_000, nanos).unwrap();
            let header = Header { id: Uuid::nil(), event_type: &event_type, scope: &scope, issued_at };
            let text = seal(&key(), &header, &serde_json::to_string(&payload).unwrap());
            prop_assert!(!text.contains(['\n', '\r', '\u{2028}', '<']), "unescaped");
            let opened = open(&text, trusted, issued_at).unwrap();
            prop_assert_eq!((&opened.event_type, &opened.scope, opened.issued_at), (&event_type, &scope, issued_at));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(opened.payload).unwrap(), payload);
            let document: plex_api::events::Envelope = serde_json::from_str(&text).unwrap();
            prop_assert_eq!((document.r#type, document.payload.get()), (event_type, opened.payload));
        }

        #[test]
        fn a_changed_character_never_opens(at in any::<prop::sample::Index>(), with in "[ -~]") {
            let text = seal(&key(), &header(), r#"{"action":"rotate-keys","n":1}"#);
            let at = at.index(text.len());
            prop_assume!(text[at..=at] != with);
            let altered = format!("{}{with}{}", &text[..at], &text[at + 1..]);
            prop_assert!(open_now(&altered).is_err());
            prop_assert!(open_now(&text[..at]).is_err());
            let removed = format!("{}{}", &text[..at], &text[at + 1..]);
            prop_assert!(open_now(&removed).is_err());
        }
    }
}
