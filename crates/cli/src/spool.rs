//! Bodies kept in an unlinked file until all of them was valid.

use crate::error::Error;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

/// The largest body that is kept.
const COPY_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// A reader that keeps a copy of what was read through it.
pub(crate) struct Copied<R> {
    inner: R,
    copy: BufWriter<File>,
    length: u64,
}

impl<R: Read> Copied<R> {
    /// Reads from `inner`.
    ///
    /// # Errors
    /// [`Error::Local`] when there is no place for temporary files.
    pub(crate) fn new(inner: R) -> Result<Self, Error> {
        let file = tempfile::tempfile().map_err(|cause| Error::local("cannot make a temporary file", cause))?;
        Ok(Self { inner, copy: BufWriter::with_capacity(64 * 1024, file), length: 0 })
    }

    /// What was read, from its start.
    ///
    /// # Errors
    /// [`Error::Local`] when the copy cannot be read back.
    pub(crate) fn into_copy(self) -> Result<BufReader<File>, Error> {
        let failed = |cause| Error::local("cannot read the temporary file back", cause);
        let mut file = self.copy.into_inner().map_err(|error| failed(error.into_error()))?;
        file.rewind().map_err(failed)?;
        Ok(BufReader::with_capacity(64 * 1024, file))
    }
}

impl<R: Read> Read for &mut Copied<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.length += count as u64;
        if self.length > COPY_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.copy.write_all(&buffer[..count])?;
        Ok(count)
    }
}
