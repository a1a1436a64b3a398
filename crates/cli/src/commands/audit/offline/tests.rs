use super::{Wanted, walk};
use plex_api::Base64Bytes;
use plex_api::audit::{
    AuditDecision, AuditEntry, AuditEntryProof, AuditObject, AuditProof, AuditReason, AuditRequestContext,
    AuditSubject,
};
use plex_domain::audit::{Entry, GENESIS, canonical_bytes, entry_hash, hash_text};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

const CHAIN: Uuid = Uuid::from_u128(5);

const ANY: Wanted = Wanted {
    from: None,
    to: None,
    last_hash: None,
};

fn exported(seq: u64, prev: [u8; 32]) -> (AuditEntryProof, [u8; 32]) {
    let told = Entry {
        seq,
        chain: Some(CHAIN),
        occurred_at: "2026-01-02T03:04:05.6Z".parse().expect("a time"),
        reason: AuditReason::Granted,
        subject_pseudonym: [1; 32],
        relation: "dispatch".into(),
        object_type: "node".into(),
        object_id: "n".into(),
        result: AuditReason::Granted,
        caveats: BTreeMap::from([("from_cidr".to_owned(), vec!["cidrs".to_owned()])]),
        correlation_id: seq.to_string(),
        ip: Some("::1".into()),
        user_agent: Some("curl".into()),
        count: 1,
        details: Some("more".into()),
    };
    let canonical = canonical_bytes(&told);
    let hash = entry_hash(&prev, &canonical);
    let (prev_hash, hash_of) = (hash_text(&prev), hash_text(&hash));
    let entry = AuditEntry {
        seq,
        domain_id: CHAIN,
        occurred_at: told.occurred_at,
        reason: told.reason,
        subject: AuditSubject {
            pseudonym: hash_text(&told.subject_pseudonym),
            identity_id_ref: Some(Uuid::from_u128(9)),
            identity_kind: Some("user".into()),
        },
        relation: told.relation,
        object: AuditObject {
            r#type: told.object_type,
            id: told.object_id,
        },
        decision: AuditDecision {
            result: told.result,
            caveat_context: told.caveats,
        },
        correlation_id: told.correlation_id,
        request_context: AuditRequestContext {
            ip: told.ip,
            user_agent: told.user_agent,
        },
        entry_hash: hash_of.clone(),
        prev_hash: prev_hash.clone(),
        count: Some(told.count),
        details: told.details,
    };
    let proof = AuditProof {
        prev_hash,
        entry_hash: hash_of,
        canonical_bytes: Base64Bytes(canonical),
    };
    (AuditEntryProof { entry, proof }, hash)
}

/// Lines of a chain from one place to another.
fn lines(from: u64, to: u64) -> Vec<Value> {
    let mut prev = GENESIS;
    let mut lines = Vec::new();
    for seq in 1..=to {
        let (line, hash) = exported(seq, prev);
        prev = hash;
        if seq >= from {
            lines.push(serde_json::to_value(line).expect("JSON"));
        }
    }
    lines
}

/// The first line that is named, if one is.
fn fault(lines: &[Value], wanted: &Wanted) -> Option<u64> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    walk(text.as_bytes(), wanted)
        .expect("it has lines")
        .fault
        .map(|fault| fault.line)
}

#[test]
fn a_segment_from_the_middle_is_whole_and_says_what_it_takes_as_given() {
    let segment = lines(4, 7);
    let text: String = segment.iter().map(|line| format!("{line}\n")).collect();
    let verdict = walk(text.as_bytes(), &ANY).expect("lines");
    let told = verdict.lines();
    assert!(told.contains(&("entries", "4 to 7".to_owned())), "{told:?}");
    assert!(
        told.iter()
            .any(|(_, text)| text.contains("entry 4 hangs on is taken as given")),
        "{told:?}"
    );
    assert_eq!(
        verdict.document()["segment_hash"],
        segment[3]["entry"]["entry_hash"]
    );
    // The last line may lack its end; the middle may not.
    assert!(
        walk(text.trim_end().as_bytes(), &ANY)
            .expect("lines")
            .fault
            .is_none()
    );
}

