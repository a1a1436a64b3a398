//! The flags that name the object store, checked at start.

use crate::data_dir::{self, DataDirError};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use http::Uri;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use thiserror::Error;

/// The object store's flags of `plexsphere serve`
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Object store")]
pub struct ObjectStoreArgs {
    /// Where outputs over 16 KiB are kept: file:// for the data directory, file:///DIR for another one, or
    /// s3://BUCKET?endpoint=URL&region=NAME&path_style=BOOL
    #[arg(long, value_name = "URL", default_value = "file://")]
    pub object_store_url: String,
    /// File with the S3 store's AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=…, readable by its owner alone
    /// [default: the environment]
    #[arg(long, value_name = "FILE")]
    pub object_store_credentials_file: Option<PathBuf>,
    /// Certificates to believe the S3 store by instead of the public ones, in PEM
    #[arg(long, value_name = "FILE")]
    pub object_store_ca_file: Option<PathBuf>,
}

/// Flags that make sense together; the files are not read yet.
#[derive(Debug, Clone)]
pub enum ObjectStoreConfig {
    /// A directory; none means the one in the data directory.
    Directory(Option<PathBuf>),
    /// A bucket.
    Bucket {
        /// Which.
        bucket: Bucket,
        /// Where its credentials are, if not in the environment.
        credentials_file: Option<PathBuf>,
        /// Whom to believe about it, if not the public certificates.
        ca_file: Option<PathBuf>,
    },
}

/// An object store to open.
pub enum Place {
    /// A directory.
    Directory(PathBuf),
    /// A bucket.
    Bucket {
        /// Which.
        bucket: Bucket,
        /// Who we are there.
        credentials: Credentials,
        /// Whom to believe about it; none means the public certificates.
        roots: Vec<CertificateDer<'static>>,
    },
}

/// A bucket of an S3 store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// `https`, or `http`.
    pub scheme: String,
    /// The store's host, and perhaps its port.
    pub authority: String,
    /// The region to sign for.
    pub region: String,
    /// Whether the bucket stands in the path, not in the host's name.
    pub path_style: bool,
}

/// Who we are at an S3 store.
#[derive(Clone)]
pub struct Credentials {
    /// The name of the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
    /// What goes with keys of limited time.
    pub session_token: Option<String>,
}

/// Flags about the object store that make no sense, or a file that cannot be used.
#[derive(Debug, Error)]
pub enum ObjectStoreConfigError {
    /// Neither a directory nor a bucket.
    #[error("--object-store-url must be file://, file:///DIR or s3://BUCKET?endpoint=URL")]
    Url,
    /// Not a name that a bucket can have.
    #[error("--object-store-url: a bucket's name has 3 to 63 of a-z, 0-9, - and .")]
    Bucket,
    /// A parameter that means nothing, or twice the same.
    #[error(
        "--object-store-url: {0:?} is no parameter, or given twice; there are endpoint, region and path_style"
    )]
    Parameter(String),
    /// More or less than scheme, host and port.
    #[error("--object-store-url: endpoint must be https://HOST or http://HOST, perhaps with a port")]
    Endpoint,
    /// Not a region's name, or missing for Amazon's own store.
    #[error("--object-store-url: without endpoint it needs a region, such as region=eu-central-1")]
    Region,
    /// Neither true nor false.
    #[error("--object-store-url: path_style is true or false")]
    PathStyle,
    /// Flags of an S3 store without one.
    #[error("{0} goes with an s3:// URL in --object-store-url")]
    NoBucket(&'static str),
    /// No credentials.
    #[error("{0} must be set in the environment, or --object-store-credentials-file given")]
    Unset(&'static str),
    /// The file of credentials is not one.
    #[error("{} must hold AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=…, and may hold AWS_SESSION_TOKEN=…", .0.display())]
    Credentials(PathBuf),
    /// The file holds no certificate.
    #[error("{} holds no PEM certificate", .0.display())]
    Certificates(PathBuf),
    /// A file cannot be read, or others could read it.
    #[error(transparent)]
    File(#[from] DataDirError),
}

impl ObjectStoreConfig {
    /// Checks the flags.
    pub fn from_args(args: ObjectStoreArgs) -> Result<Self, ObjectStoreConfigError> {
        if let Some(rest) = args.object_store_url.strip_prefix("s3://") {
            return Ok(Self::Bucket {
                bucket: Bucket::parse(rest)?,
                credentials_file: args.object_store_credentials_file,
                ca_file: args.object_store_ca_file,
            });
        }
        for (given, flag) in [
            (
                &args.object_store_credentials_file,
                "--object-store-credentials-file",
            ),
            (&args.object_store_ca_file, "--object-store-ca-file"),
        ] {
            if given.is_some() {
                return Err(ObjectStoreConfigError::NoBucket(flag));
            }
        }
        match args.object_store_url.strip_prefix("file://") {
            Some("") => Ok(Self::Directory(None)),
            Some(path) if path.starts_with('/') && !path.contains(['?', '#', '%']) => {
                Ok(Self::Directory(Some(path.into())))
            }
            Some(_) | None => Err(ObjectStoreConfigError::Url),
        }
    }

    /// Reads the files and, for what they do not say, the environment.
    pub fn read(&self, data_dir: &Path) -> Result<Place, ObjectStoreConfigError> {
        match self {
            Self::Directory(path) => Ok(Place::Directory(
                path.clone().unwrap_or_else(|| data_dir.join("objects")),
            )),
            Self::Bucket {
                bucket,
                credentials_file,
                ca_file,
            } => Ok(Place::Bucket {
                bucket: bucket.clone(),
                credentials: match credentials_file {
                    Some(path) => Credentials::read(path)?,
                    None => Credentials::from_environment()?,
                },
                roots: ca_file
                    .as_deref()
                    .map(read_certificates)
                    .transpose()?
                    .unwrap_or_default(),
            }),
        }
    }
}

/// As the log tells it.
impl fmt::Display for ObjectStoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(None) => f.write_str("directory in the data directory"),
            Self::Directory(Some(path)) => write!(f, "directory {}", path.display()),
            Self::Bucket { bucket, .. } => write!(f, "bucket {} at {}", bucket.name, bucket.origin()),
        }
    }
}

