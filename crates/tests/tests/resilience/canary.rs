//! Canaries: secrets that are looked for everywhere but where they belong.

use crate::{ended_target, files_below};
use http::Method;
use plex_api::paths;
use plex_tests::{Agent, Answer, ControlPlane, SimulatedNode, StandIn, bootstrap_token};
use serde_json::json;
use std::fs;
use std::path::Path;

pub(crate) const METRICS: &[&str] = &["--metrics-listen", "127.0.0.1:0"];

/// Everything that was said, by whom.
#[derive(Default)]
pub(crate) struct Said(Vec<(String, Vec<u8>)>);

impl Said {
    pub(crate) fn hear(&mut self, who: &str, what: impl Into<Vec<u8>>) {
        self.0.push((who.to_owned(), what.into()));
    }

    pub(crate) fn answer(&mut self, who: &str, answer: &Answer) {
        self.hear(who, answer.body.clone());
        self.hear(who, format!("{:?}", answer.headers));
    }

    /// Every file below a directory.
    pub(crate) fn read(&mut self, directory: &Path) {
        for (path, content) in files_below(directory) {
            self.hear(&path.display().to_string(), content);
        }
    }

    #[track_caller]
    pub(crate) fn assert_silent_about(&self, secret: &str) {
        assert!(secret.len() >= 16, "too short to be a canary");
        for (who, what) in &self.0 {
            let found = what
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(
                !found,
                "{who} gave a secret away: {}",
                String::from_utf8_lossy(what)
            );
        }
    }
}

