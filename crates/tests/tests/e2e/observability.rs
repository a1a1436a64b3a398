//! What is seen from outside of what goes on inside: metrics, traces, the access log.

use http::Method;
use plex_api::paths;
use plex_tests::{Agent, ControlPlane, LIMIT, Ran, SimulatedNode, StandIn, Web, until};
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::io::Write as _;
use uuid::Uuid;

const METRICS: &[&str] = &["--metrics-listen", "127.0.0.1:0"];

/// The count of requests to a route.
fn requests(method: &str, route: &str, status: &str) -> String {
    format!(
        "plexsphere_http_request_duration_seconds_count{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"
    )
}

#[test]
fn one_execution_moves_the_counters_by_exactly_what_it_did() {
    let control_plane = ControlPlane::start_with(METRICS);
    let (admin, node) = (
        control_plane.admin(),
        SimulatedNode::register(&control_plane, "web-1"),
    );
    let mut events = node.events();
    assert_eq!(events.line().as_deref(), Some(":connected"));
    let before = control_plane.metrics();
    let id = admin.dispatch(node.id, "probe");
    assert!(events.action_request().is_some());
    node.succeed(id, b"done");
    // A report that came again is a report, and changes nothing.
    let repeated =
        json!({"status": "succeeded", "exit_code": 0, "output": {"inline": plex_tests::base64(b"done")}});
    node.callback(id, &repeated).expect(200);
    let after = control_plane.metrics();
    let dispatch = "/v1/projects/{project_id}/executions/dispatch";
    let callback = "/v1/nodes/{id}/executions/{execution_id}";
    for (series, more) in [
        (requests("POST", dispatch, "2xx"), 1.0),
        (requests("POST", callback, "2xx"), 4.0),
        (requests("POST", callback, "4xx"), 0.0),
        ("plexsphere_dispatch_duration_seconds_count".to_owned(), 1.0),
        ("plexsphere_dispatch_targets_sum".to_owned(), 1.0),
        ("plexsphere_dispatch_targets_bucket{le=\"1\"}".to_owned(), 1.0),
        ("plexsphere_delivery_duration_seconds_count".to_owned(), 1.0),
        ("plexsphere_callback_duration_seconds_count".to_owned(), 4.0),
        ("plexsphere_callback_commit_batch_size_sum".to_owned(), 4.0),
        ("plexsphere_late_results_total".to_owned(), 0.0),
        (
            "plexsphere_denials_total{reason=\"out_of_scope\"}".to_owned(),
            0.0,
        ),
    ] {
        assert_eq!(after.since(&before, &series), more, "{series}");
    }
    assert_eq!(after.value("plexsphere_streams"), 1.0);
    assert!(after.value("plexsphere_connections") >= 2.0);
    assert!(after.value("process_open_fds") > 10.0);
    assert_eq!(after.value("plexsphere_callback_queue_depth"), 0.0);
    for queue in ["write", "report", "read"] {
        let depth = format!("plexsphere_database_queue_depth{{queue=\"{queue}\"}}");
        until("the queues to be empty", LIMIT, || {
            let metrics = control_plane.metrics();
            assert!(metrics.series().any(|series| series == depth), "{depth}");
            (metrics.value(&depth) == 0.0).then_some(())
        });
    }
    drop(events);
    until("the stream to be gone", LIMIT, || {
        (control_plane.metrics().value("plexsphere_streams") == 0.0).then_some(())
    });
}

#[test]
fn the_lag_of_the_deadlines_grows_until_they_are_looked_at_again() {
    let control_plane = ControlPlane::start_with(METRICS);
    let lag = || control_plane.metrics().value("plexsphere_deadlines_lag_seconds");
    let mut last = lag();
    let mut turns_to = |towards: Ordering, what: &str| {
        until(what, LIMIT, || {
            let before = std::mem::replace(&mut last, lag());
            (last.total_cmp(&before) == towards).then_some(())
        });
    };
    for _ in 0..2 {
        turns_to(Ordering::Greater, "the lag to grow");
        turns_to(Ordering::Less, "everything overdue to be ended");
    }
}

