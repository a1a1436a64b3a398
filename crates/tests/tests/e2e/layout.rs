//! The text of `exec-log get`, written down a second time, from what the API gives (`cli.md`).

use plex_tests::from_base64;
use serde_json::Value;

/// What `exec-log get` must print, computed from what the API gives (`cli.md`).
pub(crate) fn expected_text(execution: &Value) -> Vec<u8> {
    let word = |name: &str| execution[name].as_str().expect("a member of text").to_owned();
    let targets = execution["targets"].as_array().expect("targets");
    let mut text = block(execution, targets, &word);
    let mut line_is_open = false;
    for target in targets {
        if line_is_open {
            text.push(b'\n');
            line_is_open = false;
        }
        let head = format!(
            "==> {} {}",
            target["node_id"].as_str().expect("a node"),
            target["status"].as_str().expect("a status")
        );
        let output = &target["output_ref"];
        match output["kind"].as_str() {
            None => text.extend(format!("{head} none <==\n").bytes()),
            Some("inline") => {
                let bytes = from_base64(output["inline_bytes"].as_str().expect("inline bytes"));
                text.extend(format!("{head} bytes={} <==\n", bytes.len()).bytes());
                line_is_open = bytes.last().is_some_and(|last| *last != b'\n');
                text.extend(bytes);
            }
            Some(_) => {
                let part = |name: &str| output[name].as_str().expect("an object's part").to_owned();
                let (bucket, key, sha256) = (part("bucket"), part("key"), part("sha256"));
                text.extend(
                    format!("{head} archived <==\narchived: {bucket}/{key} sha256:{sha256}\n").bytes(),
                );
            }
        }
    }
    text
}

fn block(execution: &Value, targets: &[Value], word: &dyn Fn(&str) -> String) -> Vec<u8> {
    let ended = ["succeeded", "failed", "cancelled", "timeout"];
    let count = |status: &str| targets.iter().filter(|target| target["status"] == status).count();
    let done: usize = ended.iter().map(|status| count(status)).sum();
    let endings: Vec<_> = ended.iter().filter(|status| count(status) > 0).collect();
    let endings: Vec<_> = endings
        .iter()
        .map(|status| format!("{} {status}", count(status)))
        .collect();
    let endings = if endings.is_empty() {
        String::new()
    } else {
        format!(" ({})", endings.join(", "))
    };
    let lines = [
        format!("id:      {}", word("id")),
        format!("project: {}", word("project_id")),
        format!("action:  {} ({})", word("action"), word("type")),
        format!("status:  {}", word("status")),
        format!("created: {}", word("created_at")),
        format!("updated: {}", word("updated_at")),
        format!("targets: {done}/{}{endings}", targets.len()),
    ];
    assert!(execution["targets"].is_array());
    format!("{}\n\n", lines.join("\n")).into_bytes()
}
