//! Holds the document to the published contract (`openapi/contract`): all of it is there, and what differs is on the
//! list of deviations with the decision that it rests on. A difference that is not listed fails, and so does a listed
//! one that is no more.

mod operations;
mod schemas;

use operations::{compare_codes, compare_operations};
use schemas::compare_schemas;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

const DEVIATIONS: &str = include_str!("../../../../../openapi/contract/deviations.json");

/// A difference that is meant. `*` in its text stands for anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    difference: String,
    /// The decision or the part of the contract that it rests on.
    rests_on: String,
    reason: String,
}

/// Notes what is missing and what is beyond.
fn compare_sets(
    differences: &mut BTreeSet<String>,
    what: &str,
    published: &BTreeSet<String>,
    served: &BTreeSet<String>,
) {
    differences.extend(
        published
            .difference(served)
            .map(|name| format!("{what} {name} is missing")),
    );
    differences.extend(
        served
            .difference(published)
            .map(|name| format!("{what} {name} is beyond")),
    );
}

fn compare_text(
    differences: &mut BTreeSet<String>,
    what: &str,
    published: Option<&str>,
    served: Option<String>,
) {
    let (published, served) = (
        published.unwrap_or("nothing"),
        served.unwrap_or("nothing".to_owned()),
    );
    if published != served {
        differences.insert(format!("{what} is {served}, not {published}"));
    }
}

fn schema_name(schema: &Value) -> Option<String> {
    schema.as_object()?;
    if let Some(path) = schema["$ref"].as_str() {
        return path.strip_prefix("#/components/schemas/").map(str::to_owned);
    }
    let choices = schema["oneOf"].as_array().into_iter().flatten();
    let item = || schema_name(&schema["items"]).map(|item| format!("array<{item}>"));
    choices.filter_map(schema_name).next().or_else(item)
}

/// Whether a pattern with `*` covers a text.
fn covers(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((first, rest)) => text.strip_prefix(first).is_some_and(|text| {
            let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            starts.into_iter().any(|at| covers(rest, &text[at..]))
        }),
    }
}

fn deviations() -> Vec<Deviation> {
    serde_json::from_str(DEVIATIONS).expect("the deviations are JSON")
}

#[test]
fn nothing_differs_from_the_published_contract_but_what_is_listed() {
    let mut differences = BTreeSet::new();
    compare_operations(&mut differences);
    compare_codes(&mut differences);
    compare_schemas(&mut differences);
    let deviations = deviations();
    let is_listed = |text: &&String| !deviations.iter().any(|one| covers(&one.difference, text));
    let unlisted: Vec<&String> = differences.iter().filter(is_listed).collect();
    let is_gone = |one: &&Deviation| !differences.iter().any(|text| covers(&one.difference, text));
    let gone: Vec<&String> = deviations
        .iter()
        .filter(is_gone)
        .map(|one| &one.difference)
        .collect();
    assert!(
        unlisted.is_empty() && gone.is_empty(),
        "not listed:\n{unlisted:#?}\nlisted, but no difference:\n{gone:#?}"
    );
}

#[test]
fn every_deviation_says_what_it_rests_on_and_why() {
    for one in deviations() {
        assert!(one.reason.len() > 10, "{one:?}");
        let rests = one.rests_on.starts_with("decision ") || one.rests_on.starts_with("api.md §");
        assert!(rests, "{one:?}");
    }
}

#[test]
fn a_star_covers_anything() {
    assert!(covers("a: *", "a: b"));
    assert!(covers("*: 415 x is beyond", "GetDomain: 415 x is beyond"));
    assert!(covers("a*c*e", "abcde"));
    assert!(!covers("a: *", "b: a: c"));
    assert!(!covers("a", "ab"));
    assert!(covers("*a", "baa"));
    assert!(!covers("*a", "ab"));
}
