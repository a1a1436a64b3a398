//! How full a domain is, axis by axis (`api.md` §11).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What can run full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CapacityDimension {
    /// Addresses of the mesh pool that were handed out, those of revoked nodes included: none is handed out twice.
    Nodes,
    /// Events sent to open streams.
    SseFanout,
    /// Secrets read; there are none here.
    SecretReads,
    /// Access sessions; there are none here.
    MediatedSessions,
    /// Telemetry; there is none here.
    ObservabilityIngest,
    /// Executions that have not ended, against the cap on them.
    ActionExecutions,
}

impl CapacityDimension {
    /// All of them, in the contract's order.
    pub const ALL: [Self; 6] = [
        Self::Nodes,
        Self::SseFanout,
        Self::SecretReads,
        Self::MediatedSessions,
        Self::ObservabilityIngest,
        Self::ActionExecutions,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::SseFanout => "sse_fanout",
            Self::SecretReads => "secret_reads",
            Self::MediatedSessions => "mediated_sessions",
            Self::ObservabilityIngest => "observability_ingest",
            Self::ActionExecutions => "action_executions",
        }
    }

    /// What it is counted in.
    pub fn unit(self) -> CapacityUnit {
        match self {
            Self::Nodes | Self::MediatedSessions | Self::ActionExecutions => CapacityUnit::Count,
            Self::SseFanout => CapacityUnit::EventsPerSecond,
            Self::SecretReads => CapacityUnit::ReadsPerSecond,
            Self::ObservabilityIngest => CapacityUnit::BytesPerSecond,
        }
    }
}

/// What an axis is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CapacityUnit {
    /// Things that are there.
    Count,
    /// Events a second.
    EventsPerSecond,
    /// Reads a second.
    ReadsPerSecond,
    /// Bytes a second.
    BytesPerSecond,
}

/// One axis of a domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DomainCapacityDimensionReading {
    /// The axis.
    pub dimension: CapacityDimension,
    /// What it is counted in.
    pub unit: CapacityUnit,
    /// The latest usage.
    pub used: f64,
    /// The limit; 0 when none is configured.
    pub target: f64,
    /// `used / target`; 0 without a target.
    pub ratio: f64,
}

/// A domain's axes, all six in the contract's order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DomainCapacitySnapshot {
    /// When they were read.
    pub sampled_at: Timestamp,
    /// The readings.
    pub dimensions: Vec<DomainCapacityDimensionReading>,
}
