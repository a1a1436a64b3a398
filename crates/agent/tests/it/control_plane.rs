//! A control plane small enough to be trusted and naughty enough to be useful: it keeps the published transitions,
//! signs what it delivers, and can lose answers, refuse results or revoke the node.

use crate::http::{self, Answer, Request, ok, problem};
use plex_agent::delivery::Verifier;
use plex_domain::envelope::{Header, SigningKey, seal};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use uuid::Uuid;

pub(crate) const NODE: Uuid = Uuid::from_u128(0x0190_a8b8_a0c0_7a0a_8a0a_a0a0_a0a0_a0a3);
pub(crate) const BEARER: &str =
    "Bearer nsk_plexd_AZCouKDAegqKCqCgoKCgoyoqKioqKioqKioqKioqKioqKioqKioqKioqKioqKioq";
/// Shorter than the half minute after which an agent asks by itself: what is brought to it does not have to wait for
/// that, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Invocation {
    pub(crate) action: String,
    pub(crate) kind: &'static str,
    pub(crate) parameters: Value,
    pub(crate) seconds: i64,
    pub(crate) checksum: Option<String>,
    pub(crate) expires_at: jiff::Timestamp,
    pub(crate) status: String,
    /// Callbacks that were applied, in order.
    pub(crate) history: Vec<Value>,
    last_body: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) invocations: BTreeMap<Uuid, Invocation>,
    pub(crate) uploads: HashMap<String, Vec<u8>>,
    pub(crate) manifests: Vec<Value>,
    pub(crate) registrations: usize,
    /// Callbacks that arrived, applied or not.
    pub(crate) callbacks: usize,
    /// The next answers to callbacks with these statuses are lost after they were applied.
    pub(crate) lose: Vec<&'static str>,
    /// Terminal callbacks are answered 503 and not applied.
    pub(crate) refuse_results: bool,
    /// Terminal callbacks that name an object are answered as when the object store is down.
    pub(crate) refuse_objects: bool,
    /// `started` is answered 503 and not applied.
    pub(crate) refuse_started: bool,
    /// Uploads are answered 500.
    pub(crate) refuse_uploads: bool,
    pub(crate) revoked: bool,
    /// The key in use; before it changes that of the published vector.
    pub(crate) bearer: Option<String>,
    /// The key that was handed in and not used yet.
    pub(crate) next_bearer: Option<String>,
    /// An operator asks for a new key.
    pub(crate) rotate: bool,
    /// How many keys were handed in.
    pub(crate) keys: usize,
    /// The next answers to keys handed in are lost after they were stored.
    pub(crate) lose_keys: usize,
    /// The next first use of a key that was handed in makes it the only one, and its answer is lost.
    pub(crate) lose_use: bool,
    /// The next key handed in is the key in use at once, and is answered as one that nobody asked for.
    pub(crate) deny_key: bool,
    /// Batches of findings that were accepted.
    pub(crate) violations: Vec<Value>,
    /// Findings are answered 503.
    pub(crate) refuse_violations: bool,
    /// State entries come without their envelopes, as from a server that does not know them.
    pub(crate) unsigned_state: bool,
    streams: Vec<mpsc::UnboundedSender<String>>,
}

impl State {
    fn send(&mut self, frame: &str) {
        self.streams
            .retain(|stream| stream.send(frame.to_owned()).is_ok());
    }
}

#[derive(Clone)]
pub(crate) struct ControlPlane {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    key: Arc<SigningKey>,
}

