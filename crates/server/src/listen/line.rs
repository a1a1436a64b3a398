//! The lines that HTTP/1 is made of, in the one form of each that is accepted.

use super::refusal::Refusal;

/// The line that `bytes` begins with, without its CR LF, if it is complete. Longer than `most` is malformed.
pub(super) fn short_line(bytes: &[u8], most: usize) -> Result<Option<&[u8]>, Refusal> {
    let window = &bytes[..bytes.len().min(most)];
    match window.iter().position(|byte| *byte == b'\n') {
        Some(end) => without_cr(&window[..end]).map(Some),
        None if window.len() == most => Err(Refusal::Malformed(
            "the chunked body is not framed as it should be",
        )),
        None => Ok(None),
    }
}

/// The line before its line feed, without the carriage return that must be there.
pub(super) fn without_cr(line: &[u8]) -> Result<&[u8], Refusal> {
    match line.split_last() {
        Some((b'\r', line)) => Ok(line),
        _ => Err(Refusal::Malformed("a line ends in a bare line feed")),
    }
}

/// Name and trimmed value of a header line.
pub(super) fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(Refusal::Malformed("a header is folded over several lines"));
    }
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return Err(Refusal::Malformed("a header has no colon"));
    };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !is_token(name) {
        return Err(Refusal::Malformed("a header's name is not a token"));
    }
    if value
        .iter()
        .any(|byte| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f)
    {
        return Err(Refusal::Malformed(
            "a header's value has a control character in it",
        ));
    }
    Ok((name, value.trim_ascii()))
}

/// The number that a chunk begins with; extensions are refused.
pub(super) fn chunk_size(line: &[u8]) -> Result<u64, Refusal> {
    const BAD: Refusal = Refusal::Malformed("a chunk's size is not a plain hexadecimal number");
    if line.is_empty() || !line.iter().all(u8::is_ascii_hexdigit) {
        return Err(BAD);
    }
    let digits = std::str::from_utf8(line).map_err(|_| BAD)?;
    u64::from_str_radix(digits, 16).map_err(|_| BAD)
}

/// Whether this is a token (RFC 9110, 5.6.2), which methods and field names are.
pub(super) fn is_token(word: &[u8]) -> bool {
    !word.is_empty()
        && word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}
