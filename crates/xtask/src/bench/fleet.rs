//! Simulated nodes: registered like real ones, with a key and a manifest each, but without a process.

use super::connection::parse;
use super::control_plane::ControlPlane;
use super::http::{Answer, Caller};
use super::load::{Pace, Pool, Work};
use super::random::Random;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use plex_api::bootstrap_tokens::{
    BootstrapTokenIssueRequest, BootstrapTokenIssueResponse, NodeKind, RegisterRequest, RegisterResponse,
};
use plex_api::executions::DispatchExecutionRequest;
use plex_api::nodes::{BuiltinAction, CapabilityManifestRequest};
use plex_api::paths;
use serde_json::Value;
use uuid::Uuid;

/// What all of them can run.
pub(super) const ACTION: &str = "system.info";
/// The label that selects them all.
const LABEL: (&str, &str) = ("fleet", "bench");
/// Long enough that nothing times out while it is being measured, in seconds.
const TIMEOUT: u32 = 3600;

/// A node's id and the means to speak as that node.
pub(super) struct Node {
    /// Its id.
    pub(super) id: Uuid,
    /// The node as a client.
    pub(super) caller: Caller,
    /// Its credential.
    pub(super) bearer: String,
}

/// The nodes of one project.
pub(super) struct Fleet {
    /// Their project.
    pub(super) project_id: Uuid,
    /// All of them.
    pub(super) nodes: Vec<Node>,
}

impl Fleet {
    /// Registers `size` nodes through one bootstrap token, and sends a manifest for each.
    ///
    /// # Errors
    /// When the server refuses one.
    pub(super) fn register(
        control_plane: &ControlPlane,
        project_id: Uuid,
        size: u32,
        random: &mut Random,
    ) -> anyhow::Result<Self> {
        let wanted = BootstrapTokenIssueRequest {
            kind: NodeKind::Node,
            env_prefix: "bench".to_owned(),
            ttl_seconds: 3600,
            max_uses: Some(size),
            labels: [(LABEL.0.to_owned(), LABEL.1.to_owned())].into(),
        };
        let path = paths::bootstrap_tokens(project_id);
        let issued: BootstrapTokenIssueResponse = control_plane.operator()?.post(&path, &wanted)?;
        let host = control_plane.endpoint.host.clone();
        let mut pool = Pool::open(&control_plane.endpoint)?;
        let mut applicants = Applicants {
            caller: Caller::anonymous(&host),
            host,
            project_id,
            token: issued.token,
            random,
            nodes: Vec::new(),
        };
        pool.run(&mut applicants, size as usize, Pace::Closed)?;
        let mut manifests = Manifests {
            nodes: applicants.nodes,
            body: manifest()?,
        };
        pool.run(&mut manifests, size as usize, Pace::Closed)?;
        Ok(Self {
            project_id,
            nodes: manifests.nodes,
        })
    }

    /// Asks for an action on every node.
    ///
    /// # Errors
    /// Never in practice: the request is made of words.
    pub(super) fn dispatch_to_all(&self) -> anyhow::Result<String> {
        self.dispatch(Some(format!("{}={}", LABEL.0, LABEL.1)), None)
    }

    /// Asks for an action on one node.
    ///
    /// # Errors
    /// Never in practice: the request is made of words.
    pub(super) fn dispatch_to(&self, node: usize) -> anyhow::Result<String> {
        self.dispatch(None, Some(self.nodes[node].id))
    }

    fn dispatch(&self, selector: Option<String>, node_id: Option<Uuid>) -> anyhow::Result<String> {
        let wanted = DispatchExecutionRequest {
            action: ACTION.to_owned(),
            r#type: None,
            parameters: None,
            timeout_seconds: Some(TIMEOUT),
            selector,
            node_id,
        };
        Ok(serde_json::to_string(&wanted)?)
    }
}

fn manifest() -> anyhow::Result<String> {
    let action = BuiltinAction {
        name: ACTION.to_owned(),
        description: None,
        parameters: Vec::new(),
    };
    let manifest = CapabilityManifestRequest {
        binary_version: env!("CARGO_PKG_VERSION").to_owned(),
        binary_checksum: BASE64.encode(&[7; 32]),
        builtin_actions: vec![action],
        ..CapabilityManifestRequest::default()
    };
    Ok(serde_json::to_string(&manifest)?)
}

struct Applicants<'r> {
    caller: Caller,
    host: String,
    project_id: Uuid,
    token: String,
    random: &'r mut Random,
    nodes: Vec<Node>,
}

impl Work for Applicants<'_> {
    fn request(&mut self, number: usize) -> Vec<u8> {
        let wanted = RegisterRequest {
            project_id: self.project_id,
            resource_handle: format!("node-{number:05}"),
            bootstrap_token: self.token.clone(),
            nonce: BASE64.encode(&self.random.bytes()),
            public_key: BASE64.encode(&self.random.bytes()),
            requested_resource_id: None,
        };
        let body = serde_json::to_string(&wanted).expect("words are JSON");
        self.caller.send("POST", paths::REGISTER, &body)
    }

    fn answered(&mut self, _: usize, answer: &Answer) -> anyhow::Result<()> {
        let registered: RegisterResponse = parse(answer)?;
        let key = BASE64.decode(registered.nsk.as_bytes())?;
        let payload = [registered.node_id.as_bytes().as_slice(), &key].concat();
        let bearer = format!("nsk_bench_{}", BASE64URL_NOPAD.encode(&payload));
        self.nodes.push(Node {
            id: registered.node_id,
            caller: Caller::new(&self.host, &bearer),
            bearer,
        });
        Ok(())
    }
}

struct Manifests {
    nodes: Vec<Node>,
    body: String,
}

impl Work for Manifests {
    fn request(&mut self, number: usize) -> Vec<u8> {
        let node = &self.nodes[number];
        node.caller
            .send("PUT", &paths::node_capabilities(node.id), &self.body)
    }

    fn answered(&mut self, _: usize, answer: &Answer) -> anyhow::Result<()> {
        parse::<Value>(answer).map(drop)
    }
}
