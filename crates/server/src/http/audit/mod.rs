//! The audit chains: a domain's at `/v1/domains/{domain_id}/audit`, the platform's at `/v1/platform/audit`
//! (`api.md` §12, decision 29). Both have the same operations, for auditors and admins.

pub mod export;
pub mod get;
pub mod list;
pub mod verify;

use crate::problem::Failure;
use crate::request::Query;
use plex_api::codes;

/// A place in a chain: a whole number from 1.
fn place(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seq: u64 = digits.then(|| text.parse().ok()).flatten()?;
    (seq >= 1 && i64::try_from(seq).is_ok()).then_some(seq)
}

/// A query parameter that is a place.
fn place_in(query: &Query, name: &str) -> Result<Option<u64>, Failure> {
    query.parsed(name, codes::INVALID_QUERY, place)
}

#[cfg(test)]
mod tests;
