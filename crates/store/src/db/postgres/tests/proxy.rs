//! A connection that is lost at a moment of one's choice.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What is lost with the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// What was sent.
    Question,
    /// What is answered to it.
    Answer,
}

type Armed = Arc<Mutex<Option<(&'static str, Cut)>>>;

/// Stands before a server.
pub(super) struct Proxy {
    address: SocketAddr,
    armed: Armed,
    is_mute: Arc<AtomicBool>,
}

impl Proxy {
    pub(super) fn before(server: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let armed = Armed::default();
        let is_mute = Arc::<AtomicBool>::default();
        let (shared, mute, server) = (Arc::clone(&armed), Arc::clone(&is_mute), server.to_owned());
        std::thread::spawn(move || {
            let mut unanswered = Vec::new();
            for client in listener.incoming().map_while(Result::ok) {
                if mute.load(Ordering::SeqCst) {
                    unanswered.push(client);
                    continue;
                }
                let server = TcpStream::connect(&server).unwrap();
                carry(client, server, Arc::clone(&shared));
            }
        });
        Self {
            address,
            armed,
            is_mute,
        }
    }

    /// Whether no connection that is made from now on is answered.
    pub(super) fn set_mute(&self, is_mute: bool) {
        self.is_mute.store(is_mute, Ordering::SeqCst);
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the connection that next sends these words.
    pub(super) fn cut_at(&self, words: &'static str, cut: Cut) {
        *self.armed.lock().unwrap() = Some((words, cut));
    }

    pub(super) fn is_armed(&self) -> bool {
        self.armed.lock().unwrap().is_some()
    }
}

fn carry(client: TcpStream, server: TcpStream, armed: Armed) {
    // Held while an answer must not get through.
    let gate = Arc::new(Mutex::new(()));
    let answers = (
        server.try_clone().unwrap(),
        client.try_clone().unwrap(),
        Arc::clone(&gate),
    );
    std::thread::spawn(move || {
        let (mut server, mut client, gate) = answers;
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = server.read(&mut buffer) {
            let _open = gate.lock().unwrap();
            if client.write_all(&buffer[..count]).is_err() {
                return;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        let (mut client, mut server) = (client, server);
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = client.read(&mut buffer) {
            let sent = &buffer[..count];
            let cut = armed
                .lock()
                .unwrap()
                .take_if(|(words, _)| sent.windows(words.len()).any(|window| window == words.as_bytes()));
            let closed = cut.map(|_| gate.lock().unwrap());
            if cut.is_none_or(|(_, cut)| cut == Cut::Answer) && server.write_all(sent).is_err() {
                break;
            }
            if let Some(_closed) = closed {
                let _ = client.shutdown(Shutdown::Both);
                // The server works off what it got before it sees that nobody is there.
                let _ = server.shutdown(Shutdown::Write);
                return;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
    });
}
