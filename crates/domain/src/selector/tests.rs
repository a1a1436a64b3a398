//! The grammar by example, and the meaning against a naive evaluator.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn term(text: &str) -> Term {
    let selector = Selector::parse(text).unwrap();
    assert_eq!(selector.terms().len(), 1, "{text}");
    selector.terms()[0].clone()
}

fn eq(key: &str, value: &str) -> Term {
    Term::Eq {
        key: key.into(),
        value: value.into(),
    }
}

#[test]
fn the_published_forms() {
    assert_eq!(term("role=worker"), eq("role", "worker"));
    assert_eq!(term(" role = worker "), eq("role", "worker"));
    assert_eq!(
        term("role!=worker"),
        Term::Neq {
            key: "role".into(),
            value: "worker".into()
        }
    );
    assert_eq!(term("role"), Term::Exists { key: "role".into() });
    assert_eq!(term("!role"), Term::Absent { key: "role".into() });
    assert_eq!(term("in"), Term::Exists { key: "in".into() });
    assert_eq!(
        term("in in (in)"),
        Term::In {
            key: "in".into(),
            values: vec!["in".into()]
        }
    );
    assert_eq!(term("a=\"x, \\\"y\\\" \\\\ z\""), eq("a", "x, \"y\" \\ z"));
    assert_eq!(term("a=\"\""), eq("a", ""));
    assert_eq!(term("platform/env=prod"), eq("platform/env", "prod"));
    assert_eq!(term("acme:checkout/owner=bob"), eq("acme:checkout/owner", "bob"));
    assert_eq!(
        term("at=2026-01-01T00:00:00+02:00"),
        eq("at", "2026-01-01T00:00:00+02:00")
    );
    let both = Selector::parse("env=prod, owner in (alice, bob)").unwrap();
    assert_eq!(
        both.terms()[1],
        Term::In {
            key: "owner".into(),
            values: vec!["alice".into(), "bob".into()]
        }
    );
}

#[test]
fn faults_have_a_position() {
    let cases = [
        ("", 0),
        (" \t", 0),
        (",", 0),
        ("a,", 2),
        ("a,,b", 2),
        ("a b", 2),
        ("a=", 2),
        ("a==b", 2),
        ("a=b c", 4),
        ("!a=b", 2),
        ("a in", 4),
        ("a in ()", 6),
        ("a in (b", 7),
        ("a in (b,)", 8),
        ("A=b", 0),
        ("-a=b", 0),
        ("a-=b", 0),
        ("a/b/c", 0),
        ("a:b:c/d", 0),
        ("/a", 0),
        ("a/", 0),
        ("a=\"b", 2),
        ("a=\"\\n\"", 3),
        ("ä=b", 0),
        ("a=ä", 2),
        ("a=b\0", 3),
    ];
    for (text, position) in cases {
        assert_eq!(Selector::parse(text).unwrap_err().position, position, "{text:?}");
    }
}

#[test]
fn the_limits() {
    assert!(Selector::parse(&format!("a={}", "x".repeat(4094))).is_ok());
    assert!(Selector::parse(&format!("a={}", "x".repeat(4095))).is_err());
    assert!(Selector::parse(&"k".repeat(64)).is_ok());
    assert!(Selector::parse(&"k".repeat(65)).is_err());
    let values = |n| format!("a in ({})", vec!["v"; n].join(","));
    assert!(Selector::parse(&values(256)).is_ok());
    assert!(Selector::parse(&values(257)).is_err());
    assert!(Selector::parse(&"!(".repeat(2048)).is_err());
    assert!(Selector::parse(&"!".repeat(4096)).is_err());
}

#[test]
fn numbers_and_booleans_compare_by_json_text() {
    let labels = serde_json::json!({"n": 7, "f": 1.5, "b": true, "s": "true", "z": null, "l": ["x", "y"]});
    let selects = |text: &str| Selector::parse(text).unwrap().matches(|key| labels.get(key));
    for yes in [
        "n=7",
        "f=1.5",
        "b=true",
        "s=true",
        "n in (8, 7)",
        "z",
        "l",
        "l=x",
        "l=y",
        "l in (q, y)",
        "l!=q",
        "z!=null",
        "none!=x",
        "!none",
    ] {
        assert!(selects(yes), "{yes}");
    }
    for no in [
        "n=7.0",
        "n=\" 7\"",
        "b=True",
        "z=null",
        "l=q",
        "l!=x",
        "none=x",
        "none in (x)",
        "none",
        "!n",
        "n!=7",
    ] {
        assert!(!selects(no), "{no}");
    }
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab]",
        Just("in".to_owned()),
        Just("platform/a".to_owned()),
        Just("d-1:p/b".to_owned())
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof!["[xy]", "[a-zA-Z0-9._:/@+-]{1,6}", "[x\"\\\\,() é\n!=]{0,4}"]
}

fn any_term() -> impl Strategy<Value = Term> {
    prop_oneof![
        (key(), value()).prop_map(|(key, value)| Term::Eq { key, value }),
        (key(), value()).prop_map(|(key, value)| Term::Neq { key, value }),
        (key(), prop::collection::vec(value(), 1..4)).prop_map(|(key, values)| Term::In { key, values }),
        key().prop_map(|key| Term::Exists { key }),
        key().prop_map(|key| Term::Absent { key }),
    ]
}

/// The meaning told by sets: the terms that a labelled object breaks.
fn broken(terms: &[Term], labels: &BTreeMap<String, Value>) -> usize {
    let text_of = |key: &String| {
        labels
            .get(key)
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let holds = |term: &Term| match term {
        Term::Eq { key, value } => text_of(key).as_ref() == Some(value),
        Term::Neq { key, value } => text_of(key).as_ref() != Some(value),
        Term::In { key, values } => text_of(key).is_some_and(|text| values.contains(&text)),
        Term::Exists { key } => labels.contains_key(key),
        Term::Absent { key } => !labels.contains_key(key),
    };
    terms.iter().filter(|term| !holds(term)).count()
}

proptest! {
    #[test]
    fn display_parses_to_the_same(terms in prop::collection::vec(any_term(), 1..6)) {
        let selector = Selector(terms);
        prop_assert_eq!(Selector::parse(&selector.to_string()).unwrap(), selector);
    }

    #[test]
    fn matching_is_what_the_naive_evaluator_says(
        terms in prop::collection::vec(any_term(), 1..4),
        labels in prop::collection::btree_map(
            key(), prop_oneof![value().prop_map(Value::from), any::<bool>().prop_map(Value::from)], 0..4,
        ),
    ) {
        let selector = Selector::parse(&Selector(terms).to_string()).unwrap();
        prop_assert_eq!(selector.matches(|key| labels.get(key)), broken(selector.terms(), &labels) == 0);
    }

    #[test]
    fn any_text_parses_or_fails_inside_itself(text in "([ab=!,() \"\\\\]|in|é){0,24}") {
        match Selector::parse(&text) {
            Ok(selector) => {
                let printed = selector.to_string();
                prop_assert!(printed.len() <= text.len());
                prop_assert_eq!(Selector::parse(&printed).unwrap(), selector);
            }
            Err(error) => prop_assert!(text.is_char_boundary(error.position)),
        }
    }
}
