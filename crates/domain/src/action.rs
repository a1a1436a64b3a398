//! Names of actions (decision 12).
//!
//! One rule for built-ins and hooks: a name is safe as a file name, in a URL and on a terminal.

/// Longest name, in bytes.
const MAX_BYTES: usize = 128;

/// Whether a name matches `^[a-z0-9][a-z0-9._-]{0,127}$`.
pub fn valid_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.len() <= MAX_BYTES
        && bytes.first().is_some_and(|first| plain(*first))
        && bytes
            .iter()
            .all(|byte| plain(*byte) || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in [
            "a",
            "0",
            "service.restart",
            "rotate-keys",
            "a_b",
            &"x".repeat(128),
        ] {
            assert!(valid_name(good), "{good}");
        }
        let bad = [
            "",
            ".a",
            "-a",
            "_a",
            "A",
            "aB",
            "a b",
            "a/b",
            "../a",
            "a\n",
            "ä",
            "a\0",
            &"x".repeat(129),
        ];
        for bad in bad {
            assert!(!valid_name(bad), "{bad:?}");
        }
    }
}
