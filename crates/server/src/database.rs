//! Which database the control plane runs on, as the flags say it.

use crate::data_dir::{self, DataDirError};
use crate::system::{SystemClock, SystemRng};
use clap::Args;
use plex_store::db::postgres::{self, UrlError};
use plex_store::db::{Engine, Settings};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// The flags that name the database
#[derive(Debug, Clone, Default, Args)]
pub struct DatabaseArgs {
    /// PostgreSQL to use instead of SQLite in the data directory: postgres://USER@HOST:PORT/DATABASE
    #[arg(
        long,
        value_name = "URL",
        env = "PLEXSPHERE_DATABASE_URL",
        hide_env_values = true
    )]
    pub database_url: Option<String>,
    /// File that holds the password for --database-url
    #[arg(long, value_name = "FILE", requires = "database_url")]
    pub database_password_file: Option<PathBuf>,
}

/// A database that cannot be meant.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// Not a URL of a PostgreSQL database.
    #[error("--database-url: {0}")]
    Url(#[from] UrlError),
    /// Arguments are for everybody on the machine to see.
    #[error("--database-url must not hold the password; use --database-password-file")]
    PasswordInUrl,
    /// The file that is the database, or that holds the password, cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

impl DatabaseArgs {
    /// The database that is meant: that of the URL, else the file in the data directory.
    ///
    /// # Errors
    /// When the URL makes no sense or holds a password, or the file with the password is not private.
    pub fn engine(&self, data_dir: &Path) -> Result<Engine, DatabaseError> {
        let Some(url) = self.database_url.as_deref().filter(|url| !url.is_empty()) else {
            return Ok(Engine::Sqlite(data_dir.join(data_dir::DATABASE)));
        };
        let server = postgres::Settings::parse(url)?;
        if server.has_password() {
            return Err(DatabaseError::PasswordInUrl);
        }
        let password = self
            .database_password_file
            .as_ref()
            .map(|file| data_dir::read_secret(file))
            .transpose()?;
        Ok(Engine::Postgres(Box::new(match password {
            Some(password) => server.with_password(&password),
            None => server,
        })))
    }
}

/// How that database is opened.
pub fn settings(engine: Engine) -> Settings {
    Settings {
        engine,
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(url: &str) -> Result<Engine, DatabaseError> {
        let args = DatabaseArgs {
            database_url: Some(url.to_owned()),
            database_password_file: None,
        };
        args.engine(Path::new("/data"))
    }

    #[test]
    fn without_a_url_it_is_the_file_in_the_data_directory() {
        let found = DatabaseArgs::default().engine(Path::new("/data")).unwrap();
        assert!(matches!(found, Engine::Sqlite(path) if path == Path::new("/data/plexsphere.db")));
    }

    #[test]
    fn nonsense_is_refused_in_words_that_name_the_flag() {
        for (url, told) in [
            ("mysql://plex@db/plex", "not a PostgreSQL URL"),
            ("postgres://plex:secret@db/plex", "must not hold the password"),
            (
                "postgres://plex@db/plex?sslmode=prefer",
                "does not verify the server",
            ),
            (
                "postgres://plex@db/plex?sslrootcert=/nowhere",
                "no certificates in /nowhere",
            ),
        ] {
            let refused = engine(url).unwrap_err().to_string();
            assert!(
                refused.starts_with("--database-url") && refused.contains(told),
                "{refused}"
            );
            assert!(!refused.contains("secret"), "{refused}");
        }
        assert!(matches!(
            engine("postgres://plex@db.example/plex"),
            Ok(Engine::Postgres(_))
        ));
    }
}
