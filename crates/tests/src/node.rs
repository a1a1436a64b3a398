//! A node that speaks the wire by hand: it reports what a test wants reported, legal or not.

use crate::control_plane::ControlPlane;
use crate::events::Events;
use crate::manifest::Manifest;
use crate::web::{Answer, Broken, Web};
use crate::{base64, from_base64, sha256_base64};
use http::Method;
use plex_api::paths;
use plex_domain::credential;
use serde_json::{Value, json};
use uuid::Uuid;

/// A registered node without an agent.
#[derive(Debug, Clone)]
pub struct SimulatedNode {
    /// The node's id.
    pub id: Uuid,
    /// The node's bearer.
    pub bearer: String,
    /// The name of the domain's signing key.
    pub signing_key_id: String,
    /// The domain's signing key, 32 bytes.
    pub signing_key: Vec<u8>,
    web: Web,
}

/// The text of a new bootstrap token that can be redeemed `max_uses` times and gives these labels.
pub fn bootstrap_token(control_plane: &ControlPlane, max_uses: u32, labels: &Value) -> String {
    let body = json!({
        "kind": "node", "env_prefix": "prod", "ttl_seconds": 3600, "max_uses": max_uses, "labels": labels,
    });
    let admin = control_plane.admin();
    let issued = admin
        .post(&paths::bootstrap_tokens(admin.project_id), &body)
        .expect(201)
        .json();
    issued["token"].as_str().expect("a token's text").to_owned()
}

impl SimulatedNode {
    /// Registers with a token of its own, and declares the built-in `probe`.
    pub fn register(control_plane: &ControlPlane, name: &str) -> Self {
        Self::labelled(control_plane, name, &json!({}))
    }

    /// As [`SimulatedNode::register`], with labels.
    pub fn labelled(control_plane: &ControlPlane, name: &str, labels: &Value) -> Self {
        let node = Self::redeem(control_plane, &bootstrap_token(control_plane, 1, labels), name);
        node.capabilities(&Manifest::of(&["probe"])).expect(200);
        node
    }

    /// Registers with that token, and declares nothing.
    pub fn redeem(control_plane: &ControlPlane, token: &str, name: &str) -> Self {
        let answer = Self::try_redeem(control_plane, token, name).expect(201).json();
        let text = |field: &str| {
            answer[field]
                .as_str()
                .unwrap_or_else(|| panic!("no {field}"))
                .to_owned()
        };
        let id = text("node_id").parse().expect("a UUID");
        let key: [u8; 32] = from_base64(&text("nsk"))
            .try_into()
            .expect("a node's key has 32 bytes");
        Self {
            id,
            bearer: credential::format_node("simulated", id, &key),
            signing_key_id: text("signing_key_id"),
            signing_key: from_base64(&text("signing_public_key")),
            web: control_plane.web().clone(),
        }
    }

    /// Asks to be registered with that token.
    pub fn try_redeem(control_plane: &ControlPlane, token: &str, name: &str) -> Answer {
        let public_key = [Uuid::now_v7().into_bytes(), Uuid::now_v7().into_bytes()].concat();
        let body = json!({
            "project_id": credential::parse_bootstrap(token).expect("a bootstrap token").project_id,
            "resource_handle": name,
            "bootstrap_token": token,
            "nonce": Uuid::now_v7(),
            "public_key": base64(&public_key),
        });
        let json = [("content-type", "application/json")];
        control_plane.web().send(
            &Method::POST,
            paths::REGISTER,
            &json,
            Some(body.to_string().as_bytes()),
        )
    }

    /// The same node with another bearer.
    pub fn with_bearer(&self, bearer: &str) -> Self {
        Self {
            bearer: bearer.to_owned(),
            ..self.clone()
        }
    }

    /// The same node at another replica.
    pub fn at(&self, replica: &ControlPlane) -> Self {
        Self {
            web: replica.web().clone(),
            ..self.clone()
        }
    }

    /// Any request with this node's bearer.
    pub fn send(&self, method: &Method, path: &str, body: Option<&[u8]>) -> Answer {
        self.try_send(method, path, body)
            .unwrap_or_else(|Broken(why)| panic!("no answer: {why}"))
    }

