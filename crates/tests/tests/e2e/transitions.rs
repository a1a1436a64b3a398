//! Every report in every state, against the real server, compared with the rules (`plex_domain::execution`).

use plex_api::executions::ExecutionStatus;
use plex_domain::execution::{Invocation, Refusal, Report, TargetCounts, Verdict, judge};
use plex_tests::{ControlPlane, Dice, LIMIT, Operator, SimulatedNode};
use serde_json::{Value, json};
use uuid::Uuid;

/// A way to a state: the reports that lead there from `pending`.
const WAYS: [&[&str]; 11] = [
    &[],
    &["ack"],
    &["ack+20000"],
    &["ack", "started"],
    &["ack", "started+20000"],
    &["ack", "started", "started+20000"],
    &["failed"],
    &["ack", "failed"],
    &["ack", "started", "succeeded"],
    &["ack", "started", "failed"],
    &["ack", "started", "cancelled"],
];

/// What may come with a status.
const SHAPES: [&str; 6] = ["", "+5", "+16384", "+16385", "inline", "object"];

/// The body that a short form such as `started+20000` stands for.
fn body(status: &str, shape: &str) -> Value {
    let mut body = json!({"status": status});
    match shape {
        "" => {}
        "inline" => body["output"] = json!({"inline": plex_tests::base64(b"out")}),
        "object" => body["output"] = json!({"object_key": "uploads/elsewhere", "sha256": "0".repeat(64)}),
        declared => {
            body["declared_output_bytes"] = declared
                .trim_start_matches('+')
                .parse::<u64>()
                .expect("a number")
                .into()
        }
    }
    body
}

fn step(short: &str) -> Value {
    let (status, declared) = short.split_once('+').unwrap_or((short, ""));
    body(status, declared)
}

fn word(json: &Value) -> ExecutionStatus {
    json.as_str()
        .and_then(ExecutionStatus::parse)
        .unwrap_or_else(|| panic!("no status: {json}"))
}

fn digest(body: &Value) -> [u8; 32] {
    let text = body.to_string();
    ring::digest::digest(&ring::digest::SHA256, text.as_bytes())
        .as_ref()
        .try_into()
        .expect("32 bytes")
}

fn report(body: &Value) -> Report {
    let declared_bytes = body["declared_output_bytes"].as_u64();
    Report {
        status: word(&body["status"]),
        declared_bytes,
        digest: digest(body),
    }
}

fn is_declared(body: &Value) -> bool {
    body["declared_output_bytes"]
        .as_u64()
        .is_some_and(|bytes| bytes > 16_384)
}

/// An execution of one target, and the model of its invocation.
struct Case<'a> {
    admin: &'a Operator,
    node: &'a SimulatedNode,
    execution: Uuid,
    model: Invocation,
}

impl Case<'_> {
    /// Sends a report and checks the answer against the rules, then the log against the model.
    fn send(&mut self, body: &Value) {
        let answer = self.node.callback(self.execution, body);
        let text = format!("{:?} then {body}: {}", self.model.status, answer.text());
        let before = self.model.status;
        if body["output"].is_object() && !word(&body["status"]).is_terminal() {
            assert_eq!(
                answer.refusal(),
                (400, "malformed_execution_callback".to_owned()),
                "{text}"
            );
            return self.look();
        }
        match judge(&self.model, &report(body)) {
            Verdict::Advance if body["output"]["object_key"].is_string() => {
                assert_eq!(answer.refusal(), (422, "output_mismatch".to_owned()), "{text}");
            }
            Verdict::Advance => {
                self.model = Invocation {
                    status: word(&body["status"]),
                    last_report: Some(digest(body)),
                };
                self.accepted(body, &answer.expect(200).json());
            }
            Verdict::Declare => {
                self.model.last_report = Some(digest(body));
                self.accepted(body, &answer.expect(200).json());
            }
            Verdict::Replay => self.accepted(body, &answer.expect(200).json()),
            Verdict::Refuse(refusal) => {
                let code = match refusal {
                    Refusal::AlreadyTerminal => "execution_already_terminal",
                    Refusal::InvalidTransition | Refusal::NotReportable => "invalid_state_transition",
                };
                assert_eq!(answer.refusal(), (409, code.to_owned()), "{text}");
                assert_eq!(answer.json()["current_status"], before.as_str(), "{text}");
            }
        }
        self.look();
    }

    fn accepted(&self, body: &Value, answer: &Value) {
        assert_eq!(answer["status"], self.model.status.as_str(), "{body}");
        if !self.model.status.is_terminal() {
            assert_eq!(
                answer["output_upload_url"].is_string(),
                is_declared(body),
                "{body}: {answer}"
            );
        }
    }

    fn look(&self) {
        let seen = self.admin.execution(self.execution);
        assert_eq!(seen["targets"][0]["status"], self.model.status.as_str());
        let mut counts = TargetCounts::default();
        counts.add(self.model.status, 1);
        assert_eq!(seen["status"], counts.aggregate().as_str());
        assert_eq!(
            seen["targets"][0]["finished_at"].is_string(),
            self.model.status.is_terminal(),
            "{seen}"
        );
    }
}

