//! A bearer token that cannot be printed by accident.

/// A bearer token. It has no `Display`, and its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a token's text; `None` unless it is one or more visible ASCII characters, which is all that a
    /// header can carry.
    pub fn new(text: String) -> Option<Self> {
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then_some(Self(text))
    }

    /// The token itself, for the place that stores or sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn debug_keeps_the_secret() {
        let token = Token::new("psk_dev_hush".to_owned()).expect("a token");
        assert!(!format!("{token:?}").contains("hush"));
    }

    #[test]
    fn only_visible_ascii_is_a_token() {
        for text in ["", "a b", "a\n", "a\r\nX-Evil: 1", "grün", "a\0"] {
            assert!(Token::new(text.to_owned()).is_none(), "{text:?}");
        }
    }
}
