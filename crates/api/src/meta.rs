//! The service about itself (`api.md` §2).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How the service is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HealthStatus {
    /// The worst of the checks.
    pub status: Health,
    /// One for each dependency.
    pub checks: Vec<HealthCheck>,
}

/// A verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Works.
    Ok,
    /// Works in part.
    Degraded,
    /// Does not work.
    Down,
}

/// One dependency.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HealthCheck {
    /// For example `database`.
    pub name: String,
    /// The verdict.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub status: Health,
    /// For people.
    pub detail: String,
}

/// Which build this is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionInfo {
    /// For example `v0.1.0`.
    pub version: String,
    /// The source's commit.
    pub commit: String,
    /// When it was built.
    pub date: Timestamp,
}
