//! A bucket of an S3 store. Nodes and operators reach it through presigned URLs; this server only moves, checks and
//! removes.
//!
//! Nothing rests on conditional writes or on anything else that some stores ignore: a move is a server-side copy, and
//! what counts is what is found under the final key afterwards. So a move that broke off anywhere is simply done again.

mod presign;
#[cfg(test)]
mod tests;

use super::settings::{Bucket, Credentials};
use super::{DOWNLOAD_VALID, UPLOAD_VALID, mismatch, nothing_uploaded, unavailable};
use crate::problem::Failure;
use crate::trust;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::client::{HttpClient, HttpConnector};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore as _, ObjectStoreExt as _, RetryConfig,
    StaticCredentialProvider,
};
use plex_store::invocations::Upload;
use presign::{Grant, Presigner};
use reqwest::header::{self, HeaderMap};
use reqwest::{StatusCode, redirect};
use ring::digest::{Context as Digest, SHA256};
use rustls_pki_types::CertificateDer;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::time::{error::Elapsed, timeout};

/// Says so in a request: the answer is to tell the object's checksum.
const CHECKSUM_MODE: (&str, &str) = ("x-amz-checksum-mode", "ENABLED");
/// The SHA-256 of an object, in base64.
const CHECKSUM: &str = "x-amz-checksum-sha256";
/// What a probe writes to.
const PROBE: &str = "probe";

/// TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(2);
/// The longest silence in an answer.
const SILENCE: Duration = Duration::from_secs(5);
/// For a probe.
const PROBE_LIMIT: Duration = Duration::from_secs(3);
/// For a move. A node that hears of the failure by its deadline still has time to report without the object.
const SETTLE_LIMIT: Duration = Duration::from_secs(4);
/// How long our own presigned requests hold.
const OWN_VALID: Duration = Duration::from_secs(60);
/// Most orphans of one sweep.
const SWEPT: usize = 10_000;

/// A bucket.
pub struct S3Store {
    store: AmazonS3,
    http: reqwest::Client,
    presigner: Presigner,
    bucket: String,
}

