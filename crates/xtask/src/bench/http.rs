//! Just enough HTTP/1.1 to put load on a server that shares this machine's cores.
//!
//! A general client would cost more per request than the server spends on answering it, and the figures would
//! be the client's. A [`Caller`] writes requests from a head made once; a [`Reading`] finds the end of each
//! answer as the bytes come, whatever the pieces they come in.

use anyhow::{Context as _, bail};

/// Longest head of an answer, in bytes; a longer one means that this is not our server.
const HEAD_BYTES: usize = 64 * 1024;

/// Who sends requests, and to which host.
#[derive(Clone)]
pub(super) struct Caller {
    /// `Host` and `Authorization`, each with its line end.
    fields: String,
}

impl Caller {
    /// Somebody with a bearer token.
    pub(super) fn new(host: &str, bearer: &str) -> Self {
        Self {
            fields: format!("Host: {host}\r\nAuthorization: Bearer {bearer}\r\n"),
        }
    }

    /// Somebody without credentials.
    pub(super) fn anonymous(host: &str) -> Self {
        Self {
            fields: format!("Host: {host}\r\n"),
        }
    }

    /// A request without a body.
    pub(super) fn get(&self, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\n{}\r\n", self.fields).into_bytes()
    }

    /// A request with a JSON body.
    pub(super) fn send(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        format!(
            "{method} {path} HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}",
            self.fields
        )
        .into_bytes()
    }
}

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status code.
    pub(super) status: u16,
    /// The body, without the framing of its transfer.
    pub(super) body: Vec<u8>,
}

/// Reads answers out of a connection's bytes.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What has come and was not looked at yet.
    pending: Vec<u8>,
    status: u16,
    body: Vec<u8>,
    stage: Stage,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Head,
    Sized {
        remaining: usize,
    },
    ChunkSize,
    Chunk {
        remaining: usize,
    },
    ChunkEnd,
    LastLine,
}

impl Reading {
    /// Takes what the connection gave.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next answer, once it is whole.
    ///
    /// # Errors
    /// When the bytes are not an answer to one of our requests.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Answer>> {
        loop {
            match self.stage {
                Stage::Head => {
                    let Some(length) = find(&self.pending, b"\r\n\r\n") else {
                        anyhow::ensure!(self.pending.len() < HEAD_BYTES, "the answer's head does not end");
                        return Ok(None);
                    };
                    let head = std::str::from_utf8(&self.pending[..length])
                        .context("the answer's head is not text")?;
                    (self.status, self.stage) = read_head(head)?;
                    self.pending.drain(..length + 4);
                }
                Stage::Sized { remaining } => {
                    let remaining = self.move_to_body(remaining);
                    if remaining == 0 {
                        return Ok(Some(self.finish()));
                    }
                    self.stage = Stage::Sized { remaining };
                    return Ok(None);
                }
                Stage::ChunkSize => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    let size = usize::from_str_radix(&line, 16).context("a chunk without a size")?;
                    self.stage = if size == 0 {
                        Stage::LastLine
                    } else {
                        Stage::Chunk { remaining: size }
                    };
                }
                Stage::Chunk { remaining } => {
                    let remaining = self.move_to_body(remaining);
                    if remaining > 0 {
                        self.stage = Stage::Chunk { remaining };
                        return Ok(None);
                    }
                    self.stage = Stage::ChunkEnd;
                }
                Stage::ChunkEnd => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    anyhow::ensure!(line.is_empty(), "a chunk is longer than its size");
                    self.stage = Stage::ChunkSize;
                }
                Stage::LastLine => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    anyhow::ensure!(line.is_empty(), "trailers were not asked for");
                    return Ok(Some(self.finish()));
                }
            }
        }
    }

    /// Moves up to `wanted` bytes of body; says how many are still to come.
    fn move_to_body(&mut self, wanted: usize) -> usize {
        let length = wanted.min(self.pending.len());
        self.body.extend(self.pending.drain(..length));
        wanted - length
    }

    fn line(&mut self) -> anyhow::Result<Option<String>> {
        let Some(length) = find(&self.pending, b"\r\n") else {
            anyhow::ensure!(self.pending.len() < 64, "a line of the framing does not end");
            return Ok(None);
        };
        let line = String::from_utf8(self.pending[..length].to_vec())
            .context("a line of the framing is not text")?;
        self.pending.drain(..length + 2);
        Ok(Some(line))
    }

    fn finish(&mut self) -> Answer {
        self.stage = Stage::Head;
        Answer {
            status: self.status,
            body: std::mem::take(&mut self.body),
        }
    }
}

fn read_head(head: &str) -> anyhow::Result<(u16, Stage)> {
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let status = status.context("the answer has no status line")?;
    for line in lines {
        let (name, value) = line.split_once(':').context("a header without a colon")?;
        if name.eq_ignore_ascii_case("content-length") {
            let remaining = value.trim().parse().context("Content-Length is not a number")?;
            return Ok((status, Stage::Sized { remaining }));
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            anyhow::ensure!(
                value.trim().eq_ignore_ascii_case("chunked"),
                "an unknown transfer coding"
            );
            return Ok((status, Stage::ChunkSize));
        }
    }
    if matches!(status, 204 | 304) {
        return Ok((status, Stage::Sized { remaining: 0 }));
    }
    bail!("the answer {status} does not say where it ends")
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sized(status: u16, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nx: y\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    fn chunked(status: u16, body: &[u8], size: usize) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
        for chunk in body.chunks(size) {
            text.extend(format!("{:x}\r\n", chunk.len()).bytes());
            text.extend(chunk);
            text.extend(b"\r\n");
        }
        text.extend(b"0\r\n\r\n");
        text
    }

    proptest! {
        #[test]
        fn answers_are_found_whatever_pieces_they_come_in(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..6),
            (chunk, piece) in (1..50usize, 1..70usize),
        ) {
            let mut stream = Vec::new();
            for (index, body) in bodies.iter().enumerate() {
                stream.extend(if index % 2 == 0 { sized(200, body) } else { chunked(409, body, chunk) });
            }
            let mut reading = Reading::default();
            let mut found = Vec::new();
            for bytes in stream.chunks(piece) {
                reading.push(bytes);
                while let Some(answer) = reading.next().unwrap() {
                    found.push(answer);
                }
            }
            let expected: Vec<_> = bodies
                .into_iter()
                .enumerate()
                .map(|(index, body)| Answer { status: if index % 2 == 0 { 200 } else { 409 }, body })
                .collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for text in [
            "HTTP/1.0 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
            "\r\n\r\n",
        ] {
            let mut reading = Reading::default();
            reading.push(text.as_bytes());
            assert!(reading.next().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_request_says_how_long_its_body_is() {
        let request = String::from_utf8(Caller::new("localhost:1", "t").send("POST", "/p", "{}")).unwrap();
        assert_eq!(
            request,
            "POST /p HTTP/1.1\r\nHost: localhost:1\r\nAuthorization: Bearer t\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        );
    }
}
