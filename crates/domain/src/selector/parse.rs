//! From text to terms, in one pass.

use super::{MAX_BYTES, MAX_VALUES, SelectorError, Term, valid_local_key};

/// The terms of a text.
pub(super) fn selector(text: &str) -> Result<Vec<Term>, SelectorError> {
    if text.len() > MAX_BYTES {
        return Err(fault(MAX_BYTES, "longer than 4096 bytes"));
    }
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    if reader.peek().is_none() {
        return Err(fault(0, "a blank selector selects nothing"));
    }
    let mut terms = vec![reader.term()?];
    loop {
        reader.skip_space();
        match reader.peek() {
            None => return Ok(terms),
            Some(b',') => reader.at += 1,
            Some(_) => return Err(fault(reader.at, "expected ',' or the end")),
        }
        terms.push(reader.term()?);
    }
}

/// Whether a byte may stand in an unquoted value.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'/' | b'@' | b'+' | b'-')
}

fn fault(position: usize, message: &str) -> SelectorError {
    SelectorError {
        position,
        message: message.to_owned(),
    }
}

fn valid_key(word: &str) -> bool {
    match word.split_once('/') {
        None => valid_local_key(word),
        Some((scope, key)) => {
            let mut slugs = scope.split(':');
            valid_local_key(key) && slugs.by_ref().take(2).all(valid_slug) && slugs.next().is_none()
        }
    }
}

fn valid_slug(word: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    word.len() <= 64 && word.split('-').all(part)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn term(&mut self) -> Result<Term, SelectorError> {
        self.skip_space();
        if self.take("!") {
            self.skip_space();
            return Ok(Term::Absent { key: self.key()? });
        }
        let key = self.key()?;
        let spaced = self.skip_space();
        if self.take("!=") {
            return Ok(Term::Neq {
                key,
                value: self.value()?,
            });
        }
        if self.take("=") {
            return Ok(Term::Eq {
                key,
                value: self.value()?,
            });
        }
        if spaced && self.take("in") {
            return Ok(Term::In {
                key,
                values: self.values()?,
            });
        }
        Ok(Term::Exists { key })
    }

    fn key(&mut self) -> Result<String, SelectorError> {
        let start = self.at;
        let word = self.word();
        if word.is_empty() {
            return Err(fault(start, "expected a key"));
        }
        if !valid_key(&word) {
            return Err(fault(start, "not a label key"));
        }
        Ok(word)
    }

    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        self.skip_space();
        if !self.take("(") {
            return Err(fault(self.at, "expected '(' after in"));
        }
        let mut values = Vec::new();
        loop {
            if values.len() == MAX_VALUES {
                return Err(fault(self.at, "more than 256 values"));
            }
            values.push(self.value()?);
            self.skip_space();
            if self.take(")") {
                return Ok(values);
            }
            if !self.take(",") {
                return Err(fault(self.at, "expected ',' or ')'"));
            }
        }
    }

    fn value(&mut self) -> Result<String, SelectorError> {
        self.skip_space();
        let start = self.at;
        if self.take("\"") {
            return self.quoted(start);
        }
        let word = self.word();
        if word.is_empty() {
            Err(fault(start, "expected a value"))
        } else {
            Ok(word)
        }
    }

    fn quoted(&mut self, start: usize) -> Result<String, SelectorError> {
        let mut value = String::new();
        let mut rest = self.text[self.at..].char_indices();
        while let Some((offset, c)) = rest.next() {
            match c {
                '"' => {
                    self.at += offset + 1;
                    return Ok(value);
                }
                '\\' => match rest.next() {
                    Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                    Some(_) | None => return Err(fault(self.at + offset, "only \\\" and \\\\ are escapes")),
                },
                plain => value.push(plain),
            }
        }
        Err(fault(start, "quote without end"))
    }

    fn word(&mut self) -> String {
        let rest = &self.text[self.at..];
        let end = rest.bytes().position(|byte| !is_word(byte)).unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    fn take(&mut self, token: &str) -> bool {
        let there = self.text[self.at..].starts_with(token);
        self.at += if there { token.len() } else { 0 };
        there
    }

    fn skip_space(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.at > start
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}