#[test]
fn every_field_shown_is_the_one_that_is_hashed() {
    let fields = [
        ("/entry/seq", json!(9)),
        ("/entry/domain_id", json!(Uuid::from_u128(6))),
        ("/entry/occurred_at", json!("2027-01-02T03:04:05.6Z")),
        ("/entry/reason", json!("unknown")),
        ("/entry/subject/pseudonym", json!("ab".repeat(32))),
        ("/entry/relation", json!("x")),
        ("/entry/object/type", json!("x")),
        ("/entry/object/id", json!("x")),
        ("/entry/decision/result", json!("unknown")),
        ("/entry/decision/caveat_context", json!({})),
        ("/entry/correlation_id", json!("x")),
        ("/entry/request_context/ip", json!("::2")),
        ("/entry/request_context/user_agent", Value::Null),
        ("/entry/count", json!(2)),
        ("/entry/details", Value::Null),
        ("/entry/entry_hash", json!("ab".repeat(32))),
        ("/entry/prev_hash", json!("ab".repeat(32))),
        ("/proof/entry_hash", json!("ab".repeat(32))),
        ("/proof/prev_hash", json!("ab".repeat(32))),
        ("/proof/canonical_bytes", json!("e30=")),
        ("/proof", json!(1)),
    ];
    for (field, other) in fields {
        let mut lines = lines(1, 4);
        *lines[2].pointer_mut(field).expect(field) = other;
        assert_eq!(fault(&lines, &ANY), Some(3), "{field}");
    }
    // Erasure changes nothing of the proof.
    let mut lines = lines(1, 4);
    lines[2]["entry"]["subject"]["identity_id_ref"].take();
    assert_eq!(fault(&lines, &ANY), None);
}

proptest! {
    #[test]
    fn what_is_left_out_exchanged_or_doubled_is_named(at in 0..5_usize, how in 0..3_u8, from in 1..4_u64) {
        let mut all = lines(from, from + 6);
        match how {
            0 => drop(all.remove(at)),
            1 => all.swap(at, at + 1),
            _ => { let line = all[at].clone(); all.insert(at, line); }
        }
        let expected = if how == 2 { at + 2 } else { at + 1 };
        let wanted = Wanted { from: Some(from), ..ANY };
        prop_assert_eq!(fault(&all, &wanted), Some(expected as u64));
    }
}

#[test]
fn what_is_known_of_the_segment_is_required() {
    let all = lines(1, 4);
    let hash = all[3]["entry"]["entry_hash"].as_str().map(str::to_owned);
    let wanted = |from, to, last_hash| Wanted { from, to, last_hash };
    assert_eq!(fault(&all, &wanted(Some(1), Some(4), hash)), None);
    assert_eq!(fault(&all, &wanted(None, Some(5), None)), Some(5));
    assert_eq!(fault(&all, &wanted(None, Some(3), None)), Some(4));
    assert_eq!(fault(&all, &wanted(None, None, Some("ab".repeat(32)))), Some(4));
    assert_eq!(fault(&all[1..], &wanted(Some(1), None, None)), Some(1));
}

#[test]
fn a_line_that_is_no_entry_is_named_and_an_endless_one_not_read_to_its_end() {
    for text in ["\n", "{}\n", "[1]\n", "\u{0}\n"] {
        assert_eq!(
            walk(text.as_bytes(), &ANY)
                .expect("a line")
                .fault
                .map(|fault| fault.line),
            Some(1)
        );
    }
    assert!(
        walk(std::io::BufReader::new(std::io::repeat(b'x')), &ANY)
            .expect("a line")
            .fault
            .is_some()
    );
    assert!(walk(&b""[..], &ANY).is_err());
}
