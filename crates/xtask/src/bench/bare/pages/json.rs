//! A page's text, written as its rows are read.

use std::collections::HashMap;
use std::io::Write as _;

use anyhow::Context as _;
use plex_api::executions::ExecutionStatus;
use uuid::Uuid;

/// The statuses in the order of their counts.
const COUNTED: [ExecutionStatus; 7] = [
    ExecutionStatus::Pending,
    ExecutionStatus::Ack,
    ExecutionStatus::Started,
    ExecutionStatus::Succeeded,
    ExecutionStatus::Failed,
    ExecutionStatus::Cancelled,
    ExecutionStatus::Timeout,
];

/// A row of the first statement.
pub(super) struct Execution<'r> {
    pub(super) id: Uuid,
    pub(super) project_id: Uuid,
    pub(super) domain_id: Uuid,
    pub(super) action: &'r str,
    pub(super) kind: &'r str,
    pub(super) status: &'r str,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) expires_at: i64,
    pub(super) timeout_seconds: i64,
    pub(super) parameters: Option<&'r str>,
    pub(super) selector: Option<&'r str>,
    pub(super) node_id: Option<Uuid>,
    pub(super) dispatched_by: &'r str,
    pub(super) counts: [i64; 7],
}

/// A row of the second statement.
pub(super) struct Target<'r> {
    pub(super) node_id: Uuid,
    pub(super) name: &'r str,
    pub(super) status: &'r str,
    pub(super) updated_at: i64,
    pub(super) started_at: Option<i64>,
    pub(super) finished_at: Option<i64>,
    pub(super) exit_code: Option<i64>,
    pub(super) error: Option<&'r str>,
    pub(super) output_bytes: Option<i64>,
    pub(super) output_truncated: Option<i64>,
}

/// Executions whose targets are still to come.
#[derive(Default)]
pub(super) struct Items {
    items: Vec<Vec<u8>>,
    ids: Vec<Uuid>,
    places: HashMap<Uuid, usize>,
    created_at: Vec<i64>,
}

