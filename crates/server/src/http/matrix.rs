//! The matrix: every operation of the document, called by everybody, on what is theirs, foreign and missing.
//!
//! `matrix/policy.txt` says how each call ends. An operation without a line there, or without a request in
//! [`requests`], fails. What is foreign must be answered exactly as what is missing (decision 3).

mod bounds;
mod codes;
mod faults;
mod methods;
mod policy;
mod races;
mod recipes;
mod requests;
mod scenes;
mod world;

use crate::http::contract::conformance::Operation;
use crate::testing::without_request;
use policy::{Cell, Expected, Policy};
use serde_json::Value;
use std::collections::BTreeSet;
use world::{Answer, CALLERS, Place, World};

#[tokio::test]
async fn every_operation_answers_everybody_as_the_policy_says() {
    let (policy, world) = (Policy::read(), World::start().await);
    let mut faults = Vec::new();
    for operation in Operation::all() {
        let row = policy.row(operation.id());
        for (caller, cell) in CALLERS.into_iter().zip(&row.cells) {
            for place in Place::ALL {
                let answer = world.call(&operation, caller, place).await;
                let expected = expected(row, *cell, caller, place);
                if let Err(fault) = holds(&operation, &expected, &answer) {
                    faults.push(format!("{} by {caller} on {place:?}: {fault}", operation.id()));
                }
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[tokio::test]
async fn what_is_foreign_is_answered_as_what_is_missing() {
    let (policy, world) = (Policy::read(), World::start().await);
    let mut faults = Vec::new();
    for operation in Operation::all().filter(|operation| policy.row(operation.id()).hidden.is_some()) {
        // Those who may see everything are told what there is.
        for caller in CALLERS.into_iter().filter(|caller| *caller != "platform-admin") {
            for [foreign, missing] in [
                [Place::Foreign, Place::Missing],
                [Place::OwnWithForeign, Place::OwnWithMissing],
            ] {
                let foreign = world.call(&operation, caller, foreign).await;
                let missing = world.call(&operation, caller, missing).await;
                // What names nothing of the project makes something new there each time.
                if operation.method != "get" && foreign.0.is_success() && missing.0.is_success() {
                    continue;
                }
                if let Err(fault) = alike(&foreign, &missing) {
                    faults.push(format!("{} by {caller}: {fault}", operation.id()));
                }
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// The same status, header names, size, and body but for what belongs to the request.
fn alike(foreign: &Answer, missing: &Answer) -> Result<(), String> {
    let texts = [foreign, missing].map(|answer| String::from_utf8_lossy(&answer.2).into_owned());
    let names = |answer: &Answer| answer.1.keys().cloned().collect::<Vec<_>>();
    let is_alike = foreign.0 == missing.0
        && names(foreign) == names(missing)
        && foreign.2.len() == missing.2.len()
        && body(foreign) == body(missing);
    is_alike
        .then_some(())
        .ok_or_else(|| format!("{} {} {texts:?}", foreign.0, missing.0))
}

fn body(answer: &Answer) -> Value {
    let mut body = serde_json::from_slice(&answer.2).unwrap_or(Value::Null);
    if answer.0.is_client_error() {
        return without_request(body);
    }
    if let Some(fields) = body.as_object_mut() {
        fields.remove("correlation_id");
    }
    body
}

/// How a call ends by the policy.
fn expected(row: &policy::Row, cell: Cell, caller: &str, place: Place) -> Expected {
    let hidden = || {
        row.hidden
            .clone()
            .expect("who may not see has to be told something")
    };
    let (is_hidden, is_gone) = match place {
        // Operations that are on no object have no place either.
        _ if row.hidden.is_none() => (false, false),
        Place::Own => (false, false),
        Place::Foreign => (caller != "platform-admin", false),
        Place::Missing => (caller != "platform-admin", caller == "platform-admin"),
        Place::OwnWithForeign | Place::OwnWithMissing => return Expected::Any,
    };
    match cell {
        Cell::NoCredential => Expected::NoCredential,
        Cell::OtherNode => Expected::OtherNode,
        Cell::OwnOnly if place == Place::Own => row.through.clone(),
        Cell::OwnOnly => hidden(),
        Cell::Through if caller == "node" && place != Place::Own && row.is_for_nodes => Expected::OtherNode,
        Cell::Through | Cell::Hidden | Cell::Insufficient if is_hidden => hidden(),
        Cell::Through if is_gone => row.gone.clone().unwrap_or_else(hidden),
        Cell::Through => row.through.clone(),
        Cell::Hidden => hidden(),
        Cell::Insufficient if is_gone => row.gone.clone().unwrap_or_else(hidden),
        Cell::Insufficient => Expected::Insufficient,
    }
}

fn holds(operation: &Operation, expected: &Expected, (status, _, body): &Answer) -> Result<(), String> {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let (code, reason) = (body["code"].as_str(), body["reason"].as_str());
    let fits = match expected {
        Expected::Any => true,
        Expected::Answer {
            statuses,
            code: named,
        } => statuses.contains(&status.as_u16()) && named.as_deref().is_none_or(|named| code == Some(named)),
        Expected::NoCredential => {
            let codes = operation.fields["responses"]["401"]["x-problem-codes"].as_array();
            status.as_u16() == 401 && codes.is_some_and(|codes| codes.contains(&body["code"]))
        }
        Expected::OtherNode => {
            let codes = BTreeSet::from(["node_id_mismatch", "nsk_node_mismatch"]);
            status.as_u16() == 403 && code.is_some_and(|code| codes.contains(code))
        }
        Expected::Insufficient => {
            (status.as_u16(), code, reason) == (403, Some("rebac_denied"), Some("insufficient_relation"))
        }
    };
    fits.then_some(())
        .ok_or_else(|| format!("{expected:?}, but it was {status} {body}"))
}
