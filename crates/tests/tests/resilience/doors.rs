//! The doors of the listener, knocked at with raw bytes: what is ambiguous, endless or too much is refused with a
//! problem document, and costs the server next to nothing.

use plex_api::paths;
use plex_tests::{ControlPlane, SimulatedNode};
use serde_json::Value;
use std::io::{ErrorKind, Write as _};

/// Sends these bytes, and reads what comes until the server closes.
fn say(control_plane: &ControlPlane, bytes: &[u8]) -> String {
    let mut connection = control_plane.raw();
    match connection.write_all(bytes).and_then(|()| connection.flush()) {
        Ok(()) => {}
        // The server may stop listening before everything is said.
        Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {}
        Err(error) => panic!("cannot say it: {error}"),
    }
    String::from_utf8(connection.rest()).expect("an answer is text")
}

#[track_caller]
fn assert_refused(answer: &str, status: u16, code: &str) {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {answer:?}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    let head = head.to_ascii_lowercase();
    assert!(
        head.contains("content-type: application/problem+json"),
        "{answer}"
    );
    let problem: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&code.into(), &status.into()),
        "{answer}"
    );
    let correlation = problem["correlation_id"].as_str().expect("a correlation id");
    assert!(
        head.contains(&format!("x-correlation-id: {correlation}")),
        "{answer}"
    );
}

