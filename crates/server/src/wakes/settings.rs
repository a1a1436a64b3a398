//! The flags that name NATS: one place, checked at start.

use crate::data_dir::{self, DataDirError};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use async_nats::ServerAddr;
use clap::Args;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use thiserror::Error;

/// The flags of `plexsphere serve` about other replicas
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Several replicas")]
pub struct NatsArgs {
    /// NATS server that carries wake-ups between replicas, nats://HOST:PORT or tls://HOST:PORT; repeatable for the
    /// servers of a cluster
    #[arg(
        long = "nats-url",
        value_name = "URL",
        env = "PLEXSPHERE_NATS_URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub nats_urls: Vec<String>,
    /// File with USER:PASSWORD or a token for NATS, readable by its owner alone
    #[arg(long, value_name = "FILE")]
    pub nats_credentials_file: Option<PathBuf>,
    /// Certificates to believe NATS by instead of the system's, in PEM
    #[arg(long, value_name = "FILE")]
    pub nats_ca_file: Option<PathBuf>,
}

/// Flags that make sense together; the files are not read yet.
#[derive(Debug, Clone)]
pub struct NatsConfig {
    servers: Vec<ServerAddr>,
    credentials_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
}

/// A NATS to use.
#[derive(Debug, Clone)]
pub struct NatsSettings {
    /// Its servers, at least one.
    pub servers: Vec<ServerAddr>,
    /// Who we are there; nobody in particular where anybody may come.
    pub credentials: Option<Credentials>,
    /// Certificates to believe it by; none means the system's.
    pub ca_file: Option<PathBuf>,
}

