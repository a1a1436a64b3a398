//! What this version reads out of the server's documents: required fields are required, and everything else,
//! unknown fields and unknown words of an enumeration too, may be as it likes.

mod execution;
mod fleet;
mod label;
mod object;
mod rows;

pub(crate) use execution::{Counts, ExecutionRow, Head, HeadError, Output, Target};
pub(crate) use fleet::{
    CapabilityRow, CapacityRow, CapacityView, DiscoveredHookRow, RotationView, ViolationRow,
};
pub(crate) use label::{AssignmentRow, DefinitionRow, HitRow, Preview};
pub(crate) use object::{print_object, show};
pub(crate) use rows::{
    AuditRow, BootstrapTokenRow, DomainRow, GroupRow, HookRow, NodeRow, ProjectRow, TokenRow, TupleRow,
};
