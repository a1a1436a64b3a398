//! A TLS connection on which a test says whatever bytes it likes.

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const SILENCE: Duration = Duration::from_secs(90);

/// Bytes out, bytes in, inside TLS with ALPN `http/1.1`.
#[derive(Debug)]
pub struct RawConnection(StreamOwned<ClientConnection, TcpStream>);

impl RawConnection {
    /// Connects to `https://HOST:PORT`, trusting the CA in that file.
    pub fn open(url: &str, ca_file: &Path) -> Self {
        let authority = url.strip_prefix("https://").expect("an https URL");
        let (host, _) = authority.rsplit_once(':').expect("a URL with a port");
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(ca_file)
            .expect("a CA file")
            .collect();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.expect("certificates in PEM"));
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("ring speaks TLS 1.2 and 1.3")
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).expect("a host that a certificate can name");
        let tls = ClientConnection::new(Arc::new(config), name).expect("a TLS client");
        let socket = TcpStream::connect(authority).expect("the server accepts");
        socket
            .set_read_timeout(Some(SILENCE))
            .expect("a time-out can be set");
        Self(StreamOwned::new(tls, socket))
    }

    /// Everything until the server closes. An abrupt end counts as one.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        match self.0.read_to_end(&mut all) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the connection neither ends nor speaks: {error}"),
        }
        all
    }

    /// The socket below.
    pub fn socket(&self) -> &TcpStream {
        &self.0.sock
    }
}

impl Read for RawConnection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for RawConnection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