#[test]
fn every_report_in_every_state() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    std::thread::scope(|scope| {
        for (number, way) in WAYS.iter().enumerate() {
            let (admin, control_plane) = (&admin, &control_plane);
            scope.spawn(move || {
                let node = SimulatedNode::register(control_plane, &format!("n{number}"));
                for status in ExecutionStatus::ALL {
                    for shape in SHAPES {
                        let model = Invocation {
                            status: ExecutionStatus::Pending,
                            last_report: None,
                        };
                        let execution = admin.dispatch(node.id, "probe");
                        let mut case = Case {
                            admin,
                            node: &node,
                            execution,
                            model,
                        };
                        way.iter().for_each(|short| case.send(&step(short)));
                        assert_eq!(
                            case.model.status.as_str(),
                            way.last().map_or("pending", |last| {
                                last.split_once('+').map_or(*last, |(status, _)| status)
                            })
                        );
                        case.send(&body(status.as_str(), shape));
                    }
                }
            });
        }
    });
}

#[test]
fn nothing_follows_a_timeout() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let node = SimulatedNode::register(&control_plane, "n");
    let overdue = json!({"action": "probe", "node_id": node.id, "timeout_seconds": 1});
    let reports: Vec<_> = ExecutionStatus::ALL
        .into_iter()
        .flat_map(|status| SHAPES.map(|shape| body(status.as_str(), shape)))
        .collect();
    let executions: Vec<_> = reports.iter().map(|_| admin.dispatched(&overdue)).collect();
    // What was reported before the deadline is no exception.
    executions
        .iter()
        .step_by(2)
        .for_each(|id| drop(node.callback(*id, &json!({"status": "ack"})).expect(200)));
    for (execution, body) in executions.into_iter().zip(&reports) {
        admin.wait_for(execution, |json| json["status"] == "timeout", LIMIT);
        let model = Invocation {
            status: ExecutionStatus::Timeout,
            last_report: None,
        };
        let mut case = Case {
            admin: &admin,
            node: &node,
            execution,
            model,
        };
        case.send(body);
        if body == &json!({"status": "ack"}) {
            case.send(&json!({"status": "ack"}));
        }
    }
}

#[test]
fn what_is_no_report_is_refused_before_its_state_is_looked_at() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let node = SimulatedNode::register(&control_plane, "n");
    let execution = admin.dispatch(node.id, "probe");
    let malformed = (400, "malformed_execution_callback".to_owned());
    for text in [
        "",
        "{",
        "[]",
        "null",
        r#"{}"#,
        r#"{"status":"done"}"#,
        r#"{"status":"Ack"}"#,
        r#"{"status":null}"#,
        r#"{"status":"ack","status":"ack"}"#,
        r#"{"status":"ack","declared_output_bytes":-1}"#,
        r#"{"status":"ack","declared_output_bytes":"5"}"#,
        r#"{"status":"ack","output_sha256":"zz"}"#,
        r#"{"status":"failed","exit_code":1.5}"#,
        r#"{"status":"failed","output":{"inline":"not base64"}}"#,
        r#"{"status":"failed","output":{"inline":"aGk"}}"#,
        r#"{"status":"failed","output":{"object_key":"k"}}"#,
        r#"{"status":"failed","output":{"inline":"aGk=","object_key":"k"}}"#,
        r#"{"status":"ack"} x"#,
    ] {
        assert_eq!(
            node.callback_raw(execution, text.as_bytes()).refusal(),
            malformed,
            "{text}"
        );
    }
    let long = json!({"status": "failed", "error": "e".repeat(4097)});
    assert_eq!(node.callback(execution, &long).refusal(), malformed);
    let huge = format!(r#"{{"status":"ack"{}}}"#, " ".repeat(96 * 1024));
    assert_eq!(node.callback_raw(execution, huge.as_bytes()).refusal().0, 413);
    let stranger = Uuid::now_v7();
    let unknown = node.callback(stranger, &json!({"status": "ack"}));
    assert_eq!(unknown.refusal(), (404, "execution_not_found".to_owned()));
    assert_eq!(admin.execution(execution)["status"], "pending");
    let just = json!({"status": "failed", "error": "é".repeat(4096)});
    node.callback(execution, &just).expect(200);
    assert_eq!(admin.execution(execution)["targets"][0]["error"], just["error"]);
}

