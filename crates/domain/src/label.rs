//! What labels may be called, and what values they may have (`api.md` §6).
//!
//! A pattern comes from outside and so do the values that it is tried on: patterns are compiled by an engine
//! that takes linear time, in bounded memory, and must match a value from its first byte to its last.

mod scope;
mod value;

pub use scope::ScopeRef;
pub use value::{Checker, SchemaError, ValueSchema};

/// Most bytes of a value where its definition says nothing.
pub const DEFAULT_VALUE_BYTES: usize = 256;
/// Most bytes of a value that a definition can allow.
pub const MAX_VALUE_BYTES: usize = 4096;
/// Most bytes of a pattern.
pub const MAX_PATTERN_BYTES: usize = 512;
/// Most words of an enumeration.
pub const MAX_WORDS: usize = 256;
/// Most kinds that a definition applies to.
pub const MAX_KINDS: usize = 64;
/// Longest description, in characters.
const DESCRIPTION_CHARS: usize = 512;

/// What local keys of the platform's own begin with.
const RESERVED: &str = "plexsphere.";

/// What can have labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A node; it also has those of its project, unless it has its own of the same definition.
    Node,
    /// A project.
    Project,
}

impl Holder {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Project => "project",
        }
    }

    /// The holder of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Node, Self::Project]
            .into_iter()
            .find(|holder| holder.as_str() == word)
    }
}

/// Whether a local key belongs to the platform itself, so that nobody may define it.
pub fn is_reserved(local_key: &str) -> bool {
    local_key.starts_with(RESERVED)
}

/// Whether these can be the kinds that a definition applies to: up to 64 different lowercase words.
pub fn are_kinds(kinds: &[String]) -> bool {
    let word = |kind: &String| {
        let letters =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        kind.len() <= 64 && kind.starts_with(|c: char| c.is_ascii_lowercase()) && kind.bytes().all(letters)
    };
    let different = |(n, kind): (usize, &String)| !kinds[..n].contains(kind);
    kinds.len() <= MAX_KINDS && kinds.iter().all(word) && kinds.iter().enumerate().all(different)
}

/// Whether the text may describe a definition: up to 512 characters without NUL.
pub fn is_description(text: &str) -> bool {
    text.chars().count() <= DESCRIPTION_CHARS && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_different_lowercase_words() {
        let kinds =
            |words: &[&str]| are_kinds(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert!(kinds(&["node"]) && kinds(&["node", "project", "service-identity"]) && kinds(&[]));
        for bad in [
            &["Node"][..],
            &[""],
            &["-node"],
            &["node", "node"],
            &["node\n"],
            &[&"n".repeat(65)],
        ] {
            assert!(!kinds(bad), "{bad:?}");
        }
        let many: Vec<String> = (0..65).map(|n| format!("kind{n}")).collect();
        assert!(are_kinds(&many[..64]) && !are_kinds(&many));
    }

    #[test]
    fn only_the_prefix_is_reserved() {
        assert!(is_reserved("plexsphere.version"));
        assert!(!is_reserved("plexsphere") && !is_reserved("my.plexsphere.version"));
    }
}
