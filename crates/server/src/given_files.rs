//! Files that flags name: secrets and certificates.

use crate::data_dir::{self, DataDirError};
use std::fs;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// A secret of visible ASCII in a file that only its owner can read; a line end after it does not count. `None` when
/// the file holds none.
pub fn secret(path: &Path) -> Result<Option<String>, DataDirError> {
    data_dir::check_private(path, data_dir::PRIVATE)?;
    let bytes = fs::read(path).map_err(|source| data_dir::io_error(path, source))?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let secret = text.trim_end_matches(['\r', '\n']);
    let is_one = !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic());
    Ok(is_one.then(|| secret.to_owned()))
}

/// The certificates of a PEM file; `None` when it holds none.
pub fn certificates(path: &Path) -> Result<Option<Vec<CertificateDer<'static>>>, DataDirError> {
    let pem = fs::read(path).map_err(|source| data_dir::io_error(path, source))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    Ok(read.ok().filter(|certificates| !certificates.is_empty()))
}
