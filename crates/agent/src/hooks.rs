//! Hooks: regular executable files directly in one directory, each with an optional sidecar `<hook>.json`.
//!
//! A hook is opened once, without following links, checked on the open file, and copied into sealed memory; what
//! was hashed is what runs, whatever happens to the file meanwhile. A hook or a directory that others may write is not
//! offered at all: who can write a hook is who decides what this node runs.

mod sealed;
mod sidecar;

pub use sealed::Sealed;
pub use sidecar::Sidecar;

use plex_api::limits::MANIFEST_ITEMS;
use plex_api::nodes::DeclaredHook;
use plex_domain::action;
use plex_domain::text::printable;
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Why a file is not offered or not run.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// There is no such hook.
    #[error("no such hook")]
    Missing,
    /// It is a directory, a link, a device or the like.
    #[error("not a regular file")]
    NotRegular,
    /// It has no execute permission.
    #[error("not executable")]
    NotExecutable,
    /// Group or others may write it, or it belongs to somebody else.
    #[error("others than root and the agent's user may write it")]
    Writable,
    /// Its sidecar cannot be relied on.
    #[error("sidecar: {0}")]
    Sidecar(String),
    /// It is larger than a hook may be.
    #[error("larger than {} MiB", sealed::MAX_BYTES / 1024 / 1024)]
    TooLarge,
    /// The system says no.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// What one look at the directory found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    hooks: BTreeMap<String, DeclaredHook>,
}

impl Catalog {
    /// The hooks as they are declared to the server, by name.
    pub fn declared(&self) -> Vec<DeclaredHook> {
        self.hooks.values().cloned().collect()
    }

    /// The hook of that name.
    pub fn get(&self, name: &str) -> Option<&DeclaredHook> {
        self.hooks.get(name)
    }
}

/// A cheap fingerprint of the directory: it differs whenever a look could find something else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature(Vec<(String, [i64; 8])>);

/// The hooks directory.
#[derive(Debug, Clone)]
pub struct Hooks {
    directory: PathBuf,
}

impl Hooks {
    /// The hooks in `directory`, which need not exist.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The directory's fingerprint now; reads no file.
    pub fn signature(&self) -> Signature {
        let mut signature: Vec<_> = std::fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter_map(|entry| {
                Some((
                    entry.file_name().to_string_lossy().into_owned(),
                    facts(&entry.metadata().ok()?),
                ))
            })
            .collect();
        if let Ok(metadata) = std::fs::metadata(&self.directory) {
            signature.push((String::new(), facts(&metadata)));
        }
        signature.sort();
        Signature(signature)
    }

    /// Looks at every file. What is refused is logged with its reason.
    pub fn scan(&self) -> Catalog {
        let mut hooks = BTreeMap::new();
        for name in self.candidates() {
            match self.look(&name) {
                Ok(_) if hooks.len() == MANIFEST_ITEMS => {
                    tracing::warn!(hook.name = %name, "hook not offered: there are more than {MANIFEST_ITEMS}");
                }
                Ok(hook) => {
                    hooks.insert(name, hook);
                }
                // Sidecars and notes may lie beside hooks.
                Err(HookError::NotExecutable | HookError::Missing) => {}
                Err(error) => tracing::warn!(hook.name = %name, reason = %error, "hook not offered"),
            }
        }
        Catalog { hooks }
    }

    /// Opens a hook, checks it, and copies it into sealed memory together with what its sidecar says.
    ///
    /// # Errors
    /// When the hook may not be run.
    pub fn seal(&self, name: &str) -> Result<(Sealed, Sidecar), HookError> {
        let file = self.open_hook(name)?;
        Ok((Sealed::copy(file)?, self.sidecar(name)?))
    }