#[test]
fn labels_stay_the_same_whatever_is_asked_for() {
    let control_plane = ControlPlane::start_with(METRICS);
    let admin = control_plane.admin();
    let ask = |round: u32| {
        for path in [
            format!("/{round}"),
            format!("/v1/domains/d-{round}"),
            format!("/v1/nodes/{}", Uuid::now_v7()),
        ] {
            admin.get(&path);
            for method in ["GET".to_owned(), format!("BREW-{round}")] {
                let mut raw = control_plane.raw();
                let head =
                    format!("{method} {path} HTTP/1.1\r\nHost: h-{round}\r\nUser-Agent: a-{round}\r\n");
                raw.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())
                    .unwrap();
                raw.rest();
            }
        }
        let metrics = control_plane.metrics();
        metrics.series().map(str::to_owned).collect::<Vec<_>>()
    };
    let first = ask(1);
    assert_eq!(ask(2), first);
    assert!(first.iter().any(|series| series.contains("route=\"none\"")));
}

#[test]
fn the_metrics_listener_has_two_paths_and_the_api_none_of_them() {
    let control_plane = ControlPlane::start_with(METRICS);
    let url = control_plane
        .metrics_url()
        .strip_suffix("/metrics")
        .unwrap()
        .to_owned();
    let web = Web::in_clear(&url);
    let health = web.send(&Method::GET, "/healthz", &[], None).expect(200);
    assert_eq!(health.text(), "ok\n");
    for path in ["/", "/v1/whoami", "/v1/health"] {
        assert_eq!(web.send(&Method::GET, path, &[], None).status, 404, "{path}");
    }
    assert_eq!(web.send(&Method::POST, "/metrics", &[], None).status, 405);
    control_plane.admin().get("/metrics").expect(404);
}

