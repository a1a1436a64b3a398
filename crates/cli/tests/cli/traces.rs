//! Which trace a command's calls belong to.

use crate::actors::{Answer, EXECUTION, NODE, Operator, PROJECT, Server, execution, target};
use serde_json::json;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// What a command says with each of its calls.
fn said(server: &Server, operator: &Operator) -> Vec<String> {
    let before = server.asked().len();
    let ran = operator.run(&format!("exec-log get --project {PROJECT} --id {EXECUTION}"));
    assert!(ran.is_fine(), "{ran:?}");
    let asked = server.asked().split_off(before);
    let said = asked
        .iter()
        .map(|asked| asked.header("traceparent").expect("it is traced").to_owned());
    said.collect()
}

#[test]
fn calls_belong_to_the_trace_of_the_caller_or_to_one_of_their_own() {
    let server = Server::always(Answer::json(&execution(&[target(NODE, json!(null))])));
    let operator = Operator::of(&server).with("TRACEPARENT", CALLER);
    assert_eq!(
        said(&server, &operator),
        [CALLER],
        "as it is, also when it is not recorded"
    );
    for none in ["", "00-nonsense-\u{7f}"] {
        let operator = Operator::of(&server).with("TRACEPARENT", none);
        let [first, second] = [said(&server, &operator), said(&server, &operator)];
        assert_ne!(first, second, "each run is a trace");
        let parts: Vec<usize> = first[0].split('-').map(str::len).collect();
        assert_eq!(parts, [2, 32, 16, 2], "{first:?}");
        assert!(first[0].ends_with("-01"), "{first:?}");
    }
}