    fn candidates(&self) -> Vec<String> {
        let entries = match std::fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::warn!(reason = %error, "hooks directory cannot be read; no hooks are offered");
                return Vec::new();
            }
        };
        let names = entries
            .filter_map(Result::ok)
            .map(|entry| entry.file_name().to_string_lossy().into_owned());
        let (mut good, odd): (Vec<_>, Vec<_>) = names
            .filter(|name| !name.ends_with(sidecar::SUFFIX))
            .partition(|name| action::valid_name(name));
        for name in odd {
            tracing::warn!(hook.name = %printable(&name), "hook not offered: its name cannot be an action's");
        }
        good.sort();
        good
    }

    fn look(&self, name: &str) -> Result<DeclaredHook, HookError> {
        let file = self.open_hook(name)?;
        let sidecar = self.sidecar(name)?;
        Ok(DeclaredHook {
            name: name.to_owned(),
            checksum: sealed::checksum(file)?,
            description: sidecar.description,
            timeout_seconds: sidecar.timeout_seconds,
            parameters: sidecar.parameters,
        })
    }

    fn open_hook(&self, name: &str) -> Result<File, HookError> {
        if !action::valid_name(name) || name.ends_with(sidecar::SUFFIX) {
            return Err(HookError::Missing);
        }
        let (file, metadata) = self.open(name)?;
        if metadata.mode() & 0o111 == 0 {
            return Err(HookError::NotExecutable);
        }
        Ok(file)
    }

    fn sidecar(&self, name: &str) -> Result<Sidecar, HookError> {
        match self.open(&format!("{name}{}", sidecar::SUFFIX)) {
            Ok((file, _)) => Sidecar::read(file).map_err(HookError::Sidecar),
            Err(HookError::Missing) => Ok(Sidecar::default()),
            Err(error) => Err(HookError::Sidecar(error.to_string())),
        }
    }

    /// Opens a file directly in the directory; `name` is one path component. All checks are made on what was opened.
    fn open(&self, name: &str) -> Result<(File, Metadata), HookError> {
        let directory = open_directory(&self.directory)?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Err(HookError::Missing),
            Err(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => return Err(HookError::NotRegular),
            Err(error) => return Err(HookError::Io(error.into())),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(HookError::NotRegular);
        }
        guard(&metadata)?;
        Ok((file, metadata))
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd, HookError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(directory) => File::from(directory),
        Err(rustix::io::Errno::NOENT) => return Err(HookError::Missing),
        Err(error) => return Err(HookError::Io(error.into())),
    };
    guard(&directory.metadata()?)?;
    Ok(OwnedFd::from(directory))
}

fn guard(metadata: &Metadata) -> Result<(), HookError> {
    let owner = metadata.uid();
    let trusted = owner == 0 || owner == rustix::process::geteuid().as_raw();
    if trusted && metadata.mode() & 0o022 == 0 {
        Ok(())
    } else {
        Err(HookError::Writable)
    }
}

