//! A real S3 server with one bucket, behind TLS.

use crate::process::Process;
use crate::tools;
use crate::waiting::{LIMIT, until};
use rustix::process::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tempfile::TempDir;

const BUCKET: &str = "outputs";

/// The server, and before it a door that speaks TLS: nodes take no upload URL that is weaker than their control
/// plane's. Both end when this is dropped.
#[derive(Debug)]
pub struct S3Store {
    process: Process,
    upstream: SocketAddr,
    door: SocketAddr,
    shared: Arc<Shared>,
    place: TempDir,
}

#[derive(Debug, Default)]
struct Shared {
    tls: OnceLock<Arc<ServerConfig>>,
    refuses_moves: AtomicBool,
    refused: AtomicUsize,
    delay_milliseconds: AtomicU64,
    ended: AtomicBool,
}

impl S3Store {
    /// Starts it with an empty bucket.
    pub fn start() -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir_all(place.path().join("buckets").join(BUCKET)).expect("a bucket");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let upstream = free.local_addr().expect("a bound listener has an address");
        drop(free);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let door = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if theirs.ended.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&theirs);
                // A line that breaks is what both ends have to live with.
                std::thread::spawn(move || drop(carry(client, upstream, &shared)));
            }
        });
        Self {
            process: serve(place.path(), upstream),
            upstream,
            door,
            shared,
            place,
        }
    }

    /// The flags with which a control plane on this data directory uses the bucket. Its certificate is the door's too.
    pub fn flags(&self, data_dir: &Path) -> Vec<String> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(data_dir.join("tls.pem"))
            .expect("a certificate")
            .collect();
        let key = PrivateKeyDer::from_pem_file(data_dir.join("tls.key")).expect("a key");
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(certificates.expect("certificates in PEM"), key)
            .expect("certificate and key fit");
        self.shared
            .tls
            .set(Arc::new(tls))
            .expect("one control plane has one store");
        let credentials = self.place.path().join("credentials");
        fs::write(
            &credentials,
            "AWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY=secret\n",
        )
        .expect("a new file");
        fs::set_permissions(&credentials, Permissions::from_mode(0o600)).expect("one's own file");
        let text = |path: PathBuf| path.to_str().expect("a temporary path is UTF-8").to_owned();
        [
            ("--object-store-url", self.url()),
            ("--object-store-credentials-file", text(credentials)),
            ("--object-store-ca-file", text(data_dir.join("ca.pem"))),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect()
    }

    /// What `--object-store-url` says.
    pub fn url(&self) -> String {
        format!("s3://{BUCKET}?endpoint=https://{}", self.door)
    }

    /// Sends the server a signal.
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Ends it at once, as a power cut would.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Serves the same bucket again.
    pub fn restart(&mut self) {
        self.process = serve(self.place.path(), self.upstream);
    }

    /// From now on, lets every request wait for so long.
    pub fn slow_down(&self, delay: Duration) {
        let delay = u64::try_from(delay.as_millis()).expect("a short time");
        self.shared.delay_milliseconds.store(delay, Ordering::SeqCst);
    }

    /// Whether moves get no answer from now on.
    pub fn refuse_moves(&self, whether: bool) {
        self.shared.refuses_moves.store(whether, Ordering::SeqCst);
    }

    /// How many moves got no answer.
    pub fn refused_moves(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// An object's bytes.
    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.place.path().join("buckets").join(BUCKET).join(key)).ok()
    }

    /// The objects whose keys begin so, and their bytes.
    pub fn objects(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        let root = self.place.path().join("buckets").join(BUCKET);
        let mut folders = vec![root.join(prefix)];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = fs::read(&path) {
                    let key = path.strip_prefix(&root).expect("it was found there");
                    found.push((key.to_str().expect("keys are ASCII").to_owned(), bytes));
                }
            }
        }
        found
    }
}

impl Drop for S3Store {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // So that the door sees that it is over.
        drop(TcpStream::connect(self.door));
    }
}

fn serve(place: &Path, address: SocketAddr) -> Process {
    let mut command = tools::s3_server();
    command
        .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
        .args(["--access-key", "id", "--secret-key", "secret"])
        .arg(place.join("buckets"));
    let process = Process::start(command, &place.join("log"));
    until("the S3 server to listen", LIMIT, || {
        TcpStream::connect(address).ok()
    });
    process
}

/// One request, and its answer.
fn carry(client: TcpStream, upstream: SocketAddr, shared: &Shared) -> io::Result<()> {
    let Some(tls) = shared.tls.get() else {
        return Ok(());
    };
    let tls = ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?;
    let mut client = StreamOwned::new(tls, client);
    let mut request = Vec::new();
    let mut piece = [0; 16 * 1024];
    let end = loop {
        if let Some(at) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at;
        }
        match client.read(&mut piece)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&piece[..count]),
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    let (have, rest) = (request.len() - end - 4, &request[end + 4..]);
    body[..have].copy_from_slice(rest);
    client.read_exact(&mut body[have..])?;
    if head.contains("\r\nx-amz-copy-source:") && shared.refuses_moves.load(Ordering::SeqCst) {
        shared.refused.fetch_add(1, Ordering::SeqCst);
        return Ok(());
    }
    std::thread::sleep(Duration::from_millis(
        shared.delay_milliseconds.load(Ordering::SeqCst),
    ));
    let mut server = TcpStream::connect(upstream)?;
    server.write_all(&request[..end])?;
    server.write_all(b"\r\nconnection: close\r\n\r\n")?;
    server.write_all(&body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    client.write_all(&answer)?;
    client.conn.send_close_notify();
    client.flush()
}
