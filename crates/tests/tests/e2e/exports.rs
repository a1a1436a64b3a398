//! `exec-log export`: both forms of a file tell the same.

use jiff::Timestamp;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use plex_tests::{ControlPlane, LIMIT, SimulatedNode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

type Row = BTreeMap<String, String>;

/// The rows of a Parquet file.
fn rows(file: &Path) -> Vec<Row> {
    let file = SerializedFileReader::new(File::open(file).expect("a file")).expect("Parquet");
    let rows = file.get_row_iter(None).expect("rows");
    rows.map(|row| {
        let columns = row.expect("a row").into_columns().into_iter();
        columns
            .map(|(name, field)| (name, format!("{field:?}")))
            .collect()
    })
    .collect()
}

fn text(value: &Value) -> Field {
    let text = value.as_str();
    text.map_or(Field::Null, |text| Field::Str(text.to_owned()))
}

fn number(value: &Value) -> Field {
    value.as_i64().map_or(Field::Null, Field::Long)
}

fn time(value: &Value) -> Field {
    value.as_str().map_or(Field::Null, |text| {
        let time: Timestamp = text.parse().expect("a time");
        Field::TimestampMicros(time.as_microsecond())
    })
}

fn document(value: Option<&Value>) -> Field {
    value.map_or(Field::Null, |value| Field::Str(value.to_string()))
}

/// The row that a target of an execution ought to be.
fn expected(execution: &Value, target: &Value) -> Row {
    let columns = [
        ("execution_id", text(&execution["id"])),
        ("project_id", text(&execution["project_id"])),
        ("domain_id", text(&execution["domain_id"])),
        ("action", text(&execution["action"])),
        ("type", text(&execution["type"])),
        ("execution_status", text(&execution["status"])),
        ("created_at", time(&execution["created_at"])),
        ("updated_at", time(&execution["updated_at"])),
        ("expires_at", time(&execution["expires_at"])),
        ("timeout_seconds", number(&execution["timeout_seconds"])),
        ("dispatched_by", text(&execution["dispatched_by"])),
        ("selector", text(&execution["selector"])),
        ("parameters", document(execution.get("parameters"))),
        ("node_id", text(&target["node_id"])),
        ("node_name", text(&target["node_name"])),
        ("status", text(&target["status"])),
        ("status_at", time(&target["updated_at"])),
        ("started_at", time(&target["started_at"])),
        ("finished_at", time(&target["finished_at"])),
        ("exit_code", number(&target["exit_code"])),
        ("error", text(&target["error"])),
    ];
    let columns = columns.map(|(name, field)| (name.to_owned(), format!("{field:?}")));
    columns.into_iter().collect()
}

#[test]
fn a_range_has_the_same_rows_as_parquet_and_as_lines() {
    let control_plane = ControlPlane::start();
    let labels = json!({"tier": "web"});
    let nodes: Vec<_> = (0..3)
        .map(|n| SimulatedNode::labelled(&control_plane, &format!("n{n}"), &labels))
        .collect();
    let (admin, project) = (control_plane.admin(), control_plane.project_id().to_string());
    let probe = |more: Value| {
        let mut body = json!({"action": "probe", "node_id": nodes[0].id});
        let more = more.as_object().expect("an object");
        body.as_object_mut().expect("an object").extend(more.clone());
        admin.dispatched(&body)
    };
    probe(json!({}));
    let wide = admin.dispatched(&json!({"action": "probe", "selector": "tier=web"}));
    nodes[0].succeed(wide, b"\xff out");
    nodes[1].begin(wide);
    let failure = json!({"status": "failed", "exit_code": 3, "error": "no \"room\"\n\u{2028}left"});
    nodes[1].callback(wide, &failure).expect(200);
    let asked = probe(json!({"parameters": {"depth": 3}}));
    let missed = probe(json!({"timeout_seconds": 1}));
    admin.wait_for(missed, |json| json["status"] == "timeout", LIMIT);
    let after = probe(json!({}));

    let created = |execution| {
        admin.execution(execution)["created_at"]
            .as_str()
            .map(str::to_owned)
    };
    let (from, to) = (created(wide).expect("a time"), created(after).expect("a time"));
    let file = |name: &str| admin.home().join(name);
    let export = |format: &str| {
        let file = file(format);
        let (file, range) = (file.to_str().expect("UTF-8"), ["--from", &from, "--to", &to]);
        let what = ["exec-log", "export", "--project", &project, "--format", format];
        admin
            .plexctl(&[&what[..], &range, &["--file", file]].concat())
            .expect(0);
    };
    export("ndjson");
    export("parquet");
    let lines = std::fs::read_to_string(file("ndjson")).expect("a file");
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let ids: Vec<_> = lines.iter().map(|line| line["id"].clone()).collect();
    assert_eq!(json!(ids), json!([missed, asked, wide]));
    let targets = |line: &Value| line["targets"].as_array().expect("targets").clone();
    let wanted: Vec<Row> = lines
        .iter()
        .flat_map(|line| targets(line).into_iter().map(|target| expected(line, &target)))
        .collect();
    assert_eq!(wanted.len(), 1 + 1 + 3);
    assert_eq!(rows(&file("parquet")), wanted);
}