impl Items {
    /// One more.
    pub(super) fn push(&mut self, row: &Execution<'_>) -> anyhow::Result<()> {
        let mut text = Vec::with_capacity(1024);
        write!(
            text,
            r#"{{"id":"{}","project_id":"{}","domain_id":"{}","action":"#,
            row.id, row.project_id, row.domain_id
        )?;
        serde_json::to_writer(&mut text, row.action)?;
        write!(
            text,
            r#","type":"{}","status":"{}","created_at":"#,
            row.kind, row.status
        )?;
        time(&mut text, row.created_at)?;
        text.extend(br#","updated_at":"#);
        time(&mut text, row.updated_at)?;
        if let Some(parameters) = row.parameters {
            write!(text, r#","parameters":{parameters}"#)?;
        }
        write!(
            text,
            r#","timeout_seconds":{},"expires_at":"#,
            row.timeout_seconds
        )?;
        time(&mut text, row.expires_at)?;
        if let Some(selector) = row.selector {
            text.extend(br#","selector":"#);
            serde_json::to_writer(&mut text, selector)?;
        }
        if let Some(node_id) = row.node_id {
            write!(text, r#","node_id":"{node_id}""#)?;
        }
        text.extend(br#","dispatched_by":"#);
        serde_json::to_writer(&mut text, row.dispatched_by)?;
        text.extend(br#","target_counts":{"#);
        let counted = COUNTED.iter().zip(row.counts).filter(|(_, count)| *count > 0);
        for (index, (status, count)) in counted.enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(text, r#"{comma}"{}":{count}"#, status.as_str())?;
        }
        text.extend(br#"},"targets":["#);
        self.places.insert(row.id, self.items.len());
        self.items.push(text);
        self.ids.push(row.id);
        self.created_at.push(row.created_at);
        Ok(())
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.items.len()
    }

    /// The ids, as the second statement takes them on SQLite.
    pub(super) fn ids(&self) -> String {
        let ids: Vec<String> = self.ids.iter().map(|id| format!("\"{}\"", id.simple())).collect();
        format!("[{}]", ids.join(","))
    }

    /// One more target of an execution.
    pub(super) fn push_target(&mut self, execution_id: Uuid, row: &Target<'_>) -> anyhow::Result<()> {
        let index = *self.places.get(&execution_id).context("one that was asked for")?;
        let text = &mut self.items[index];
        if text.last() == Some(&b'}') {
            text.push(b',');
        }
        write!(text, r#"{{"node_id":"{}","node_name":"#, row.node_id)?;
        serde_json::to_writer(&mut *text, row.name)?;
        write!(text, r#","status":"{}","created_at":"#, row.status)?;
        time(text, self.created_at[index])?;
        text.extend(br#","updated_at":"#);
        time(text, row.updated_at)?;
        for (name, value) in [("started_at", row.started_at), ("finished_at", row.finished_at)] {
            if let Some(value) = value {
                write!(text, r#","{name}":"#)?;
                time(text, value)?;
            }
        }
        if let Some(exit_code) = row.exit_code {
            write!(text, r#","exit_code":{exit_code}"#)?;
        }
        if let Some(error) = row.error {
            text.extend(br#","error":"#);
            serde_json::to_writer(&mut *text, error)?;
        }
        if let Some(output_bytes) = row.output_bytes {
            write!(text, r#","output_bytes":{output_bytes}"#)?;
        }
        if let Some(truncated) = row.output_truncated {
            write!(text, r#","output_truncated":{}"#, truncated != 0)?;
        }
        text.push(b'}');
        Ok(())
    }

    /// The page, without the execution that only shows that another page follows.
    pub(super) fn finish(self, limit: usize) -> Vec<u8> {
        let length = self.items.iter().map(|item| item.len() + 3).sum::<usize>();
        let mut text = Vec::with_capacity(length + 16);
        text.extend(br#"{"items":["#);
        for (index, item) in self.items.iter().take(limit).enumerate() {
            if index > 0 {
                text.push(b',');
            }
            text.extend(item);
            text.extend(b"]}");
        }
        text.extend(b"]}");
        text
    }
}

fn time(text: &mut Vec<u8>, microseconds: i64) -> anyhow::Result<()> {
    let time = jiff::Timestamp::from_microsecond(microseconds)?;
    write!(text, "\"{time}\"")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the product's own types say of the same.
    #[test]
    fn the_text_is_what_the_product_says() {
        let mut items = Items::default();
        for id in [7, 8] {
            let row = Execution {
                id: Uuid::from_u128(id),
                project_id: Uuid::max(),
                domain_id: Uuid::nil(),
                action: "say \"hi\"",
                kind: "hook",
                status: "started",
                created_at: 1_700_000_000_123_456,
                updated_at: 1_700_000_001_000_000,
                expires_at: 1_700_000_300_123_456,
                timeout_seconds: 300,
                parameters: Some(r#"{"a":1}"#),
                selector: Some("a=b"),
                node_id: Some(Uuid::max()),
                dispatched_by: "user:x",
                counts: [0, 1, 0, 2, 0, 0, 0],
            };
            items.push(&row).unwrap();
        }
        for _ in 0..2 {
            let target = Target {
                node_id: Uuid::max(),
                name: "node-1",
                status: "failed",
                updated_at: 1_700_000_001_000_000,
                started_at: Some(1_700_000_000_900_000),
                finished_at: Some(1_700_000_001_000_000),
                exit_code: Some(1),
                error: Some("exit \\ 1"),
                output_bytes: Some(3),
                output_truncated: Some(0),
            };
            items.push_target(Uuid::from_u128(7), &target).unwrap();
        }
        assert_eq!(items.ids().matches('"').count(), 4);
        let text = String::from_utf8(items.finish(1)).unwrap();
        let page: plex_api::executions::ExecutionList = serde_json::from_str(&text).unwrap();
        assert_eq!((page.items.len(), page.items[0].targets.len()), (1, 2));
        let target = &page.items[0].targets[1];
        assert_eq!(
            (target.error.as_deref(), target.exit_code, target.output_bytes),
            (Some("exit \\ 1"), Some(1), Some(3))
        );
        assert!(target.started_at < target.finished_at && target.output_truncated == Some(false));
        let again = serde_json::to_string(&page).unwrap();
        let (items, _) = again.rsplit_once("]").unwrap();
        assert_eq!(text.strip_suffix("]}").unwrap(), items);
    }
}
