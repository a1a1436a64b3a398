//! Where outputs over the inline ceiling are kept: a directory of this server, or a bucket of an S3 store.
//!
//! A node uploads to `uploads/…`; the terminal callback moves the object to `executions/…`, for which no upload URL
//! is ever signed (decision 20). Rows name keys only. In which bucket they are is the deployment's to say, so that
//! outputs can be brought to another one without rewriting the log.

mod local;
mod s3;
mod settings;
#[cfg(test)]
mod tests;

pub use local::{Grant, LocalStore, verify};
pub use s3::S3Store;
pub use settings::{ObjectStoreArgs, ObjectStoreConfig, ObjectStoreConfigError, Place};

use crate::app::App;
use crate::problem::Failure;
use plex_api::codes;
use plex_api::executions::{ExecutionTarget, OutputRef};
use plex_store::invocations::{LOCAL_BUCKET, Upload};
use std::error::Error;

use std::time::Duration;

use anyhow::Context as _;

/// How long an upload URL holds.
const UPLOAD_VALID: Duration = Duration::from_secs(15 * 60);
/// How long a download URL holds (decision 21).
const DOWNLOAD_VALID: Duration = Duration::from_secs(60);

/// The object store in use.
pub enum Objects {
    /// A directory.
    Local(LocalStore),
    /// A bucket.
    S3(S3Store),
}

impl Objects {
    /// Opens it.
    pub async fn open(place: Place) -> anyhow::Result<Self> {
        match place {
            Place::Directory(root) => {
                let store = LocalStore::open(root.clone());
                Ok(Self::Local(
                    store.with_context(|| format!("cannot use {}", root.display()))?,
                ))
            }
            Place::Bucket {
                bucket,
                credentials,
                roots,
            } => {
                let told = format!("the bucket {} at {} cannot be used", bucket.name, bucket.origin());
                let store = S3Store::open(bucket, credentials, roots).await;
                Ok(Self::S3(store.context(told)?))
            }
        }
    }

    /// The embedded store, for what only that answers: its presigned URLs lead to this server itself.
    pub fn local(&self) -> Result<&LocalStore, Failure> {
        match self {
            Self::Local(store) => Ok(store),
            Self::S3(_) => Err(Failure::not_found(codes::OUTPUT_NOT_FOUND, "object")),
        }
    }

    fn bucket(&self) -> &str {
        match self {
            Self::Local(_) => LOCAL_BUCKET,
            Self::S3(store) => store.bucket(),
        }
    }

    /// The key that a node means, which may begin with the bucket.
    pub fn key<'k>(&self, named: &'k str) -> &'k str {
        named
            .strip_prefix(self.bucket())
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or(named)
    }

    /// Says of each output in which bucket it is.
    pub fn locate<'t>(&self, targets: impl IntoIterator<Item = &'t mut ExecutionTarget>) {
        for target in targets {
            if let Some(OutputRef::ObjectStore { bucket, .. }) = &mut target.output_ref {
                self.bucket().clone_into(bucket);
            }
        }
    }

    /// Whether an output could be written now.
    pub async fn is_writable(&self) -> bool {
        let written = match self {
            Self::Local(store) => store.probe().await.map_err(|error| error.to_string()),
            Self::S3(store) => store.probe().await.map_err(|error| error.to_string()),
        };
        if let Err(cause) = &written {
            tracing::warn!(error.cause = cause, "the object store cannot be written");
        }
        written.is_ok()
    }

    /// A URL to upload a declared output to.
    pub fn presign_upload(&self, app: &App, upload: &Upload) -> String {
        match self {
            Self::Local(store) => store.presign_upload(app, upload),
            Self::S3(store) => store.presign_upload(app.clock.now(), upload),
        }
    }

    /// A URL to download an object from.
    pub fn presign_download(&self, app: &App, key: &str) -> String {
        match self {
            Self::Local(store) => store.presign_download(app, key),
            Self::S3(store) => store.presign_download(app.clock.now(), key),
        }
    }

    /// Moves an uploaded object to `final_key`, provided that the object there has the declared length and this
    /// digest. Doing it again after it was done, or half done, is fine.
    pub async fn settle(
        &self,
        app: &App,
        upload: &Upload,
        (final_key, sha256): (&str, &str),
    ) -> Result<(), Failure> {
        match self {
            Self::Local(store) => store.settle(upload, final_key, sha256).await,
            Self::S3(store) => store.settle(app.clock.now(), upload, (final_key, sha256)).await,
        }
    }

    /// Keys of uploads that have been there for longer than `age`.
    pub async fn old_uploads(&self, app: &App, age: Duration) -> Vec<String> {
        match self {
            Self::Local(store) => store.old_uploads(age).await,
            Self::S3(store) => store.old_uploads(app.clock.now() - age).await,
        }
    }

    /// Removes an upload that nobody needs.
    pub async fn remove_upload(&self, key: &str) {
        if let Err(cause) = self.remove(key).await {
            tracing::warn!(error.cause = %cause, "an orphaned upload could not be removed");
        }
    }

    /// Removes an object, which may be gone already.
    pub async fn remove(&self, key: &str) -> anyhow::Result<()> {
        match self {
            Self::Local(store) => Ok(store.remove(key).await?),
            Self::S3(store) => Ok(store.remove(key).await?),
        }
    }
}

fn mismatch() -> Failure {
    Failure::unprocessable(
        codes::OUTPUT_MISMATCH,
        "the uploaded object has another length or digest than reported",
    )
}

fn nothing_uploaded() -> Failure {
    Failure::unprocessable(codes::OUTPUT_MISMATCH, "nothing was uploaded under this key")
}

fn unavailable(error: impl Error) -> Failure {
    tracing::error!(error.cause = %error, "the object store failed");
    Failure::unavailable(
        codes::OBJECT_STORE_UNAVAILABLE,
        "the object store cannot do this now; try again",
    )
}
