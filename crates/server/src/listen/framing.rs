//! Where one HTTP/1 request ends and the next begins, read so strictly that there is only one answer.
//!
//! RFC 9112 lets a server be lenient in many places, and two programs that are lenient in different ways see
//! different requests in the same bytes: that is request smuggling. This reader knows one form of everything:
//! lines end in CR LF, a field has no white space before its colon and is not folded, `Host` is there once, a body
//! has either one decimal `Content-Length` or `Transfer-Encoding: chunked`, and chunks have no extensions.
//!
//! It is a pure state machine. It is shown the bytes that have not been released and says how many of them may
//! go on. A head is released whole or not at all, so whoever reads behind it never sees the beginning of a request
//! that is refused. Every byte of a head is looked at once, however small the pieces in which it comes.

use super::line::{chunk_size, field, is_token, short_line, without_cr};
use super::refusal::Refusal;

/// Longest chunk-size line: sixteen hexadecimal digits, CR, LF.
const CHUNK_LINE: usize = 18;
/// Most bytes of trailer fields.
const TRAILER_BYTES: usize = 4096;

/// Follows one connection's requests.
#[derive(Debug)]
pub(super) struct Framing {
    head_bytes: usize,
    headers: usize,
    state: State,
    refusal: Option<Refusal>,
}

#[derive(Debug)]
enum State {
    Head(Head),
    Body { remaining: u64 },
    ChunkSize,
    ChunkData { remaining: u64 },
    ChunkEnd,
    Trailers { taken: usize },
}

#[derive(Debug, Default)]
struct Head {
    /// Bytes of complete lines.
    taken: usize,
    /// Bytes known to hold no further line feed.
    searched: usize,
    /// Complete lines, the request line among them.
    lines: usize,
    host: bool,
    length: Option<u64>,
    chunked: bool,
    http_1_0: bool,
}

impl Framing {
    /// A reader before the first request, with bounds on a head's bytes and header lines.
    pub(super) fn new(head_bytes: usize, headers: usize) -> Self {
        Self {
            head_bytes,
            headers,
            state: State::next_request(),
            refusal: None,
        }
    }

    /// Whether what comes next belongs to a head, so that nothing of it was released yet.
    pub(super) fn in_head(&self) -> bool {
        matches!(self.state, State::Head(_))
    }

    /// Why nothing is released any more.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// How many of `bytes`, from the first, may go on. `bytes` starts where the last call's answer ended.
    ///
    /// What stands before a mistake is still released; see [`Framing::refusal`].
    pub(super) fn release(&mut self, bytes: &[u8]) -> usize {
        let mut released = 0;
        while released < bytes.len() && self.refusal.is_none() {
            match self.step(&bytes[released..]) {
                Ok(0) => break,
                Ok(step) => released += step,
                Err(refusal) => self.refusal = Some(refusal),
            }
        }
        released
    }

    /// Releases one element of the message, or 0 when it is not complete.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let (length, next) = match &mut self.state {
            State::Head(head) => match head.read(bytes, self.head_bytes, self.headers)? {
                Some(length) => (length, Some(head.body()?)),
                None => (0, None),
            },
            State::Body { remaining } => {
                let length = take(remaining, bytes);
                (length, (*remaining == 0).then(State::next_request))
            }
            State::ChunkSize => match short_line(bytes, CHUNK_LINE)? {
                Some(line) => (line.len() + 2, Some(State::of_chunk(line)?)),
                None => (0, None),
            },
            State::ChunkData { remaining } => {
                let length = take(remaining, bytes);
                (length, (*remaining == 0).then_some(State::ChunkEnd))
            }
            State::ChunkEnd => match short_line(bytes, 2)? {
                Some([]) => (2, Some(State::ChunkSize)),
                Some(_) => return Err(Refusal::Malformed("a chunk is longer than its size line says")),
                None => (0, None),
            },
            State::Trailers { taken } => match short_line(bytes, TRAILER_BYTES - *taken)? {
                Some([]) => (2, Some(State::next_request())),
                Some(line) => {
                    field(line)?;
                    *taken += line.len() + 2;
                    (line.len() + 2, None)
                }
                None => (0, None),
            },
        };
        if let Some(next) = next {
            self.state = next;
        }
        Ok(length)
    }
}

impl State {
    fn next_request() -> Self {
        Self::Head(Head::default())
    }

    /// What follows a chunk's size line.
    fn of_chunk(line: &[u8]) -> Result<Self, Refusal> {
        Ok(match chunk_size(line)? {
            0 => Self::Trailers { taken: 0 },
            remaining => Self::ChunkData { remaining },
        })
    }
}

