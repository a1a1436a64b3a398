//! What domains and projects may be called (`api.md` §1.1 and §5).

/// Longest name, in characters.
const NAME_CHARS: usize = 255;
/// Longest slug or region, in characters.
const SLUG_CHARS: usize = 64;
/// Longest description, in characters.
const DESCRIPTION_CHARS: usize = 1024;

/// Whether the text is a handle: up to 64 characters of `^[a-z0-9]+(-[a-z0-9]+)*$`.
pub fn is_slug(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.len() <= SLUG_CHARS && text.split('-').all(word)
}

/// The display name of a text: trimmed, 1 to 255 characters, none of them a control character.
pub fn name(text: &str) -> Option<&str> {
    let name = text.trim();
    let fits = (1..=NAME_CHARS).contains(&name.chars().count());
    (fits && !name.chars().any(char::is_control)).then_some(name)
}

/// Whether the text may describe something: empty, or up to 1024 characters that are not all white space,
/// without NUL, which not every database keeps.
pub fn is_description(text: &str) -> bool {
    let blank = !text.is_empty() && text.trim().is_empty();
    !blank && text.chars().count() <= DESCRIPTION_CHARS && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slugs_are_words_joined_by_single_dashes() {
        for good in ["a", "0", "a-b", "web-01-eu", &"x".repeat(64)] {
            assert!(is_slug(good), "{good}");
        }
        for bad in [
            "",
            "-",
            "a-",
            "-a",
            "a--b",
            "A",
            "a_b",
            "a b",
            "é",
            "a\n",
            &"x".repeat(65),
        ] {
            assert!(!is_slug(bad), "{bad:?}");
        }
    }

    #[test]
    fn names_are_trimmed_and_neither_blank_nor_long() {
        assert_eq!(name(" Größe \t"), Some("Größe"));
        assert_eq!(name(&"é".repeat(255)).map(str::len), Some(510));
        for bad in ["", " \n ", "a\nb", "a\u{1b}[31m", "a\0", &"é".repeat(256)] {
            assert_eq!(name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn descriptions_may_be_empty_but_not_blank() {
        for good in ["", "two\nlines", &"é".repeat(1024)] {
            assert!(is_description(good), "{good:?}");
        }
        for bad in [" ", "\n\t", "a\0b", &"é".repeat(1025)] {
            assert!(!is_description(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_the_pattern_makes_is_a_slug(text in "[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,4}") {
            prop_assert!(is_slug(&text));
        }
    }
}
