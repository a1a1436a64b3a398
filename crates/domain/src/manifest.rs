//! What a node may say it can run (`api.md` §7.1, PutNodeCapabilities).
//!
//! A manifest is a whole: one fault refuses it, with the code that the contract names for that fault. Faults
//! of `declared_hooks` and of the header are 400, those of `plexd_hooks` and `builtin_actions` are 422; the
//! code alone decides that, so none of it is here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plex_api::codes;
use plex_api::limits::{MANIFEST_ITEMS, MANIFEST_PARAMETERS, MAX_TIMEOUT_SECONDS, TEXT_BYTES};
use plex_api::nodes::{
    BuiltinAction, BuiltinActionParameter, CapabilityManifestRequest, DeclaredHook, PlexdHook,
};
use std::collections::HashSet;

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ManifestError {
    /// The problem code.
    pub code: &'static str,
    /// What is wrong and where; names from the manifest do not appear in it, positions do.
    pub detail: String,
}

/// Checks a manifest.
pub fn validate(manifest: &CapabilityManifestRequest) -> Result<(), ManifestError> {
    header(manifest)?;
    declared_hooks(&manifest.declared_hooks)?;
    plexd_hooks(&manifest.plexd_hooks)?;
    builtin_actions(&manifest.builtin_actions)
}

/// The published fields in which two manifests differ, sorted; all that is there when there was none before.
pub fn fields_changed(
    old: Option<&CapabilityManifestRequest>,
    new: &CapabilityManifestRequest,
) -> Vec<String> {
    let blank = CapabilityManifestRequest::default();
    let before = old.unwrap_or(&blank);
    let changed = [
        (
            "binary_checksum",
            old.is_none() || before.binary_checksum != new.binary_checksum,
        ),
        (
            "binary_version",
            old.is_none() || before.binary_version != new.binary_version,
        ),
        (
            "declared_hooks",
            by_name(&before.declared_hooks, |h| &h.name) != by_name(&new.declared_hooks, |h| &h.name),
        ),
        (
            "plexd_hooks",
            by_name(&before.plexd_hooks, |h| &h.name) != by_name(&new.plexd_hooks, |h| &h.name),
        ),
        (
            "ssh_host_key_fingerprint",
            fingerprint(before) != fingerprint(new),
        ),
    ];
    changed
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(field, _)| field.to_owned())
        .collect()
}

/// The fingerprint; an empty one is none.
pub fn fingerprint(manifest: &CapabilityManifestRequest) -> Option<&str> {
    manifest
        .ssh_host_key_fingerprint
        .as_deref()
        .filter(|text| !text.is_empty())
}

fn by_name<T>(items: &[T], name: impl Fn(&T) -> &String) -> Vec<&T> {
    let mut sorted: Vec<&T> = items.iter().collect();
    sorted.sort_by(|a, b| name(a).cmp(name(b)));
    sorted
}

fn header(manifest: &CapabilityManifestRequest) -> Result<(), ManifestError> {
    if manifest.binary_version.trim().is_empty() {
        return refuse(codes::BINARY_VERSION_EMPTY, "binary_version is blank");
    }
    if !is_text(&manifest.binary_version) {
        return refuse(
            codes::MALFORMED_CAPABILITIES_REQUEST,
            "binary_version is too long or has a NUL",
        );
    }
    if !is_checksum(&manifest.binary_checksum) {
        return refuse(
            codes::BINARY_CHECKSUM_INVALID,
            "binary_checksum is not 32 bytes of base64",
        );
    }
    if fingerprint(manifest).is_some_and(|text| !is_fingerprint(text)) {
        return refuse(
            codes::SSH_HOST_KEY_FINGERPRINT_INVALID,
            "ssh_host_key_fingerprint is not SHA256:<base64>",
        );
    }
    Ok(())
}

fn declared_hooks(hooks: &[DeclaredHook]) -> Result<(), ManifestError> {
    if hooks.len() > MANIFEST_ITEMS {
        return refuse(
            codes::DECLARED_HOOKS_TOO_MANY,
            "declared_hooks has more than 128 items",
        );
    }
    let mut names = HashSet::new();
    for (n, hook) in hooks.iter().enumerate() {
        let valid = is_hook_name(&hook.name)
            && is_checksum(&hook.checksum)
            && is_optional_text(&hook.description)
            && hook
                .timeout_seconds
                .is_none_or(|seconds| seconds <= MAX_TIMEOUT_SECONDS)
            && hook.parameters.len() <= MANIFEST_PARAMETERS
            && are_parameters(&hook.parameters);
        if !valid {
            let rule =
                "needs a file's own name, 32 bytes of base64 as checksum, and at most 64 unique parameters";
            return refuse(
                codes::DECLARED_HOOK_INVALID,
                &format!("declared_hooks[{n}] {rule}"),
            );
        }
        if !names.insert(&hook.name) {
            return refuse(
                codes::DECLARED_HOOK_DUPLICATE,
                &format!("declared_hooks[{n}] repeats a name"),
            );
        }
    }
    Ok(())
}

