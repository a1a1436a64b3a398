//! The documentation page.

use crate::{asked_elsewhere, browse};
use plex_tests::ControlPlane;
use serde_json::json;

#[test]
fn the_documentation_is_shown_and_nothing_is_fetched_from_elsewhere() {
    let control_plane = ControlPlane::start();
    let seen = browse("docs.mjs", &[control_plane.url()]);
    assert_eq!(asked_elsewhere(&seen, control_plane.url()), [""; 0]);
    assert_eq!(seen["complaints"], json!([]));
    let text = seen["text"].as_str().expect("the page's text");
    for word in [
        "Dispatch named actions to fleets",
        "/v1/nodes/{id}/heartbeat",
        "timeout_seconds",
    ] {
        assert!(text.contains(word), "the page does not show {word}");
    }
    // What is looked for above was really loaded from here.
    let requests = seen["requests"].as_array().expect("the requests");
    assert!(
        requests
            .iter()
            .any(|url| url == &json!(format!("{}/v1/openapi.json", control_plane.url())))
    );
}