    /// Any request with this node's bearer, to a server that may be gone.
    pub fn try_send(&self, method: &Method, path: &str, body: Option<&[u8]>) -> Result<Answer, Broken> {
        let bearer = format!("Bearer {}", self.bearer);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let headers = if body.is_some() {
            &headers[..]
        } else {
            &headers[..1]
        };
        self.web.try_send(method, path, headers, body)
    }

    /// Sends the manifest.
    pub fn capabilities(&self, manifest: &Manifest) -> Answer {
        let body = manifest.body().to_string();
        self.send(
            &Method::PUT,
            &paths::node_capabilities(self.id),
            Some(body.as_bytes()),
        )
    }

    /// A sign of life, now.
    pub fn heartbeat(&self) -> Answer {
        let body = json!({
            "client_now": jiff::Timestamp::now(),
            "binary_checksum": sha256_base64(b"simulated"),
            "binary_version": "simulated",
            "nat_summary": {},
        });
        self.send(
            &Method::POST,
            &paths::node_heartbeat(self.id),
            Some(body.to_string().as_bytes()),
        )
    }

    /// Pulls the node's state.
    pub fn state(&self) -> Answer {
        self.send(&Method::GET, &paths::node_state(self.id), None)
    }

    /// Opens the event stream.
    pub fn events(&self) -> Events {
        self.try_events()
            .unwrap_or_else(|Broken(why)| panic!("no stream: {why}"))
    }

    /// Opens the event stream at a server that may be gone.
    pub fn try_events(&self) -> Result<Events, Broken> {
        let bearer = format!("Bearer {}", self.bearer);
        let headers = [
            ("authorization", bearer.as_str()),
            ("accept", "text/event-stream"),
        ];
        let opened = self
            .web
            .open(&Method::GET, &paths::node_events(self.id), &headers, None)?;
        match opened.status().as_u16() {
            200 => Ok(Events::new(opened)),
            status => Err(Broken(format!("status {status}"))),
        }
    }

    /// Reports an invocation.
    pub fn callback(&self, execution: Uuid, body: &Value) -> Answer {
        self.callback_raw(execution, body.to_string().as_bytes())
    }

    /// Reports an invocation in these very bytes.
    pub fn callback_raw(&self, execution: Uuid, body: &[u8]) -> Answer {
        self.send(&Method::POST, &paths::callback(self.id, execution), Some(body))
    }

    /// Uploads an output to a presigned URL, without the bearer.
    pub fn upload(&self, url: &str, bytes: &[u8]) -> Answer {
        self.web.send(
            &Method::PUT,
            url,
            &[("content-type", "application/octet-stream")],
            Some(bytes),
        )
    }

    /// Reports `ack` and `started`.
    pub fn begin(&self, execution: Uuid) {
        self.callback(execution, &json!({"status": "ack"})).expect(200);
        self.callback(execution, &json!({"status": "started"}))
            .expect(200);
    }

    /// Runs an invocation to a good end with an inline output.
    pub fn succeed(&self, execution: Uuid, output: &[u8]) {
        self.begin(execution);
        let end = json!({"status": "succeeded", "exit_code": 0, "output": {"inline": base64(output)}});
        self.callback(execution, &end).expect(200);
    }

    /// Declares an output on a second `started`, and uploads it. What remains is the terminal callback's `output`.
    pub fn archive(&self, execution: Uuid, output: &[u8]) -> Value {
        let sha256 = crate::sha256_hex(output);
        let declared =
            json!({"status": "started", "declared_output_bytes": output.len(), "output_sha256": sha256});
        let answer = self.callback(execution, &declared).expect(200).json();
        let url = answer["output_upload_url"].as_str().expect("an upload URL");
        let stored = self.upload(url, output);
        assert!((200..300).contains(&stored.status), "{}", stored.text());
        json!({"object_key": object_key(url), "sha256": sha256})
    }
}

/// The key that an upload URL's path ends in, as agents derive it: the path without its leading slash.
pub(crate) fn object_key(url: &str) -> String {
    let uri: http::Uri = url.parse().expect("a URL");
    uri.path().trim_start_matches('/').to_owned()
}
