//! The audit chain: what an entry says, the bytes that stand for it, and how entries hang together.
//!
//! `entry_hash = SHA-256(prev_hash ‖ SHA-256(canonical_bytes))`, the first entry's `prev_hash` being 32 zero
//! bytes (`api.md` §12). The canonical bytes are one compact JSON object with every member of [`Entry`],
//! always present (`null` when absent), always in this order: `v` (1), `seq`, `chain`, `occurred_at`,
//! `reason`, `subject_pseudonym` (lowercase hex), `relation`, `object_type`, `object_id`, `result`,
//! `caveats`, `correlation_id`, `ip`, `user_agent`, `count`, `details`. JSON was chosen over length-prefixed
//! fields because an auditor can read it; it is as injective, since no string can end its own literal.
//! `docs/audit.md` tells the same to those who verify without this code.

mod exported;
mod walk;

pub use exported::{shows, stored};
pub use walk::{Divergence, Stored, Walk};

use jiff::Timestamp;
use plex_api::audit::AuditReason;
use ring::{digest, hmac};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The `prev_hash` of a chain's first entry.
pub const GENESIS: [u8; 32] = [0; 32];

/// One entry of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Position in the chain, from 1.
    pub seq: u64,
    /// The domain whose chain it is; `None` is the platform's.
    pub chain: Option<Uuid>,
    /// When the decision fell.
    pub occurred_at: Timestamp,
    /// Why it fell so.
    pub reason: AuditReason,
    /// Who, as [`pseudonym`] names them.
    #[serde(serialize_with = "hex", deserialize_with = "unhex")]
    pub subject_pseudonym: [u8; 32],
    /// The relation or permission that was checked.
    pub relation: String,
    /// The type of the object.
    pub object_type: String,
    /// The id of the object.
    pub object_id: String,
    /// The outcome.
    pub result: AuditReason,
    /// Names of the caveats that were evaluated, with the names of their parameters.
    pub caveats: BTreeMap<String, Vec<String>>,
    /// The request.
    pub correlation_id: String,
    /// The client's address.
    pub ip: Option<String>,
    /// What the client calls itself, verbatim.
    pub user_agent: Option<String>,
    /// How many equal decisions the entry stands for.
    pub count: u32,
    /// More about the mutation, for example the digest over the events of one commit.
    pub details: Option<String>,
}

#[derive(Serialize)]
struct Versioned<'a> {
    v: u8,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// The bytes that stand for an entry; different entries have different bytes.
pub fn canonical_bytes(entry: &Entry) -> Vec<u8> {
    serde_json::to_vec(&Versioned { v: 1, entry }).expect("an entry is plain data with string keys")
}

/// The entry that those bytes stand for; `None` for bytes that [`canonical_bytes`] does not make.
pub fn read_canonical(bytes: &[u8]) -> Option<Entry> {
    let entry = serde_json::from_slice(bytes).ok()?;
    (canonical_bytes(&entry) == bytes).then_some(entry)
}

/// The hash that links an entry to the one before it.
pub fn entry_hash(prev: &[u8; 32], canonical: &[u8]) -> [u8; 32] {
    let mut chained = digest::Context::new(&digest::SHA256);
    chained.update(prev);
    chained.update(digest::digest(&digest::SHA256, canonical).as_ref());
    chained
        .finish()
        .as_ref()
        .try_into()
        .expect("SHA-256 has 32 bytes")
}

/// The name of an identity in one chain: stable there, and not to be linked with its name in another.
pub fn pseudonym(key: &[u8; 32], chain: Option<Uuid>, identity: &str) -> [u8; 32] {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    // The nil id is no domain's, so it can stand for the platform.
    mac.update(chain.unwrap_or(Uuid::nil()).as_bytes());
    mac.update(identity.as_bytes());
    mac.sign()
        .as_ref()
        .try_into()
        .expect("a SHA-256 tag has 32 bytes")
}

/// A hash as the wire has it: lowercase hex.
pub fn hash_text(hash: &[u8; 32]) -> String {
    data_encoding::HEXLOWER.encode(hash)
}

/// The hash of that text; `None` for anything but 64 lowercase hex digits.
pub fn parse_hash(text: &str) -> Option<[u8; 32]> {
    data_encoding::HEXLOWER
        .decode(text.as_bytes())
        .ok()?
        .try_into()
        .ok()
}

/// What vouches for the ends of chains: without its key nobody can say that one ends earlier or later.
pub struct Sealer(hmac::Key);

impl Sealer {
    /// `key` is that of the pseudonyms; what seals is derived from it, from a label that is shorter than whatever a
    /// pseudonym is made of.
    pub fn new(key: &[u8; 32]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"audit head v1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// The seal on the end of a chain.
    pub fn seal(&self, chain: Option<Uuid>, seq: u64, hash: &[u8; 32]) -> [u8; 32] {
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(chain.unwrap_or(Uuid::nil()).as_bytes());
        mac.update(&seq.to_be_bytes());
        mac.update(hash);
        mac.sign()
            .as_ref()
            .try_into()
            .expect("a SHA-256 tag has 32 bytes")
    }
}

fn unhex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_hash(&text).ok_or_else(|| D::Error::custom("not 64 lowercase hex digits"))
}

