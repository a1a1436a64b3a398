//! HTTP/2 used against the server: each flood must end in the connection's end, not in work without bound.

use super::secure::{handshake, start};
use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
/// `:method GET`, `:scheme https`, `:path /`, `:authority a`, from HPACK's static table.
const GET: &[u8] = &[0x82, 0x87, 0x84, 0x41, 1, b'a'];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Sends `flood` on a new connection and returns the types of the frames that came until it was closed.
async fn frames_until_closed(flood: Vec<u8>) -> Vec<u8> {
    let (server, trusted, _served) = start(Limits::default()).await;
    let stream = handshake(&server, &trusted, b"h2").await.unwrap();
    let (mut read, mut write) = tokio::io::split(stream);
    let send = tokio::spawn(async move {
        let bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &flood].concat();
        // The server may well close before it has taken everything.
        let _ = write.write_all(&bytes).await;
        write
    });
    let mut bytes = Vec::new();
    // A connection that is cut may end in an error; what counts is that it ends, and what came before.
    let _ = tokio::time::timeout(HANGS, read.read_to_end(&mut bytes))
        .await
        .expect("the connection ends");
    drop(send.await.unwrap());
    let mut kinds = Vec::new();
    let mut rest = &bytes[..];
    while let [a, b, c, kind, tail @ ..] = rest {
        kinds.push(*kind);
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        rest = tail.get(5 + length..).unwrap_or_default();
    }
    kinds
}

#[tokio::test]
async fn rapid_resets_end_the_connection() {
    let flood = (0..5000u32).flat_map(|n| {
        let stream = 2 * n + 1;
        [
            frame(HEADERS, 0x5, stream, GET),
            frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()),
        ]
        .concat()
    });
    assert!(frames_until_closed(flood.collect()).await.contains(&GOAWAY));
}

#[tokio::test]
async fn a_flood_of_continuations_ends_the_connection() {
    let mut flood = frame(HEADERS, 0x1, 1, GET);
    let field = [&[0, 1, b'x', 100][..], &[b'y'; 100]].concat().repeat(100);
    for _ in 0..200 {
        flood.extend(frame(CONTINUATION, 0, 1, &field));
    }
    assert!(frames_until_closed(flood).await.contains(&GOAWAY));
}
