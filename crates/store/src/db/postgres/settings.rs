use super::migrate::Step;
use crate::db::Error;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How a server is reached.
#[derive(Clone)]
pub struct Settings {
    pub(super) config: Config,
    pub(super) roots: Option<Vec<CertificateDer<'static>>>,
    pub(super) time: Time,
    pub(super) further_steps: &'static [Step],
}

/// Whose time transactions have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// The server's, which all replicas share.
    Database,
    /// That of the clock in the settings; for tests, which own it.
    Clock,
}

/// Why a URL does not name a PostgreSQL database.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// It does not read as `postgres://user@host:port/database`.
    #[error("not a PostgreSQL URL; one looks like postgres://plex@db.example:5432/plex")]
    Malformed(#[source] tokio_postgres::Error),
    /// The file of certificates cannot be read.
    #[error("sslrootcert: no certificates in {}", .0.display())]
    Certificates(PathBuf),
    /// An encryption mode that would not verify the server.
    #[error("sslmode={0} does not verify the server; use verify-full or disable")]
    Unverified(String),
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

impl Settings {
    /// Reads a URL as libpq does. The server is verified by its certificate unless it is on this machine;
    /// `sslmode=disable` turns encryption off, `sslrootcert` names the certificates to trust.
    ///
    /// # Errors
    /// When the URL is malformed, or asks for what would not verify the server.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut kept, mut mode, mut file) = (Vec::new(), None, None);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value.to_owned()),
                Some(("sslrootcert", path)) => file = Some(PathBuf::from(path)),
                _ => kept.push(parameter),
            }
        }
        let mut config =
            Config::from_str(&format!("{base}?{}", kept.join("&"))).map_err(UrlError::Malformed)?;
        let is_local = config.get_hosts().iter().all(|host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        });
        config.ssl_mode(match mode.as_deref() {
            None if is_local && file.is_none() => SslMode::Disable,
            Some("disable") => SslMode::Disable,
            None | Some("verify-full") => SslMode::Require,
            Some(other) => return Err(UrlError::Unverified(other.to_owned())),
        });
        config
            .application_name("plexsphere")
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .connect_timeout(Duration::from_secs(3))
            .tcp_user_timeout(Duration::from_secs(15))
            .keepalives_idle(Duration::from_secs(10));
        let roots = file.map(|path| {
            let read = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            match read {
                Ok(found) if !found.is_empty() => Ok(found),
                Ok(_) | Err(_) => Err(UrlError::Certificates(path)),
            }
        });
        Ok(Self {
            config,
            roots: roots.transpose()?,
            time: Time::Database,
            further_steps: &[],
        })
    }

    /// With a password that the URL does not carry.
    pub fn with_password(mut self, password: &str) -> Self {
        self.config.password(password);
        self
    }

    /// Whether there is a password.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// With another time than the server's.
    pub fn timed_by(mut self, time: Time) -> Self {
        self.time = time;
        self
    }

    /// With steps of the schema that come after those of this program: what a later version of it would be, for
    /// tests.
    #[doc(hidden)]
    pub fn with_further_steps(mut self, steps: &'static [Step]) -> Self {
        self.further_steps = steps;
        self
    }

    /// Host, port and database, without anything secret.
    pub fn place(&self) -> String {
        let hosts: Vec<String> = self
            .config
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let database = self.config.get_dbname().unwrap_or_default();
        format!("postgres://{}:{port}/{database}", hosts.join(","))
    }

    /// How the server proves who it is.
    pub(super) fn tls(&self) -> Result<MakeRustlsConnect, Error> {
        let mut roots = RootCertStore::empty();
        match &self.roots {
            Some(named) => {
                roots.add_parsable_certificates(named.iter().cloned());
            }
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Corrupt(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }
}
