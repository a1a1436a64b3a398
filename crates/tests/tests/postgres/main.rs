//! PostgreSQL below real programs: the same answers as on SQLite, several replicas on one database, and replicas and
//! servers that die.
//!
//! `cargo xtask test --only postgres` provides the server. Some tests restart it, so they run one after the other.

mod deaths;
mod replicas;
mod transcript;
mod upgrade;
