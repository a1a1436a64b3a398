//! A stranger on the line between an agent and its control plane.
//!
//! It speaks plain HTTP with the agent, which loopback allows, and TLS with the control plane; every request gets
//! a connection of its own. It can withhold requests before the control plane sees them, withhold answers after
//! the control plane has given them, put words of the same length into answers, and fetch what is another node's.

use plex_tests::{ControlPlane, LIMIT, RawConnection, SimulatedNode, until};
use serde_json::Value;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// A request on its way.
#[derive(Debug)]
pub(super) struct Request {
    /// Method and target, as on the request line.
    pub(super) line: String,
    /// The body.
    pub(super) body: Vec<u8>,
    bytes: Vec<u8>,
}

/// What is withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Withheld {
    /// The request: the control plane never hears of it.
    Request,
    /// The answer: the control plane has done what was asked, the agent never knows.
    Answer,
}

type Which = Box<dyn Fn(&Request) -> bool + Send>;

#[derive(Default)]
struct State {
    trap: Option<(Withheld, Which)>,
    caught: usize,
    /// Grows when what is caught may go.
    round: u64,
    forgery: Option<(Vec<u8>, Vec<u8>)>,
    forged: usize,
    disguise: Option<SimulatedNode>,
    ended: bool,
}

struct Line {
    upstream: String,
    ca_file: PathBuf,
    state: Mutex<State>,
    released: Condvar,
}

/// Listens until it is dropped.
pub(super) struct Interceptor {
    address: SocketAddr,
    line: Arc<Line>,
}

impl Interceptor {
    /// On the line to that control plane.
    pub(super) fn before(control_plane: &ControlPlane) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let line = Arc::new(Line {
            upstream: control_plane.url().to_owned(),
            ca_file: control_plane.ca_file().to_owned(),
            state: Mutex::default(),
            released: Condvar::new(),
        });
        let shared = Arc::clone(&line);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.lock().ended {
                    return;
                }
                let line = Arc::clone(&shared);
                // A line that breaks is what both ends have to live with.
                std::thread::spawn(move || drop(line.carry(client)));
            }
        });
        Self { address, line }
    }

    /// What an agent takes for its control plane.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, withholds what belongs to such requests.
    pub(super) fn withhold(&self, what: Withheld, which: impl Fn(&Request) -> bool + Send + 'static) {
        let mut state = self.line.lock();
        state.caught = 0;
        state.trap = Some((what, Box::new(which)));
    }

    /// Withholds what belongs to reports of this status.
    pub(super) fn withhold_report(&self, what: Withheld, status: &'static str) {
        self.withhold(what, move |request| request.reports(status));
    }

    /// Waits until something is withheld.
    pub(super) fn wait_for_catch(&self) {
        until("something to withhold", LIMIT, || {
            (self.line.lock().caught > 0).then_some(())
        });
    }

    /// Lets everything pass again. What was withheld is lost, and its connections are cut.
    pub(super) fn clear(&self) {
        let mut state = self.line.lock();
        state.trap = None;
        state.forgery = None;
        state.disguise = None;
        state.round += 1;
        self.line.released.notify_all();
    }

    /// From now on, puts `new` in the place of `old` in every answer.
    pub(super) fn forge(&self, old: &str, new: &str) {
        assert_eq!(old.len(), new.len(), "lengths are on the wire too");
        let mut state = self.line.lock();
        state.forgery = Some((old.into(), new.into()));
        state.forged = 0;
    }

    /// From now on, asks for what is that node's instead of what is the agent's.
    pub(super) fn disguise_as(&self, node: &SimulatedNode) {
        self.line.lock().disguise = Some(node.clone());
    }

    /// Waits until something was forged.
    pub(super) fn wait_for_forgery(&self) {
        until("something to forge", LIMIT, || {
            (self.line.lock().forged > 0).then_some(())
        });
    }
}