#[test]
fn a_secret_parameter_is_seen_on_the_node_only() {
    const CANARY: &str = "canary-parameter-5f1e2b7c";
    const HOOK: &str = r#"#!/bin/sh
cat "$PLEXD_PARAM_PASSWORD_FILE" > "$HOME/scratch/seen"
env > "$HOME/scratch/environment"
tr '\0' ' ' < /proc/$$/cmdline > "$HOME/scratch/arguments"
echo "user $PLEXD_PARAM_USER"
[ "$PLEXD_PARAM_USER" = fail ] && exit 3
exit 0
"#;
    let collector = StandIn::answering(200, "application/json", b"{}");
    let url = collector.url();
    let observed = [&["--otlp-endpoint", &url][..], METRICS].concat();
    let mut control_plane = ControlPlane::start_with(&observed);
    let admin = control_plane.admin();
    let mut agent = Agent::start_with(&control_plane, "keeper", &observed[..2]);
    agent.hook_with(
        "login",
        HOOK,
        &json!({"parameters": [{"name": "password", "secret": true}, {"name": "user"}]}),
    );
    let mut said = Said::default();
    for user in ["root", "fail"] {
        let parameters = json!({"user": user, "password": CANARY});
        let order =
            json!({"action": "login", "type": "hook", "node_id": agent.node_id(), "parameters": parameters});
        let dispatched = admin.post(&paths::dispatch(admin.project_id), &order).expect(201);
        said.answer("dispatch", &dispatched);
        let id = dispatched.json()["id"].as_str().unwrap().to_owned();
        let target = ended_target(&admin, id.parse().unwrap());
        assert_eq!(
            target["status"],
            if user == "root" { "succeeded" } else { "failed" },
            "{target}"
        );
        assert_eq!(
            fs::read_to_string(agent.scratch().join("seen")).unwrap(),
            CANARY,
            "the hook has it"
        );
        assert_eq!(
            admin.execution(id.parse().unwrap())["parameters"],
            json!({"user": user, "password": "***"})
        );
        let project = admin.project_id.to_string();
        for form in ["text", "json", "yaml"] {
            for command in ["exec-log", "action"] {
                let ran = admin.plexctl(&[
                    command,
                    "get",
                    "--project",
                    &project,
                    "--id",
                    &id,
                    "--output",
                    form,
                ]);
                let ran = ran.expect(0);
                said.hear(&format!("plexctl {command} get"), ran.stdout);
                said.hear(&format!("plexctl {command} get"), ran.stderr);
            }
        }
        said.answer(
            "get",
            &admin.get(&paths::execution(admin.project_id, id.parse().unwrap())),
        );
    }
    said.answer("list", &admin.get(&paths::executions(admin.project_id)));
    said.answer("capabilities", &admin.get(&paths::capabilities(admin.project_id)));
    said.answer("node hooks", &admin.get(&paths::node_hooks(admin.project_id)));
    // What is wrong with a body is said without repeating it.
    let path = paths::dispatch(admin.project_id);
    for body in [
        format!(r#"{{"action":"login","parameters":{{"password":"{CANARY}","password":"{CANARY}"}}}}"#),
        format!(r#"{{"action":"login","timeout_seconds":"{CANARY}"}}"#),
        format!(r#"{{"action":"login","type":"{CANARY}"}}"#),
        format!(r#"{{"action":"{CANARY}/","node_id":"{}"}}"#, agent.node_id()),
        format!(r#"{{"{CANARY}":"#),
    ] {
        let refused = admin.post_raw(&path, body.as_bytes(), &[]);
        assert_eq!(refused.status, 400, "{}", refused.text());
        said.answer("a refusal", &refused);
    }
    for file in ["environment", "arguments"] {
        said.hear(file, fs::read(agent.scratch().join(file)).unwrap());
    }
    said.hear("the metrics", control_plane.metrics_text());
    // Both send the last of their spans before they end.
    assert!(agent.terminate().success() && control_plane.terminate().success());
    let spans = collector.bodies().concat();
    assert!(String::from_utf8_lossy(&spans).contains("\"run\""));
    said.hear("the traces", spans);
    said.hear("the server's log", control_plane.log());
    said.hear("the agent's log", agent.log());
    said.read(&agent.state_dir());
    said.assert_silent_about(CANARY);
}

#[test]
fn tokens_and_keys_are_shown_once_and_kept_nowhere() {
    let control_plane = ControlPlane::start_with(METRICS);
    let admin = control_plane.admin();
    let viewer = admin.with_role("viewer");
    let bootstrap = bootstrap_token(&control_plane, 2, &json!({}));
    let node = SimulatedNode::redeem(&control_plane, &bootstrap, "simulated");
    let (_, key) = node.bearer.rsplit_once("simulated_").unwrap();
    let agent = Agent::start(&control_plane, "real");
    let identity = fs::read_to_string(agent.state_dir().join("identity.json")).unwrap();
    let identity: serde_json::Value = serde_json::from_str(&identity).unwrap();
    let agent_key = identity["nsk"]
        .as_str()
        .expect("an agent keeps its key")
        .to_owned();
    let agent_bootstrap = fs::read_to_string(agent.state_dir().with_file_name("bootstrap.token")).unwrap();

    let mut said = Said::default();
    let project = admin.project_id;
    for path in [
        paths::WHOAMI.to_owned(),
        paths::TOKENS.to_owned(),
        paths::RELATION_TUPLES.to_owned(),
        paths::NODES.to_owned(),
        paths::node(node.id),
        paths::bootstrap_tokens(project),
        paths::capabilities(project),
        paths::executions(project),
        format!("{}?cursor={}", paths::executions(project), viewer.token),
        format!("/v1/{}", viewer.token),
    ] {
        // The path itself may come back as `instance`, so it must not be looked for where it was sent.
        let answer = admin.get(&path);
        if !path.contains(&viewer.token) {
            said.answer(&path, &answer);
        }
    }
    said.answer("state", &node.state());
    said.answer("heartbeat", &node.heartbeat());
    // Credentials in the wrong place.
    let mistaken = [
        ("authorization", format!("Bearer {bootstrap}")),
        ("authorization", format!("Basic {}", viewer.token)),
    ];
    for (name, value) in mistaken {
        said.answer(
            "401",
            &control_plane
                .web()
                .send(&Method::GET, paths::WHOAMI, &[(name, &value)], None)
                .expect(401),
        );
    }
    said.answer("401", &node.with_bearer(&viewer.token).heartbeat().expect(401));
    said.answer(
        "reuse",
        &SimulatedNode::try_redeem(&control_plane, &agent_bootstrap, "again"),
    );
    said.hear("the metrics", control_plane.metrics_text());
    said.hear("the server's log", control_plane.log());
    said.hear("the agent's log", agent.log());
    for secret in [
        admin.token.as_str(),
        &viewer.token,
        &bootstrap,
        &agent_bootstrap,
        &node.bearer,
        key,
        &agent_key,
    ] {
        said.assert_silent_about(secret);
    }
    let mut kept = Said::default();
    kept.read(&control_plane.data_dir());
    for secret in [
        viewer.token.as_str(),
        &bootstrap,
        &agent_bootstrap,
        key,
        &agent_key,
    ] {
        kept.assert_silent_about(secret);
    }
    let raw_key = plex_tests::from_base64(&agent_key);
    let holds_key = |what: &[u8]| what.windows(raw_key.len()).any(|window| window == raw_key);
    assert!(
        !kept.0.iter().any(|(_, what)| holds_key(what)),
        "a node's key is stored as it is"
    );
}
