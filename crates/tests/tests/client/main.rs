//! The published SDKs are generated from the OpenAPI document. So is this client, from the document that the server
//! under test serves; it then calls every operation of that server.
//!
//! The generator refuses to be warned: what it does not understand, it leaves out. What is called, and what must
//! hold of every call, is in `crates/tests/client`.

use plex_tests::{ControlPlane, tools};
use std::fs;

#[test]
fn a_generated_client_calls_every_operation() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let control_plane = ControlPlane::start_with(&["--trusted-proxy", "127.0.0.0/8"]);
    let (document, client) = (place.path().join("openapi.json"), place.path().join("client"));
    let served = control_plane
        .web()
        .send(&http::Method::GET, "/v1/openapi.json", &[], None)
        .expect(200);
    fs::write(&document, &served.body).expect("a file can be written");

    let mut generator = tools::python_program("openapi-python-client");
    generator
        .args(["generate", "--fail-on-warning", "--meta", "none", "--path"])
        .arg(&document);
    generator.arg("--config").arg(tools::file("client/config.yaml"));
    generator
        .arg("--output-path")
        .arg(client.join("plexsphere_client"));
    tools::succeed(generator.env("HOME", place.path()));

    let admin = control_plane.admin();
    let mut driver = tools::python("client/drive.py");
    driver.env("PYTHONPATH", &client).env("HOME", place.path());
    driver
        .env("PLEX_URL", control_plane.url())
        .env("PLEX_CA", control_plane.ca_file());
    driver.env("PLEX_TOKEN", &admin.token);
    driver.env("PLEX_DOMAIN", control_plane.domain_id().to_string());
    driver.env("PLEX_PROJECT", control_plane.project_id().to_string());
    tools::succeed(&mut driver);
}
