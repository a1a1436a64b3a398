//! As much HTTP as the stand-in for a control plane needs.

use serde_json::{Value, json};
use std::collections::HashMap;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// A status and JSON as it is written: what was signed must not be read and written anew on its way.
pub(crate) type Answer = (u16, String);

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn ok(body: &Value) -> Answer {
    (200, body.to_string())
}

pub(crate) fn problem(status: u16, code: &str) -> Answer {
    (
        status,
        json!({"status": status, "code": code, "detail": code}).to_string(),
    )
}

pub(crate) async fn read(socket: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    socket.read_line(&mut line).await.ok()?;
    let mut words = line.split_ascii_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some(Request {
        method,
        path,
        headers,
        body,
    })
}

pub(crate) async fn write(socket: &mut BufReader<TcpStream>, (status, body): Answer) -> std::io::Result<()> {
    let kind = if status < 400 {
        "application/json"
    } else {
        "application/problem+json"
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.get_mut().write_all((head + &body).as_bytes()).await
}
