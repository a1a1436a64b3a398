//! The policy table, `policy.txt`, as values.

use super::world::CALLERS;
use crate::http::contract::conformance::Operation;
use std::collections::{BTreeMap, BTreeSet};

/// How a call ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// With a status and, where one is named, a code.
    Answer {
        statuses: Vec<u16>,
        code: Option<String>,
    },
    /// 401.
    NoCredential,
    /// 403: the node key belongs to another node.
    OtherNode,
    /// 403: bound to the object, but nothing grants it.
    Insufficient,
    /// Not for the policy to say; others compare it.
    Any,
}

/// What a caller gets on what is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Through,
    OwnOnly,
    Hidden,
    Insufficient,
    NoCredential,
    OtherNode,
}

/// A line: an operation.
pub(super) struct Row {
    /// What those get who get through.
    pub(super) through: Expected,
    /// What those get who may not know of the object; `None` where there is none.
    pub(super) hidden: Option<Expected>,
    /// What those get who may see everything, of what is missing; as hidden where it is not said.
    pub(super) gone: Option<Expected>,
    /// By caller.
    pub(super) cells: Vec<Cell>,
    /// Nodes call it.
    pub(super) is_for_nodes: bool,
}

pub(super) struct Policy(BTreeMap<&'static str, Row>);

impl Policy {
    pub(super) fn read() -> Self {
        let lines = include_str!("policy.txt").lines();
        let lines = lines
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let rows: Vec<_> = lines.map(row).collect();
        let count = rows.len();
        let rows: BTreeMap<_, _> = rows.into_iter().collect();
        assert_eq!(rows.len(), count, "an operation stands twice in policy.txt");
        let known: BTreeSet<&str> = Operation::all().map(|operation| operation.id()).collect();
        assert_eq!(
            rows.keys().copied().collect::<BTreeSet<_>>(),
            known,
            "policy.txt and the document must have the same operations"
        );
        Self(rows)
    }

    pub(super) fn row(&self, operation: &str) -> &Row {
        &self.0[operation]
    }
}

fn row(line: &'static str) -> (&'static str, Row) {
    let mut words = line.split_whitespace();
    let mut next = || {
        words
            .next()
            .unwrap_or_else(|| panic!("policy.txt: {line} is too short"))
    };
    let operation = next();
    let (through, hidden, gone) = (next(), next(), next());
    let cells: Vec<Cell> = CALLERS.iter().map(|_| cell(next())).collect();
    let row = Row {
        through: answer(through).expect("somebody gets through"),
        hidden: answer(hidden),
        gone: answer(gone),
        is_for_nodes: cells.contains(&Cell::OtherNode),
        cells,
    };
    assert_eq!(words.next(), None, "policy.txt: {line} is too long");
    (operation, row)
}

fn answer(word: &str) -> Option<Expected> {
    if word == "-" {
        return None;
    }
    let (status, code) = word
        .split_once(':')
        .map_or((word, None), |(status, code)| (status, Some(code)));
    let statuses = status
        .split('|')
        .map(|status| status.parse().expect("a status"))
        .collect();
    let code = code.map(str::to_owned);
    Some(Expected::Answer { statuses, code })
}

fn cell(word: &str) -> Cell {
    match word {
        "+" => Cell::Through,
        "o" => Cell::OwnOnly,
        "." => Cell::Hidden,
        "-" => Cell::Insufficient,
        "!" => Cell::NoCredential,
        "x" => Cell::OtherNode,
        other => panic!("policy.txt: {other} is no cell"),
    }
}
