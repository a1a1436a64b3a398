//! The flags that name the identity provider: one place, checked at start.

use super::fetch::Endpoint;
use crate::data_dir::{self, DataDirError};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use thiserror::Error;

/// The identity provider's flags of `plexsphere serve`
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Identity provider")]
pub struct OidcArgs {
    /// OpenID Connect provider by which people sign in: its issuer URL
    #[arg(long, value_name = "URL", requires = "oidc_client_id")]
    pub oidc_issuer: Option<String>,
    /// This control plane's client id at the provider
    #[arg(long, value_name = "ID", requires = "oidc_issuer")]
    pub oidc_client_id: Option<String>,
    /// File with the client's secret, readable by its owner alone; none for a public client
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// Name of the provider here
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub oidc_alias: String,
    /// Certificates to believe the provider by instead of the public ones, in PEM
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    pub oidc_ca_file: Option<PathBuf>,
}

/// Flags that make sense together; the files are not read yet.
#[derive(Debug, Clone)]
pub struct OidcConfig {
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    alias: String,
    ca_file: Option<PathBuf>,
}

/// A provider to use.
pub struct OidcSettings {
    /// Its name for itself.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there; none for a public client.
    pub client_secret: Option<String>,
    /// Its name here.
    pub alias: String,
    /// Whom to believe about it; none means the public ones.
    pub roots: Vec<CertificateDer<'static>>,
}

/// Flags about the provider that make no sense, or a file that cannot be used.
#[derive(Debug, Error)]
pub enum OidcConfigError {
    /// Not `https`, or with more than host, port and path.
    #[error(
        "--oidc-issuer must be an https URL without query and fragment (http on loopback addresses only)"
    )]
    Issuer,
    /// Empty, or not visible ASCII.
    #[error("--oidc-client-id must be 1 to 255 visible characters")]
    ClientId,
    /// Not a plain name.
    #[error("--oidc-alias must be 1 to 64 of a-z, 0-9 and -")]
    Alias,
    /// The secret's file holds none.
    #[error("{} does not hold a client secret", .0.display())]
    Secret(PathBuf),
    /// The file holds no certificate.
    #[error("{} holds no PEM certificate", .0.display())]
    Certificates(PathBuf),
    /// A file cannot be read, or others could read it.
    #[error(transparent)]
    File(#[from] DataDirError),
}

impl OidcConfig {
    /// Checks the flags; `None` when there is no provider.
    pub fn from_args(args: OidcArgs) -> Result<Option<Self>, OidcConfigError> {
        let Some((issuer, client_id)) = args.oidc_issuer.zip(args.oidc_client_id) else {
            return Ok(None);
        };
        if Endpoint::parse(&issuer).is_none() || issuer.contains('?') {
            return Err(OidcConfigError::Issuer);
        }
        if !(1..=255).contains(&client_id.len()) || !client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(OidcConfigError::ClientId);
        }
        let alias = args.oidc_alias;
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=64).contains(&alias.len()) || !alias.bytes().all(is_plain) {
            return Err(OidcConfigError::Alias);
        }
        Ok(Some(Self {
            issuer,
            client_id,
            client_secret_file: args.oidc_client_secret_file,
            alias,
            ca_file: args.oidc_ca_file,
        }))
    }

    /// Reads the files.
    pub fn read(&self) -> Result<OidcSettings, OidcConfigError> {
        let client_secret = self.client_secret_file.as_deref().map(read_secret).transpose()?;
        let roots = self.ca_file.as_ref().map(read_certificates).transpose()?;
        Ok(OidcSettings {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret,
            alias: self.alias.clone(),
            roots: roots.unwrap_or_default(),
        })
    }
}

fn read_secret(path: &Path) -> Result<String, OidcConfigError> {
    data_dir::read_secret(path).map_err(|error| match error {
        DataDirError::BadSecret(path) => OidcConfigError::Secret(path),
        other => other.into(),
    })
}

fn read_certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, OidcConfigError> {
    let pem = fs::read(path).map_err(|source| data_dir::io_error(path, source))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    read.ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| OidcConfigError::Certificates(path.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn args() -> OidcArgs {
        OidcArgs {
            oidc_issuer: Some("https://id.example/realm".to_owned()),
            oidc_client_id: Some("plexsphere".to_owned()),
            oidc_alias: "default".to_owned(),
            ..OidcArgs::default()
        }
    }

    #[test]
    fn a_provider_is_named_by_https_or_on_loopback() {
        let with = |issuer: &str| {
            OidcConfig::from_args(OidcArgs {
                oidc_issuer: Some(issuer.to_owned()),
                ..args()
            })
        };
        for good in [
            "https://id.example",
            "https://id.example:8443/realm/",
            "http://127.0.0.1:1",
            "http://[::1]:1",
        ] {
            assert!(with(good).unwrap().is_some(), "{good}");
        }
        for bad in [
            "http://id.example",
            "id.example",
            "https://",
            "https://u@id.example",
            "https://id.example?x",
            "https://id.example#x",
            "ftp://id.example",
        ] {
            assert!(matches!(with(bad), Err(OidcConfigError::Issuer)), "{bad}");
        }
        let alias = OidcArgs {
            oidc_alias: "a\"b".to_owned(),
            ..args()
        };
        assert!(matches!(
            OidcConfig::from_args(alias),
            Err(OidcConfigError::Alias)
        ));
        let client = OidcArgs {
            oidc_client_id: Some("a b".to_owned()),
            ..args()
        };
        assert!(matches!(
            OidcConfig::from_args(client),
            Err(OidcConfigError::ClientId)
        ));
        assert!(OidcConfig::from_args(OidcArgs::default()).unwrap().is_none());
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let read = |content: &str, mode: u32| {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let with = OidcArgs {
                oidc_client_secret_file: Some(path.clone()),
                ..args()
            };
            let read = OidcConfig::from_args(with).unwrap().unwrap().read();
            read.map(|settings| settings.client_secret)
        };
        assert_eq!(read("hush\n", 0o600).unwrap().as_deref(), Some("hush"));
        let error = read("hush\n", 0o640).unwrap_err();
        assert!(matches!(
            &error,
            OidcConfigError::File(DataDirError::Exposed { .. })
        ));
        assert!(!error.to_string().contains("hush"));
        assert!(matches!(read("\n", 0o600), Err(OidcConfigError::Secret(_))));
    }
}
