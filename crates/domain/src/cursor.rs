//! Page cursors: opaque, authentic, and bound to what they were made for (decision 1).
//!
//! A cursor is `base64url(version ‖ caller tag ‖ position ‖ seal)`. The seal covers the version, every
//! context (operation, project, filters, order), the caller's tag and the position, so a changed character
//! or another context makes the cursor [`OpenError::Invalid`]. The caller's tag lies under the seal and is
//! compared last: only so can another caller's genuine cursor be told from a forged one, as some lists must.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

/// Longest cursor that is looked at, in characters.
pub const MAX_CURSOR_CHARS: usize = 1024;
/// Longest position that a cursor holds, in bytes.
pub const MAX_POSITION_BYTES: usize = 512;

const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;

/// Why a cursor is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not one of ours, altered, or made for another context.
    #[error("cursor is not valid here")]
    Invalid,
    /// Genuine and made for this context, but for another caller.
    #[error("cursor belongs to another caller")]
    ForeignCaller,
}

/// Makes a cursor. `context` is everything that the position depends on; its parts cannot run into each other.
///
/// `position` has at most [`MAX_POSITION_BYTES`]; the cursor of a longer one would not open again.
pub fn seal(key: &[u8; 32], context: &[&str], caller: &str, position: &[u8]) -> String {
    debug_assert!(
        position.len() <= MAX_POSITION_BYTES,
        "a position fits into a cursor"
    );
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&caller_tag(key, caller));
    bytes.extend_from_slice(position);
    let tag = seal_tag(key, context, &bytes);
    bytes.extend_from_slice(&tag);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position inside a cursor that was made with the same key, context and caller.
pub fn open(key: &[u8; 32], context: &[&str], caller: &str, cursor: &str) -> Result<Vec<u8>, OpenError> {
    if cursor.len() > MAX_CURSOR_CHARS {
        return Err(OpenError::Invalid);
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| OpenError::Invalid)?;
    let (body, tag) = bytes.split_last_chunk::<TAG_BYTES>().ok_or(OpenError::Invalid)?;
    if !crate::credential::equal(tag, &seal_tag(key, context, body)) {
        return Err(OpenError::Invalid);
    }
    let (version, rest) = body.split_first().ok_or(OpenError::Invalid)?;
    let (holder, position) = rest.split_first_chunk::<TAG_BYTES>().ok_or(OpenError::Invalid)?;
    if *version != VERSION {
        return Err(OpenError::Invalid);
    }
    if !crate::credential::equal(holder, &caller_tag(key, caller)) {
        return Err(OpenError::ForeignCaller);
    }
    Ok(position.to_vec())
}

fn caller_tag(key: &[u8; 32], caller: &str) -> [u8; TAG_BYTES] {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    mac.update(b"cursor caller\0");
    mac.update(caller.as_bytes());
    truncated(mac)
}

fn seal_tag(key: &[u8; 32], context: &[&str], body: &[u8]) -> [u8; TAG_BYTES] {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    mac.update(b"cursor seal\0");
    mac.update(&(context.len() as u64).to_be_bytes());
    for part in context {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.update(body);
    truncated(mac)
}

fn truncated(mac: hmac::Context) -> [u8; TAG_BYTES] {
    let tag = mac.sign();
    *tag.as_ref().first_chunk().expect("a SHA-256 tag has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: [u8; 32] = [7; 32];

    fn parts() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[a-c]{0,3}", 0..4)
    }

    fn borrowed(parts: &[String]) -> Vec<&str> {
        parts.iter().map(String::as_str).collect()
    }

    proptest! {
        #[test]
        fn opens_for_what_it_was_made_for_and_nothing_else(
            position in prop::collection::vec(any::<u8>(), 0..=MAX_POSITION_BYTES),
            context in parts(), other in parts(), caller in ".{0,8}", stranger in ".{0,8}",
        ) {
            let made = borrowed(&context);
            let cursor = seal(&KEY, &made, &caller, &position);
            prop_assert!(cursor.len() <= MAX_CURSOR_CHARS);
            prop_assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(open(&KEY, &made, &caller, &cursor), Ok(position));
            prop_assert_eq!(open(&[8; 32], &made, &caller, &cursor), Err(OpenError::Invalid));
            if other != context {
                prop_assert_eq!(open(&KEY, &borrowed(&other), &caller, &cursor), Err(OpenError::Invalid));
                prop_assert_eq!(open(&KEY, &borrowed(&other), &stranger, &cursor), Err(OpenError::Invalid));
            }
            if stranger != caller {
                prop_assert_eq!(open(&KEY, &made, &stranger, &cursor), Err(OpenError::ForeignCaller));
            }
        }

        #[test]
        fn one_changed_character_makes_it_invalid(
            position in prop::collection::vec(any::<u8>(), 0..40),
            at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_=.~+/-]|é|\u{0}",
        ) {
            let cursor = seal(&KEY, &["p"], "me", &position);
            let at = at.index(cursor.len());
            let invalid = Err(OpenError::Invalid);
            if cursor[at..=at] != with {
                let flipped = format!("{}{with}{}", &cursor[..at], &cursor[at + 1..]);
                prop_assert_eq!(open(&KEY, &["p"], "me", &flipped), invalid.clone());
            }
            prop_assert_eq!(open(&KEY, &["p"], "me", &cursor[..at]), invalid.clone());
            prop_assert_eq!(open(&KEY, &["p"], "me", &cursor[at + 1..]), invalid.clone());
            prop_assert_eq!(open(&KEY, &["p"], "me", &format!("{cursor}{with}")), invalid);
        }

        #[test]
        fn anything_at_all_is_refused_without_a_panic(text in ".{0,200}") {
            prop_assert_eq!(open(&KEY, &[], "me", &text), Err(OpenError::Invalid));
        }
    }

    #[test]
    fn a_huge_cursor_is_refused() {
        assert_eq!(
            open(&KEY, &[], "me", &"A".repeat(1 << 20)),
            Err(OpenError::Invalid)
        );
    }
}