fn facts(metadata: &Metadata) -> [i64; 8] {
    [
        i64::try_from(metadata.ino()).unwrap_or(i64::MAX),
        i64::try_from(metadata.len()).unwrap_or(i64::MAX),
        i64::from(metadata.mode()),
        i64::from(metadata.uid()),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;

    struct Directory(tempfile::TempDir);

    impl Directory {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, content: &str, mode: u32) {
            let path = self.0.path().join(name);
            std::fs::write(&path, content).unwrap();
            self.chmod(name, mode);
        }

        fn chmod(&self, name: &str, mode: u32) {
            std::fs::set_permissions(self.0.path().join(name), std::fs::Permissions::from_mode(mode))
                .unwrap();
        }

        fn hooks(&self) -> Hooks {
            Hooks::new(self.0.path().to_owned())
        }

        fn names(&self) -> Vec<String> {
            self.hooks()
                .scan()
                .declared()
                .into_iter()
                .map(|hook| hook.name)
                .collect()
        }
    }

    #[test]
    fn only_regular_executables_that_nobody_else_may_write_are_offered() {
        let directory = Directory::new();
        directory.write("good.sh", "#!/bin/sh\n", 0o755);
        directory.write("private", "#!/bin/sh\n", 0o700);
        directory.write("plain", "text", 0o644);
        directory.write("group", "#!/bin/sh\n", 0o775);
        directory.write("world", "#!/bin/sh\n", 0o757);
        directory.write("Bad Name", "#!/bin/sh\n", 0o755);
        directory.write("tool.json", "{}", 0o755);
        std::fs::create_dir(directory.0.path().join("folder")).unwrap();
        std::os::unix::fs::symlink("good.sh", directory.0.path().join("link")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            directory.0.path().join("fifo"),
            rustix::fs::FileType::Fifo,
            Mode::RWXU,
            0,
        )
        .unwrap();
        assert_eq!(directory.names(), ["good.sh", "private"]);
        for name in ["link", "fifo", "folder"] {
            assert!(
                matches!(directory.hooks().seal(name), Err(HookError::NotRegular)),
                "{name}"
            );
        }
        for name in [
            "../etc/passwd",
            "/bin/sh",
            "..",
            ".",
            "",
            "absent",
            "tool.json",
            "good.sh/x",
        ] {
            assert!(
                matches!(directory.hooks().seal(name), Err(HookError::Missing)),
                "{name}"
            );
        }
        assert!(matches!(
            directory.hooks().seal("group"),
            Err(HookError::Writable)
        ));
        assert!(matches!(
            directory.hooks().seal("plain"),
            Err(HookError::NotExecutable)
        ));
    }

    #[test]
    fn nothing_in_a_directory_that_others_may_write_is_offered() {
        let directory = Directory::new();
        directory.write("good", "#!/bin/sh\n", 0o755);
        assert_eq!(directory.names(), ["good"]);
        directory.chmod("", 0o777);
        assert!(directory.names().is_empty());
        assert!(matches!(directory.hooks().seal("good"), Err(HookError::Writable)));
    }

    #[test]
    fn the_sealed_copy_is_what_was_there_when_it_was_hashed() {
        let directory = Directory::new();
        directory.write("hook", "#!/bin/sh\necho one\n", 0o755);
        let declared = directory.hooks().scan().get("hook").cloned().unwrap();
        let (sealed, _) = directory.hooks().seal("hook").unwrap();
        directory.write("hook", "#!/bin/sh\necho two\n", 0o755);
        assert_eq!(sealed.checksum, declared.checksum);
        let mut content = String::new();
        sealed
            .image
            .try_clone()
            .unwrap()
            .read_to_string(&mut content)
            .unwrap();
        assert_eq!(content, "#!/bin/sh\necho one\n");
        assert_ne!(
            directory.hooks().seal("hook").unwrap().0.checksum,
            declared.checksum
        );
    }

    #[test]
    fn a_sidecar_describes_its_hook_and_a_bad_one_withholds_it() {
        let directory = Directory::new();
        directory.write("hook", "#!/bin/sh\n", 0o755);
        let json = r#"{"description":"d","timeout_seconds":7,"parameters":[{"name":"key","secret":true}]}"#;
        directory.write("hook.json", json, 0o644);
        let hook = directory.hooks().scan().get("hook").cloned().unwrap();
        assert_eq!(
            (hook.description.as_deref(), hook.timeout_seconds),
            (Some("d"), Some(7))
        );
        assert!(hook.parameters[0].secret);
        // A secret that is no longer known to be one must not be treated as open.
        for (content, mode) in [("{", 0o644), (r#"{"unknown":1}"#, 0o644), ("{}", 0o666)] {
            directory.write("hook.json", content, mode);
            assert!(directory.names().is_empty(), "{content}");
            assert!(matches!(
                directory.hooks().seal("hook"),
                Err(HookError::Sidecar(_))
            ));
        }
    }

    #[test]
    fn the_signature_changes_with_content_and_mode() {
        let directory = Directory::new();
        directory.write("hook", "#!/bin/sh\n", 0o755);
        let first = directory.hooks().signature();
        assert_eq!(first, directory.hooks().signature());
        directory.write("hook", "#!/bin/sh\necho longer\n", 0o755);
        let second = directory.hooks().signature();
        assert_ne!(first, second);
        directory.chmod("hook", 0o777);
        assert_ne!(second, directory.hooks().signature());
    }
}