fn hex<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&data_encoding::HEXLOWER.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason() -> impl Strategy<Value = AuditReason> {
        use AuditReason::*;
        prop::sample::select(vec![
            Granted,
            OutOfScope,
            InsufficientRelation,
            CaveatViolation,
            Unknown,
        ])
    }

    fn text() -> impl Strategy<Value = String> {
        "[ab\",:{}\\\\\u{0}é]{0,3}"
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let times = (0..3_i64, 0..2_i32).prop_map(|(s, n)| Timestamp::new(s, n).unwrap());
        let head = (
            1..3_u64,
            prop::option::of((1..3_u128).prop_map(Uuid::from_u128)),
            times,
            reason(),
        );
        let middle = (any::<[u8; 32]>(), text(), text(), text(), reason());
        let caveats = prop::collection::btree_map(text(), prop::collection::vec(text(), 0..3), 0..3);
        let tail = (
            text(),
            prop::option::of(text()),
            prop::option::of(text()),
            0..3_u32,
            prop::option::of(text()),
        );
        (head, middle, caveats, tail).prop_map(|(head, middle, caveats, tail)| Entry {
            seq: head.0,
            chain: head.1,
            occurred_at: head.2,
            reason: head.3,
            subject_pseudonym: middle.0,
            relation: middle.1,
            object_type: middle.2,
            object_id: middle.3,
            result: middle.4,
            caveats,
            correlation_id: tail.0,
            ip: tail.1,
            user_agent: tail.2,
            count: tail.3,
            details: tail.4,
        })
    }

    proptest! {
        #[test]
        fn the_bytes_tell_entries_apart(entry in entry(), other in entry()) {
            let bytes = canonical_bytes(&entry);
            prop_assert_eq!(canonical_bytes(&other) == bytes, other == entry);
            prop_assert_eq!(read_canonical(&bytes), Some(entry));
        }

        #[test]
        fn only_the_canonical_bytes_are_read(entry in entry(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
            let mut bytes = canonical_bytes(&entry);
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != with);
            bytes[at] = with;
            prop_assert_ne!(read_canonical(&bytes), Some(entry.clone()));
            let spaced = String::from_utf8(canonical_bytes(&entry)).unwrap().replacen(',', ", ", 1);
            prop_assert_eq!(read_canonical(spaced.as_bytes()), None);
            let more = String::from_utf8(canonical_bytes(&entry)).unwrap().replacen('{', "{\"x\":1,", 1);
            prop_assert_eq!(read_canonical(more.as_bytes()), None);
        }
    }

    #[test]
    fn the_golden_bytes_and_hash() {
        let entry = Entry {
            seq: 1,
            chain: Some(Uuid::from_u128(1)),
            occurred_at: "2026-01-02T03:04:05.6Z".parse().unwrap(),
            reason: AuditReason::Granted,
            subject_pseudonym: [0xab; 32],
            relation: "dispatch".into(),
            object_type: "project".into(),
            object_id: "p".into(),
            result: AuditReason::Granted,
            caveats: BTreeMap::from([("from_cidr".to_owned(), vec!["cidr".to_owned()])]),
            correlation_id: "c".into(),
            ip: Some("::1".into()),
            user_agent: None,
            count: 1,
            details: None,
        };
        let expected = concat!(
            r#"{"v":1,"seq":1,"chain":"00000000-0000-0000-0000-000000000001","occurred_at":"2026-01-02T03:04:05.6Z","#,
            r#""reason":"granted","subject_pseudonym":"@","relation":"dispatch","object_type":"project","#,
            r#""object_id":"p","result":"granted","caveats":{"from_cidr":["cidr"]},"correlation_id":"c","#,
            r#""ip":"::1","user_agent":null,"count":1,"details":null}"#,
        );
        let bytes = canonical_bytes(&entry);
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            expected.replace('@', &"ab".repeat(32))
        );
        let mut input = GENESIS.to_vec();
        input.extend_from_slice(digest::digest(&digest::SHA256, &bytes).as_ref());
        let hash = entry_hash(&GENESIS, &bytes);
        assert_eq!(hash, digest::digest(&digest::SHA256, &input).as_ref());
        assert_ne!(entry_hash(&hash, &bytes), hash);
    }

    #[test]
    fn a_seal_is_of_one_key_chain_and_end() {
        let (key, chain, hash) = ([1; 32], Some(Uuid::from_u128(1)), [3; 32]);
        let sealer = Sealer::new(&key);
        let seal = sealer.seal(chain, 7, &hash);
        assert_eq!(seal, Sealer::new(&key).seal(chain, 7, &hash));
        for other in [
            Sealer::new(&[2; 32]).seal(chain, 7, &hash),
            sealer.seal(None, 7, &hash),
            sealer.seal(chain, 6, &hash),
            sealer.seal(chain, 7, &[4; 32]),
        ] {
            assert_ne!(seal, other);
        }
    }

    #[test]
    fn pseudonyms_differ_by_key_chain_and_identity() {
        let (key, domain) = ([1; 32], Some(Uuid::from_u128(1)));
        let one = pseudonym(&key, domain, "user:a");
        assert_eq!(one, pseudonym(&key, domain, "user:a"));
        assert_ne!(one, pseudonym(&[2; 32], domain, "user:a"));
        assert_ne!(one, pseudonym(&key, None, "user:a"));
        assert_ne!(one, pseudonym(&key, domain, "user:b"));
    }
}
