//! The server's certificate, and how it changes while connections live.
//!
//! The handshake asks [`Reloadable`] for the certificate each time, so a renewed one serves the next connection
//! and leaves those that are open alone.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::ring as provider;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use thiserror::Error;

/// Why a certificate cannot be served.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The PEM text holds no certificate, or a broken one.
    #[error("no valid certificate in the PEM text")]
    Certificate,
    /// The PEM text holds no private key, or a broken one.
    #[error("no valid private key in the PEM text")]
    Key,
    /// Certificate and key are not a pair, or of a kind that TLS cannot use.
    #[error("the certificate and the private key cannot be used together")]
    Pair(#[source] rustls::Error),
    /// The TLS library refused the configuration.
    #[error("TLS cannot be configured")]
    Config(#[source] rustls::Error),
}

/// Reads a certificate chain and its private key, and checks that they belong together.
pub fn read_pair(chain_pem: &[u8], key_pem: &[u8]) -> Result<CertifiedKey, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain_pem)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::Certificate)?;
    if chain.is_empty() {
        return Err(TlsError::Certificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| TlsError::Key)?;
    CertifiedKey::from_der(chain, key, &provider::default_provider()).map_err(TlsError::Pair)
}

/// Whether a client that asks for `host` (a DNS name or an IP address without brackets) will accept the certificate.
pub fn names(certified: &CertifiedKey, host: &str) -> bool {
    let Ok(host) = ServerName::try_from(host) else {
        return false;
    };
    certified
        .end_entity_cert()
        .and_then(ParsedCertificate::try_from)
        .and_then(|certificate| rustls::client::verify_server_name(&certificate, &host))
        .is_ok()
}

/// The certificate in use.
pub struct Reloadable(RwLock<Arc<CertifiedKey>>);

impl Reloadable {
    /// Serves `certified` until told otherwise.
    pub fn new(certified: CertifiedKey) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(certified))))
    }

    /// Serves `certified` from the next handshake on.
    pub fn replace(&self, certified: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
    }

    /// The certificate in use.
    pub fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Reloadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloadable").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Reloadable {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// TLS 1.2 and 1.3 on *ring*, offering HTTP/2 and HTTP/1.1.
pub fn server_config(certificate: Arc<Reloadable>) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsError::Config)?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A fleet that reconnects at once resumes its sessions instead of asking for a signature each.
    config.ticketer = provider::Ticketer::new().map_err(TlsError::Config)?;
    Ok(Arc::new(config))
}