impl ControlPlane {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let this = Self {
            url,
            state: Arc::default(),
            key: Arc::new(SigningKey::from_seed(&[3; 32])),
        };
        let serving = this.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(socket).await });
            }
        });
        this
    }

    /// What its node believes.
    pub(crate) fn verifier(&self) -> Verifier {
        Verifier {
            node_id: NODE,
            key_id: self.key.key_id(),
            key: self.key.public_key(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Dispatches and delivers by the stream.
    pub(crate) fn dispatch(&self, action: &str, kind: &'static str, parameters: Value, seconds: i64) -> Uuid {
        let id = self.insert(action, kind, parameters, seconds);
        self.deliver(id);
        id
    }

    /// Dispatches a hook with the digest that the server pinned.
    pub(crate) fn dispatch_pinned(&self, hook: &str, checksum: &str) -> Uuid {
        let id = self.insert(hook, "hook", Value::Null, 60);
        self.state().invocations.get_mut(&id).unwrap().checksum = Some(checksum.to_owned());
        self.deliver(id);
        id
    }

    /// Dispatches without delivering: only a pull of the state brings it.
    pub(crate) fn insert(&self, action: &str, kind: &'static str, parameters: Value, seconds: i64) -> Uuid {
        let id = Uuid::now_v7();
        let expires_at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        let invocation = Invocation {
            action: action.to_owned(),
            kind,
            parameters,
            seconds,
            checksum: None,
            expires_at,
            status: "pending".to_owned(),
            history: Vec::new(),
            last_body: Vec::new(),
        };
        self.state().invocations.insert(id, invocation);
        id
    }

    /// Delivers once more by the stream.
    pub(crate) fn deliver(&self, id: Uuid) {
        let envelope = self.envelope(id, NODE);
        self.frame(&envelope);
    }

    /// Sends a frame with that text.
    pub(crate) fn frame(&self, text: &str) {
        self.state().send(&frame(text));
    }

    pub(crate) fn envelope(&self, id: Uuid, node: Uuid) -> String {
        let state = self.state();
        let invocation = &state.invocations[&id];
        let now = jiff::Timestamp::now();
        let mut payload = json!({
            "event_id": Uuid::now_v7(), "occurred_at": now, "execution_id": id, "node_id": node,
            "action": invocation.action, "type": invocation.kind, "parameters": invocation.parameters,
            "timeout_seconds": invocation.seconds, "callback_url": "https://elsewhere.invalid/", "expires_at": invocation.expires_at,
        });
        if let Some(checksum) = &invocation.checksum {
            payload["checksum"] = json!(checksum);
        }
        let header = Header {
            id: Uuid::now_v7(),
            event_type: "action_request",
            scope: "node",
            issued_at: now,
        };
        seal(&self.key, &header, &payload.to_string())
    }

    /// Waits until the state is as wanted.
    pub(crate) async fn until<T>(&self, what: &str, wanted: impl Fn(&State) -> Option<T>) -> T {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(found) = wanted(&self.state()) {
                return found;
            }
            assert!(tokio::time::Instant::now() < end, "waited too long for {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits for the end of an execution and gives its terminal callback.
    pub(crate) async fn end_of(&self, id: Uuid) -> Value {
        let ended = |state: &State| {
            let invocation = &state.invocations[&id];
            is_terminal(&invocation.status).then(|| invocation.history.last().unwrap().clone())
        };
        self.until("the end of an execution", ended).await
    }

    pub(crate) async fn until_status(&self, id: Uuid, status: &str) {
        self.until(status, |state| {
            (state.invocations[&id].status == status).then_some(())
        })
        .await;
    }

    pub(crate) async fn until_declared(&self, hook: &str) {
        let declares = |manifest: &Value| {
            manifest["declared_hooks"]
                .as_array()
                .is_some_and(|hooks| hooks.iter().any(|h| h["name"] == hook))
        };
        self.until("the manifest", |state| {
            state
                .manifests
                .last()
                .filter(|manifest| declares(manifest))
                .map(|_| ())
        })
        .await;
    }

    /// The statuses an execution went through.
    pub(crate) fn statuses(&self, id: Uuid) -> Vec<String> {
        let state = self.state();
        state.invocations[&id]
            .history
            .iter()
            .map(|body| body["status"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn serve(&self, socket: TcpStream) {
        let mut socket = BufReader::new(socket);
        while let Some(request) = http::read(&mut socket).await {
            if request.path.ends_with("/events") && !self.state().revoked && self.knows(&request) {
                return self.stream(socket).await;
            }
            let Some(answer) = self.answer(&request) else {
                return;
            };
            if http::write(&mut socket, answer).await.is_err() {
                return;
            }
        }
    }

    async fn stream(&self, mut socket: BufReader<TcpStream>) {
        let (sender, mut frames) = mpsc::unbounded_channel();
        let key_frame = self.key_frame();
        {
            // Under one lock, so that a request made meanwhile is told once.
            let mut state = self.state();
            if state.rotate {
                let _ = sender.send(key_frame);
            }
            state.streams.push(sender);
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n:hello\n\n";
        let _ = socket.get_mut().write_all(head.as_bytes()).await;
        while let Some(frame) = frames.recv().await {
            if socket.get_mut().write_all(frame.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    /// The answer; none when it is lost.
    fn answer(&self, request: &Request) -> Option<Answer> {
        let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        if request.path == "/v1/register" {
            return Some(self.register());
        }
        if parts[0] == "uploads" {
            return Some(self.upload(request));
        }
        if self.state().revoked {
            return Some(problem(401, "nsk_revoked"));
        }
        let is_first_use = self.presents_next(request);
        if !self.knows(request) {
            return Some(problem(401, "nsk_invalid"));
        }
        if is_first_use && std::mem::take(&mut self.state().lose_use) {
            return None;
        }
        match (request.method.as_str(), parts[3]) {
            ("POST", "heartbeat") => Some(ok(&json!({
                "accepted_at": jiff::Timestamp::now(), "reconcile": false, "rotate_keys": false,
                "rotate_node_key": self.state().rotate,
            }))),
            ("POST", "key") => self.take_key(&request.body),
            ("POST", "integrity-violations") => Some(self.take_violations(&request.body)),
            ("PUT", "capabilities") => {
                self.state()
                    .manifests
                    .push(serde_json::from_slice(&request.body).unwrap());
                Some(ok(
                    &json!({"accepted_at": jiff::Timestamp::now(), "fields_changed": [], "host_key_changed": false}),
                ))
            }
            ("GET", "state") => Some((200, self.node_state())),
            ("POST", "executions") => self.callback(parts[4].parse().unwrap(), &request.body),
            other => panic!("{other:?}"),
        }
    }

    /// Whether the bearer is one of the node's keys; to use the next one is to make it the only one.
    fn knows(&self, request: &Request) -> bool {
        let presented = request.headers.get("authorization").cloned();
        let mut state = self.state();
        if presented.is_some() && presented == state.next_bearer {
            state.bearer = state.next_bearer.take();
            state.rotate = false;
        }
        presented.as_deref() == Some(state.bearer.as_deref().unwrap_or(BEARER))
    }

    fn presents_next(&self, request: &Request) -> bool {
        let presented = request.headers.get("authorization");
        presented.is_some() && presented == self.state().next_bearer.as_ref()
    }

    fn take_key(&self, body: &[u8]) -> Option<Answer> {
        use base64::Engine as _;
        let request: Value = serde_json::from_slice(body).unwrap();
        let key = base64::engine::general_purpose::STANDARD
            .decode(request["nsk"].as_str().unwrap())
            .unwrap();
        let bearer = plex_domain::credential::format_node("plexd", NODE, &key.try_into().unwrap());
        let mut state = self.state();
        if !state.rotate {
            return Some(problem(409, "illegal_transition"));
        }
        state.keys += 1;
        if std::mem::take(&mut state.deny_key) {
            (state.bearer, state.rotate) = (Some(format!("Bearer {bearer}")), false);
            return Some(problem(409, "illegal_transition"));
        }
        state.next_bearer = Some(format!("Bearer {bearer}"));
        if state.lose_keys > 0 {
            state.lose_keys -= 1;
            return None;
        }
        let now = jiff::Timestamp::now();
        Some(ok(&json!({"accepted_at": now, "previous_key_until": now})))
    }

    fn take_violations(&self, body: &[u8]) -> Answer {
        let mut state = self.state();
        if state.refuse_violations {
            return problem(503, "datastore_unavailable");
        }
        let batch: Value = serde_json::from_slice(body).unwrap();
        let count = batch["violations"].as_array().unwrap().len();
        state.violations.push(batch);
        ok(&json!({"accepted_at": jiff::Timestamp::now(), "violation_count": count}))
    }

    /// Asks for a new key: by the streams that are open, and by each that opens until there is one.
    pub(crate) fn ask_for_a_key(&self) {
        let frame = self.key_frame();
        let mut state = self.state();
        state.rotate = true;
        state.send(&frame);
    }

    fn key_frame(&self) -> String {
        let header = Header {
            id: Uuid::now_v7(),
            event_type: "rotate_node_key",
            scope: "node",
            issued_at: jiff::Timestamp::now(),
        };
        frame(&seal(&self.key, &header, &json!({"node_id": NODE}).to_string()))
    }

    fn register(&self) -> Answer {
        let mut state = self.state();
        state.registrations += 1;
        if state.registrations > 1 {
            return problem(403, "token_consumed");
        }
        use base64::Engine as _;
        let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let answer = json!({
            "node_id": NODE, "mesh_ip": "10.0.0.1", "signing_public_key": base64(&self.key.public_key()),
            "signing_key_id": self.key.key_id(), "nsk": base64(&[0x2a; 32]), "peer_snapshot": [], "domain_mesh_cidr": "10.0.0.0/16",
        });
        (201, answer.to_string())
    }

    fn node_state(&self) -> String {
        let live: Vec<Uuid> = self
            .state()
            .invocations
            .iter()
            .filter(|(_, i)| !is_terminal(&i.status))
            .map(|(id, _)| *id)
            .collect();
        let entry = |id: &Uuid| {
            let envelope = self.envelope(*id, NODE);
            let state = self.state();
            let invocation = &state.invocations[id];
            let entry = json!({
                "execution_id": id, "action": invocation.action, "type": invocation.kind, "parameters": invocation.parameters,
                "status": invocation.status, "requested_at": jiff::Timestamp::now(), "expires_at": invocation.expires_at,
            })
            .to_string();
            if state.unsigned_state {
                return entry;
            }
            format!("{},\"envelope\":{envelope}}}", entry.trim_end_matches('}'))
        };
        let entries: Vec<_> = live.iter().map(entry).collect();
        format!(
            r#"{{"peers":[],"executions":[{}],"sessions":[]}}"#,
            entries.join(",")
        )
    }

    fn upload(&self, request: &Request) -> Answer {
        assert!(
            !request.headers.contains_key("authorization"),
            "an upload carries no bearer"
        );
        assert_eq!(request.headers["content-length"], request.body.len().to_string());
        let mut state = self.state();
        if state.refuse_uploads {
            return problem(500, "internal");
        }
        let (key, query) = request.path.trim_start_matches('/').split_once('?').unwrap();
        assert_eq!(query, "sig=secret");
        state.uploads.insert(key.to_owned(), request.body.clone());
        ok(&json!({}))
    }

    fn callback(&self, id: Uuid, body: &[u8]) -> Option<Answer> {
        let url = format!("{}/uploads/{id}?sig=secret", self.url);
        let mut state = self.state();
        state.callbacks += 1;
        let request: Value = serde_json::from_slice(body).unwrap();
        let to = request["status"].as_str().unwrap().to_owned();
        if (state.refuse_results && is_terminal(&to)) || (state.refuse_started && to == "started") {
            return Some(problem(503, "datastore_unavailable"));
        }
        if state.refuse_objects && request["output"]["object_key"].is_string() {
            return Some(problem(503, "object_store_unavailable"));
        }
        let invocation = state.invocations.get_mut(&id)?;
        let declares = request["declared_output_bytes"]
            .as_u64()
            .is_some_and(|n| n > 16_384);
        if invocation.last_body != body {
            let legal = matches!(
                (invocation.status.as_str(), to.as_str()),
                ("pending", "ack" | "failed")
                    | ("ack", "started" | "failed")
                    | ("started", "succeeded" | "failed" | "cancelled")
            );
            let declaration = invocation.status == "started" && to == "started" && declares;
            if is_terminal(&invocation.status) {
                return Some(problem(409, "execution_already_terminal"));
            }
            if !legal && !declaration {
                return Some(problem(409, "invalid_state_transition"));
            }
            if !declaration {
                invocation.history.push(request);
                invocation.status = to.clone();
            }
            invocation.last_body = body.to_vec();
        }
        if let Some(at) = state.lose.iter().position(|status| *status == to) {
            state.lose.remove(at);
            return None;
        }
        let mut answer = json!({"status": to});
        if declares {
            answer["output_upload_url"] = json!(url);
        }
        Some(ok(&answer))
    }
}

fn is_terminal(status: &str) -> bool {
    matches!(status, "succeeded" | "failed" | "cancelled" | "timeout")
}

fn frame(text: &str) -> String {
    format!("id: 1\nevent: x\ndata: {text}\n\n")
}