fn plexd_hooks(hooks: &[PlexdHook]) -> Result<(), ManifestError> {
    if hooks.len() > MANIFEST_ITEMS {
        return refuse(codes::PLEXD_HOOKS_TOO_MANY, "plexd_hooks has more than 128 items");
    }
    let mut names = HashSet::new();
    for (n, hook) in hooks.iter().enumerate() {
        let valid = is_name(&hook.name)
            && is_image_digest(&hook.image_digest)
            && hook.timeout_seconds.is_none_or(|seconds| seconds >= 0)
            && hook
                .parameters
                .iter()
                .all(|(key, value)| is_text(key) && is_text(value));
        if !valid {
            let detail = format!("plexd_hooks[{n}] needs a name and an image_digest sha256:<64 hex digits>");
            return refuse(codes::PLEXD_HOOK_INVALID, &detail);
        }
        if !names.insert(&hook.name) {
            return refuse(
                codes::PLEXD_HOOK_DUPLICATE,
                &format!("plexd_hooks[{n}] repeats a name"),
            );
        }
    }
    Ok(())
}

fn builtin_actions(actions: &[BuiltinAction]) -> Result<(), ManifestError> {
    let too_many = actions.len() > MANIFEST_ITEMS;
    if too_many
        || actions
            .iter()
            .any(|action| action.parameters.len() > MANIFEST_PARAMETERS)
    {
        let detail = "builtin_actions has more than 128 items, or more than 64 parameters in one";
        return refuse(codes::BUILTIN_ACTIONS_TOO_MANY, detail);
    }
    let mut names = HashSet::new();
    for (n, action) in actions.iter().enumerate() {
        let described = is_optional_text(&action.description);
        if !is_name(&action.name) || !described || !are_parameters(&action.parameters) {
            let detail = format!("builtin_actions[{n}] needs a name and unique parameter names");
            return refuse(codes::BUILTIN_ACTION_INVALID, &detail);
        }
        if !names.insert(&action.name) {
            return refuse(
                codes::BUILTIN_ACTION_DUPLICATE,
                &format!("builtin_actions[{n}] repeats a name"),
            );
        }
    }
    Ok(())
}

fn are_parameters(parameters: &[BuiltinActionParameter]) -> bool {
    let mut names = HashSet::new();
    parameters.iter().all(|parameter| {
        is_name(&parameter.name)
            && is_optional_text(&parameter.r#type)
            && is_optional_text(&parameter.default)
            && is_optional_text(&parameter.description)
            && names.insert(&parameter.name)
    })
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && is_text(text)
}

/// NUL cannot be stored by every database, so no text may have one.
/// A file's own name. It need not be one that can be dispatched (decision 12): agents elsewhere declare what they
/// find, and one odd name must not cost a node its whole manifest.
fn is_hook_name(text: &str) -> bool {
    is_name(text) && !text.contains(['/', '\\']) && !text.contains("..")
}

fn is_text(text: &str) -> bool {
    text.len() <= TEXT_BYTES && !text.contains('\0')
}

fn is_optional_text(text: &Option<String>) -> bool {
    text.as_deref().is_none_or(is_text)
}

/// Whether it is a SHA-256 in base64.
pub fn is_checksum(text: &str) -> bool {
    text.len() == 44 && STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// Whether it is `^SHA256:[A-Za-z0-9+/]+={0,2}$`.
pub fn is_fingerprint(text: &str) -> bool {
    let Some(base64) = text.strip_prefix("SHA256:") else {
        return false;
    };
    let digits = base64.trim_end_matches('=');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len() <= TEXT_BYTES
        && base64.len() - digits.len() <= 2
        && !digits.is_empty()
        && digits.bytes().all(plain)
}

/// `^sha256:[0-9a-f]{64}$`
fn is_image_digest(text: &str) -> bool {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix("sha256:")
        .is_some_and(|digits| digits.len() == 64 && digits.bytes().all(hex))
}

fn refuse(code: &'static str, detail: &str) -> Result<(), ManifestError> {
    Err(ManifestError {
        code,
        detail: detail.to_owned(),
    })
}

#[cfg(test)]
mod tests;
