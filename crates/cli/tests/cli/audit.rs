//! The audit chain: filters, untrusted text, long walks, exports that break off.

use crate::actors::{Answer, Asked, Operator, PROJECT, Server};
use serde_json::{Value, json};

const HASH: &str = "abababababababababababababababababababababababababababababababab";

fn entry(seq: u64) -> Value {
    json!({"seq": seq, "domain_id": PROJECT, "occurred_at": "2026-01-01T00:00:00Z", "reason": "granted",
        "subject": {"pseudonym": HASH}, "relation": "dispatch",
        "object": {"type": "node", "id": "a\u{1b}[2J\nb\u{202e}"},
        "decision": {"result": "granted", "caveat_context": {}}, "correlation_id": "c",
        "request_context": {"user_agent": "x\u{9b}2J"}, "entry_hash": HASH, "prev_hash": HASH, "count": 1})
}

fn proof(seq: u64) -> Value {
    json!({"entry": entry(seq), "proof": {"prev_hash": HASH, "entry_hash": HASH, "canonical_bytes": "GyU="}})
}

fn lines(seqs: std::ops::RangeInclusive<u64>) -> String {
    seqs.map(|seq| format!("{}\n", proof(seq))).collect()
}

/// Nothing that steers a terminal.
fn assert_tame(text: &str) {
    let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.chars().any(steers), "{text:?}");
}

#[test]
fn filters_go_to_the_server_and_what_comes_back_cannot_leave_its_line() {
    let server = Server::always(Answer::json(&json!({"items": [entry(1)]})));
    let operator = Operator::of(&server);
    let filters = format!(
        "--subject {HASH} --relation dispatch --object-type node --object-id n --reason granted \
         --from 2026-01-01T00:00:00Z --to 2026-01-02T00:00:00Z --correlation-id c --limit 7"
    );
    let ran = operator.run(&format!("audit list --domain {PROJECT} {filters}"));
    assert!(ran.is_fine() && ran.text().lines().count() == 2, "{ran:?}");
    assert_tame(ran.text());
    assert!(
        ran.text().contains(HASH),
        "an erased identity is told by its pseudonym: {ran:?}"
    );
    assert!(operator.run("audit list --platform").is_fine());
    let asked = format!(
        "GET /v1/domains/{PROJECT}/audit/entries?subject={HASH}&relation=dispatch&object_type=node&object_id=n\
         &reason=granted&from=2026-01-01T00%3A00%3A00Z&to=2026-01-02T00%3A00%3A00Z&correlation_id=c&limit=7"
    );
    assert_eq!(
        server.lines(),
        [asked, "GET /v1/platform/audit/entries".to_owned()]
    );
}

#[test]
fn an_entry_that_its_bytes_do_not_prove_is_shown_and_exit_1() {
    let operator = Operator::of(&Server::always(Answer::json(&proof(7))));
    let ran = operator.run("audit get --platform 7");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.text().contains("entry_hash:") && ran.stderr.starts_with("error: entry 7 was altered"),
        "{ran:?}"
    );
    assert_tame(ran.text());
}

/// Verifies whatever is asked of a chain that ends at 500,000.
fn verified(asked: &Asked) -> Answer {
    let body: Value = serde_json::from_str(&asked.body).expect("a body");
    let to = body["to_seq"].as_u64().expect("a part").min(500_000);
    Answer::json(
        &json!({"ok": true, "segment_from": body["from_seq"], "segment_to": to, "segment_hash": HASH}),
    )
}

#[test]
fn a_long_chain_is_verified_in_parts_that_overlap() {
    let server = Server::answering(|asked, _| verified(asked));
    let operator = Operator::of(&server);
    let verdict = operator.run("audit verify --platform --output json").json();
    assert_eq!(
        (&verdict["segment_from"], &verdict["segment_to"]),
        (&json!(1), &json!(500_000))
    );
    let asked: Vec<Value> = server
        .asked()
        .iter()
        .map(|asked| serde_json::from_str(&asked.body).expect("a body"))
        .collect();
    assert!(asked.len() > 2, "{asked:?}");
    for pair in asked.windows(2) {
        assert_eq!(pair[0]["to_seq"], pair[1]["from_seq"]);
    }
    let part = operator
        .run("audit verify --platform --from-seq 9 --to-seq 12")
        .text()
        .to_owned();
    assert!(part.contains("entries:   9 to 12"), "{part}");
}

#[test]
fn a_divergence_is_a_result_and_exit_1() {
    let verdict = json!({"ok": false, "divergent_seq": 7, "finding": "missing", "expected_hash": HASH,
        "segment_from": 1, "segment_to": 9});
    let operator = Operator::of(&Server::always(Answer::json(&verdict)));
    let ran = operator.run("audit verify --platform --output json");
    assert_eq!((ran.code, ran.json()), (Some(1), verdict));
    let told: Value = serde_json::from_str(&ran.stderr).expect("one JSON object");
    assert_eq!(told["exit_code"], 1);
    let ran = operator.run("audit verify --platform");
    assert!(
        ran.stderr
            .starts_with("error: the chain diverges: entry 7 is missing\n"),
        "{ran:?}"
    );
}

#[test]
fn an_export_that_breaks_off_leaves_no_file() {
    let whole = Answer::ok(lines(1..=3));
    for (answer, code) in [
        (whole.clone(), 0),
        (whole.clone().cut(5), 1),
        (Answer::ok("{}\n"), 1),
        (Answer::ok("x"), 1),
    ] {
        let operator = Operator::of(&Server::always(answer));
        let ran = operator.run("audit export --platform --file chain");
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert_eq!(operator.home().join("chain").exists(), code == 0);
    }
    let server = Server::always(whole);
    let operator = Operator::of(&server);
    let ran = operator.run(&format!(
        "audit export --domain {PROJECT} --from-seq 1 --to-seq 3"
    ));
    assert!(ran.is_fine() && ran.text() == lines(1..=3), "{ran:?}");
    assert_eq!(
        server.lines(),
        [format!(
            "GET /v1/domains/{PROJECT}/audit/export?from_seq=1&to_seq=3"
        )]
    );
    operator
        .run("audit export --platform --output yaml")
        .assert_failed(2);
}

#[test]
fn what_never_left_the_machine_is_exit_2() {
    let operator = Operator::bare();
    for line in [
        "audit list".to_owned(),
        format!("audit list --platform --domain {PROJECT}"),
        "audit list --platform --reason because".to_owned(),
        "audit list --platform --from yesterday".to_owned(),
        "audit verify".to_owned(),
        "audit verify --platform --offline x".to_owned(),
        "audit verify --offline missing".to_owned(),
        "audit verify --platform --last-hash ab".to_owned(),
        format!("audit erase {PROJECT}"),
    ] {
        operator.run(&line).assert_failed(2);
    }
    operator.file("empty", 0o600, "");
    operator.run("audit verify --offline empty").assert_failed(1);
}