impl Drop for Interceptor {
    fn drop(&mut self) {
        self.line.lock().ended = true;
        self.clear();
        // Wakes the listener from its wait for a client.
        drop(TcpStream::connect(self.address));
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics holding it")
    }

    fn carry(&self, mut client: TcpStream) -> io::Result<()> {
        let mut request = Request::read(&mut client)?;
        let withheld = {
            let state = self.lock();
            if let Some(node) = &state.disguise {
                request.disguise_as(node);
            }
            state
                .trap
                .as_ref()
                .filter(|(_, which)| which(&request))
                .map(|(what, _)| *what)
        };
        if withheld == Some(Withheld::Request) {
            return self.hold(&client);
        }
        let mut server = RawConnection::open(&self.upstream, &self.ca_file);
        server.write_all(&request.bytes)?;
        if withheld == Some(Withheld::Answer) {
            assert!(
                server.rest().starts_with(b"HTTP/1.1 2"),
                "what is withheld must have been done"
            );
            return self.hold(&client);
        }
        let mut piece = vec![0; 256 * 1024];
        loop {
            let length = match server.read(&mut piece) {
                Ok(0) | Err(_) => return client.shutdown(Shutdown::Both),
                Ok(length) => length,
            };
            client.write_all(&self.forged(&piece[..length]))?;
        }
    }

    fn hold(&self, client: &TcpStream) -> io::Result<()> {
        let mut state = self.lock();
        state.caught += 1;
        let round = state.round;
        let state = self.released.wait_while(state, |state| state.round == round);
        drop(state.expect("nobody panics holding it"));
        client.shutdown(Shutdown::Both)
    }

    fn forged(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let mut state = self.lock();
        let Some((old, new)) = state.forgery.clone() else {
            return bytes;
        };
        while let Some(at) = bytes.windows(old.len()).position(|window| window == old) {
            bytes[at..at + old.len()].copy_from_slice(&new);
            state.forged += 1;
        }
        bytes
    }
}

impl Request {
    fn read(client: &mut TcpStream) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut piece = [0; 16 * 1024];
        let mut more = |bytes: &mut Vec<u8>| match client.read(&mut piece)? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            length => {
                bytes.extend_from_slice(&piece[..length]);
                Ok(())
            }
        };
        let head_end = loop {
            match bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => more(&mut bytes)?,
            }
        };
        let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length: usize = lengths
            .next()
            .map_or(Ok(0), |(_, value)| value.trim().parse())
            .expect("a length");
        while bytes.len() < head_end + length {
            more(&mut bytes)?;
        }
        let body = bytes[head_end..head_end + length].to_vec();
        // The answer then ends with the connection, and nobody has to understand its framing.
        bytes.splice(
            head_end - 2..head_end - 2,
            b"connection: close\r\n".iter().copied(),
        );
        Ok(Self {
            line: head.lines().next().unwrap_or_default().to_owned(),
            body,
            bytes,
        })
    }

    /// Makes a request of an agent for its own events or state one for that node's, with that node's key.
    fn disguise_as(&mut self, node: &SimulatedNode) {
        let kind = ["events", "state"]
            .into_iter()
            .find(|kind| self.line.ends_with(&format!("/{kind} HTTP/1.1")));
        if let Some(kind) = kind.filter(|_| self.line.starts_with("GET ")) {
            let SimulatedNode { id, bearer, .. } = node;
            let head = format!(
                "GET /v1/nodes/{id}/{kind} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n"
            );
            self.bytes = format!("{head}Connection: close\r\n\r\n").into_bytes();
        }
    }

    /// Whether it reports an invocation to be at this status.
    pub(super) fn reports(&self, status: &str) -> bool {
        let is_callback = self.line.starts_with("POST /v1/nodes/") && self.line.contains("/executions/");
        is_callback && serde_json::from_slice::<Value>(&self.body).is_ok_and(|body| body["status"] == status)
    }
}
