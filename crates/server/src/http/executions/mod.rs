//! `/v1/projects/{project_id}/executions`: dispatching, and the execution log.

pub mod dispatch;
pub mod get;
pub mod list;
pub mod output;
#[cfg(test)]
mod tests;
