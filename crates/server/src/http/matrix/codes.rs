//! Every problem code that the document names for an operation is produced: by what is wrong with any request of its
//! kind, by the [`recipes`], or by a [`scenes`] of several calls.

use super::bounds::{insider, wrong_bodies, wrong_parameters};
use super::recipes::RECIPES;
use super::world::{Answer, CALLERS, Place, World};
use super::{faults, scenes};
use crate::authority::tests as relations;
use crate::http::auth::tests::{browsers, csrf};
use crate::http::contract::conformance::Operation;
use crate::listen::tests::{doors, endings};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A code, and the test that produces it. The compiler holds the list to tests that exist.
type Elsewhere = (&'static str, fn());

/// What every operation can give because it is HTTP to a program with a database, for a caller that may have a
/// browser.
const COMMON: [Elsewhere; 10] = [
    (
        "authz_unavailable",
        relations::what_cannot_be_read_denies_with_503,
    ),
    (
        "csrf_origin_mismatch",
        csrf::a_change_comes_on_our_pages_or_from_an_allowed_origin,
    ),
    (
        "csrf_origin_not_configured",
        csrf::a_change_comes_on_our_pages_or_from_an_allowed_origin,
    ),
    (
        "csrf_token_mismatch",
        csrf::a_change_needs_the_sessions_own_csrf_value,
    ),
    (
        "datastore_unavailable",
        faults::a_database_that_cannot_be_read_denies_with_503,
    ),
    ("internal", faults::a_defect_is_internal_and_says_nothing_more),
    (
        "malformed_request",
        doors::ambiguous_requests_are_answered_with_a_problem_and_the_end,
    ),
    ("rate_limited", faults::who_fails_too_often_is_told_to_wait),
    ("request_head_too_large", doors::heads_that_are_too_large_are_431),
    ("request_timeout", endings::a_head_that_dribbles_is_408),
];

/// What takes an identity provider.
const WITH_PROVIDER: [(&str, Elsewhere); 3] = [
    (
        "PostAuthSignIn",
        (
            "identity_provider_unavailable",
            browsers::setting_out_is_refused_where_it_leads_nowhere,
        ),
    ),
    (
        "GetAuthCallback",
        (
            "identity_provider_unavailable",
            browsers::an_answer_that_does_not_hold_signs_nobody_in,
        ),
    ),
    (
        "GetAuthCallback",
        (
            "access_denied",
            browsers::what_the_provider_refuses_is_told_in_our_words,
        ),
    ),
];

/// The codes seen, by operation.
#[derive(Default)]
struct Seen(BTreeMap<&'static str, BTreeSet<(u16, String)>>);

impl Seen {
    fn note(&mut self, operation: &Operation, answer: &Answer) {
        let body: Value = serde_json::from_slice(&answer.2).unwrap_or(Value::Null);
        let code = body["code"].as_str().unwrap_or_default().to_owned();
        let codes = self.0.entry(operation.id()).or_default();
        codes.insert((answer.0.as_u16(), code));
    }

    fn has(&self, operation: &str, status: u16, code: &str) -> bool {
        let codes = self.0.get(operation);
        codes.is_some_and(|codes| codes.contains(&(status, code.to_owned())))
    }
}

#[tokio::test]
async fn every_documented_code_is_produced() {
    let (world, mut seen) = (World::start().await, Seen::default());
    for operation in Operation::all() {
        everybody(&world, &operation, &mut seen).await;
        malformed(&world, &operation, &mut seen).await;
        cursors(&world, &operation, &mut seen).await;
        for (_, change) in RECIPES.iter().filter(|(id, _)| *id == operation.id()) {
            let valid = world.request(&operation, insider(&operation), Place::Own).await;
            let answer = world
                .send(
                    operation.method,
                    &world.caller(insider(&operation)),
                    &change(valid),
                )
                .await;
            seen.note(&operation, &answer);
        }
    }
    for (operation, answer) in scenes::play(&world).await {
        seen.note(&Operation::named(operation), &answer);
    }
    let mut missing = Vec::new();
    for operation in Operation::all() {
        for (status, code) in documented(&operation) {
            if !is_elsewhere(operation.id(), code) && !seen.has(operation.id(), status, code) {
                missing.push(format!("{}: {status} {code}", operation.id()));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "{} are never produced:\n{}",
        missing.len(),
        missing.join("\n")
    );
}

/// Whether another test produces it.
fn is_elsewhere(operation: &str, code: &str) -> bool {
    let with_provider = WITH_PROVIDER.iter().filter(|(known, _)| *known == operation);
    let mut known = COMMON.iter().chain(with_provider.map(|(_, known)| known));
    known.any(|(known, _)| *known == code)
}

/// Every status and code that the document names.
fn documented(operation: &Operation) -> Vec<(u16, &'static str)> {
    let responses = operation.fields["responses"].as_object().into_iter().flatten();
    let codes = responses.flat_map(|(status, response)| {
        let codes = response["x-problem-codes"].as_array().into_iter().flatten();
        codes.filter_map(move |code| Some((status.parse().ok()?, code.as_str()?)))
    });
    codes.collect()
}

async fn everybody(world: &World, operation: &Operation, seen: &mut Seen) {
    for caller in CALLERS {
        for place in [Place::Own, Place::Foreign, Place::Missing, Place::OwnWithMissing] {
            seen.note(operation, &world.call(operation, caller, place).await);
        }
    }
}

async fn malformed(world: &World, operation: &Operation, seen: &mut Seen) {
    let caller = || world.caller(insider(operation));
    let valid = world.request(operation, insider(operation), Place::Own).await;
    let wrong = [
        wrong_parameters(operation, &valid),
        wrong_bodies(operation, &valid),
    ]
    .concat();
    for (_, request) in wrong {
        seen.note(
            operation,
            &world.send(operation.method, &caller(), &request).await,
        );
    }
    if valid.body.is_none() {
        return;
    }
    let method = operation.method.to_uppercase();
    for (media_type, body) in [
        ("text/plain", b"{}".to_vec()),
        ("application/json", b"{".to_vec()),
        ("application/json", vec![b' '; 300 * 1024]),
    ] {
        let headers = [("content-type", media_type)];
        let answer = caller().call(&method, &valid.path, body, &headers).await;
        seen.note(operation, &answer);
    }
}

/// A cursor that was made up, and the cursor of another caller.
async fn cursors(world: &World, operation: &Operation, seen: &mut Seen) {
    let parameters = operation.fields["parameters"].as_array().into_iter().flatten();
    if !parameters
        .into_iter()
        .any(|parameter| parameter["name"] == "cursor")
    {
        return;
    }
    let valid = world.request(operation, "platform-admin", Place::Own).await;
    let first = valid.clone().with_query("limit", "1");
    let answer = world.send("get", &world.caller("platform-admin"), &first).await;
    let page: Value = serde_json::from_slice(&answer.2).unwrap_or(Value::Null);
    let cursor = page["next_cursor"].as_str();
    let cursor = cursor.unwrap_or_else(|| panic!("{} has one page only: {page}", operation.id()));
    for (caller, cursor) in [("domain-admin", cursor), ("platform-admin", "made-up")] {
        let request = valid.clone().with_query("cursor", cursor);
        seen.note(
            operation,
            &world.send("get", &world.caller(caller), &request).await,
        );
    }
}
