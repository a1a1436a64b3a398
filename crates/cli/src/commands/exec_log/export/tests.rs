use super::*;

fn execution(number: u32, targets: usize) -> String {
    let id = format!("0190a8b8-c2d2-7c2c-8c2c-{number:012}");
    let target = format!(
        r#"{{"node_id":"{id}","status":"failed","created_at":"2026-01-01T00:00:00Z",
        "updated_at":"2026-01-01T00:00:01Z","error":"no\u0007","output_ref":{{"kind":"inline","inline_bytes":"AA=="}}}}"#
    );
    let targets = vec![target; targets].join(",");
    format!(
        r#"{{"id":"{id}","project_id":"{id}","domain_id":"{id}","action":"a","type":"builtin","status":"failed",
        "created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:01Z","parameters":{{"n":1.0,"t":"{}"}},
        "targets":[{targets}],"late":"\u202e"}}"#,
        "\u{202e}"
    )
}

fn write(writer: &mut dyn Writer, body: &str) -> usize {
    execution_stream::read(body.as_bytes(), writer).unwrap();
    writer.take().len()
}

#[test]
fn a_line_is_the_execution_without_outputs_and_steers_no_terminal() {
    let mut lines = Lines::default();
    for (number, targets) in [(1, 0), (2, 2)] {
        let body = execution(number, targets);
        execution_stream::read(body.as_bytes(), &mut lines as &mut dyn Writer).unwrap();
        let line = String::from_utf8(lines.take()).unwrap();
        assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
        assert!(
            !line.contains('\u{202e}') && line.contains(r#""n":1.0"#),
            "{line}"
        );
        let mut expected: serde_json::Value = serde_json::from_str(&body).unwrap();
        for target in expected["targets"].as_array_mut().unwrap() {
            target.as_object_mut().unwrap().shift_remove("output_ref");
        }
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&line).unwrap(),
            expected
        );
    }
}

/// Whatever is exported, what is kept is a row group.
#[test]
fn rows_are_written_in_groups() {
    let mut rows = Rows::new().unwrap();
    let written: Vec<usize> = (0..6)
        .map(|number| write(&mut rows, &execution(number, 4_000)))
        .collect();
    let groups: Vec<bool> = written.iter().map(|bytes| *bytes > 0).collect();
    assert_eq!(groups, [false, false, true, false, true, false], "{written:?}");
    rows.finish().unwrap();
    assert!(!rows.take().is_empty());
}
