//! A server that says one thing to everybody: what a broken server, or a proxy in between, would say.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Listens on loopback, in clear, until it is dropped.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    heard: Arc<Mutex<Vec<Heard>>>,
    thread: Option<JoinHandle<()>>,
}

/// One request's head and body.
type Heard = (String, Vec<u8>);

impl StandIn {
    /// Answers every request with these very bytes, and closes.
    pub fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (ended, heard) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (has_ended, hears, bytes) = (ended.clone(), heard.clone(), bytes.into());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if has_ended.load(Ordering::SeqCst) {
                    return;
                }
                // A client that left is no concern of the next one.
                let _ = answer(stream, &bytes, &hears);
            }
        });
        Self {
            address,
            ended,
            heard,
            thread: Some(thread),
        }
    }

    /// Answers with this status, content type and body.
    pub fn answering(status: u16, content_type: &str, body: &[u8]) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
        );
        Self::saying([head.as_bytes(), body].concat())
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of the requests so far.
    pub fn heads(&self) -> Vec<String> {
        let heard = self.heard.lock().expect("nobody panics holding it");
        heard.iter().map(|(head, _)| head.clone()).collect()
    }

    /// The bodies of the requests so far.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        let heard = self.heard.lock().expect("nobody panics holding it");
        heard.iter().map(|(_, body)| body.clone()).collect()
    }
}

/// Reads one request whole, so that closing resets nothing, and answers it.
fn answer(mut stream: TcpStream, bytes: &[u8], heard: &Mutex<Vec<Heard>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    let head_end = loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => request.extend_from_slice(&buffer[..count]),
        }
    };
    let head = String::from_utf8_lossy(&request[..head_end]).into_owned();
    let length = head.lines().filter_map(|line| line.split_once(':'));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length
        .filter_map(|(_, value)| value.trim().parse().ok())
        .next()
        .unwrap_or(0);
    while request.len() < head_end + length {
        match stream.read(&mut buffer)? {
            0 => break,
            count => request.extend_from_slice(&buffer[..count]),
        }
    }
    // Before the answer: whoever has it may look at once.
    let body = request.split_off(head_end);
    heard.lock().expect("nobody panics holding it").push((head, body));
    stream.write_all(bytes)
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the thread from its wait for a client.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