impl Head {
    /// The length of the whole head, once its last line is there.
    fn read(
        &mut self,
        bytes: &[u8],
        most_bytes: usize,
        most_headers: usize,
    ) -> Result<Option<usize>, Refusal> {
        while let Some(offset) = bytes[self.searched..].iter().position(|byte| *byte == b'\n') {
            let end = self.searched + offset;
            let line = without_cr(&bytes[self.taken..end])?;
            self.taken = end + 1;
            self.searched = self.taken;
            if self.taken > most_bytes {
                return Err(Refusal::HeadTooLarge);
            }
            match (self.lines, line) {
                // One empty line before a request is what old clients send after a body (RFC 9112, 2.2); it counts
                // towards the head's size.
                (0, []) => continue,
                (0, line) => self.request_line(line)?,
                (_, []) => return Ok(Some(self.taken)),
                (lines, _) if lines > most_headers => return Err(Refusal::HeadTooLarge),
                (_, line) => self.header(line)?,
            }
            self.lines += 1;
        }
        self.searched = bytes.len();
        if bytes.len() > most_bytes {
            return Err(Refusal::HeadTooLarge);
        }
        Ok(None)
    }

    fn request_line(&mut self, line: &[u8]) -> Result<(), Refusal> {
        const BAD: Refusal = Refusal::Malformed("the request line is not `METHOD target HTTP/1.1`");
        let mut words = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(BAD);
        };
        let visible = |byte: &u8| (0x21..=0x7e).contains(byte);
        if !is_token(method) || target.is_empty() || !target.iter().all(visible) {
            return Err(BAD);
        }
        if method == b"CONNECT" {
            return Err(Refusal::Malformed("this server is not a proxy"));
        }
        match version {
            b"HTTP/1.1" => self.http_1_0 = false,
            b"HTTP/1.0" => self.http_1_0 = true,
            _ => return Err(BAD),
        }
        Ok(())
    }

    fn header(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let (name, value) = field(line)?;
        // Only the lengths of the three names that matter are compared further: this runs for every header of
        // every request.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.host_value(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => self.content_length(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.transfer_encoding(value),
            _ => Ok(()),
        }
    }

    fn host_value(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_~:[]%!$&'()*+;=".contains(byte);
        if self.host || value.is_empty() || !value.iter().all(plain) {
            return Err(Refusal::Malformed(
                "the request must carry exactly one valid `Host`",
            ));
        }
        self.host = true;
        Ok(())
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        const BAD: Refusal = Refusal::Malformed("`Content-Length` must be there once, as a decimal number");
        if self.length.is_some() || value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(BAD);
        }
        let digits = std::str::from_utf8(value).map_err(|_| BAD)?;
        self.length = Some(digits.parse().map_err(|_| BAD)?);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Refusal::Malformed(
                "the only `Transfer-Encoding` this server takes is `chunked`, once",
            ));
        }
        self.chunked = true;
        Ok(())
    }

    /// What follows this head.
    fn body(&self) -> Result<State, Refusal> {
        if !self.host {
            return Err(Refusal::Malformed(
                "the request must carry exactly one valid `Host`",
            ));
        }
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Refusal::Malformed(
                "`Content-Length` and `Transfer-Encoding` exclude each other",
            )),
            (true, None) if self.http_1_0 => Err(Refusal::Malformed("HTTP/1.0 has no `Transfer-Encoding`")),
            (true, None) => Ok(State::ChunkSize),
            (false, None | Some(0)) => Ok(State::next_request()),
            (false, Some(remaining)) => Ok(State::Body { remaining }),
        }
    }
}