/// Who we are to NATS.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user and a password.
    User(String, String),
    /// A token.
    Token(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// Flags about NATS that make no sense, or a file that cannot be used.
#[derive(Debug, Error)]
pub enum NatsConfigError {
    /// Not the URL of a NATS server. It is not repeated, as there might be a secret in it.
    #[error("--nats-url must be nats://HOST:PORT or tls://HOST:PORT, without a path")]
    Url,
    /// URLs are shown by `ps` and written to logs.
    #[error("--nats-url must not carry credentials; --nats-credentials-file takes them")]
    UrlWithCredentials,
    /// A flag that does nothing by itself.
    #[error("{0} makes sense only with --nats-url")]
    WithoutUrl(&'static str),
    /// Certificates that nobody would look at.
    #[error("--nats-ca-file makes sense only with a tls:// URL")]
    CaWithoutTls,
    /// The file holds neither a token nor a user and a password.
    #[error("{} does not hold USER:PASSWORD or a token on one line", .0.display())]
    Credentials(PathBuf),
    /// The file holds no certificate.
    #[error("{} holds no PEM certificate", .0.display())]
    Certificates(PathBuf),
    /// A file cannot be read, or others could read it.
    #[error(transparent)]
    File(#[from] DataDirError),
}

impl NatsConfig {
    /// Checks the flags; `None` when there is no NATS.
    pub fn from_args(args: NatsArgs) -> Result<Option<Self>, NatsConfigError> {
        let urls = args.nats_urls.iter().filter(|url| !url.is_empty());
        let servers: Vec<_> = urls.map(|url| server(url)).collect::<Result<_, _>>()?;
        let files = [
            ("--nats-credentials-file", &args.nats_credentials_file),
            ("--nats-ca-file", &args.nats_ca_file),
        ];
        if servers.is_empty() {
            let idle = files.into_iter().find(|(_, file)| file.is_some());
            return idle.map_or(Ok(None), |(flag, _)| Err(NatsConfigError::WithoutUrl(flag)));
        }
        if args.nats_ca_file.is_some() && !servers.iter().any(ServerAddr::tls_required) {
            return Err(NatsConfigError::CaWithoutTls);
        }
        Ok(Some(Self {
            servers,
            credentials_file: args.nats_credentials_file,
            ca_file: args.nats_ca_file,
        }))
    }

    /// Reads the files.
    pub fn read(&self) -> Result<NatsSettings, NatsConfigError> {
        let credentials = self
            .credentials_file
            .as_deref()
            .map(read_credentials)
            .transpose()?;
        self.ca_file.as_deref().map(check_certificates).transpose()?;
        Ok(NatsSettings {
            servers: self.servers.clone(),
            credentials,
            ca_file: self.ca_file.clone(),
        })
    }
}

/// The server of a URL.
fn server(text: &str) -> Result<ServerAddr, NatsConfigError> {
    // Without a scheme the parser would add one.
    let address = text.contains("://").then(|| text.parse::<ServerAddr>().ok());
    let address = address.flatten().ok_or(NatsConfigError::Url)?;
    let url = address.clone().into_inner();
    if !url.username().is_empty() || url.password().is_some() {
        return Err(NatsConfigError::UrlWithCredentials);
    }
    let is_name = |host: &str| {
        let plain = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let in_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        !host.is_empty() && (plain.is_some() || host.bytes().all(in_a_name))
    };
    let is_plain = matches!(url.scheme(), "nats" | "tls")
        && url.host_str().is_some_and(is_name)
        && url.port() != Some(0)
        && matches!(url.path(), "" | "/")
        && !text.contains(['?', '#', '@']);
    is_plain.then_some(address).ok_or(NatsConfigError::Url)
}

/// A user and a password with a colon between, or a token without one.
fn read_credentials(path: &Path) -> Result<Credentials, NatsConfigError> {
    let none = || NatsConfigError::Credentials(path.to_owned());
    let secret = data_dir::read_secret(path).map_err(|error| match error {
        DataDirError::BadSecret(_) => none(),
        other => other.into(),
    })?;
    match secret.split_once(':') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() => {
            Ok(Credentials::User(user.to_owned(), password.to_owned()))
        }
        Some(_) => Err(none()),
        None => Ok(Credentials::Token(secret)),
    }
}

/// The client reads them itself, each time it connects.
fn check_certificates(path: &Path) -> Result<(), NatsConfigError> {
    let pem = fs::read(path).map_err(|source| data_dir::io_error(path, source))?;
    let mut certificates = CertificateDer::pem_slice_iter(&pem);
    match certificates.next() {
        Some(Ok(_)) => Ok(()),
        Some(Err(_)) | None => Err(NatsConfigError::Certificates(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn args(urls: &[&str]) -> NatsArgs {
        NatsArgs {
            nats_urls: urls.iter().map(|&url| url.to_owned()).collect(),
            ..NatsArgs::default()
        }
    }

    #[test]
    fn a_server_is_a_scheme_a_host_and_a_port() {
        for good in [
            "nats://bus:4222",
            "nats://127.0.0.1",
            "nats://[::1]:1/",
            "tls://nats-1.example:4222",
        ] {
            let config = NatsConfig::from_args(args(&[good])).unwrap().unwrap();
            assert_eq!(config.servers.len(), 1, "{good}");
        }
        for bad in [
            "bus:4222",
            "bus",
            "nats://",
            "nats:bus",
            "nats://:4222",
            "http://bus:4222",
            "ws://bus:4222",
            "nats://bus:0",
            "nats://bus:99999",
            "nats://bus:x",
            "nats://bus/subject",
            "nats://bus?x",
            "nats://bus#x",
            "nats://@bus",
            "nats://a b:4222",
            "nats://%41",
            "nats://[::1",
        ] {
            let refused = NatsConfig::from_args(args(&["nats://bus:4222", bad]));
            assert!(matches!(refused, Err(NatsConfigError::Url)), "{bad}: {refused:?}");
        }
        for bad in ["nats://user:hush@bus:4222", "nats://hush@bus", "tls://:hush@bus"] {
            let refused = NatsConfig::from_args(args(&[bad])).unwrap_err();
            assert!(matches!(refused, NatsConfigError::UrlWithCredentials), "{bad}");
            assert!(!refused.to_string().contains("hush"));
        }
    }

    #[test]
    fn none_is_none_and_files_alone_are_refused() {
        assert!(NatsConfig::from_args(args(&[])).unwrap().is_none());
        assert!(NatsConfig::from_args(args(&[""])).unwrap().is_none());
        let several = NatsConfig::from_args(args(&["nats://a", "", "nats://b"])).unwrap();
        assert_eq!(several.unwrap().servers.len(), 2);
        let alone = NatsArgs {
            nats_credentials_file: Some("f".into()),
            ..args(&[])
        };
        assert!(matches!(
            NatsConfig::from_args(alone),
            Err(NatsConfigError::WithoutUrl("--nats-credentials-file"))
        ));
        let in_clear = NatsArgs {
            nats_ca_file: Some("f".into()),
            ..args(&["nats://bus"])
        };
        assert!(matches!(
            NatsConfig::from_args(in_clear),
            Err(NatsConfigError::CaWithoutTls)
        ));
    }

    fn read(path: &Path, content: &str, mode: u32) -> Result<Option<Credentials>, NatsConfigError> {
        fs::write(path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let with = NatsArgs {
            nats_credentials_file: Some(path.to_owned()),
            ..args(&["nats://bus"])
        };
        let read = NatsConfig::from_args(with)?.unwrap().read();
        read.map(|settings| settings.credentials)
    }

    #[test]
    fn credentials_are_a_pair_or_a_token_in_a_private_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials");
        let user = Credentials::User("plex".to_owned(), "hu:sh".to_owned());
        assert_eq!(read(&path, "plex:hu:sh\n", 0o600).unwrap(), Some(user));
        assert_eq!(
            read(&path, "hush", 0o600).unwrap(),
            Some(Credentials::Token("hush".to_owned()))
        );
        let exposed = read(&path, "hush", 0o640).unwrap_err();
        assert!(matches!(
            exposed,
            NatsConfigError::File(DataDirError::Exposed { .. })
        ));
        for bad in [
            "",
            "\n",
            ":",
            "plex:",
            ":hush",
            "-----BEGIN NATS USER JWT-----\nhush\n",
        ] {
            let refused = read(&path, bad, 0o600).unwrap_err();
            assert!(matches!(refused, NatsConfigError::Credentials(_)), "{bad}");
            assert!(!refused.to_string().contains("hush"));
        }
    }
}
