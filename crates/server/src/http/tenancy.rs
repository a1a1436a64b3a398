//! What domains and projects have in common: names, handles, and which of them a caller may see.

use crate::authorize::holds;
use crate::principal::Principal;
use plex_domain::relation::{ObjectKind, Permission, Scope};
use uuid::Uuid;

/// Whether a text is a handle: `^[a-z0-9]+(-[a-z0-9]+)*$`, at most 64 characters.
pub fn is_slug(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.len() <= 64 && text.split('-').all(is_word)
}

/// A display name without the white space around it; `None` for a blank or too long one.
pub fn name(text: &str) -> Option<String> {
    let name = text.trim();
    let fits = (1..=255).contains(&name.chars().count()) && !name.contains(char::is_control);
    fits.then(|| name.to_owned())
}

/// A description; `None` for one of white space only or a too long one.
pub fn description(text: Option<String>) -> Option<String> {
    let text = text.unwrap_or_default();
    let fits = text.chars().count() <= 1024 && (text.is_empty() || !text.trim().is_empty());
    fits.then_some(text)
}

/// The objects of one kind on which the caller itself holds a relation that grants a permission; `None` when it
/// holds it on all, through the platform.
pub fn seen(principal: &Principal, permission: Permission, kind: ObjectKind) -> Option<Vec<Uuid>> {
    if holds(principal, permission, &Scope::default()) {
        return None;
    }
    let held = principal.bindings.iter().filter(|binding| binding.object.kind == kind);
    let scope = |id| match kind {
        ObjectKind::Domain => Scope { domain_id: Some(id), project_id: None },
        _ => Scope { domain_id: None, project_id: Some(id) },
    };
    Some(held.filter_map(|binding| binding.object.id).filter(|id| holds(principal, permission, &scope(*id))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_lowercase_words_with_single_dashes() {
        for slug in ["a", "acme", "acme-2-x", &"a".repeat(64)] {
            assert!(is_slug(slug), "{slug}");
        }
        for text in ["", "-", "a-", "-a", "a--b", "Acme", "a_b", "a b", "ä", &"a".repeat(65)] {
            assert!(!is_slug(text), "{text}");
        }
    }

    #[test]
    fn names_and_descriptions_are_not_blank() {
        assert_eq!(name("  Acme "), Some("Acme".to_owned()));
        assert_eq!((name(" "), name(&"n".repeat(256)), name("a\u{7}")), (None, None, None));
        assert_eq!(description(None), Some(String::new()));
        assert_eq!((description(Some(" ".to_owned())), description(Some("x".repeat(1025)))), (None, None));
    }
}
