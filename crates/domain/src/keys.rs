//! The one secret outside the database, and what derives from it (decision 31).
//!
//! Every use has its own key, derived by HMAC-SHA256 from a label, so that a cursor key can never serve as a
//! token hash key. Sealing is ChaCha20-Poly1305 under a key derived per purpose, with a random nonce in
//! front and the purpose as associated data: a value sealed for one purpose does not open for another.

use crate::env::Rng;
use ring::{aead, hmac};

/// The master key. It shows itself to nobody: no `Debug`, no accessor.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// The key of those bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key for one purpose, for example `cursor`.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        self.labelled(b"plexsphere derive v1\0", purpose)
    }

    /// The plaintext, sealed for that purpose.
    pub fn seal(&self, purpose: &str, plaintext: &[u8], rng: &dyn Rng) -> Vec<u8> {
        let mut nonce = [0; aead::NONCE_LEN];
        rng.fill(&mut nonce);
        let mut body = plaintext.to_vec();
        self.sealing_key(purpose)
            .seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(purpose.as_bytes()),
                &mut body,
            )
            .expect("a sealed value is far below the cipher's limit");
        let mut sealed = nonce.to_vec();
        sealed.append(&mut body);
        sealed
    }

    /// The plaintext of what was sealed for that purpose; `None` when anything was altered.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_first_chunk::<{ aead::NONCE_LEN }>()?;
        let mut body = body.to_vec();
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let aad = aead::Aad::from(purpose.as_bytes());
        let plaintext = self
            .sealing_key(purpose)
            .open_in_place(nonce, aad, &mut body)
            .ok()?;
        Some(plaintext.to_vec())
    }

    fn sealing_key(&self, purpose: &str) -> aead::LessSafeKey {
        let key = self.labelled(b"plexsphere seal v1\0", purpose);
        let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, &key).expect("the key has 32 bytes");
        aead::LessSafeKey::new(key)
    }

    fn labelled(&self, label: &[u8], purpose: &str) -> [u8; 32] {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        mac.update(label);
        mac.update(purpose.as_bytes());
        mac.sign()
            .as_ref()
            .try_into()
            .expect("a SHA-256 tag has 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::tests::CountingRng;
    use proptest::prelude::*;

    #[test]
    fn purposes_have_keys_of_their_own() {
        let key = MasterKey::from_bytes([3; 32]);
        assert_ne!(key.derive("cursor"), key.derive("token"));
        assert_eq!(
            key.derive("cursor"),
            MasterKey::from_bytes([3; 32]).derive("cursor")
        );
        assert_ne!(
            key.derive("cursor"),
            MasterKey::from_bytes([4; 32]).derive("cursor")
        );
        assert_ne!(key.derive("x"), key.labelled(b"plexsphere seal v1\0", "x"));
    }

    proptest! {
        #[test]
        fn sealed_values_open_unaltered_or_not_at_all(
            plaintext in prop::collection::vec(any::<u8>(), 0..80),
            at in any::<prop::sample::Index>(), bit in 0..8_u8,
        ) {
            let key = MasterKey::from_bytes([3; 32]);
            let sealed = key.seal("domain key", &plaintext, &CountingRng::default());
            let reopened = key.open("domain key", &sealed);
            prop_assert_eq!(reopened.as_deref(), Some(plaintext.as_slice()));
            prop_assert!(key.open("other", &sealed).is_none());
            prop_assert!(MasterKey::from_bytes([4; 32]).open("domain key", &sealed).is_none());
            let at = at.index(sealed.len());
            prop_assert!(key.open("domain key", &sealed[..at]).is_none());
            let mut altered = sealed.clone();
            altered[at] ^= 1 << bit;
            prop_assert!(key.open("domain key", &altered).is_none());
        }
    }

    #[test]
    fn two_seals_of_one_value_differ() {
        let (key, rng) = (MasterKey::from_bytes([3; 32]), CountingRng::default());
        assert_ne!(key.seal("p", b"same", &rng), key.seal("p", b"same", &rng));
    }
}
