//! A connected agent as the server sees it: one TLS connection, HTTP/2, one event stream.
//!
//! Real agents speak HTTP/2, which costs the server more memory than HTTP/1.1, so it is spoken here too: the
//! opening, one request whose header block needs no table, and then frames that are counted rather than
//! understood. RFC 9113 and RFC 7541 give the numbers.

use super::connection::{Endpoint, Protocol};
use super::fleet::Node;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, bail};
use plex_api::paths;
use rustls::ClientConnection;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
/// Of SETTINGS and PING.
const ACK: u8 = 1;
/// Of DATA and HEADERS.
const END_STREAM: u8 = 1;
const END_STREAM_AND_HEADERS: u8 = END_STREAM | 4;
const FRAME_HEAD: usize = 9;
/// Of SETTINGS: the number of `SETTINGS_INITIAL_WINDOW_SIZE`, and the largest there is. Nobody tells the server later that
/// there is room for more.
const WIDEST_STREAM: [u8; 6] = [0, 4, 0x7f, 0xff, 0xff, 0xff];
/// Of WINDOW_UPDATE: what makes the connection's window, 65,535 octets at first, as wide.
const WIDEST_CONNECTION: [u8; 4] = 0x7fff_0000_u32.to_be_bytes();

/// An agent's event stream, on a socket that nobody waits for.
pub(super) struct AgentStream {
    tls: ClientConnection,
    socket: TcpStream,
    pending: Vec<u8>,
    /// What the stream has said and nobody has looked at yet.
    said: Vec<u8>,
}

impl AgentStream {
    /// Connects as that node; the request goes out as soon as both sides have shaken hands.
    ///
    /// # Errors
    /// When nobody accepts.
    pub(super) fn open(endpoint: &Endpoint, node: &Node) -> anyhow::Result<Self> {
        let (mut tls, socket) = endpoint.connect(Protocol::Http2)?;
        socket.set_nonblocking(true)?;
        let request = header_block(endpoint, node);
        let opening = [
            PREFACE,
            &frame(SETTINGS, 0, 0, &WIDEST_STREAM),
            &frame(WINDOW_UPDATE, 0, 0, &WIDEST_CONNECTION),
            &frame(HEADERS, END_STREAM_AND_HEADERS, 1, &request),
        ];
        tls.writer().write_all(&opening.concat())?;
        let mut agent = Self {
            tls,
            socket,
            pending: Vec::new(),
            said: Vec::new(),
        };
        agent.flush()?;
        Ok(agent)
    }

    /// The socket, to wait for many at once.
    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Takes what has come, and answers it.
    ///
    /// # Errors
    /// When the stream has ended.
    pub(super) fn advance(&mut self) -> anyhow::Result<()> {
        loop {
            match self.tls.read_tls(&mut self.socket) {
                Ok(0) => bail!("the server closed an agent's connection"),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("cannot read an agent's stream"),
            }
            let state = self.tls.process_new_packets()?;
            let (length, at) = (state.plaintext_bytes_to_read(), self.pending.len());
            self.pending.resize(at + length, 0);
            self.tls.reader().read_exact(&mut self.pending[at..])?;
            while self.take_frame()? {}
        }
        self.flush()
    }

    /// Whether the stream has said that since the last look.
    pub(super) fn heard(&mut self, words: &[u8]) -> bool {
        let found = self.said.windows(words.len()).position(|window| window == words);
        if let Some(at) = found {
            self.said.drain(..at + words.len());
        }
        found.is_some()
    }

    /// The number behind those words and before the end of the line, if the stream has said one since the last look.
    pub(super) fn heard_number(&mut self, words: &[u8]) -> Option<u64> {
        let at = self
            .said
            .windows(words.len())
            .position(|window| window == words)?
            + words.len();
        let end = at + self.said[at..].iter().position(|byte| *byte == b'\n')?;
        let number = std::str::from_utf8(&self.said[at..end]).ok()?.parse().ok()?;
        self.said.drain(..end);
        Some(number)
    }

    /// Forgets what nobody looked for, but for the beginning of what may still come.
    pub(super) fn forget(&mut self) {
        let kept = self.said.len().min(64);
        self.said.drain(..self.said.len() - kept);
    }

    /// Takes the next frame if it is there.
    fn take_frame(&mut self) -> anyhow::Result<bool> {
        let Some(&[high, middle, low, kind, flags, ..]) = self.pending.first_chunk::<FRAME_HEAD>() else {
            return Ok(false);
        };
        let length = u32::from_be_bytes([0, high, middle, low]);
        let end = FRAME_HEAD + usize::try_from(length).expect("24 bits fit");
        if self.pending.len() < end {
            return Ok(false);
        }
        let frame_bytes: Vec<u8> = self.pending.drain(..end).collect();
        let payload = &frame_bytes[FRAME_HEAD..];
        match kind {
            DATA => self.said.extend_from_slice(payload),
            SETTINGS if flags & ACK == 0 => self.tls.writer().write_all(&frame(SETTINGS, ACK, 0, &[]))?,
            PING if flags & ACK == 0 => self.tls.writer().write_all(&frame(PING, ACK, 0, payload))?,
            RESET => bail!("the server broke an agent's stream off"),
            // Answer headers and window sizes change nothing here, and a server that wants no further requests still
            // ends this one in its own time.
            _ => {}
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            bail!("the server ended an agent's stream");
        }
        Ok(true)
    }

    /// Sends what there is to send. It is little, so what does not fit an idle socket's buffer waits for the next time.
    fn flush(&mut self) -> anyhow::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("cannot write to an agent's stream"),
            }
        }
        Ok(())
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("our frames are short")
        .to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// `GET /v1/nodes/{id}/events` with names from the static table and literal values.
fn header_block(endpoint: &Endpoint, node: &Node) -> Vec<u8> {
    // :method GET and :scheme https are indexed whole.
    let mut block = vec![0x82, 0x87];
    block.push(0x04);
    literal(&mut block, &paths::node_events(node.id));
    block.push(0x01);
    literal(&mut block, &endpoint.host);
    // `authorization`, the 23rd name, never indexed.
    block.extend([0x1f, 23 - 15]);
    literal(&mut block, &format!("Bearer {}", node.bearer));
    // `accept`, the 19th name.
    block.extend([0x0f, 19 - 15]);
    literal(&mut block, "text/event-stream");
    block
}

/// A string without Huffman coding, its length as an integer with a prefix of seven bits.
fn literal(block: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        block.push(u8::try_from(length).expect("it is below 127"));
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128).expect("a remainder of 128") | 0x80);
            length /= 128;
        }
        block.push(u8::try_from(length).expect("it is below 128"));
    }
    block.extend(text.bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_coded_as_rfc_7541_says() {
        let head = |length: usize| {
            let mut block = Vec::new();
            literal(&mut block, &"x".repeat(length));
            block.truncate(block.len() - length);
            block
        };
        assert_eq!(head(0), [0]);
        assert_eq!(head(126), [126]);
        assert_eq!(head(127), [127, 0]);
        assert_eq!(head(127 + 127), [127, 127]);
        assert_eq!(head(127 + 128), [127, 0x80, 1]);
    }

    #[test]
    fn a_frame_begins_with_its_length_kind_flags_and_stream() {
        assert_eq!(
            frame(HEADERS, 5, 1, b"abc"),
            [0, 0, 3, 1, 5, 0, 0, 0, 1, b'a', b'b', b'c']
        );
    }
}
