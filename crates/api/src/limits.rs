//! The contract's bounds, one constant each (`api.md` §1.7, §9; `decisions.md` 1, 5, 8, 19).

/// Items on a page when `limit` is absent.
pub const DEFAULT_PAGE: u32 = 50;
/// The largest `limit`.
pub const MAX_PAGE: u32 = 200;
/// Largest output that travels inline, in decoded bytes.
pub const INLINE_OUTPUT_BYTES: usize = 16_384;
/// Largest dispatch body in bytes.
pub const DISPATCH_BODY_BYTES: usize = 256 * 1024;
/// Largest callback body in bytes.
pub const CALLBACK_BODY_BYTES: usize = 96 * 1024;
/// Largest capability manifest in bytes.
pub const CAPABILITIES_BODY_BYTES: usize = 256 * 1024;
/// Largest batch of integrity violations in bytes.
pub const INTEGRITY_BODY_BYTES: usize = 32 * 1024;
/// Most integrity violations in one batch.
pub const INTEGRITY_VIOLATIONS: usize = 128;
/// Longest reason of an acknowledgement, in characters.
pub const ACKNOWLEDGE_REASON_CHARS: usize = 1024;
/// Largest body of every other operation in bytes.
pub const BODY_BYTES: usize = 8 * 1024;
/// Largest body of the label operations in bytes: 256 words of 256 bytes and what surrounds them.
pub const LABELS_BODY_BYTES: usize = 128 * 1024;
/// Largest body of a search in bytes.
pub const SEARCH_BODY_BYTES: usize = 64 * 1024;
/// Most labels of one object.
pub const OBJECT_LABELS: u32 = 64;
/// Most label definitions of the platform, a domain or a project.
pub const SCOPE_LABEL_DEFINITIONS: u32 = 1000;
/// Longest `timeout_seconds`.
pub const MAX_TIMEOUT_SECONDS: u32 = 86_400;
/// `timeout_seconds` when it is absent or 0 (decision 6).
pub const DEFAULT_TIMEOUT_SECONDS: u32 = 300;
/// Most targets that a list item carries (decision 2).
pub const LIST_TARGETS: usize = 100;
/// Most excluded nodes that a list item carries (decision 2).
pub const LIST_EXCLUDED: usize = 100;
/// Longest request string that has no bound of its own.
pub const TEXT_BYTES: usize = 4096;
/// Most declared hooks, discovered hooks or built-in actions in one manifest.
pub const MANIFEST_ITEMS: usize = 128;
/// Most parameters of one action in a manifest.
pub const MANIFEST_PARAMETERS: usize = 64;
