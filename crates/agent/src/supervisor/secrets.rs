//! A secret parameter as a file that exists nowhere but in memory and is gone with its last reader.

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::OwnedFd;

/// An inheritable, unchangeable file with that content.
pub(super) fn file(content: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("parameter", MemfdFlags::ALLOW_SEALING)?);
    file.write_all(content)?;
    file.rewind()?;
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    Ok(OwnedFd::from(file))
}
