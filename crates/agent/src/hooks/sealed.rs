//! A program copied into memory and sealed, so that nobody can change it between its hash and its run.

use super::HookError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, SHA256};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use std::fs::File;
use std::io::{self, Read, Seek as _, Write};
use std::os::fd::OwnedFd;

/// The largest hook, in bytes.
pub(super) const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A program that cannot change any more.
#[derive(Debug)]
pub struct Sealed {
    /// The program.
    pub image: File,
    /// SHA-256 of the image, base64.
    pub checksum: String,
}

impl Sealed {
    /// Copies and seals.
    ///
    /// # Errors
    /// When the source is too large or memory is short.
    pub(super) fn copy(source: File) -> Result<Self, HookError> {
        let mut image = File::from(memfd()?);
        let checksum = digest(source, &mut image)?;
        image.rewind()?;
        fcntl_add_seals(
            &image,
            SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
        )
        .map_err(io::Error::from)?;
        Ok(Self { image, checksum })
    }
}

/// SHA-256 of a file's bytes, base64.
pub(super) fn checksum(source: File) -> Result<String, HookError> {
    digest(source, &mut io::sink())
}

fn digest(source: File, copy: &mut impl Write) -> Result<String, HookError> {
    let mut source = source.take(MAX_BYTES + 1);
    let mut context = Context::new(&SHA256);
    let mut chunk = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        let n = source.read(&mut chunk)?;
        if n == 0 {
            return Ok(STANDARD.encode(context.finish()));
        }
        total += n as u64;
        if total > MAX_BYTES {
            return Err(HookError::TooLarge);
        }
        context.update(&chunk[..n]);
        copy.write_all(&chunk[..n])?;
    }
}

/// Kernels that ask for it are told that the file will be executed; older ones do not know the flag.
fn memfd() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create("hook", flags | MemfdFlags::EXEC) {
        Err(rustix::io::Errno::INVAL) => Ok(memfd_create("hook", flags)?),
        created => Ok(created?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_image_cannot_be_written() {
        let source = tempfile::tempfile().unwrap();
        (&source).write_all(b"abc").unwrap();
        (&source).rewind().unwrap();
        let sealed = Sealed::copy(source).unwrap();
        assert_eq!(sealed.checksum, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        assert!((&sealed.image).write_all(b"x").is_err());
        assert!(sealed.image.set_len(0).is_err());
    }
}
