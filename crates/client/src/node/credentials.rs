//! What a node proves itself with: one credential, and while its key changes a second one.
//!
//! While a key is changed nobody but the server knows which of the two holds: an answer may have been lost. So the
//! second is tried where the first is refused, and whichever is taken becomes the one in use.

use super::connection::ConnectionError;
use reqwest::header::HeaderValue;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The credentials of a node. Its `Debug` shows none.
#[derive(Debug)]
pub(super) struct Credentials(RwLock<Pair>);

#[derive(Debug)]
struct Pair {
    // Marked sensitive, so that Debug does not show them.
    current: HeaderValue,
    other: Option<HeaderValue>,
}

impl Credentials {
    pub(super) fn new(credential: &str) -> Result<Self, ConnectionError> {
        Ok(Self(RwLock::new(Pair {
            current: authorization(credential)?,
            other: None,
        })))
    }

    pub(super) fn current(&self) -> HeaderValue {
        self.read().current.clone()
    }

    pub(super) fn uses(&self, credential: &str) -> bool {
        authorization(credential).is_ok_and(|value| self.read().current == value)
    }

    /// Uses this one first from now on, and the one in use after it.
    pub(super) fn prefer(&self, credential: &str) -> Result<(), ConnectionError> {
        let preferred = authorization(credential)?;
        let mut pair = self.write();
        if pair.current != preferred {
            let before = std::mem::replace(&mut pair.current, preferred);
            pair.other = Some(before);
        }
        Ok(())
    }

    /// What to try where `used` was refused.
    pub(super) fn instead_of(&self, used: &HeaderValue) -> Option<HeaderValue> {
        let pair = self.read();
        if pair.current == *used {
            pair.other.clone()
        } else {
            Some(pair.current.clone())
        }
    }

    /// The server took this one where it refused the other.
    pub(super) fn settle_on(&self, taken: &HeaderValue) {
        let mut pair = self.write();
        if pair.other.as_ref() == Some(taken) {
            let before = std::mem::replace(&mut pair.current, taken.clone());
            pair.other = Some(before);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Pair> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Pair> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn authorization(credential: &str) -> Result<HeaderValue, ConnectionError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {credential}"))
        .map_err(|_| ConnectionError::Client("the credential cannot stand in a header".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_one_is_tried_and_takes_the_place_of_the_refused_one() {
        let credentials = Credentials::new("old").unwrap();
        let old = credentials.current();
        assert_eq!(credentials.instead_of(&old), None);
        credentials.prefer("new").unwrap();
        let new = credentials.current();
        assert!(credentials.uses("new") && !credentials.uses("old"));
        assert_eq!(
            credentials.instead_of(&old),
            Some(new.clone()),
            "it was under way with the old one"
        );
        assert_eq!(credentials.instead_of(&new), Some(old.clone()));
        credentials.settle_on(&old);
        assert!(credentials.uses("old"));
        credentials.settle_on(&old);
        assert!(credentials.uses("old"), "to settle twice changes nothing");
        credentials.prefer("old").unwrap();
        assert_eq!(credentials.instead_of(&old), Some(new));
        assert!(!format!("{credentials:?}").contains("old"));
    }
}
