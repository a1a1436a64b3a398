//! The data directory: which file is what, who may read it, and that only one server uses it.
//!
//! Everything in it is private to its owner but the two certificates. Files are created with their final mode, never
//! opened up and then closed, and replaced by a rename, so that no reader ever sees half of one.

use crate::database::{DatabaseArgs, DatabaseError};
use crate::system::SystemRng;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use plex_domain::env::Rng as _;
use plex_domain::keys::MasterKey;
use plex_store::db::Engine;
use rustix::fs::FlockOperation;
use thiserror::Error;

/// Mode of files that hold a secret.
pub const PRIVATE: u32 = 0o600;
/// Mode of files that anybody may read.
pub const PUBLIC: u32 = 0o644;

/// The database's file in a data directory.
pub const DATABASE: &str = "plexsphere.db";
const CA_CERTIFICATE: &str = "ca.pem";
const TLS_CERTIFICATE: &str = "tls.pem";

/// Why a data directory or one of its files cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// There is no such directory, or nothing was initialised in it.
    #[error("{} is not an initialised data directory", .0.display())]
    NotInitialised(PathBuf),
    /// It was initialised, but its database is gone. A new one would hide the loss.
    #[error("the database {} is missing or empty", .0.display())]
    NoDatabase(PathBuf),
    /// Others than the owner could read or change it.
    #[error("{} is accessible to others (mode {mode:04o})", path.display())]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What they should be.
        wanted: u32,
    },
    /// Another server holds the lock.
    #[error("another server is running on {}", .0.display())]
    InUse(PathBuf),
    /// The master key has not the length of a key.
    #[error("{} does not hold a 32-byte key", .0.display())]
    BadKey(PathBuf),
    /// A file that should hold a password or the like holds something else.
    #[error("{} does not hold a secret: visible ASCII on one line", .0.display())]
    BadSecret(PathBuf),
    /// There is no master key where it should be.
    #[error("the master key {} is missing", .0.display())]
    NoKey(PathBuf),
    /// The file system refused.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl DataDirError {
    /// How to mend it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotInitialised(path) => Some(format!("plexsphere init --data-dir {}", path.display())),
            Self::Exposed { path, wanted, .. } => Some(format!("chmod {wanted:o} {}", path.display())),
            Self::InUse(_) => Some("stop it first, or use another directory".to_owned()),
            Self::NoDatabase(_) | Self::BadKey(_) | Self::NoKey(_) => {
                Some("restore the file from a backup".to_owned())
            }
            Self::BadSecret(_) | Self::Io { .. } => None,
        }
    }

    /// The same refusal told of the path that somebody asked for, not of a temporary one beside it.
    pub fn about(self, asked: &Path) -> Self {
        match self {
            Self::Io { path: _, source } => io_error(asked, source),
            Self::NotInitialised(_)
            | Self::NoDatabase(_)
            | Self::Exposed { .. }
            | Self::InUse(_)
            | Self::BadKey(_)
            | Self::BadSecret(_)
            | Self::NoKey(_) => self,
        }
    }
}