#[test]
fn the_access_log_has_a_line_for_each_request_and_no_path() {
    let control_plane = ControlPlane::start_logging(&[], Some("info,access=debug"));
    let answer = control_plane.web().send(
        &Method::GET,
        "/v1/domains/canary-in-a-path",
        &[(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )],
        None,
    );
    let id = answer.header("x-correlation-id").unwrap();
    let log = control_plane.log();
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let lines: Vec<Value> = lines
        .filter(|line| line["fields"]["correlation.id"] == id)
        .collect();
    let fields = &lines.iter().find(|line| line["target"] == "access").unwrap()["fields"];
    assert_eq!(fields["http.route"], "/v1/domains/{id}");
    assert_eq!(fields["http.status"], answer.status);
    assert_eq!(fields["trace.id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert!(!log.contains("canary-in-a-path"));
}

/// One span as a collector has it.
#[derive(Debug, Clone)]
struct Span {
    service: String,
    name: String,
    trace: String,
    id: String,
    parent: String,
    json: Value,
}

/// All spans so far.
fn spans(collector: &StandIn) -> Vec<Span> {
    let mut spans = Vec::new();
    for body in collector.bodies() {
        let body: Value = serde_json::from_slice(&body).expect("OTLP's JSON");
        let resource = &body["resourceSpans"][0];
        let service = &resource["resource"]["attributes"][0];
        assert_eq!(service["key"], "service.name");
        for span in resource["scopeSpans"][0]["spans"].as_array().expect("spans") {
            let text = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
            spans.push(Span {
                service: service["value"]["stringValue"]
                    .as_str()
                    .expect("a name")
                    .to_owned(),
                name: text("name"),
                trace: text("traceId"),
                id: text("spanId"),
                parent: text("parentSpanId"),
                json: span.clone(),
            });
        }
    }
    spans
}

#[test]
fn one_execution_is_one_trace_from_the_operator_to_the_node_and_back() {
    let collector = StandIn::answering(200, "application/json", b"{}");
    let url = collector.url();
    let otlp = ["--otlp-endpoint", url.as_str()];
    let mut control_plane = ControlPlane::start_with(&otlp);
    let mut agent = Agent::start_with(&control_plane, "traced", &otlp);
    agent.hook("large", "#!/bin/sh\nhead -c 20000 /dev/zero\n");
    let admin = control_plane.admin();
    let (project, node) = (admin.project_id.to_string(), agent.node_id().to_string());
    let what = [
        "action",
        "dispatch",
        "--project",
        &project,
        "--node",
        &node,
        "--action",
        "large",
    ];
    let mut command = admin.command(&[&what[..], &["--type", "hook", "--output", "json"]].concat());
    command.env(
        "TRACEPARENT",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    let ran = Ran::of(command, b"").expect(0);
    let dispatched: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let id: Uuid = dispatched["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(admin.ended(id)["status"], "succeeded");
    // Both send what is left before they end.
    assert!(agent.terminate().success());
    assert!(control_plane.terminate().success());
    let all = spans(&collector);
    let trace = id.simple().to_string();
    let of_execution: Vec<&Span> = all.iter().filter(|span| span.trace == trace).collect();
    let named = |service: &str, name: &str| -> Vec<&Span> {
        let found = of_execution
            .iter()
            .filter(|span| (span.service.as_str(), span.name.as_str()) == (service, name));
        found.copied().collect()
    };
    let only = |service: &str, name: &str| -> &Span {
        let found = named(service, name);
        assert_eq!(found.len(), 1, "{service} {name}: {of_execution:#?}");
        found[0]
    };
    let root = only("plexsphere", "execution");
    assert_eq!(root.parent, "");
    let request = all
        .iter()
        .find(|span| span.name.ends_with("/executions/dispatch"))
        .unwrap();
    assert_eq!(
        (request.trace.as_str(), request.parent.as_str()),
        ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    );
    let link = &root.json["links"][0];
    assert_eq!(
        (&link["traceId"], &link["spanId"]),
        (&request.trace.as_str().into(), &request.id.as_str().into())
    );
    assert_eq!(only("plexsphere", "deliver").parent, root.id);
    let invocation = only("plexd", "invocation");
    assert_eq!(invocation.parent, root.id);
    for step in ["queue", "run", "upload"] {
        assert_eq!(only("plexd", step).parent, invocation.id, "{step}");
    }
    let reports = named("plexd", "report");
    assert_eq!(reports.len(), 3, "acknowledged, started, ended");
    assert!(reports.iter().all(|report| report.parent == invocation.id));
    // Each report, and the declaration of the upload, reaches the server below the span that sent it.
    let received = named("plexsphere", "POST /v1/nodes/{id}/executions/{execution_id}");
    let senders = reports
        .iter()
        .map(|span| &span.id)
        .chain([&only("plexd", "upload").id]);
    let mut senders: Vec<&String> = senders.collect();
    let mut parents: Vec<&String> = received.iter().map(|span| &span.parent).collect();
    senders.sort();
    parents.sort();
    assert_eq!(parents, senders);
    for callback in named("plexsphere", "callback") {
        assert!(received.iter().any(|request| request.id == callback.parent));
    }
    for span in &all {
        let time = |name: &str| span.json[name].as_str().unwrap().parse::<u64>().unwrap();
        assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"), "{span:?}");
        assert!(!span.parent.is_empty() || span.id == root.id, "{span:?}");
    }
}

#[test]
fn a_collector_that_is_away_holds_nobody_up() {
    let otlp = ["--otlp-endpoint", "http://127.0.0.1:9", METRICS[0], METRICS[1]];
    let mut control_plane = ControlPlane::start_with(&otlp);
    let admin = control_plane.admin();
    let node = SimulatedNode::register(&control_plane, "web-1");
    let id = admin.dispatch(node.id, "probe");
    node.succeed(id, b"");
    // The root, and three callbacks.
    until("spans to be given up", LIMIT, || {
        (control_plane.metrics().value("plexsphere_spans_dropped_total") >= 4.0).then_some(())
    });
    assert_eq!(admin.execution(id)["status"], "succeeded");
    assert!(admin.get(paths::WHOAMI).status == 200 && control_plane.terminate().success());
}
