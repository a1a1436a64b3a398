//! The embedded object store: a directory, reached through presigned URLs that this server answers itself.
//!
//! It hashes while it receives and keeps the digest in the name of the received file, so that a move checks it
//! without reading the object again.

use super::{DOWNLOAD_VALID, UPLOAD_VALID, mismatch, nothing_uploaded, unavailable};
use crate::app::App;
use crate::problem::Failure;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use plex_api::codes;
use plex_store::invocations::{LOCAL_BUCKET, Upload};
use ring::digest::{Context as Digest, SHA256};
use ring::hmac;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

/// What a probe writes: the least that an output kept here holds (decision 19).
const PROBE_BYTES: usize = 16_385;

/// A directory of objects.
pub struct LocalStore {
    root: PathBuf,
}

/// What a presigned URL allows. The signature covers all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// One upload of exactly this length and, where announced, this digest.
    Upload {
        /// Exact length in bytes.
        bytes: u64,
        /// SHA-256 in lowercase hex.
        sha256: Option<String>,
    },
    /// A download.
    Download,
}

impl Grant {
    fn query(&self, expires: i64) -> String {
        match self {
            Self::Upload { bytes, sha256: None } => format!("expires={expires}&length={bytes}"),
            Self::Upload {
                bytes,
                sha256: Some(sha256),
            } => {
                format!("expires={expires}&length={bytes}&sha256={sha256}")
            }
            Self::Download => format!("expires={expires}"),
        }
    }

    fn method(&self) -> &'static str {
        match self {
            Self::Upload { .. } => "PUT",
            Self::Download => "GET",
        }
    }
}

/// The signed bytes are `METHOD key?query`; the URL's query goes on with their signature.
fn presign(app: &App, grant: &Grant, key: &str, valid: Duration) -> String {
    let expires = app.clock.now().as_second() + i64::try_from(valid.as_secs()).unwrap_or(0);
    let query = grant.query(expires);
    let signing = hmac::Key::new(hmac::HMAC_SHA256, &app.keys.presigned_urls);
    let tag = hmac::sign(&signing, format!("{} {key}?{query}", grant.method()).as_bytes());
    format!(
        "{}/{LOCAL_BUCKET}/{key}?{query}&signature={}",
        app.public_url,
        HEXLOWER.encode(tag.as_ref())
    )
}

/// Checks a presigned URL: 403 for one that was never signed, 404 for one whose time is over.
pub fn verify(app: &App, grant: &Grant, key: &str, (expires, signature): (i64, &str)) -> Result<(), Failure> {
    let query = grant.query(expires);
    let signing = hmac::Key::new(hmac::HMAC_SHA256, &app.keys.presigned_urls);
    let signed = format!("{} {key}?{query}", grant.method());
    let tag = HEXLOWER.decode(signature.as_bytes()).unwrap_or_default();
    if hmac::verify(&signing, signed.as_bytes(), &tag).is_err() {
        return Err(Failure::forbidden(
            codes::UPLOAD_URL_INVALID,
            "this URL was not signed here",
        ));
    }
    if expires < app.clock.now().as_second() {
        return Err(Failure::not_found(
            codes::OUTPUT_NOT_FOUND,
            "object under this URL, whose time is over,",
        ));
    }
    Ok(())
}