/// A data directory by its absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Names a directory, which need not exist yet.
    pub fn at(path: &Path) -> Result<Self, DataDirError> {
        std::path::absolute(path)
            .map(Self)
            .map_err(|source| io_error(path, source))
    }

    /// Opens an initialised directory and checks that nobody else can read what is in it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let dir = Self::at(path)?;
        let ca_certificate = dir.ca_certificate();
        match fs::metadata(&ca_certificate) {
            Ok(metadata) if metadata.is_file() => {}
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                return Err(io_error(&ca_certificate, source));
            }
            Ok(_) | Err(_) => return Err(DataDirError::NotInitialised(dir.0)),
        }
        dir.check_modes()?;
        Ok(dir)
    }

    /// The database to use with this directory. Where that is a file in it, it must be there: a new one would hide
    /// the loss.
    pub fn engine(&self, args: &DatabaseArgs) -> Result<Engine, DatabaseError> {
        let engine = args.engine(self.path())?;
        match &engine {
            Engine::Sqlite(path) if fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0) => Ok(engine),
            Engine::Sqlite(path) => Err(DataDirError::NoDatabase(path.clone()).into()),
            Engine::Postgres(_) => Ok(engine),
        }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Everything but keys and outputs.
    pub fn database(&self) -> PathBuf {
        self.0.join(DATABASE)
    }

    /// The key that seals the signing keys.
    pub fn master_key(&self) -> PathBuf {
        self.0.join("master.key")
    }

    /// The platform admin's API token.
    pub fn admin_token(&self) -> PathBuf {
        self.0.join("admin.token")
    }

    /// The certificate that clients trust.
    pub fn ca_certificate(&self) -> PathBuf {
        self.0.join(CA_CERTIFICATE)
    }

    /// The key that signs server certificates.
    pub fn ca_key(&self) -> PathBuf {
        self.0.join("ca.key")
    }

    /// The server's certificate.
    pub fn tls_certificate(&self) -> PathBuf {
        self.0.join(TLS_CERTIFICATE)
    }

    /// The server's key.
    pub fn tls_key(&self) -> PathBuf {
        self.0.join("tls.key")
    }

    /// The names for which the server's certificate is issued, and until when it is valid.
    pub fn tls_settings(&self) -> PathBuf {
        self.0.join("tls.json")
    }

    /// Takes the directory for one server, until the value is dropped or the process ends.
    pub fn lock(&self) -> Result<Lock, DataDirError> {
        let path = self.0.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE)
            .open(&path)
            .map_err(|source| io_error(&path, source))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(DataDirError::InUse(self.0.clone())),
            Err(errno) => Err(io_error(&path, errno.into())),
        }
    }

    fn check_modes(&self) -> Result<(), DataDirError> {
        check_private(&self.0, 0o700)?;
        let entries = fs::read_dir(&self.0).map_err(|source| io_error(&self.0, source))?;
        for entry in entries {
            let entry = entry.map_err(|source| io_error(&self.0, source))?;
            let kind = entry
                .file_type()
                .map_err(|source| io_error(&entry.path(), source))?;
            let is_public = [CA_CERTIFICATE, TLS_CERTIFICATE]
                .iter()
                .any(|name| entry.file_name() == *name);
            match (is_public, kind.is_dir()) {
                (true, _) => {}
                (false, true) => check_private(&entry.path(), 0o700)?,
                (false, false) => check_private(&entry.path(), PRIVATE)?,
            }
        }
        Ok(())
    }
}

/// Held by the one server of a directory.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Refuses a file or directory to which group or others have any access.
pub fn check_private(path: &Path, wanted: u32) -> Result<(), DataDirError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        // A database's side files come and go while a directory is listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(io_error(path, source)),
    };
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(DataDirError::Exposed {
            path: path.to_owned(),
            mode,
            wanted,
        });
    }
    Ok(())
}

/// Reads the master key from a file that only its owner can read.
pub fn read_master_key(path: &Path) -> Result<MasterKey, DataDirError> {
    check_private(path, PRIVATE)?;
    let bytes = fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => DataDirError::NoKey(path.to_owned()),
        _ => io_error(path, source),
    })?;
    let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| DataDirError::BadKey(path.to_owned()))?;
    Ok(MasterKey::from_bytes(bytes))
}

/// Reads a secret of visible ASCII from a file that only its owner can read; a line end after it does not count.
pub fn read_secret(path: &Path) -> Result<String, DataDirError> {
    check_private(path, PRIVATE)?;
    let bytes = fs::read(path).map_err(|source| io_error(path, source))?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(DataDirError::BadSecret(path.to_owned()));
    }
    Ok(secret.to_owned())
}

/// Creates a directory for its owner alone. It must not exist.
pub fn create_private_dir(path: &Path) -> Result<(), DataDirError> {
    fs::DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(|source| io_error(path, source))
}

/// Creates a file with this content and mode, durably. It must not exist.
pub fn create(path: &Path, content: &[u8], mode: u32) -> Result<(), DataDirError> {
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)?;
        // The mode above is cut by the umask; a certificate is to be readable whatever the umask is.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|source| io_error(path, source))
}

/// Puts a file with this content and mode in the place of what is there, durably and at once.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), DataDirError> {
    let temporary = sibling(path);
    create(&temporary, content, mode).map_err(|error| error.about(path))?;
    let renamed = fs::rename(&temporary, path).map_err(|source| io_error(path, source));
    if renamed.is_err() {
        // The first error is the one worth reporting.
        let _ = fs::remove_file(&temporary);
    }
    renamed.and_then(|()| sync_parent(path))
}

/// A path beside `path` that is not in use.
pub fn sibling(path: &Path) -> PathBuf {
    let mut random = [0; 8];
    SystemRng.fill(&mut random);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".tmp-{}", HEXLOWER.encode(&random)));
    path.with_file_name(name)
}

/// Makes a rename or a new name in the directory above `path` durable.
pub fn sync_parent(path: &Path) -> Result<(), DataDirError> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| io_error(parent, source))
}

