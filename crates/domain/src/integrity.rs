//! What a node may report as changed (`api.md` §7.3, IntegrityViolationRequest).
//!
//! A batch is a whole: one fault refuses it, with the code that the contract names for that fault.

use crate::manifest::{is_checksum, is_fingerprint};
use plex_api::codes;
use plex_api::integrity::{
    IntegrityDetector, IntegrityViolationKind, IntegrityViolationRequest, IntegrityViolationsRequest,
};
use plex_api::limits::{INTEGRITY_VIOLATIONS, TEXT_BYTES};

/// Why a batch is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct IntegrityError {
    /// The problem code.
    pub code: &'static str,
    /// What is wrong and where; what was sent does not appear in it, positions do.
    pub detail: String,
}

/// A finding in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What was found changed.
    pub kind: IntegrityViolationKind,
    /// What found it.
    pub detected_by: IntegrityDetector,
    /// The hook's name, the binary's label or the key's file.
    pub artifact_id: String,
    /// The checksum or fingerprint that was found.
    pub observed: String,
    /// The one that was expected.
    pub expected: Option<String>,
}

/// Checks a batch.
pub fn check(batch: &IntegrityViolationsRequest) -> Result<Vec<Violation>, IntegrityError> {
    let refuse = |code, detail: &str| {
        Err(IntegrityError {
            code,
            detail: detail.to_owned(),
        })
    };
    if batch.violations.is_empty() {
        return refuse(codes::INTEGRITY_VIOLATIONS_EMPTY, "violations is empty");
    }
    if batch.violations.len() > INTEGRITY_VIOLATIONS {
        let detail = "violations has more than 128 items";
        return refuse(codes::INTEGRITY_VIOLATIONS_TOO_MANY, detail);
    }
    batch
        .violations
        .iter()
        .enumerate()
        .map(|(n, violation)| {
            check_one(violation).map_err(|(code, detail)| IntegrityError {
                code,
                detail: format!("violations[{n}]: {detail}"),
            })
        })
        .collect()
}

type Fault = (&'static str, &'static str);

fn check_one(sent: &IntegrityViolationRequest) -> Result<Violation, Fault> {
    let kind = IntegrityViolationKind::of_node(&sent.kind).ok_or((
        codes::INTEGRITY_VIOLATION_KIND_INVALID,
        "kind takes binary_checksum, hook_checksum or ssh_host_key",
    ))?;
    let detected_by = IntegrityDetector::parse(&sent.detected_by).ok_or((
        codes::INTEGRITY_VIOLATION_DETECTED_BY_INVALID,
        "detected_by takes startup_scan, inotify or pre_dispatch",
    ))?;
    if sent.artifact_id.trim().is_empty() {
        return Err((
            codes::INTEGRITY_VIOLATION_ARTIFACT_ID_EMPTY,
            "artifact_id is blank",
        ));
    }
    if sent.artifact_id.len() > TEXT_BYTES || sent.artifact_id.contains('\0') {
        return Err((
            codes::MALFORMED_INTEGRITY_VIOLATIONS_REQUEST,
            "artifact_id takes at most 4096 bytes, no NUL",
        ));
    }
    let (observed, expected) = match kind {
        IntegrityViolationKind::Binary | IntegrityViolationKind::Hook => checksums(sent)?,
        IntegrityViolationKind::HostKey => fingerprints(sent)?,
    };
    Ok(Violation {
        kind,
        detected_by,
        artifact_id: sent.artifact_id.clone(),
        observed: observed.to_owned(),
        expected: expected.map(str::to_owned),
    })
}

type Pair<'s> = (&'s str, Option<&'s str>);

fn checksums(sent: &IntegrityViolationRequest) -> Result<Pair<'_>, Fault> {
    if sent.observed_fingerprint.is_some() || sent.expected_fingerprint.is_some() {
        return Err((
            codes::INTEGRITY_VIOLATION_KIND_MISMATCH,
            "a checksum kind takes no fingerprints",
        ));
    }
    let observed = sent.observed_checksum.as_deref().filter(|text| is_checksum(text));
    let expected = sent.expected_checksum.as_deref();
    match observed {
        Some(observed) if expected.is_none_or(is_checksum) => Ok((observed, expected)),
        Some(_) | None => Err((
            codes::INTEGRITY_VIOLATION_CHECKSUM_INVALID,
            "a checksum kind needs observed_checksum, and each checksum is 32 bytes of base64",
        )),
    }
}

fn fingerprints(sent: &IntegrityViolationRequest) -> Result<Pair<'_>, Fault> {
    if sent.observed_checksum.is_some() || sent.expected_checksum.is_some() {
        return Err((
            codes::INTEGRITY_VIOLATION_KIND_MISMATCH,
            "ssh_host_key takes no checksums",
        ));
    }
    let observed = sent
        .observed_fingerprint
        .as_deref()
        .filter(|text| is_fingerprint(text));
    let expected = sent.expected_fingerprint.as_deref();
    match observed {
        Some(observed) if expected.is_none_or(is_fingerprint) => Ok((observed, expected)),
        Some(_) | None => Err((
            codes::INTEGRITY_VIOLATION_HOST_KEY_FINGERPRINT_INVALID,
            "ssh_host_key needs observed_fingerprint, and each fingerprint is SHA256:<base64>",
        )),
    }
}
