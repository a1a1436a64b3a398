//! Lists: filters, pages, walks.

use crate::actors::{Answer, Asked, EXECUTION, NODE, Operator, PROJECT, Server, execution, target};
use serde_json::{Value, json};

fn list(more: &str) -> String {
    format!("exec-log list --project {PROJECT} {more}")
}

/// Three pages, by cursor.
fn pages(asked: &Asked) -> Answer {
    let item = |n: u32| {
        let mut item = execution(&[target(NODE, Value::Null)]);
        item["id"] = json!(format!("0190a8b8-c2d2-7c2c-8c2c-{n:012}"));
        item["odd"] = json!(format!("page {n}"));
        item
    };
    Answer::json(
        &match asked.line.split_once("cursor=").map(|(_, cursor)| cursor) {
            None => json!({"items": [item(1), item(2)], "next_cursor": "a.b~c"}),
            Some("a.b~c") => json!({"items": [], "next_cursor": "last"}),
            Some(_) => json!({"items": [item(3)], "next_cursor": ""}),
        },
    )
}

#[test]
fn filters_go_to_the_server() {
    let server = Server::answering(|asked, _| pages(asked));
    let operator = Operator::of(&server);
    let line = list("--status failed --action-name rotate-keys --limit 50 --cursor a.b~c");
    assert!(operator.run(&line).is_fine());
    assert!(operator.run(&list("--limit 0")).is_fine());
    let path = format!("GET /v1/projects/{PROJECT}/executions");
    let full = format!("{path}?status=failed&action_name=rotate-keys&limit=50&cursor=a.b~c");
    assert_eq!(server.lines(), [full, path]);
}

#[test]
fn a_page_ends_with_its_cursor() {
    let operator = Operator::of(&Server::answering(|asked, _| pages(asked)));
    let ran = operator.run(&list(""));
    let lines: Vec<_> = ran.text().lines().collect();
    assert_eq!(lines.len(), 4, "{ran:?}");
    assert_eq!(
        lines[1].split_whitespace().collect::<Vec<_>>(),
        [
            "0190a8b8-c2d2-7c2c-8c2c-000000000001",
            "rotate-keys",
            "hook",
            "succeeded",
            "1/1",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:05Z"
        ]
    );
    assert_eq!(lines[3], "next_cursor: a.b~c");
    let last = operator.run(&list("--cursor x"));
    assert!(!last.text().contains("next_cursor"), "{last:?}");
}

#[test]
fn all_walks_to_the_end() {
    let server = Server::answering(|asked, _| pages(asked));
    let operator = Operator::of(&server);
    let text = operator.run(&list("--all"));
    assert!(text.is_fine(), "{text:?}");
    assert_eq!(text.text().lines().count(), 4);
    assert_eq!(server.asked().len(), 3);
    let all = operator.run(&list("--all --output json")).json();
    assert_eq!(all.as_object().map(|object| object.len()), Some(1));
    let odd: Vec<_> = all["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["odd"].clone())
        .collect();
    assert_eq!(odd, ["page 1", "page 2", "page 3"]);
}

#[test]
fn a_walk_that_fails_midway_prints_no_document() {
    let server = Server::answering(|asked, _| match asked.line.contains("cursor=last") {
        true => Answer::problem("500 Internal Server Error", "internal"),
        false => pages(asked),
    });
    Operator::of(&server)
        .run(&list("--all --output yaml"))
        .assert_failed(1);
    let circle = Server::always(Answer::json(&json!({"items": [], "next_cursor": "same"})));
    Operator::of(&circle)
        .run(&list("--all --output yaml"))
        .assert_failed(1);
}

#[test]
fn json_is_the_page_as_it_came() {
    let body = "{ \"next_cursor\":\"n\",\n \"items\":[] , \"new\": 1e2}";
    let ran = Operator::of(&Server::always(Answer::ok(body))).run(&list("--output json"));
    assert_eq!(ran.text(), format!("{body}\n"));
}

#[test]
fn reads_outlast_a_short_failure() {
    for first in [
        Answer::nothing(),
        Answer::problem("503 Service Unavailable", "datastore_unavailable"),
    ] {
        let server =
            Server::answering(move |asked, before| if before == 0 { first.clone() } else { pages(asked) });
        assert!(Operator::of(&server).run(&list("")).is_fine());
        assert_eq!(server.asked().len(), 2);
    }
}

#[test]
fn counts_come_from_the_server_or_from_the_targets() {
    let mut item = execution(&[target(NODE, Value::Null), target(EXECUTION, Value::Null)]);
    item["target_counts"] = json!({"succeeded": 7, "pending": 3});
    let mut uncounted = item.clone();
    uncounted
        .as_object_mut()
        .expect("an object")
        .remove("target_counts");
    let mut cut = uncounted.clone();
    cut["targets_truncated"] = json!(true);
    let server = Server::always(Answer::json(&json!({"items": [item, uncounted, cut]})));
    let ran = Operator::of(&server).run(&list(""));
    let column: Vec<_> = ran
        .text()
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(4))
        .collect();
    assert_eq!(column, ["7/10", "2/2", "2/2+"]);
}
