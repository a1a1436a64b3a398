//! One TLS connection to the server under test, one request at a time.

use super::http::{Answer, Caller, Reading};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// No single request of the bench takes as long as this.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which application protocol a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// A server and how to trust it.
#[derive(Clone)]
pub(super) struct Endpoint {
    /// The server's URL, without a trailing slash.
    pub(super) url: String,
    /// Host and port, as `Host` gives them.
    pub(super) host: String,
    address: SocketAddr,
    name: ServerName<'static>,
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

impl Endpoint {
    /// The server at `url`, which the CA in `ca_file` certified.
    ///
    /// # Errors
    /// When the URL or the file is not what the server should have written.
    pub(super) fn new(url: &str, ca_file: &Path) -> anyhow::Result<Self> {
        let host = url
            .strip_prefix("https://")
            .context("the server's URL is not https")?
            .to_owned();
        let (name, _) = host.rsplit_once(':').context("the server's URL has no port")?;
        // Of the names of this machine, the server listens on the IPv4 one.
        let mut addresses = host
            .to_socket_addrs()
            .with_context(|| format!("cannot resolve {host}"))?;
        let address = addresses
            .find(SocketAddr::is_ipv4)
            .context("the server's host has no IPv4 address")?;
        Ok(Self {
            url: url.to_owned(),
            address,
            name: ServerName::try_from(name.to_owned()).context("the server's URL names no host")?,
            http1: configuration(ca_file, b"http/1.1")?,
            http2: configuration(ca_file, b"h2")?,
            host,
        })
    }

    /// An open TCP connection and a TLS session that has not shaken hands yet.
    ///
    /// # Errors
    /// When the server does not accept.
    pub(super) fn connect(&self, protocol: Protocol) -> anyhow::Result<(ClientConnection, TcpStream)> {
        let stream = TcpStream::connect(self.address).context("cannot connect to the server")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let configuration = match protocol {
            Protocol::Http1 => &self.http1,
            Protocol::Http2 => &self.http2,
        };
        Ok((
            ClientConnection::new(Arc::clone(configuration), self.name.clone())?,
            stream,
        ))
    }
}

fn configuration(ca_file: &Path, protocol: &[u8]) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file).context("cannot read the CA file")? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut configuration = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    configuration.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(configuration))
}

/// A kept-alive HTTP/1.1 connection.
pub(super) struct Connection {
    tls: StreamOwned<ClientConnection, TcpStream>,
    reading: Reading,
    bytes: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When the server does not accept.
    pub(super) fn open(endpoint: &Endpoint) -> anyhow::Result<Self> {
        let (session, stream) = endpoint.connect(Protocol::Http1)?;
        Ok(Self {
            tls: StreamOwned::new(session, stream),
            reading: Reading::default(),
            bytes: vec![0; 64 * 1024],
        })
    }

    /// Sends one request and waits for its answer.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(super) fn call(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.tls.write_all(request).context("cannot send")?;
        self.tls.flush().context("cannot send")?;
        loop {
            if let Some(answer) = self.reading.next()? {
                return Ok(answer);
            }
            match self.tls.read(&mut self.bytes).context("cannot read the answer")? {
                0 => bail!("the server closed the connection"),
                length => self.reading.push(&self.bytes[..length]),
            }
        }
    }
}

/// The administrator, for everything that is set up and not measured.
pub(super) struct Operator {
    connection: Connection,
    caller: Caller,
}

impl Operator {
    /// Connects with an API token.
    ///
    /// # Errors
    /// When the server does not accept.
    pub(super) fn new(endpoint: &Endpoint, token: &str) -> anyhow::Result<Self> {
        Ok(Self {
            connection: Connection::open(endpoint)?,
            caller: Caller::new(&endpoint.host, token),
        })
    }

    /// Reads something.
    ///
    /// # Errors
    /// When the answer is not a success with that content.
    pub(super) fn get<T: DeserializeOwned>(&mut self, path: &str) -> anyhow::Result<T> {
        let request = self.caller.get(path);
        parse(&self.connection.call(&request)?)
    }

    /// Posts something.
    ///
    /// # Errors
    /// When the answer is not a success with that content.
    pub(super) fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.send("POST", path, body)
    }

    /// Puts something.
    ///
    /// # Errors
    /// When the answer is not a success with that content.
    pub(super) fn put<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.send("PUT", path, body)
    }

    fn send<T: DeserializeOwned>(
        &mut self,
        method: &str,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let request = self.caller.send(method, path, &serde_json::to_string(body)?);
        parse(&self.connection.call(&request)?)
    }
}

/// The content of a successful answer.
///
/// # Errors
/// When it is a problem, or not that content.
pub(super) fn parse<T: DeserializeOwned>(answer: &Answer) -> anyhow::Result<T> {
    let text = String::from_utf8_lossy(&answer.body);
    anyhow::ensure!(
        (200..300).contains(&answer.status),
        "the server answered {}: {text}",
        answer.status
    );
    serde_json::from_slice(&answer.body).context("the answer is not what the contract says")
}
