//! `exec-log export`: a time range as a file.

use crate::actors::{Answer, Asked, NODE, Operator, PROJECT, Server, execution, inline, target};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::File;

fn export(more: &str) -> String {
    format!("exec-log export --project {PROJECT} {more}")
}

fn id(number: u32) -> String {
    format!("0190a8b8-c2d2-7c2c-8c2c-{number:012}")
}

/// An execution of the day, as the list shows it; the third is too wide for that.
fn item(day: u32) -> Value {
    let mut item = execution(&[target(NODE, Value::Null)]);
    item["id"] = json!(id(day));
    item["targets"][0]
        .as_object_mut()
        .expect("an object")
        .shift_remove("output_ref");
    item["created_at"] = json!(format!("2026-01-{day:02}T00:00:00Z"));
    item["parameters"] = json!({"day": day});
    if day == 3 {
        item["targets_truncated"] = json!(true);
    }
    item
}

/// Five days, newest first, two on a page; those of a time range where one is asked for.
fn days(asked: &Asked) -> Answer {
    if asked.line.contains(&id(3)) {
        let mut whole = item(3);
        whole["targets"] = json!([target(NODE, inline(b"out")), target(NODE, Value::Null)]);
        whole
            .as_object_mut()
            .expect("an object")
            .shift_remove("targets_truncated");
        return Answer::json(&whole);
    }
    let line = asked.line.replace("%3A", ":");
    let asked_for = |name: &str| {
        let (_, rest) = line.split_once(&format!("{name}="))?;
        rest.split(['&', ' ']).next().map(str::to_owned)
    };
    // Times of one form sort as texts do.
    let (from, before) = (asked_for("created_from"), asked_for("created_before"));
    let items: Vec<Value> = (1..=5)
        .rev()
        .map(item)
        .filter(|item| {
            let time = item["created_at"].as_str().expect("a time");
            from.as_ref().is_none_or(|from| time >= from.as_str())
                && before.as_ref().is_none_or(|before| time < before.as_str())
        })
        .collect();
    let page: usize = asked_for("cursor").map_or(0, |cursor| cursor.parse().expect("a cursor of ours"));
    let mut answer = json!({"items": items.chunks(2).nth(page).unwrap_or_default()});
    if items.len() > 2 * (page + 1) {
        answer["next_cursor"] = json!((page + 1).to_string());
    }
    Answer::json(&answer)
}

fn ids(lines: &str) -> Vec<(Value, usize)> {
    lines
        .lines()
        .map(|line| {
            let execution: Value = serde_json::from_str(line).expect("a line of JSON");
            let targets = execution["targets"].as_array().expect("targets").clone();
            assert!(
                targets.iter().all(|target| target.get("output_ref").is_none()),
                "{line}"
            );
            (execution["id"].clone(), targets.len())
        })
        .collect()
}

#[test]
fn an_export_is_the_list_of_a_time_range_with_every_target() {
    let server = Server::answering(|asked, _| days(asked));
    let operator = Operator::of(&server);
    let all = operator.run(&export(""));
    assert!(all.is_fine(), "{all:?}");
    let expected = |days: &[(u32, usize)]| {
        days.iter()
            .map(|(day, targets)| (json!(id(*day)), *targets))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ids(all.text()),
        expected(&[(5, 1), (4, 1), (3, 2), (2, 1), (1, 1)])
    );
    let first = serde_json::from_str::<Value>(all.text().lines().next().expect("a line")).expect("JSON");
    assert_eq!(first, item(5), "as the API gives it");

    let asked = server.asked().len();
    let some = operator.run(&export("--from 2026-01-02T00:00:01Z --to 2026-01-05T00:00:00Z"));
    assert_eq!(
        ids(some.text()),
        expected(&[(4, 1), (3, 2)]),
        "the end is not in it"
    );
    assert_eq!(
        server.asked().len() - asked,
        2,
        "what is outside is not asked for"
    );
    let some = operator.run(&export("--from 2026-01-02T00:00:00Z --to 2026-01-03T00:00:00Z"));
    assert_eq!(ids(some.text()), expected(&[(2, 1)]), "the beginning is");
    operator.run(&export("--from yesterday")).assert_failed(2);

    // A server that passes the bounds over must not make a wrong file.
    let ignorant = Server::answering(|_, _| Answer::json(&json!({"items": [item(5)]})));
    let operator = Operator::of(&ignorant);
    operator
        .run(&export("--to 2026-01-05T00:00:00Z"))
        .assert_failed(1);
}

#[test]
fn a_file_is_there_only_once_it_is_whole() {
    let server = Server::answering(|asked, _| match asked.line.contains("cursor=2") {
        true => days(asked).cut(5),
        false => days(asked),
    });
    let operator = Operator::of(&server);
    let folder = operator.home().join("exports");
    std::fs::create_dir(&folder).expect("a folder");
    let path = folder.join("log");
    for format in ["ndjson", "parquet"] {
        operator
            .run(&export(&format!("--format {format} --file {}", path.display())))
            .assert_failed(1);
        assert_eq!(
            std::fs::read_dir(&folder).expect("a folder").count(),
            0,
            "{format}: nothing is left"
        );
    }
    let whole = format!("--from 2026-01-02T00:00:01Z --file {}", path.display());
    assert!(operator.run(&export(&whole)).is_fine());
    assert_eq!(ids(&std::fs::read_to_string(&path).expect("a file")).len(), 3);
    operator.run(&export(&whole)).assert_failed(2);
    assert!(
        operator.run(&export(&format!("{whole} --yes"))).is_fine(),
        "replaced when asked to"
    );
}

#[test]
fn a_parquet_file_has_a_row_for_each_target() {
    let operator = Operator::of(&Server::answering(|asked, _| days(asked)));
    let path = operator.home().join("log.parquet");
    let ran = operator.run(&export(&format!("--format parquet --file {}", path.display())));
    assert!(ran.is_fine(), "{ran:?}");
    let file = SerializedFileReader::new(File::open(&path).expect("a file")).expect("Parquet");
    let rows: Vec<HashMap<String, Field>> = file
        .get_row_iter(None)
        .expect("rows")
        .map(|row| row.expect("a row").into_columns().into_iter().collect())
        .collect();
    let text = |text: &str| Field::Str(text.to_owned());
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row["execution_id"].clone(), row["parameters"].clone()))
        .collect();
    let expected = |day: u32| (text(&id(day)), text(&format!("{{\"day\":{day}}}")));
    assert_eq!(told, [5, 4, 3, 3, 2, 1].map(expected));
    assert_eq!(rows[0]["node_id"], text(NODE));
    assert_eq!(rows[0]["exit_code"], Field::Long(0));
    assert_eq!(rows[0]["selector"], Field::Null);
    let dispatched = rows[0]["created_at"].clone();
    assert_eq!(
        dispatched,
        Field::TimestampMicros(1_767_571_200_000_000),
        "2026-01-05"
    );
    let piped = operator.run(&export("--format parquet"));
    assert!(piped.is_fine());
    assert_eq!(
        piped.stdout,
        std::fs::read(&path).expect("a file"),
        "the same on stdout"
    );
}
