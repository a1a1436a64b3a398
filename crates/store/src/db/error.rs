/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More waits than the queue holds; trying again later is safe.
    #[error("the database has too much to do")]
    Busy,
    /// The database cannot be written or read now: disk full, I/O error, shut down. Nothing was changed.
    #[error("the database is unavailable")]
    Unavailable(#[source] Option<rusqlite::Error>),
    /// A uniqueness or foreign-key rule refused the change.
    #[error("a constraint refused the change")]
    Constraint(#[source] rusqlite::Error),
    /// A row holds what no version of this program writes.
    #[error("unreadable row: {0}")]
    Corrupt(String),
    /// A statement failed: a defect.
    #[error("a statement failed")]
    Statement(#[source] rusqlite::Error),
    /// The transaction's code panicked; it was rolled back.
    #[error("a transaction panicked")]
    Panicked,
}

impl Error {
    /// Whether a uniqueness or foreign-key rule refused the change.
    pub fn is_constraint(&self) -> bool {
        matches!(self, Self::Constraint(_))
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::Constraint(error),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::OutOfMemory
                | ErrorCode::NotADatabase
                | ErrorCode::DatabaseCorrupt,
            ) => Self::Unavailable(Some(error)),
            Some(_) | None => Self::Statement(error),
        }
    }
}