/// Counts what is there of `remaining` and says how much that was.
fn take(remaining: &mut u64, bytes: &[u8]) -> usize {
    let taken = usize::try_from(*remaining).unwrap_or(usize::MAX).min(bytes.len());
    *remaining -= taken as u64;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framing() -> Framing {
        Framing::new(32 * 1024, 100)
    }

    fn release_all(bytes: &[u8]) -> Result<usize, Refusal> {
        let mut framing = framing();
        let released = framing.release(bytes);
        framing.refusal().map_or(Ok(released), Err)
    }

    fn is_malformed(bytes: &[u8]) -> bool {
        matches!(release_all(bytes), Err(Refusal::Malformed(_)))
    }

    /// Feeds `bytes` in pieces as a socket might and returns what was released and how it ended.
    fn feed(bytes: &[u8], cuts: &[usize]) -> (usize, Option<Refusal>) {
        let mut framing = framing();
        let (mut released, mut seen) = (0, 0);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        for end in ends {
            seen = seen.max(end);
            released += framing.release(&bytes[released..seen]);
        }
        (released, framing.refusal())
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        let refused: &[&[u8]] = &[
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 4\r\n\r\nabcd",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
            b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\nabcd\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+4\r\nabcd\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000004\r\nabcd",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcdX\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n folded\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
            b"GET / HTTP/1.1\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n",
            b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            b"GET /\r\nHost: a\r\n\r\n",
            b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ];
        for bytes in refused {
            assert!(
                is_malformed(bytes),
                "let through: {:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn nothing_of_a_refused_head_is_released() {
        let good = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut bytes = good.to_vec();
        bytes.extend_from_slice(b"GET / HTTP/1.1\r\nX: y\r\n");
        let mut framing = framing();
        assert_eq!(framing.release(&bytes), good.len());
        assert_eq!(framing.refusal(), None);
        assert_eq!(framing.release(b"GET / HTTP/1.1\r\nX: y\r\n\r\n"), 0);
        assert!(matches!(framing.refusal(), Some(Refusal::Malformed(_))));
        assert!(framing.in_head());
    }

    #[test]
    fn a_head_is_refused_as_soon_as_it_is_too_large() {
        let mut many = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
        for n in 0..99 {
            many.extend_from_slice(format!("x-{n}: y\r\n").as_bytes());
        }
        let mut too_many = many.clone();
        many.extend_from_slice(b"\r\n");
        assert_eq!(release_all(&many), Ok(many.len()));
        too_many.extend_from_slice(b"one: more\r\n");
        assert_eq!(release_all(&too_many), Err(Refusal::HeadTooLarge));

        let mut large = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
        large.resize(32 * 1024, b'y');
        assert_eq!(release_all(&large), Ok(0));
        large.push(b'y');
        assert_eq!(release_all(&large), Err(Refusal::HeadTooLarge));
    }

    #[test]
    fn empty_lines_before_a_request_count_towards_its_size() {
        assert_eq!(release_all(b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(29));
        assert_eq!(release_all(&b"\r\n".repeat(20_000)), Err(Refusal::HeadTooLarge));
    }

    /// A well-formed request as bytes.
    fn request() -> impl Strategy<Value = Vec<u8>> {
        let headers = prop::collection::vec(("[a-z][a-z0-9-]{0,12}x", "[ -~]{0,20}"), 0..6);
        let chunks = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..4);
        let body = prop_oneof![
            Just(b"\r\n".to_vec()),
            prop::collection::vec(any::<u8>(), 0..80).prop_map(|body| {
                let mut bytes = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
                bytes.extend(body);
                bytes
            }),
            (chunks, any::<bool>()).prop_map(|(chunks, trailers)| {
                let mut bytes = b"transfer-encoding: Chunked\r\n\r\n".to_vec();
                for chunk in chunks {
                    bytes.extend(format!("{:X}\r\n", chunk.len()).into_bytes());
                    bytes.extend(chunk);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(if trailers {
                    &b"0\r\nt: v\r\n\r\n"[..]
                } else {
                    &b"0\r\n\r\n"[..]
                });
                bytes
            }),
        ];
        ("[A-Z]{3,6}", "/[a-z0-9/%?=]{0,20}", headers, body).prop_map(|(method, target, headers, body)| {
            let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: h:1\r\n").into_bytes();
            for (name, value) in headers {
                bytes.extend(format!("{name}: {value}\r\n").into_bytes());
            }
            bytes.extend(body);
            bytes
        })
    }

    proptest! {
        #[test]
        fn well_formed_requests_pass_whole_in_any_pieces(
            requests in prop::collection::vec(request(), 1..5),
            cuts in prop::collection::vec(any::<usize>(), 0..12),
        ) {
            let bytes = requests.concat();
            prop_assert_eq!(feed(&bytes, &cuts), (bytes.len(), None));
        }

        #[test]
        fn a_request_ends_exactly_where_it_ends(first in request()) {
            let mut framing = framing();
            prop_assert_eq!(framing.release(&first), first.len());
            prop_assert!(framing.in_head());
            let mut framing = self::framing();
            let mut longer = first.clone();
            longer.extend_from_slice(b"G");
            prop_assert_eq!(framing.release(&longer), first.len());
        }

        #[test]
        fn pieces_never_change_the_verdict(
            mut bytes in request(),
            place in any::<usize>(),
            byte in prop_oneof![Just(b'\n'), Just(b'\r'), Just(b' '), Just(b':'), any::<u8>()],
            cuts in prop::collection::vec(any::<usize>(), 0..12),
        ) {
            let place = place % bytes.len();
            bytes[place] = byte;
            prop_assert_eq!(feed(&bytes, &cuts), feed(&bytes, &[]));
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let (released, _) = feed(&bytes, &[]);
            prop_assert!(released <= bytes.len());
        }
    }
}