impl LocalStore {
    /// Opens or makes the directory.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        for part in ["tmp", "uploads", "executions"] {
            std::fs::create_dir_all(root.join(part))?;
        }
        // What was being received when the server last stopped will never be finished.
        for left in std::fs::read_dir(root.join("tmp"))? {
            std::fs::remove_file(left?.path())?;
        }
        Ok(Self { root })
    }

    /// Whether an output could be written now. An empty file would find room on a full disk.
    pub async fn probe(&self) -> io::Result<()> {
        let path = self.root.join("tmp/probe");
        let written = fs::write(&path, [0; PROBE_BYTES]).await;
        fs::remove_file(&path).await.and(written)
    }

    /// A URL to upload a declared output to.
    pub fn presign_upload(&self, app: &App, upload: &Upload) -> String {
        let grant = Grant::Upload {
            bytes: upload.bytes,
            sha256: upload.sha256.clone(),
        };
        presign(app, &grant, &upload.key, UPLOAD_VALID)
    }

    /// A URL to download an object from.
    pub fn presign_download(&self, app: &App, key: &str) -> String {
        presign(app, &Grant::Download, key, DOWNLOAD_VALID)
    }

    /// Starts to receive an object.
    pub async fn receive(&self, random: &str) -> Result<Receiving, Failure> {
        let path = self.root.join("tmp").join(random);
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(&path)
            .await
            .map_err(unavailable)?;
        Ok(Receiving {
            file,
            path: Some(path),
            bytes: 0,
            digest: Digest::new(&SHA256),
        })
    }

    /// Opens an object to read; its length comes with it.
    pub async fn read(&self, key: &str) -> Result<(File, u64), Failure> {
        let path = self.path(key)?;
        let file = File::open(path)
            .await
            .map_err(|_| Failure::not_found(codes::OUTPUT_NOT_FOUND, "object"))?;
        let bytes = file.metadata().await.map_err(unavailable)?.len();
        Ok((file, bytes))
    }

    /// Moves an uploaded object to `final_key`, provided it has the declared length and this digest.
    ///
    /// Doing it again after it was done is fine: then the moved object itself is checked.
    pub async fn settle(&self, upload: &Upload, final_key: &str, sha256: &str) -> Result<(), Failure> {
        let target = self.path(final_key)?;
        let Some((received, digest)) = self.received(&upload.key).await? else {
            return match hash_file(&target).await {
                Ok((bytes, digest)) if bytes == upload.bytes && digest == sha256 => Ok(()),
                Ok(_) | Err(_) => Err(nothing_uploaded()),
            };
        };
        let bytes = fs::metadata(&received).await.map_err(unavailable)?.len();
        if bytes != upload.bytes || digest != sha256 {
            return Err(mismatch());
        }
        move_durably(&received, &target).await.map_err(unavailable)
    }

    /// The received file of an upload key, and the digest in its name.
    async fn received(&self, key: &str) -> Result<Option<(PathBuf, String)>, Failure> {
        let path = self.path(key)?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
        else {
            return Ok(None);
        };
        let mut entries = match fs::read_dir(parent).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // A store that fails now may hold the object all the same, so the node has to ask again.
            Err(error) => return Err(unavailable(error)),
        };
        while let Some(entry) = entries.next_entry().await.map_err(unavailable)? {
            let file = entry.file_name();
            if let Some(digest) = file
                .to_str()
                .and_then(|file| file.strip_prefix(name)?.strip_prefix('.'))
            {
                return Ok(Some((entry.path(), digest.to_owned())));
            }
        }
        Ok(None)
    }

    /// A key's place below the root. Keys are made here of UUIDs and hex; anything else is refused.
    fn path(&self, key: &str) -> Result<PathBuf, Failure> {
        let is_plain = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if key.len() <= 256 && key.split('/').all(is_plain) {
            Ok(self.root.join(key))
        } else {
            Err(Failure::not_found(codes::OUTPUT_NOT_FOUND, "object"))
        }
    }

    /// The directory of objects.
    #[cfg(test)]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Uploads that have been there for longer than `age`.
    pub async fn old_uploads(&self, age: Duration) -> Vec<String> {
        let root = self.root.clone();
        let walk = move || {
            let mut found = Vec::new();
            let mut folders = vec![root.join("uploads")];
            while let Some(folder) = folders.pop() {
                for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                    let Ok(metadata) = entry.metadata() else { continue };
                    let found_age = metadata
                        .modified()
                        .ok()
                        .and_then(|time| SystemTime::now().duration_since(time).ok());
                    if metadata.is_dir() {
                        folders.push(entry.path());
                    } else if found_age.is_some_and(|found_age| found_age > age) {
                        let path = entry.path();
                        let key = path.strip_prefix(&root).unwrap_or(&path);
                        found.push(key.to_string_lossy().into_owned());
                    }
                }
            }
            found
        };
        tokio::task::spawn_blocking(walk).await.unwrap_or_default()
    }

    /// Removes an object, and the folders that it leaves empty. It may be gone already.
    pub async fn remove(&self, key: &str) -> io::Result<()> {
        let path = self.root.join(key);
        match fs::remove_file(&path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let top = key
            .split('/')
            .next()
            .map_or_else(PathBuf::new, |first| self.root.join(first));
        let below = |folder: &&Path| folder.starts_with(&top) && *folder != top;
        for folder in path.ancestors().skip(1).take_while(below) {
            if fs::remove_dir(folder).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// An object on its way in. Dropping it forgets it.
pub struct Receiving {
    file: File,
    path: Option<PathBuf>,
    bytes: u64,
    digest: Digest,
}

impl Receiving {
    /// Takes the next piece.
    pub async fn push(&mut self, piece: Bytes) -> Result<(), Failure> {
        self.bytes += piece.len() as u64;
        self.digest.update(&piece);
        self.file.write_all(&piece).await.map_err(unavailable)
    }

    /// How much has arrived.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts the object under its upload key, durably. A second, different object under the same key is
    /// refused; the same one again is fine.
    pub async fn keep(
        mut self,
        store: &LocalStore,
        key: &str,
        announced: Option<&str>,
    ) -> Result<(), Failure> {
        let digest = HEXLOWER.encode(self.digest.clone().finish().as_ref());
        if announced.is_some_and(|announced| announced != digest) {
            return Err(Failure::unprocessable(
                codes::OUTPUT_MISMATCH,
                "the bytes have another digest than announced",
            ));
        }
        match store.received(key).await? {
            Some((_, known)) if known == digest => return Ok(()),
            Some(_) => {
                return Err(Failure::conflict(
                    codes::UPLOAD_ALREADY_USED,
                    "this URL was used before",
                ));
            }
            None => {}
        }
        self.file.flush().await.map_err(unavailable)?;
        self.file.sync_all().await.map_err(unavailable)?;
        let mut target = store.path(key)?.into_os_string();
        target.push(format!(".{digest}"));
        if let Some(path) = self.path.take() {
            move_durably(&path, Path::new(&target))
                .await
                .map_err(unavailable)?;
        }
        Ok(())
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // If this fails, the next start removes it.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Renames, and makes the new name survive power loss.
async fn move_durably(from: &Path, to: &Path) -> io::Result<()> {
    let parent = to.parent().unwrap_or(Path::new("/")).to_owned();
    fs::create_dir_all(&parent).await?;
    fs::rename(from, to).await?;
    File::open(&parent).await?.sync_all().await
}

async fn hash_file(path: &Path) -> io::Result<(u64, String)> {
    let path = path.to_owned();
    let hash = move || {
        let mut file = std::fs::File::open(path)?;
        let mut digest = Digest::new(&SHA256);
        let mut buffer = vec![0; 64 * 1024];
        let mut bytes = 0;
        loop {
            let read = io::Read::read(&mut file, &mut buffer)?;
            if read == 0 {
                return Ok((bytes, HEXLOWER.encode(digest.finish().as_ref())));
            }
            digest.update(&buffer[..read]);
            bytes += read as u64;
        }
    };
    tokio::task::spawn_blocking(hash)
        .await
        .map_err(io::Error::other)?
}
