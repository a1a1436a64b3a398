//! Where the served certificate comes from, and how it stays fresh while the server runs.

use crate::ca;
use crate::cli::Failure;
use crate::data_dir::{self, DataDir};
use crate::listen::tls::{self, Reloadable};
use crate::system::{SystemClock, SystemRng};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use plex_domain::env::Clock as _;
use rustls::sign::CertifiedKey;

/// How often the certificate is looked at. Renewal is due a month before the end, so a day would do; an hour also
/// picks up an operator's renewed files soon.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);

/// The private CA's certificate or the operator's own.
pub(super) enum Source {
    Private(DataDir),
    Own { chain: PathBuf, key: PathBuf },
}

impl Source {
    pub(super) fn new(own: Option<(PathBuf, PathBuf)>, dir: DataDir) -> Self {
        match own {
            Some((chain, key)) => Self::Own { chain, key },
            None => Self::Private(dir),
        }
    }

    /// The certificate as it should be served now.
    pub(super) fn read(&self) -> Result<CertifiedKey, Failure> {
        match self {
            Self::Private(dir) => {
                let pair = ca::current(dir, SystemClock.now(), &SystemRng);
                Ok(pair.context("cannot issue the server's certificate")?)
            }
            Self::Own { chain, key } => {
                data_dir::check_private(key, data_dir::PRIVATE)?;
                let chain_pem = fs::read(chain).map_err(|source| data_dir::io_error(chain, source))?;
                let key_pem = fs::read(key).map_err(|source| data_dir::io_error(key, source))?;
                let pair = tls::read_pair(&chain_pem, &key_pem);
                Ok(pair.with_context(|| format!("cannot use {} and {}", chain.display(), key.display()))?)
            }
        }
    }

    /// Names that the certificate is known to have.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Private(dir) => ca::remembered_names(dir),
            Self::Own { .. } => Vec::new(),
        }
    }
}

/// Renews or reads again from time to time, for ever.
pub(super) async fn keep_fresh(source: Source, served: Arc<Reloadable>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        refresh(&source, &served);
    }
}

/// Serves what is there now, if it is new. A failure is logged and the old certificate stays.
fn refresh(source: &Source, served: &Reloadable) {
    match source.read() {
        Ok(fresh) if fresh.cert != served.current().cert => {
            served.replace(fresh);
            tracing::info!("serving a new certificate");
        }
        Ok(_) => {}
        Err(failure) => tracing::error!(error = failure.line(), "cannot refresh the certificate"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    fn own(dir: &Path) -> Source {
        let paths = (dir.join("chain.pem"), dir.join("key.pem"));
        let made = rcgen::generate_simple_self_signed(["plex.example".to_owned()]).unwrap();
        fs::write(&paths.0, made.cert.pem()).unwrap();
        fs::write(&paths.1, made.signing_key.serialize_pem()).unwrap();
        fs::set_permissions(&paths.1, fs::Permissions::from_mode(0o600)).unwrap();
        Source::new(Some(paths), DataDir::at(dir).unwrap())
    }

    #[test]
    fn the_operators_own_pair_is_served_if_its_key_is_private() {
        let root = tempfile::tempdir().unwrap();
        let source = own(root.path());
        assert!(tls::names(&source.read().unwrap(), "plex.example"));
        fs::set_permissions(root.path().join("key.pem"), fs::Permissions::from_mode(0o640)).unwrap();
        let line = source.read().unwrap_err().line();
        assert!(line.contains("key.pem is accessible to others"), "{line}");
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let source = own(one.path());
        own(other.path());
        fs::copy(other.path().join("key.pem"), one.path().join("key.pem")).unwrap();
        let line = source.read().unwrap_err().line();
        assert!(line.contains("cannot be used together"), "{line}");
    }

    #[test]
    fn a_renewed_pair_is_picked_up_and_a_broken_one_is_not() {
        let root = tempfile::tempdir().unwrap();
        let source = own(root.path());
        let served = Reloadable::new(source.read().unwrap());
        let first = served.current().cert.clone();
        refresh(&source, &served);
        assert_eq!(served.current().cert, first);
        fs::write(root.path().join("chain.pem"), "broken").unwrap();
        refresh(&source, &served);
        assert_eq!(served.current().cert, first);
        own(root.path());
        refresh(&source, &served);
        assert_ne!(served.current().cert, first);
    }
}
