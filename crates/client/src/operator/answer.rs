//! An answer whose body is still on its way.

use std::io::{self, Read};
use ureq::BodyReader;

/// A successful answer. Reading it reads the body; a body that breaks off is an [`io::Error`].
pub struct Answer {
    pub(super) length: Option<u64>,
    pub(super) body: BodyReader<'static>,
}

impl Answer {
    /// The body's length in bytes, where the server announced it.
    pub fn length(&self) -> Option<u64> {
        self.length
    }
}

impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer)
    }
}
