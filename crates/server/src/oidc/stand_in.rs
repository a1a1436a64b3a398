//! A provider of our own: enough of one to sign people in, and to do it wrong in every way that matters.

use super::keys::KeySet;
use super::{OidcSettings, Provider};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A key that signs tokens by ES256.
pub(crate) struct SigningKey {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl SigningKey {
    pub(crate) fn new(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { id, pair }
    }

    /// A token with this header, whatever it claims about the signature.
    pub(crate) fn sign(&self, header: &Value, payload: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(payload));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The public half, as a set.
    pub(crate) fn json(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let coordinate = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        json!({"keys": [
            {"kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig", "x": coordinate(1..33), "y": coordinate(33..65)},
        ]})
    }

    pub(super) fn set(&self) -> KeySet {
        KeySet::parse(self.json().to_string().as_bytes()).unwrap()
    }
}

/// What the provider is to say.
pub(crate) struct Script {
    pub(crate) key: SigningKey,
    /// Whether its set of keys is that of `key`, or of another one.
    pub(crate) publishes: Option<Value>,
    /// What the ID token says beside what every token says; `null` takes a member away.
    pub(crate) claims: Value,
    /// The header of the ID token.
    pub(crate) header: Value,
    /// What the token endpoint was last asked.
    pub(crate) asked: BTreeMap<String, String>,
    /// And by whom.
    pub(crate) authorization: Option<String>,
    /// What the userinfo endpoint says.
    pub(crate) userinfo: Value,
    /// The status of the token endpoint.
    pub(crate) status: StatusCode,
    /// The status of all that can be fetched.
    pub(crate) fetched: StatusCode,
    /// Whether it says that it names itself to browsers.
    pub(crate) names_itself: bool,
    issuer: String,
}

/// A provider on a port of its own. It ends with this value.
pub(crate) struct StandIn {
    pub(crate) issuer: String,
    pub(crate) script: Arc<Mutex<Script>>,
    server: JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script {
            key: SigningKey::new("k1"),
            publishes: None,
            claims: json!({}),
            header: json!({"alg": "ES256", "kid": "k1"}),
            asked: BTreeMap::new(),
            authorization: None,
            userinfo: json!({}),
            status: StatusCode::OK,
            fetched: StatusCode::OK,
            names_itself: false,
            issuer: issuer.clone(),
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/me", get(userinfo))
            .with_state(Arc::clone(&script));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self {
            issuer,
            script,
            server,
        }
    }

    /// As the control plane is configured for it.
    pub(crate) fn provider(&self) -> Provider {
        let settings = OidcSettings {
            issuer: self.issuer.clone(),
            client_id: "plexsphere".to_owned(),
            client_secret: Some("hush &secret".to_owned()),
            alias: "work".to_owned(),
            roots: Vec::new(),
        };
        Provider::new(settings, "https://plexsphere.test").unwrap()
    }

    /// Changes what it says.
    pub(crate) fn alter(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }
}

type Shared = State<Arc<Mutex<Script>>>;

async fn configuration(State(script): Shared) -> (StatusCode, Json<Value>) {
    let script = script.lock().unwrap();
    let issuer = &script.issuer;
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "userinfo_endpoint": format!("{issuer}/me"),
        "authorization_response_iss_parameter_supported": script.names_itself,
    });
    (script.fetched, Json(document))
}

async fn keys(State(script): Shared) -> (StatusCode, Json<Value>) {
    let script = script.lock().unwrap();
    let keys = script.publishes.clone().unwrap_or_else(|| script.key.json());
    (script.fetched, Json(keys))
}

/// Tells who holds the one access token.
async fn userinfo(State(script): Shared, request: Request) -> (StatusCode, Json<Value>) {
    let authorization = request.headers().get(header::AUTHORIZATION);
    match authorization.map(|value| value.as_bytes()) {
        Some(b"Bearer x") => (StatusCode::OK, Json(script.lock().unwrap().userinfo.clone())),
        Some(_) | None => (StatusCode::UNAUTHORIZED, Json(json!({}))),
    }
}

/// Answers every code; the code is the nonce that the token is to carry.
async fn token(State(script): Shared, request: Request) -> (StatusCode, Json<Value>) {
    let authorization = request.headers().get(header::AUTHORIZATION);
    let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let form = String::from_utf8(body.to_vec()).unwrap();
    let asked: BTreeMap<_, _> = form
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut script = script.lock().unwrap();
    script.authorization = authorization;
    script.asked = asked;
    if script.status != StatusCode::OK {
        return (script.status, Json(json!({"error": "invalid_grant\u{1b}[2J"})));
    }
    let now = Timestamp::now().as_second();
    let mut payload = json!({
        "iss": script.issuer, "sub": "anna", "aud": "plexsphere", "exp": now + 300, "iat": now,
        "nonce": script.asked["code"],
    });
    for (name, value) in script.claims.as_object().unwrap() {
        payload[name] = value.clone();
    }
    let id_token = script.key.sign(&script.header, &payload);
    (
        StatusCode::OK,
        Json(json!({"access_token": "x", "token_type": "Bearer", "id_token": id_token})),
    )
}