/// Why the store did not do it.
#[derive(Debug, Error)]
pub enum S3Error {
    /// It said no, or nothing that could be understood.
    #[error(transparent)]
    Store(#[from] object_store::Error),
    /// It could not be asked.
    #[error("no answer")]
    Http(#[from] reqwest::Error),
    /// It said something else to a question of our own.
    #[error("it answered {0}")]
    Status(StatusCode),
    /// It knows no such bucket.
    #[error("there is no such bucket")]
    NoBucket,
    /// It took too long.
    #[error("it took too long")]
    TimedOut(#[from] Elapsed),
    /// There can be no client.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

impl S3Error {
    /// Whether trying again cannot help: the bucket is not there, or the credentials do not open it.
    fn is_final(&self) -> bool {
        use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
        match self {
            Self::Store(error) => matches!(
                error,
                NotFound { .. } | PermissionDenied { .. } | Unauthenticated { .. }
            ),
            Self::Status(status) => status.is_redirection() || status.is_client_error(),
            Self::NoBucket | Self::Tls(_) => true,
            Self::Http(_) | Self::TimedOut(_) => false,
        }
    }
}

impl S3Store {
    /// Prepares the use of a bucket, and tries it. One that does not answer may come later; one that says no will not.
    pub async fn open(
        bucket: Bucket,
        credentials: Credentials,
        roots: Vec<CertificateDer<'static>>,
    ) -> Result<Self, S3Error> {
        let store = Self::new(bucket, credentials, roots)?;
        let tried = match store.find_bucket(Timestamp::now()).await {
            Ok(()) => store.probe().await,
            Err(error) => Err(error),
        };
        match tried {
            Err(error) if error.is_final() => return Err(error),
            Err(error) => {
                tracing::warn!(error.cause = %error, "the object store does not answer; going on without")
            }
            Ok(()) => tracing::info!(bucket = store.bucket, "the object store can be written"),
        }
        Ok(store)
    }

    fn new(
        bucket: Bucket,
        credentials: Credentials,
        roots: Vec<CertificateDer<'static>>,
    ) -> Result<Self, S3Error> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(trust::client_config(roots)?)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .user_agent(concat!("plexsphere/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let store = AmazonS3Builder::new()
            .with_bucket_name(&bucket.name)
            .with_region(&bucket.region)
            .with_endpoint(bucket.origin())
            .with_virtual_hosted_style_request(!bucket.path_style)
            .with_allow_http(true)
            .with_credentials(Arc::new(StaticCredentialProvider::new(AwsCredential {
                key_id: credentials.access_key_id.clone(),
                secret_key: credentials.secret_access_key.clone(),
                token: credentials.session_token.clone(),
            })))
            .with_http_connector(Connector(http.clone()))
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: 2,
                retry_timeout: SETTLE_LIMIT,
            })
            .build()?;
        Ok(Self {
            store,
            http,
            bucket: bucket.name.clone(),
            presigner: Presigner::new(bucket, credentials),
        })
    }

    /// Its name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Whether an object can be written now.
    pub async fn probe(&self) -> Result<(), S3Error> {
        let key = Path::from(PROBE);
        timeout(PROBE_LIMIT, self.store.put(&key, "".into())).await??;
        Ok(())
    }

    /// A URL to upload a declared output to. It is bound to what the node has to send anyhow, the length, and to the
    /// digest where the node declared one, and so knows that it has to send it.
    pub fn presign_upload(&self, now: Timestamp, upload: &Upload) -> String {
        let length = upload.bytes.to_string();
        let checksum = upload.sha256.as_deref().and_then(in_base64);
        let mut headers = vec![("content-length", length.as_str())];
        headers.extend(checksum.as_deref().map(|checksum| (CHECKSUM, checksum)));
        let grant = Grant {
            method: "PUT",
            key: &upload.key,
            valid: UPLOAD_VALID,
            headers: &headers,
            parameter: "",
        };
        self.presigner.url(now, &grant)
    }

    /// A URL to download an object from.
    pub fn presign_download(&self, now: Timestamp, key: &str) -> String {
        let grant = Grant {
            method: "GET",
            key,
            valid: DOWNLOAD_VALID,
            headers: &[],
            // No browser shows what a node wrote.
            parameter: "response-content-disposition=attachment",
        };
        self.presigner.url(now, &grant)
    }

    /// Moves an uploaded object to `final_key`, provided that the copy there has the declared length and this digest.
    pub async fn settle(
        &self,
        now: Timestamp,
        upload: &Upload,
        (final_key, sha256): (&str, &str),
    ) -> Result<(), Failure> {
        let moving = self.copy_checked(now, upload, (final_key, sha256));
        timeout(SETTLE_LIMIT, moving).await.map_err(unavailable)??;
        let (store, key) = (self.store.clone(), Path::from(upload.key.as_str()));
        // Nobody waits for it, and the sweep finds what is left.
        tokio::spawn(async move { store.delete(&key).await });
        Ok(())
    }

    async fn copy_checked(
        &self,
        now: Timestamp,
        upload: &Upload,
        (final_key, sha256): (&str, &str),
    ) -> Result<(), Failure> {
        let wanted = (upload.bytes, sha256);
        // An earlier attempt may have brought it there without being heard.
        if self.holds(now, final_key, wanted).await.map_err(unavailable)? {
            return Ok(());
        }
        let (from, to) = (Path::from(upload.key.as_str()), Path::from(final_key));
        let is_copied = match self.store.copy(&from, &to).await {
            Ok(()) => true,
            Err(object_store::Error::NotFound { .. }) => {
                self.find_bucket(now).await.map_err(unavailable)?;
                false
            }
            Err(error) => return Err(unavailable(error)),
        };
        // Also when another server was quicker, which then has taken the upload away.
        if self.holds(now, final_key, wanted).await.map_err(unavailable)? {
            return Ok(());
        }
        if !is_copied {
            return Err(nothing_uploaded());
        }
        self.store.delete(&to).await.map_err(unavailable)?;
        Err(mismatch())
    }

    /// Whether there is an object of this length and digest.
    async fn holds(&self, now: Timestamp, key: &str, (bytes, sha256): (u64, &str)) -> Result<bool, S3Error> {
        let Some(headers) = self.head(now, key).await? else {
            return Ok(false);
        };
        let told = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if told(header::CONTENT_LENGTH.as_str()) != Some(bytes.to_string().as_str()) {
            return Ok(false);
        }
        match told(CHECKSUM) {
            Some(checksum) => Ok(in_base64(sha256).as_deref() == Some(checksum)),
            None => Ok(self.read_digest(key).await? == sha256),
        }
    }

    /// Whether the bucket itself is there: a store says `404` of an object in either case.
    async fn find_bucket(&self, now: Timestamp) -> Result<(), S3Error> {
        let found = timeout(PROBE_LIMIT, self.head(now, "")).await??;
        found.map(drop).ok_or(S3Error::NoBucket)
    }

    /// What the store tells of a key, or of the bucket; none if it is not there.
    async fn head(&self, now: Timestamp, key: &str) -> Result<Option<HeaderMap>, S3Error> {
        let grant = Grant {
            method: "HEAD",
            key,
            valid: OWN_VALID,
            headers: &[CHECKSUM_MODE],
            parameter: "",
        };
        let call = self
            .http
            .head(self.presigner.url(now, &grant))
            .header(CHECKSUM_MODE.0, CHECKSUM_MODE.1);
        let answer = call.send().await.map_err(reqwest::Error::without_url)?;
        match answer.status() {
            StatusCode::OK => Ok(Some(answer.headers().clone())),
            StatusCode::NOT_FOUND => Ok(None),
            other => Err(S3Error::Status(other)),
        }
    }

    /// Reads a whole object; its SHA-256 in lowercase hex.
    async fn read_digest(&self, key: &str) -> Result<String, S3Error> {
        let mut pieces = self.store.get(&Path::from(key)).await?.into_stream();
        let mut digest = Digest::new(&SHA256);
        while let Some(piece) = pieces.try_next().await? {
            digest.update(&piece);
        }
        Ok(HEXLOWER.encode(digest.finish().as_ref()))
    }

    /// Keys of uploads from before `time`.
    pub async fn old_uploads(&self, time: Timestamp) -> Vec<String> {
        let is_old = |object: &object_store::ObjectMeta| object.last_modified.timestamp() < time.as_second();
        let found = self
            .store
            .list(Some(&Path::from("uploads")))
            .try_filter(|object| std::future::ready(is_old(object)))
            .take(SWEPT)
            .map_ok(|object| object.location.to_string())
            .try_collect()
            .await;
        found.unwrap_or_else(|error| {
            tracing::warn!(error.cause = %error, "orphaned uploads could not be looked for");
            Vec::new()
        })
    }

    /// Removes an object.
    pub async fn remove(&self, key: &str) -> Result<(), S3Error> {
        Ok(self.store.delete(&Path::from(key)).await?)
    }
}

fn in_base64(hex: &str) -> Option<String> {
    HEXLOWER
        .decode(hex.as_bytes())
        .ok()
        .map(|bytes| STANDARD.encode(bytes))
}

/// Gives the one client, with our own TLS, to `object_store`.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}
