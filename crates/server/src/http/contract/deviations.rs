//! The list of what is meant to differ from the published contract, each with the number of the decision that it rests on.

use serde::Deserialize;

const DEVIATIONS: &str = include_str!("../../../../../openapi/contract/deviations.json");
/// Decisions of this project, after those that come with the contract.
const DECISIONS: &str = include_str!("../../../../../docs/decisions.md");
/// How many decisions come with the contract.
const SHARED: u16 = 31;

/// A difference that is meant. `*` in its text stands for anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deviation {
    pub(super) difference: String,
    decision: u16,
    reason: String,
}

impl Deviation {
    /// All of them.
    pub(super) fn all() -> Vec<Self> {
        serde_json::from_str(DEVIATIONS).expect("the deviations are JSON")
    }

    /// Whether it covers a difference.
    pub(super) fn covers(&self, difference: &str) -> bool {
        covers(&self.difference, difference)
    }
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

/// The numbers of this project's own decisions.
fn own() -> impl Iterator<Item = u16> {
    DECISIONS
        .lines()
        .filter_map(|line| line.split_once(". **")?.0.parse().ok())
}

#[test]
fn every_deviation_rests_on_a_decision_and_says_why() {
    for one in Deviation::all() {
        assert!(one.reason.len() > 10, "{one:?}");
        let is_shared = (1..=SHARED).contains(&one.decision);
        assert!(is_shared || own().any(|own| own == one.decision), "{one:?}");
    }
}

#[test]
fn this_projects_decisions_are_numbered_from_101_up_and_each_is_needed() {
    assert!(
        own().eq((101..).take(own().count())),
        "{:?}",
        own().collect::<Vec<_>>()
    );
    let cited: Vec<u16> = Deviation::all().iter().map(|one| one.decision).collect();
    for own in own() {
        assert!(cited.contains(&own), "nothing rests on {own}");
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
