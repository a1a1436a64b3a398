//! Generated requests against everything that the served OpenAPI document promises, by schemathesis: no 5xx, no
//! status, media type, header or body that the document does not describe, nothing let in that it forbids.
//!
//! Each caller has a control plane of its own. What is generated is the same each time (`SEED`). How the requests
//! are aimed, and what the run must not destroy, is in `crates/tests/schemathesis/hooks.py`.

mod site;

use plex_tests::{ControlPlane, tools};
use serde_json::json;
use site::Site;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Another seed finds other things; the same seed finds the same.
const SEED: &str = "20260826";
/// Requests of the fuzzing phase for each operation. The suite stays within three minutes with it.
const EXAMPLES: &str = "30";

/// How often each operation answered each status.
type Tally = BTreeMap<String, BTreeMap<String, u32>>;

impl Site {
    /// Runs schemathesis with that bearer, which must find nothing.
    fn fuzz(&self, bearer: Option<&str>) -> Tally {
        let place = tempfile::tempdir().expect("a temporary directory");
        let tally = place.path().join("tally.json");
        let mut command = tools::python_program("schemathesis");
        // Whatever it leaves, it leaves there.
        for name in ["schemathesis.toml", "hooks.py"] {
            fs::copy(tools::file("schemathesis").join(name), place.path().join(name))
                .expect("a file can be copied");
        }
        command.current_dir(place.path());
        command.args(["--config-file", "schemathesis.toml", "run", "--no-color"]);
        command.args(["--seed", SEED, "--max-examples", EXAMPLES]);
        command.arg("--tls-verify").arg(self.control_plane.ca_file());
        if let Some(bearer) = bearer {
            command.env("PLEX_BEARER", bearer);
            command
                .arg("--header")
                .arg(format!("Authorization: Bearer {bearer}"));
        }
        command.arg(format!("{}/v1/openapi.json", self.control_plane.url()));
        command.env("HOME", place.path()).env("PLEX_TALLY", &tally);
        command.env("PLEX_EXPENDABLE", self.expendable.join(" "));
        command.env("PLEX_KNOWN", self.known.to_string());
        command.env("PLEX_KEEP", json!(self.keep).to_string());
        tools::succeed(&mut command);
        let log = self.control_plane.log();
        assert!(!log.contains("panicked"), "a handler panicked");
        self.control_plane
            .web()
            .send(&http::Method::GET, plex_api::paths::HEALTH, &[], None)
            .expect(200);
        read(&tally)
    }
}

fn read(tally: &Path) -> Tally {
    let text = fs::read(tally).expect("the hooks leave a tally");
    serde_json::from_slice(&text).expect("the tally is JSON")
}

/// The operations of the served document, and whether anybody may call them.
fn operations(control_plane: &ControlPlane) -> BTreeMap<String, bool> {
    let document = control_plane
        .web()
        .send(&http::Method::GET, "/v1/openapi.json", &[], None)
        .expect(200)
        .json();
    let paths = document["paths"].as_object().expect("paths").values();
    let operations = paths.flat_map(|path| path.as_object().expect("operations").values());
    let named = operations.filter_map(|operation| {
        let public = operation["security"] == json!([]) || operation["security"] == json!([{}]);
        Some((operation["operationId"].as_str()?.to_owned(), public))
    });
    named.collect()
}

fn succeeded(statuses: &BTreeMap<String, u32>) -> bool {
    statuses.keys().any(|status| status.starts_with(['2', '3']))
}

/// Every operation was called, and enough of them did something: a run of refusals would prove nothing.
fn assert_reached(site: &Site, tally: &Tally, least: usize) {
    let all = operations(&site.control_plane);
    // The document itself is what schemathesis reads first.
    let untouched = all
        .keys()
        .filter(|name| !tally.contains_key(*name) && *name != "GetOpenAPI");
    let untouched: Vec<_> = untouched.collect();
    assert!(untouched.is_empty(), "never called: {untouched:?}");
    let worked = tally.values().filter(|statuses| succeeded(statuses)).count();
    let refused: Vec<_> = tally
        .iter()
        .filter(|(_, statuses)| !succeeded(statuses))
        .collect();
    assert!(
        worked >= least,
        "only {worked} operations ever worked; these did not: {refused:#?}"
    );
}

#[test]
fn an_operator_finds_nothing() {
    let site = Site::build();
    let admin = site.control_plane.admin();
    let tally = site.fuzz(Some(&admin.token));
    assert_reached(&site, &tally, operations(&site.control_plane).len() * 6 / 10);
    admin.get(plex_api::paths::WHOAMI).expect(200);
}

#[test]
fn a_node_finds_nothing() {
    let site = Site::build();
    let tally = site.fuzz(Some(&site.node.bearer));
    assert_reached(&site, &tally, 8);
    site.node.state().expect(200);
}

#[test]
fn nobody_finds_nothing_and_gets_in_nowhere() {
    let site = Site::build();
    let tally = site.fuzz(None);
    assert_reached(&site, &tally, 3);
    let public = operations(&site.control_plane);
    let entered = tally.iter().filter(|(_, statuses)| succeeded(statuses));
    let entered: Vec<_> = entered.filter(|(name, _)| !public[*name]).collect();
    assert!(entered.is_empty(), "open to nobody: {entered:?}");
}
