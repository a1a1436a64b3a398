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
    failure: Option<io::Error>,
}

impl<R: Read> Copied<R> {
    /// Reads from `inner`.
    ///
    /// # Errors
    /// [`Error::Local`] when there is no place for temporary files.
    pub(crate) fn new(inner: R) -> Result<Self, Error> {
        let file =
            tempfile::tempfile().map_err(|cause| Error::local("cannot make a temporary file", cause))?;
        Ok(Self {
            inner,
            copy: BufWriter::with_capacity(64 * 1024, file),
            length: 0,
            failure: None,
        })
    }

    /// What was read, from its start. Ask this before anything is made of a failed reading: to a reader, a
    /// copy that could not be kept looks like a body that broke off.
    ///
    /// # Errors
    /// [`Error::Local`] when the copy could not be kept, or cannot be read back.
    pub(crate) fn into_copy(self) -> Result<BufReader<File>, Error> {
        let failed = |cause| Error::local("cannot keep the response in a temporary file", cause);
        if let Some(cause) = self.failure {
            return Err(failed(cause));
        }
        let mut file = self
            .copy
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.rewind().map_err(failed)?;
        Ok(BufReader::with_capacity(64 * 1024, file))
    }
}

impl<R: Read> Read for &mut Copied<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.length += count as u64;
        let kept = match self.length {
            0..=COPY_BYTES => self.copy.write_all(&buffer[..count]),
            _ => Err(io::ErrorKind::FileTooLarge.into()),
        };
        kept.map(|()| count).map_err(|cause| {
            let kind = cause.kind();
            self.failure = Some(cause);
            kind.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Copied;
    use std::io::Read;

    #[test]
    fn what_was_read_is_kept() {
        let mut copied = Copied::new(&b"abc"[..]).expect("a file");
        let mut read = String::new();
        (&mut copied).read_to_string(&mut read).expect("read");
        let mut kept = String::new();
        copied
            .into_copy()
            .expect("kept")
            .read_to_string(&mut kept)
            .expect("read back");
        assert_eq!((read.as_str(), kept.as_str()), ("abc", "abc"));
    }

    #[test]
    fn a_copy_that_is_not_kept_is_a_local_failure() {
        let mut copied = Copied::new(&b"abc"[..]).expect("a file");
        copied.length = super::COPY_BYTES;
        assert!((&mut copied).read(&mut [0; 8]).is_err());
        assert!(matches!(
            copied.into_copy(),
            Err(crate::error::Error::Local { .. })
        ));
    }
}
