use tokio_postgres::error::SqlState;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More waits than the queue holds, or it has waited for too long; trying again later is safe.
    #[error("the database has too much to do")]
    Busy,
    /// The database cannot be written or read now: disk full, I/O error, connection lost, shut down.
    /// Nothing was changed.
    #[error("the database is unavailable")]
    Unavailable(#[source] Option<Cause>),
    /// A uniqueness or foreign-key rule refused the change.
    #[error("a constraint refused the change")]
    Constraint(#[source] Cause),
    /// This program is older than the oldest that can work with the schema.
    #[error("the database is from a newer version of this program")]
    Newer,
    /// A row holds what no version of this program writes, or the database cannot be trusted with one.
    #[error("unreadable row: {0}")]
    Corrupt(String),
    /// A statement failed: a defect.
    #[error("a statement failed")]
    Statement(#[source] Cause),
    /// The transaction's code panicked; it was rolled back.
    #[error("a transaction panicked")]
    Panicked,
}

/// What the engine said.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// SQLite.
    #[error(transparent)]
    Sqlite(rusqlite::Error),
    /// PostgreSQL.
    #[error(transparent)]
    Postgres(tokio_postgres::Error),
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
            Some(ErrorCode::ConstraintViolation) => Self::Constraint(Cause::Sqlite(error)),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::OutOfMemory
                | ErrorCode::NotADatabase
                | ErrorCode::DatabaseCorrupt,
            ) => Self::Unavailable(Some(Cause::Sqlite(error))),
            Some(_) | None => Self::Statement(Cause::Sqlite(error)),
        }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(state) = error.code() else {
            // Without a word from the server the connection is at fault, or a value that does not fit its column.
            let is_ours = error.to_string().starts_with("error serializing")
                || error.to_string().starts_with("error deserializing");
            return if is_ours {
                Self::Statement(Cause::Postgres(error))
            } else {
                Self::Unavailable(Some(Cause::Postgres(error)))
            };
        };
        if is_conflict(state) || *state == SqlState::QUERY_CANCELED || *state == SqlState::LOCK_NOT_AVAILABLE
        {
            return Self::Busy;
        }
        // The first two characters are the class: PostgreSQL's documentation, appendix A.
        match &state.code()[..2] {
            "23" => Self::Constraint(Cause::Postgres(error)),
            // Connection, authorisation, resources, operator intervention, system error.
            "08" | "28" | "53" | "57" | "58" => Self::Unavailable(Some(Cause::Postgres(error))),
            _ if is_end_of_session(state) => Self::Unavailable(Some(Cause::Postgres(error))),
            _ => Self::Statement(Cause::Postgres(error)),
        }
    }
}

/// Whether the session is of no use any more, for a reason in the class of transactions: it was idle in one for too
/// long, or the server has become a standby.
fn is_end_of_session(state: &SqlState) -> bool {
    *state == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT || *state == SqlState::READ_ONLY_SQL_TRANSACTION
}

/// Whether the same transaction may succeed when it is run again.
pub(super) fn is_conflict(state: &SqlState) -> bool {
    *state == SqlState::T_R_SERIALIZATION_FAILURE || *state == SqlState::T_R_DEADLOCK_DETECTED
}