/// An I/O error with the path it is about.
pub fn io_error(path: &Path, source: io::Error) -> DataDirError {
    DataDirError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initialised() -> (tempfile::TempDir, DataDir) {
        let temporary = tempfile::tempdir().unwrap();
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let dir = DataDir::at(temporary.path()).unwrap();
        create(&dir.ca_certificate(), b"certificate", PUBLIC).unwrap();
        create(&dir.ca_key(), b"key", PRIVATE).unwrap();
        create(&dir.database(), b"database", PRIVATE).unwrap();
        (temporary, dir)
    }

    #[test]
    fn a_directory_without_a_ca_is_not_initialised() {
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(
            DataDir::open(empty.path()),
            Err(DataDirError::NotInitialised(_))
        ));
        assert!(matches!(
            DataDir::open(&empty.path().join("no")),
            Err(DataDirError::NotInitialised(_))
        ));
    }

    #[test]
    fn a_database_that_is_gone_is_not_made_anew() {
        let (_temporary, dir) = initialised();
        let engine = || {
            DataDir::open(dir.path())
                .unwrap()
                .engine(&DatabaseArgs::default())
        };
        engine().unwrap();
        replace(&dir.database(), b"", PRIVATE).unwrap();
        let is_missed = |found| matches!(found, Err(DatabaseError::DataDir(DataDirError::NoDatabase(_))));
        assert!(is_missed(engine()));
        fs::remove_file(dir.database()).unwrap();
        assert!(is_missed(engine()));
        assert!(!dir.database().exists());
    }

    #[test]
    fn what_others_could_read_is_refused_with_the_command_that_mends_it() {
        let (_temporary, dir) = initialised();
        DataDir::open(dir.path()).unwrap();
        for (path, bad) in [(dir.ca_key(), 0o640), (dir.path().to_owned(), 0o750)] {
            let good = fs::metadata(&path).unwrap().permissions();
            fs::set_permissions(&path, fs::Permissions::from_mode(bad)).unwrap();
            let error = DataDir::open(dir.path()).unwrap_err();
            assert!(
                matches!(&error, DataDirError::Exposed { path: found, .. } if *found == path),
                "{error}"
            );
            assert!(error.hint().unwrap().starts_with("chmod "));
            fs::set_permissions(&path, good).unwrap();
        }
        DataDir::open(dir.path()).unwrap();
    }

    #[test]
    fn files_have_their_mode_from_the_start_and_are_not_overwritten() {
        let (_temporary, dir) = initialised();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&dir.ca_key()), 0o600);
        assert_eq!(mode(&dir.ca_certificate()), 0o644);
        assert!(create(&dir.ca_key(), b"other", PRIVATE).is_err());
        assert_eq!(fs::read(dir.ca_key()).unwrap(), b"key");
    }

    #[test]
    fn replacing_leaves_no_other_file_behind() {
        let (_temporary, dir) = initialised();
        let before = fs::read_dir(dir.path()).unwrap().count();
        replace(&dir.ca_key(), b"new", PRIVATE).unwrap();
        assert_eq!(fs::read(dir.ca_key()).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), before);
        let nowhere = dir.path().join("no/file");
        let told = replace(&nowhere, b"", PRIVATE).unwrap_err().to_string();
        assert_eq!(
            told,
            format!("cannot use {}", nowhere.display()),
            "no temporary name"
        );
    }

    #[test]
    fn one_server_at_a_time() {
        let (_temporary, dir) = initialised();
        let lock = dir.lock().unwrap();
        assert!(matches!(dir.lock(), Err(DataDirError::InUse(_))));
        drop(lock);
        dir.lock().unwrap();
    }

    #[test]
    fn a_master_key_is_32_private_bytes() {
        let (_temporary, dir) = initialised();
        assert!(matches!(
            read_master_key(&dir.master_key()),
            Err(DataDirError::NoKey(_))
        ));
        create(&dir.master_key(), &[7; 32], PRIVATE).unwrap();
        read_master_key(&dir.master_key()).unwrap();
        replace(&dir.master_key(), &[7; 33], PRIVATE).unwrap();
        assert!(matches!(
            read_master_key(&dir.master_key()),
            Err(DataDirError::BadKey(_))
        ));
        replace(&dir.master_key(), &[7; 32], 0o644).unwrap();
        assert!(matches!(
            read_master_key(&dir.master_key()),
            Err(DataDirError::Exposed { .. })
        ));
    }
}
