//! Which servers are believed: those certified by the given CA file alone, or by the system's bundle.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// Where distributions keep the bundle of the system's roots.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Why no set of trusted certificates could be made.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file is not PEM, or a certificate in it is broken.
    #[error("not a file of PEM certificates: {0}")]
    Malformed(String),
    /// The file holds no certificate.
    #[error("no certificate in the file")]
    Empty,
    /// This machine has no bundle in any of the usual places.
    #[error("no system certificates found; name a CA file")]
    NoSystemBundle,
    /// The TLS library refused the configuration.
    #[error("tls: {0}")]
    Tls(#[from] rustls::Error),
}

/// A TLS configuration that trusts the certificates of `ca` alone, or the system's when there is none.
///
/// # Errors
/// When there is no certificate to trust.
pub(super) fn configuration(ca: Option<&[u8]>) -> Result<ClientConfig, TrustError> {
    let roots = match ca {
        Some(pem) => strict_roots(pem)?,
        None => system_roots()?,
    };
    with_roots(roots)
}

/// A TLS configuration that trusts the certificates of `ca` and, where there are any, the system's too.
///
/// # Errors
/// When `ca` cannot be read.
pub(super) fn widened(ca: &[u8]) -> Result<ClientConfig, TrustError> {
    let mut roots = strict_roots(ca)?;
    match system_roots() {
        Ok(system) => roots.extend(system.roots),
        Err(TrustError::NoSystemBundle) => {}
        Err(error) => return Err(error),
    }
    with_roots(roots)
}

/// A TLS configuration that trusts nobody.
///
/// # Errors
/// When the TLS library refuses the configuration.
pub(super) fn nothing() -> Result<ClientConfig, TrustError> {
    with_roots(RootCertStore::empty())
}

fn with_roots(roots: RootCertStore) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut configuration = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    configuration.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(configuration)
}

fn strict_roots(pem: &[u8]) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| TrustError::Malformed(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| TrustError::Malformed(error.to_string()))?;
    }
    if roots.is_empty() {
        Err(TrustError::Empty)
    } else {
        Ok(roots)
    }
}

/// One odd certificate among the system's does not spoil the others.
fn system_roots() -> Result<RootCertStore, TrustError> {
    let pem = SYSTEM_BUNDLES
        .iter()
        .find_map(|path| std::fs::read(Path::new(path)).ok());
    let pem = pem.ok_or(TrustError::NoSystemBundle)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
    if roots.is_empty() {
        Err(TrustError::NoSystemBundle)
    } else {
        Ok(roots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        assert!(matches!(configuration(Some(b"hello")), Err(TrustError::Empty)));
    }

    #[test]
    fn a_broken_certificate_is_refused() {
        let pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(configuration(Some(pem)), Err(TrustError::Malformed(_))));
    }
}
