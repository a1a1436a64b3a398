//! Files that are there only once they are whole.

use crate::context::Context;
use crate::error::Error;
use std::io::{BufWriter, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// What takes a file's bytes, part by part.
pub(crate) type Put<'p> = dyn FnMut(&[u8]) -> Result<(), Error> + 'p;

/// Asks before a file that is there is replaced.
///
/// # Errors
/// As [`Context::confirm`].
pub(crate) fn may_replace(path: &Path, ctx: &mut Context) -> Result<(), Error> {
    if path.exists() {
        ctx.confirm(&format!("{} exists. Replace it?", path.display()))?;
    }
    Ok(())
}

/// Writes what `fill` puts. Until all of it is on the disk nothing is at `path`, or what was there before.
///
/// # Errors
/// [`Error::Local`] when it cannot be written, and whatever `fill` gives.
pub(crate) fn write(path: &Path, fill: impl FnOnce(&mut Put<'_>) -> Result<(), Error>) -> Result<(), Error> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let kept = NamedTempFile::new_in(directory.unwrap_or(Path::new("."))).map_err(unwritable)?;
    let mut buffer = BufWriter::new(kept);
    fill(&mut |bytes| buffer.write_all(bytes).map_err(unwritable))?;
    let kept = buffer
        .into_inner()
        .map_err(|error| unwritable(error.into_error()))?;
    kept.as_file().sync_all().map_err(unwritable)?;
    kept.persist(path)
        .map(drop)
        .map_err(|error| unwritable(error.error))
}

fn unwritable(cause: std::io::Error) -> Error {
    Error::local("cannot write the export", cause)
}
