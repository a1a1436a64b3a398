//! Files that hold secrets: who may read them, and the token inside.

use crate::error::Error;
use plex_client::operator::Token;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Far more than a token is long.
const TOKEN_FILE_BYTES: u64 = 64 * 1024;

/// Reads a token file; one newline at its end does not count.
///
/// # Errors
/// [`Error::Credential`] when it is missing, unreadable, readable by others, or holds no token.
pub(crate) fn read_token(path: &Path) -> Result<Token, Error> {
    let name = path.display();
    let file = File::open(path).map_err(|cause| Error::Credential {
        detail: format!("cannot read the token file {name}: {cause}"),
        hint: None,
    })?;
    refuse_if_shared(&file, path)?;
    let mut text = String::new();
    file.take(TOKEN_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(|_| not_a_token(path))?;
    if text.ends_with('\n') {
        text.pop();
    }
    Token::new(text).ok_or_else(|| not_a_token(path))
}

/// Refuses a file that anybody but its owner could read or write. It is judged by the handle, not the name,
/// so that what was checked is what is read.
pub(crate) fn refuse_if_shared(file: &File, path: &Path) -> Result<(), Error> {
    let name = path.display();
    let metadata = file
        .metadata()
        .map_err(|cause| Error::local(format!("cannot look at {name}"), cause))?;
    if metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::Credential {
        detail: format!(
            "{name} can be read by others (mode {:04o})",
            metadata.mode() & 0o7777
        ),
        hint: Some(format!("chmod 600 {name}")),
    })
}

fn not_a_token(path: &Path) -> Error {
    Error::Credential {
        detail: format!("{} does not hold a token", path.display()),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::read_token;
    use crate::error::Error;
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    fn token_of(content: &[u8], mode: u32) -> Result<String, Error> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("token");
        write(&path, content).expect("a file");
        set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        read_token(&path).map(|token| token.reveal().to_owned())
    }

    #[test]
    fn one_newline_does_not_count() {
        assert_eq!(token_of(b"psk_dev_x\n", 0o600).ok().as_deref(), Some("psk_dev_x"));
        assert_eq!(token_of(b"psk_dev_x", 0o400).ok().as_deref(), Some("psk_dev_x"));
        assert!(token_of(b"psk_dev_x\n\n", 0o600).is_err());
        assert!(token_of(b"", 0o600).is_err());
        assert!(token_of(b"\xff", 0o600).is_err());
    }

    #[test]
    fn any_group_or_other_bit_is_refused_with_the_remedy() {
        for bit in [0o040, 0o020, 0o010, 0o004, 0o002, 0o001] {
            let error = token_of(b"psk_dev_x\n", 0o600 | bit).expect_err("refused");
            assert_eq!(error.exit_code(), 3);
            assert!(error.advice().is_some_and(|hint| hint.starts_with("chmod 600 ")));
            assert!(!error.headline().contains("psk_dev_x"));
        }
    }
}