#[test]
fn what_has_two_readings_is_refused() {
    let control_plane = ControlPlane::start();
    let health = paths::HEALTH;
    let project = paths::PROJECTS;
    for request in [
        format!("GET {health} HTTP/1.1\r\n\r\n"),
        format!("GET {health} HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        format!("GET {health} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        format!(
            "POST {project} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        format!("POST {project} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("POST {project} HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{{}}"),
        format!("POST {project} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        format!("GET {health} HTTP/1.1\nHost: a\n\n"),
        format!("GET {health} HTTP/1.1\r\nHost: a\r\nX: one\r\n two\r\n\r\n"),
    ] {
        assert_refused(&say(&control_plane, request.as_bytes()), 400, "malformed_request");
    }
    let good = format!("GET {health} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(say(&control_plane, good.as_bytes()).starts_with("HTTP/1.1 200 "));
}

#[test]
fn nothing_hides_behind_a_refused_request() {
    let control_plane = ControlPlane::start();
    let smuggled = format!(
        "POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET {} HTTP/1.1\r\nHost: a\r\n\r\n",
        paths::PROJECTS,
        paths::HEALTH
    );
    let answer = say(&control_plane, smuggled.as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[test]
fn a_head_that_is_too_large_or_too_slow_is_refused() {
    let control_plane = ControlPlane::start();
    let health = paths::HEALTH;
    let large = format!(
        "GET {health} HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(500_000)
    );
    assert_refused(
        &say(&control_plane, large.as_bytes()),
        431,
        "request_head_too_large",
    );
    let many = "X: y\r\n".repeat(200);
    let many = format!("GET {health} HTTP/1.1\r\nHost: a\r\n{many}\r\n");
    assert_refused(
        &say(&control_plane, many.as_bytes()),
        431,
        "request_head_too_large",
    );
    // Nothing more is said; the server has to lose its patience by itself.
    let slow = format!("GET {health} HTTP/1.1\r\nHost: a\r\nX: ");
    assert_refused(&say(&control_plane, slow.as_bytes()), 408, "request_timeout");
    control_plane.admin().get(paths::WHOAMI).expect(200);
}

#[test]
fn a_body_that_stops_arriving_is_given_up() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "stalled");
    let execution = control_plane.admin().dispatch(node.id, "probe");
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 16\r\n\r\n{{\"status\":",
        paths::callback(node.id, execution),
        node.bearer
    );
    assert_refused(&say(&control_plane, head.as_bytes()), 408, "request_timeout");
    assert_eq!(control_plane.admin().execution(execution)["status"], "pending");
}

#[test]
fn a_content_coding_is_refused() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let path = paths::dispatch(admin.project_id);
    for coding in ["gzip", "br", "zstd", "deflate", "gzip, identity"] {
        let refused = admin.post_raw(&path, b"\x1f\x8b\x08\0\0\0\0\0", &[("content-encoding", coding)]);
        assert_eq!(
            refused.refusal(),
            (415, "unsupported_media_type".to_owned()),
            "{coding}"
        );
    }
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        let headers = [("content-type", media_type)];
        let refused = admin.send(&http::Method::POST, &path, &headers, Some(b"{}"));
        assert_eq!(
            refused.refusal(),
            (415, "unsupported_media_type".to_owned()),
            "{media_type}"
        );
    }
}

#[test]
fn a_body_is_utf_8_also_where_nobody_looks() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let node = SimulatedNode::register(&control_plane, "node");
    let execution = admin.dispatch(node.id, "probe");
    let refused = node.callback_raw(execution, b"{\"status\":\"ack\",\"unknown\":\"\xff\"}");
    assert_eq!(
        refused.refusal(),
        (400, "malformed_execution_callback".to_owned())
    );
    let mut order = format!(r#"{{"action":"probe","node_id":"{}","unknown":"?"}}"#, node.id).into_bytes();
    let at = order
        .iter()
        .position(|byte| *byte == b'?')
        .expect("it was just put there");
    order[at] = 0xff;
    let refused = admin.post_raw(&paths::dispatch(admin.project_id), &order, &[]);
    assert_eq!(refused.refusal(), (400, "invalid_body".to_owned()));
    node.callback_raw(
        execution,
        "{\"status\":\"ack\",\"unknown\":\"\u{fc}\"}".as_bytes(),
    )
    .expect(200);
}

#[test]
fn a_body_is_an_object_and_not_the_list_of_its_values() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let node = SimulatedNode::register(&control_plane, "node");
    let execution = admin.dispatch(node.id, "probe");
    for body in [
        r#"["ack"]"#,
        " \r\n\t[\"ack\",null,null,null,null,null]",
        "[]",
        r#""ack""#,
        "null",
        "7",
        "",
    ] {
        let refused = node.callback_raw(execution, body.as_bytes());
        assert_eq!(
            refused.refusal(),
            (400, "malformed_execution_callback".to_owned()),
            "{body}"
        );
    }
    assert_eq!(admin.execution(execution)["status"], "pending");
}

#[test]
fn an_endless_body_is_refused_at_its_ceiling_and_takes_no_memory() {
    const GIGABYTE: u64 = 1_000_000_000;
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let head = |length: &str| {
        format!(
            "POST {} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n{length}\r\n\r\n",
            paths::dispatch(admin.project_id),
            admin.token
        )
    };
    admin.get(paths::WHOAMI).expect(200);
    let before = most_memory(&control_plane);
    for _ in 0..8 {
        let mut sized = head(&format!("Content-Length: {GIGABYTE}")).into_bytes();
        sized.resize(sized.len() + 300_000, b' ');
        assert_refused(&say(&control_plane, &sized), 413, "request_body_too_large");
        let mut chunked = head("Transfer-Encoding: chunked").into_bytes();
        for _ in 0..40 {
            chunked.extend_from_slice(b"2000\r\n");
            chunked.resize(chunked.len() + 0x2000, b' ');
            chunked.extend_from_slice(b"\r\n");
        }
        assert_refused(&say(&control_plane, &chunked), 413, "request_body_too_large");
    }
    let grown = most_memory(&control_plane) - before;
    assert!(grown < 32 * 1024, "{grown} KiB more than before");
}

/// The most resident memory that the server ever had, in KiB.
fn most_memory(control_plane: &ControlPlane) -> u64 {
    let path = format!("/proc/{}/status", control_plane.pid());
    let status = std::fs::read_to_string(path).expect("the server runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("Linux tells");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