#[test]
fn the_aggregate_is_the_function_of_its_targets_along_random_walks() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let labels = json!({"walk": "yes"});
    let nodes: Vec<_> = (0..4)
        .map(|n| SimulatedNode::labelled(&control_plane, &format!("n{n}"), &labels))
        .collect();
    for seed in 0..12 {
        let mut dice = Dice::new(seed);
        let execution = admin.dispatched(&json!({"action": "probe", "selector": "walk=yes"}));
        let mut models = [Invocation {
            status: ExecutionStatus::Pending,
            last_report: None,
        }; 4];
        for _ in 0..20 {
            let which = usize::try_from(dice.below(4)).unwrap();
            // Words that make progress come more often, so that walks get to their end.
            let words = [
                "ack",
                "started",
                "succeeded",
                "failed",
                "cancelled",
                "ack",
                "started",
                "timeout",
                "pending",
            ];
            let status = words[usize::try_from(dice.below(9)).unwrap()];
            let body = body(status, ["", "+20000"][usize::try_from(dice.below(2)).unwrap()]);
            let case = report(&body);
            let verdict = judge(&models[which], &case);
            let answer = nodes[which].callback(execution, &body);
            assert_eq!(
                answer.status == 200,
                !matches!(verdict, Verdict::Refuse(_)),
                "seed {seed}: {body}"
            );
            match verdict {
                Verdict::Advance => {
                    models[which] = Invocation {
                        status: case.status,
                        last_report: Some(case.digest),
                    }
                }
                Verdict::Declare => models[which].last_report = Some(case.digest),
                Verdict::Replay | Verdict::Refuse(_) => {}
            }
            assert_counts(&admin.execution(execution), &nodes, &models);
        }
    }
}

fn assert_counts(seen: &Value, nodes: &[SimulatedNode], models: &[Invocation]) {
    let mut counts = TargetCounts::default();
    for (node, model) in nodes.iter().zip(models) {
        counts.add(model.status, 1);
        let targets = seen["targets"].as_array().expect("targets");
        let target = targets
            .iter()
            .find(|target| target["node_id"] == node.id.to_string())
            .expect("its target");
        assert_eq!(target["status"], model.status.as_str());
    }
    assert_eq!(seen["status"], counts.aggregate().as_str(), "{seen}");
    let shown = seen["target_counts"].as_object().expect("counts");
    for (status, count) in counts.iter() {
        assert_eq!(
            shown.get(status.as_str()).and_then(Value::as_u64).unwrap_or(0),
            u64::from(count),
            "{seen}"
        );
    }
}

#[test]
fn a_report_and_the_deadline_never_both_win() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let node = SimulatedNode::register(&control_plane, "n");
    let overdue = json!({"action": "probe", "node_id": node.id, "timeout_seconds": 1});
    let executions: Vec<_> = (0..60).map(|_| admin.dispatched(&overdue)).collect();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let senders: Vec<_> = executions
            .iter()
            .zip(0_u32..)
            .map(|(execution, n)| {
                let node = &node;
                // The deadline is enforced 5 s to 8 s after it passed; the reports fall before, into and after it.
                let pause =
                    std::time::Duration::from_millis(5_000) + n * std::time::Duration::from_millis(75);
                scope.spawn(move || {
                    std::thread::sleep(pause);
                    node.callback(*execution, &json!({"status": "failed", "exit_code": n}))
                })
            })
            .collect();
        senders
            .into_iter()
            .map(|sender| sender.join().expect("an answer"))
            .collect()
    });
    for ((execution, answer), n) in executions.iter().zip(&answers).zip(0_u32..) {
        let target = admin.ended(*execution)["targets"][0].clone();
        if answer.status == 200 {
            assert_eq!(
                (&target["status"], &target["exit_code"]),
                (&"failed".into(), &n.into()),
                "{n}"
            );
        } else {
            assert_eq!(
                answer.refusal(),
                (409, "execution_already_terminal".to_owned()),
                "{n}"
            );
            assert_eq!(answer.json()["current_status"], "timeout", "{n}");
            assert_eq!(
                (&target["status"], target.get("exit_code")),
                (&"timeout".into(), None),
                "{n}"
            );
        }
    }
}
