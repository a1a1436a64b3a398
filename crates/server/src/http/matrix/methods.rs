//! Methods that a path does not have are refused, and never act.

use super::world::{Place, World};
use crate::http::contract::conformance::Operation;
use std::collections::BTreeMap;

const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
];

#[tokio::test]
async fn a_path_takes_its_own_methods_only() {
    let world = World::start().await;
    let mut paths: BTreeMap<&str, Vec<Operation>> = BTreeMap::new();
    for operation in Operation::all() {
        paths.entry(operation.template).or_default().push(operation);
    }
    for operations in paths.values() {
        let has = |method: &str| {
            operations
                .iter()
                .any(|one| one.method.eq_ignore_ascii_case(method))
        };
        let request = world.request(&operations[0], "platform-admin", Place::Own).await;
        let before = world.app.written_audit().await.len();
        for method in METHODS.into_iter().filter(|method| !has(method)) {
            let (status, headers, body) = world
                .send(method, &world.caller("platform-admin"), &request)
                .await;
            let place = format!("{method} {}", operations[0].template);
            if method == "HEAD" && has("GET") {
                // As `GET`, without a body; a stream or a refusal of another query is also an answer to `GET`.
                assert!(
                    status.as_u16() != 500 && status.as_u16() != 405,
                    "{place}: {status}"
                );
                assert!(!status.is_success() || body.is_empty(), "{place}");
                continue;
            }
            assert_eq!(status.as_u16(), 405, "{place}");
            assert!(headers.contains_key("allow"), "{place}");
            let text = String::from_utf8_lossy(&body);
            assert!(
                method == "HEAD" || text.contains("method_not_allowed"),
                "{place}: {text}"
            );
        }
        if !operations[0].template.ends_with("/output") {
            assert_eq!(
                world.app.written_audit().await.len(),
                before,
                "{}",
                operations[0].template
            );
        }
    }
}