impl Bucket {
    /// Reads what follows `s3://`.
    fn parse(text: &str) -> Result<Self, ObjectStoreConfigError> {
        let (name, query) = text.split_once('?').unwrap_or((text, ""));
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
        if !(3..=63).contains(&name.len())
            || !name.bytes().all(is_plain)
            || name.starts_with(['-', '.'])
            || name.ends_with(['-', '.'])
        {
            return Err(ObjectStoreConfigError::Bucket);
        }
        let (mut endpoint, mut region, mut path_style) = (None, None, None);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let slot = match name {
                "endpoint" => &mut endpoint,
                "region" => &mut region,
                "path_style" => &mut path_style,
                // Not its value, which may be a secret that somebody put here.
                _ => return Err(ObjectStoreConfigError::Parameter(name.to_owned())),
            };
            if slot.replace(value).is_some() {
                return Err(ObjectStoreConfigError::Parameter(name.to_owned()));
            }
        }
        if region.is_some_and(|region| {
            region.is_empty()
                || !region
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        }) {
            return Err(ObjectStoreConfigError::Region);
        }
        let (scheme, authority) = match endpoint {
            Some(endpoint) => parse_endpoint(endpoint)?,
            None => {
                let region = region.ok_or(ObjectStoreConfigError::Region)?;
                ("https".to_owned(), format!("s3.{region}.amazonaws.com"))
            }
        };
        Ok(Self {
            name: name.to_owned(),
            scheme,
            authority,
            region: region.unwrap_or("us-east-1").to_owned(),
            // Amazon's own store wants the bucket in the host's name, others rarely have such names.
            path_style: match path_style {
                Some("true") => true,
                Some("false") => false,
                Some(_) => return Err(ObjectStoreConfigError::PathStyle),
                None => endpoint.is_some(),
            },
        })
    }

    /// What the header `Host` says.
    pub(super) fn host(&self) -> String {
        match self.path_style {
            true => self.authority.clone(),
            false => format!("{}.{}", self.name, self.authority),
        }
    }

    /// The path of a key.
    pub(super) fn path(&self, key: &str) -> String {
        match self.path_style {
            true => format!("/{}/{key}", self.name),
            false => format!("/{key}"),
        }
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.host())
    }
}

/// Scheme and authority.
fn parse_endpoint(text: &str) -> Result<(String, String), ObjectStoreConfigError> {
    let invalid = || ObjectStoreConfigError::Endpoint;
    let uri: Uri = text.parse().map_err(|_| invalid())?;
    let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or_else(invalid)?;
    let is_plain = matches!(scheme, "https" | "http")
        && matches!(uri.path(), "" | "/")
        && !authority.host().is_empty()
        && !text.contains(['@', '?', '#', '%']);
    if !is_plain {
        return Err(invalid());
    }
    // Whoever connects leaves the usual port out of the header `Host`, which is signed.
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.as_str();
    let authority = authority.strip_suffix(usual).unwrap_or(authority);
    Ok((scheme.to_owned(), authority.to_ascii_lowercase()))
}

impl Credentials {
    #[expect(
        clippy::disallowed_methods,
        reason = "secrets that every S3 client takes from there, and that no command line may carry"
    )]
    fn from_environment() -> Result<Self, ObjectStoreConfigError> {
        let read = |name: &'static str| {
            let value = std::env::var(name).ok().filter(|value| is_credential(value));
            value.ok_or(ObjectStoreConfigError::Unset(name))
        };
        Ok(Self {
            access_key_id: read("AWS_ACCESS_KEY_ID")?,
            secret_access_key: read("AWS_SECRET_ACCESS_KEY")?,
            session_token: read("AWS_SESSION_TOKEN").ok(),
        })
    }

    /// Lines `NAME=value`, as systemd reads them too.
    fn read(path: &Path) -> Result<Self, ObjectStoreConfigError> {
        data_dir::check_private(path, data_dir::PRIVATE)?;
        let text = fs::read_to_string(path).map_err(|source| data_dir::io_error(path, source))?;
        let invalid = || ObjectStoreConfigError::Credentials(path.to_owned());
        let (mut id, mut secret, mut token) = (None, None, None);
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, value) = line.split_once('=').ok_or_else(invalid)?;
            let slot = match name {
                "AWS_ACCESS_KEY_ID" => &mut id,
                "AWS_SECRET_ACCESS_KEY" => &mut secret,
                "AWS_SESSION_TOKEN" => &mut token,
                _ => return Err(invalid()),
            };
            *slot = Some(value.to_owned()).filter(|value| is_credential(value));
        }
        let (access_key_id, secret_access_key) = id.zip(secret).ok_or_else(invalid)?;
        Ok(Self {
            access_key_id,
            secret_access_key,
            session_token: token,
        })
    }
}

fn is_credential(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ObjectStoreConfigError> {
    let pem = fs::read(path).map_err(|source| data_dir::io_error(path, source))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    read.ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| ObjectStoreConfigError::Certificates(path.to_owned()))
}
