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
/// What selects as many nodes as it says; there is a label for each power of ten, and one for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The first so many, a power of ten.
    First(usize),
    /// Every node.
    All,
}

impl Reach {
    fn label(self) -> (String, String) {
        match self {
            Self::First(count) => (format!("first-{count}"), "yes".to_owned()),
            Self::All => ("fleet".to_owned(), "bench".to_owned()),
        }
    }
}

/// The powers of ten that have a label.
const FIRST: [usize; 3] = [10, 100, 1000];
/// Long enough that nothing times out while it is being measured, in seconds.
const TIMEOUT: u32 = 3600;

/// A node's id and the means to speak as that node.
#[derive(Clone)]
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
    /// Registers `size` nodes, and sends a manifest for each.
    ///
    /// # Errors
    /// When the server refuses one.
    pub(super) fn register(
        control_plane: &ControlPlane,
        project_id: Uuid,
        size: u32,
        random: &mut Random,
    ) -> anyhow::Result<Self> {
        let host = control_plane.endpoint.host.clone();
        let mut pool = Pool::open(&control_plane.endpoint)?;
        let mut applicants = Applicants {
            caller: Caller::anonymous(&host),
            host,
            project_id,
            token: String::new(),
            first: 0,
            random,
            nodes: Vec::new(),
        };
        // Those with the same labels come with the same bootstrap token.
        let size = size as usize;
        for end in FIRST.into_iter().chain([usize::MAX]) {
            let count = size.min(end) - applicants.nodes.len();
            if count > 0 {
                applicants.first = applicants.nodes.len();
                applicants.token = issue(control_plane, project_id, (applicants.first, count))?;
                pool.run(&mut applicants, count, Pace::Closed)?;
            }
        }
        let mut manifests = Manifests {
            nodes: applicants.nodes,
            body: manifest()?,
        };
        pool.run(&mut manifests, size, Pace::Closed)?;
        Ok(Self {
            project_id,
            nodes: manifests.nodes,
        })
    }

    /// The same nodes dealt out to several replicas of their control plane.
    pub(super) fn dealt_to(&self, replicas: &[&ControlPlane]) -> Vec<Self> {
        let share = self.nodes.len().div_ceil(replicas.len());
        let deal = |(nodes, replica): (&[Node], &&ControlPlane)| Self {
            project_id: self.project_id,
            nodes: nodes.iter().map(|node| node.at(&replica.endpoint.host)).collect(),
        };
        self.nodes.chunks(share).zip(replicas).map(deal).collect()
    }

    /// Asks for an action on the nodes within reach.
    ///
    /// # Errors
    /// Never in practice: the request is made of words.
    pub(super) fn dispatch_within(&self, reach: Reach) -> anyhow::Result<String> {
        let (key, value) = reach.label();
        self.dispatch(Some(format!("{key}={value}")), None)
    }

    /// How many nodes are within reach.
    pub(super) fn count(&self, reach: Reach) -> usize {
        match reach {
            Reach::First(count) => count.min(self.nodes.len()),
            Reach::All => self.nodes.len(),
        }
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

impl Node {
    fn at(&self, host: &str) -> Self {
        Self {
            caller: Caller::new(host, &self.bearer),
            ..self.clone()
        }
    }
}

/// A bootstrap token for the `count` nodes from the `first` on, with the labels that they all have.
fn issue(
    control_plane: &ControlPlane,
    project_id: Uuid,
    (first, count): (usize, usize),
) -> anyhow::Result<String> {
    let within = FIRST.into_iter().filter(|end| first < *end).map(Reach::First);
    let wanted = BootstrapTokenIssueRequest {
        kind: NodeKind::Node,
        env_prefix: "bench".to_owned(),
        ttl_seconds: 3600,
        max_uses: Some(u32::try_from(count)?),
        labels: within.chain([Reach::All]).map(Reach::label).collect(),
    };
    let path = paths::bootstrap_tokens(project_id);
    let issued: BootstrapTokenIssueResponse = control_plane.operator()?.post(&path, &wanted)?;
    Ok(issued.token)
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
    /// The number of the first node of the present token.
    first: usize,
    random: &'r mut Random,
    nodes: Vec<Node>,
}

impl Work for Applicants<'_> {
    fn request(&mut self, number: usize) -> Vec<u8> {
        let wanted = RegisterRequest {
            project_id: self.project_id,
            resource_handle: format!("node-{:05}", self.first + number),
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
