//! The server as a node reaches it, and the operations it answers.

use super::answer::{accepted, json, transport};
use super::credentials::Credentials;
use super::events::Events;
use super::trust::{self, TrustError};
use super::upload::{self, UploadTarget};
use crate::Error;
use bytes::Bytes;
use plex_api::bootstrap_tokens::{RegisterRequest, RegisterResponse};
use plex_api::executions::{ExecutionCallbackRequest, ExecutionCallbackResponse};
use plex_api::integrity::{IntegrityViolationsRequest, IntegrityViolationsResponse};
use plex_api::nodes::{
    CapabilityManifestRequest, CapabilityManifestResponse, HeartbeatRequest, HeartbeatResponse,
    NodeKeyRequest, NodeKeyResponse, NodeStateExecution,
};
use plex_api::{codes, paths};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For a whole call except the event stream and uploads.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A dead peer is noticed this long after the last sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Why there can be no connection to this server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Not an absolute `http` or `https` URL without query, fragment or credentials.
    #[error("not a usable server URL: {0}")]
    Url(String),
    /// Plain HTTP beyond this machine would show the node's key to the network.
    #[error("plain http is allowed for loopback addresses only")]
    PlainHttp,
    /// No certificates to trust.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The HTTP client could not be made.
    #[error("http client: {0}")]
    Client(String),
}

/// A server and how far it is trusted. Cheap to clone; clones share their sockets.
#[derive(Debug, Clone)]
pub struct Connection {
    http: Client,
    /// For uploads to a store that is not the server.
    elsewhere: Client,
    base: Url,
}

impl Connection {
    /// Prepares calls to `server`; nothing is sent yet. With `ca`, a PEM file's content, only what it certifies is
    /// believed, without it what the system trusts. An object store elsewhere may have a public certificate in any case.
    ///
    /// # Errors
    /// When the URL may not be used or there is nothing to trust.
    pub fn new(server: &str, ca: Option<&[u8]>) -> Result<Self, ConnectionError> {
        let base = base_url(server)?;
        let plain = base.scheme() == "http";
        let tls = match trust::configuration(ca) {
            // Nothing is certified over plain HTTP, so a machine without a bundle is no obstacle.
            Err(TrustError::NoSystemBundle) if plain => trust::nothing()?,
            configuration => configuration?,
        };
        let http = client(tls, plain)?;
        let elsewhere = match ca {
            Some(ca) => client(trust::widened(ca)?, plain)?,
            None => http.clone(),
        };
        Ok(Self {
            http,
            elsewhere,
            base,
        })
    }

    /// Redeems a bootstrap token.
    ///
    /// # Errors
    /// Also when the answer was lost although the token was redeemed.
    pub async fn register(&self, request: &RegisterRequest) -> Result<RegisterResponse, Error> {
        let call = self.call(Method::POST, paths::REGISTER).timeout(CALL_TIMEOUT);
        json(body(call, request)?.send().await.map_err(transport)?).await
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        let prefix = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}{path}"));
        self.http.request(method, url).header(ACCEPT, "application/json")
    }
}

fn client(tls: ClientConfig, plain: bool) -> Result<Client, ConnectionError> {
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(KEEP_ALIVE)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(KEEP_ALIVE)
        .user_agent(concat!("plexd/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls);
    // A proxy would be sent the node's key in clear, and loopback needs none.
    let builder = if plain { builder.no_proxy() } else { builder };
    builder
        .build()
        .map_err(|error| ConnectionError::Client(error.to_string()))
}

fn base_url(server: &str) -> Result<Url, ConnectionError> {
    let url = Url::parse(server).map_err(|error| ConnectionError::Url(error.to_string()))?;
    let bare = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && url.has_host();
    if !bare {
        return Err(ConnectionError::Url(
            "it must be only scheme, host, port and path".to_owned(),
        ));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(ConnectionError::PlainHttp),
        scheme => Err(ConnectionError::Url(format!(
            "scheme {scheme:?} is neither https nor http"
        ))),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn body(call: RequestBuilder, body: &impl Serialize) -> Result<RequestBuilder, Error> {
    let body =
        serde_json::to_vec(body).map_err(|error| Error::Contract(format!("unwritable request: {error}")))?;
    Ok(call.header(CONTENT_TYPE, "application/json").body(body))
}

/// A registered node's access to its own operations. Clones share their credentials.
#[derive(Debug, Clone)]
pub struct NodeClient {
    connection: Connection,
    node_id: Uuid,
    credentials: Arc<Credentials>,
    traceparent: Option<String>,
}

impl NodeClient {
    /// The node `node_id`, which proves itself by `credential` (`nsk_…`).
    ///
    /// # Errors
    /// When the credential cannot stand in a header.
    pub fn new(connection: Connection, node_id: Uuid, credential: &str) -> Result<Self, ConnectionError> {
        Ok(Self {
            connection,
            node_id,
            credentials: Arc::new(Credentials::new(credential)?),
            traceparent: None,
        })
    }

    /// The same client, whose reports say by W3C's header `traceparent` which span sends them.
    #[must_use]
    pub fn traced(&self, traceparent: Option<String>) -> Self {
        Self {
            traceparent,
            ..self.clone()
        }
    }

    /// The node that calls.
    pub fn node_id(&self) -> Uuid {
        self.node_id
    }

    /// Uses `credential` from now on, and the one in use only where that one is refused. When a server takes the
    /// other one, the two change places.
    ///
    /// # Errors
    /// When the credential cannot stand in a header.
    pub fn prefer(&self, credential: &str) -> Result<(), ConnectionError> {
        self.credentials.prefer(credential)
    }

    /// Whether `credential` is the one in use.
    pub fn uses(&self, credential: &str) -> bool {
        self.credentials.uses(credential)
    }

    /// A sign of life.
    ///
    /// # Errors
    /// When no acceptance came back.
    pub async fn heartbeat(&self, request: &HeartbeatRequest) -> Result<HeartbeatResponse, Error> {
        self.post(&paths::node_heartbeat(self.node_id), request).await
    }

    /// Replaces the node's manifest.
    ///
    /// # Errors
    /// When no acceptance came back.
    pub async fn put_capabilities(
        &self,
        request: &CapabilityManifestRequest,
    ) -> Result<CapabilityManifestResponse, Error> {
        let path = paths::node_capabilities(self.node_id);
        let call = self.connection.call(Method::PUT, &path).timeout(CALL_TIMEOUT);
        json(self.send(body(call, request)?).await?).await
    }

    /// Hands in the key that is to be the node's next one.
    ///
    /// # Errors
    /// When no acceptance came back.
    pub async fn hand_in_key(&self, request: &NodeKeyRequest) -> Result<NodeKeyResponse, Error> {
        self.post(&paths::node_key(self.node_id), request).await
    }

    /// Reports what was found changed.
    ///
    /// # Errors
    /// When no acceptance came back.
    pub async fn report_integrity(
        &self,
        request: &IntegrityViolationsRequest,
    ) -> Result<IntegrityViolationsResponse, Error> {
        self.post(&paths::node_integrity_violations(self.node_id), request)
            .await
    }

    /// The invocations that wait for this node. An entry that is not what the contract says is its own error, so that
    /// it does not hide the others.
    ///
    /// # Errors
    /// When the state did not come.
    pub async fn executions(&self) -> Result<Vec<Result<NodeStateExecution, Error>>, Error> {
        // The rest of the snapshot does not concern a node here, so its form cannot break the pull.
        #[derive(Deserialize)]
        struct Snapshot {
            executions: Vec<Box<RawValue>>,
        }
        let path = paths::node_state(self.node_id);
        let call = self.connection.call(Method::GET, &path).timeout(3 * CALL_TIMEOUT);
        let snapshot: Snapshot = json(self.send(call).await?).await?;
        let entry = |raw: Box<RawValue>| {
            serde_json::from_str(raw.get())
                .map_err(|error| Error::Contract(format!("a state entry: {error}")))
        };
        Ok(snapshot.executions.into_iter().map(entry).collect())
    }

    /// Opens the event stream.
    ///
    /// # Errors
    /// When it was not opened.
    pub async fn events(&self) -> Result<Events, Error> {
        let call = self
            .connection
            .call(Method::GET, &paths::node_events(self.node_id))
            .header(ACCEPT, "text/event-stream");
        // Only the opening is limited; the stream itself is watched for silence.
        let response = tokio::time::timeout(CALL_TIMEOUT, self.send(call))
            .await
            .map_err(|_| Error::Transport("the event stream did not open in time".to_owned()))??;
        Events::of(accepted(response).await?)
    }

    /// Reports one step of an invocation, to this node's own server whatever an event may say.
    ///
    /// # Errors
    /// When no acceptance came back.
    pub async fn callback(
        &self,
        execution_id: Uuid,
        request: &ExecutionCallbackRequest,
    ) -> Result<ExecutionCallbackResponse, Error> {
        self.post(&paths::callback(self.node_id, execution_id), request)
            .await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, request: &impl Serialize) -> Result<T, Error> {
        let mut call = self.connection.call(Method::POST, path).timeout(CALL_TIMEOUT);
        if let Some(traceparent) = &self.traceparent {
            call = call.header("traceparent", traceparent);
        }
        json(self.send(body(call, request)?).await?).await
    }

    /// Sends with the credential in use; where that one is refused, with one that has taken its place meanwhile, or
    /// with the other one.
    async fn send(&self, call: RequestBuilder) -> Result<Response, Error> {
        let used = self.credentials.current();
        let first = send_as(&call, &used).await?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return Ok(first);
        }
        let Some(other) = self.credentials.instead_of(&used) else {
            return Ok(first);
        };
        let second = send_as(&call, &other).await?;
        if second.status() == StatusCode::UNAUTHORIZED {
            return Ok(first);
        }
        if second.status().is_success() {
            self.credentials.settle_on(&other);
        }
        Ok(second)
    }

    /// Puts an output where the server said and returns the object's key. Without the node's credential: the URL
    /// carries its own. `checksum` is the output's SHA-256 in base64, sent where the URL is bound to it.
    ///
    /// # Errors
    /// When the URL may not be used or the output was not taken. No error holds the URL.
    pub async fn upload(&self, url: &str, output: Bytes, checksum: &str) -> Result<String, Error> {
        let target = UploadTarget::parse(url, &self.connection.base)?;
        let http = match target.is_elsewhere {
            true => &self.connection.elsewhere,
            false => &self.connection.http,
        };
        let mut call = http
            .request(Method::PUT, target.url)
            .header(CONTENT_TYPE, "application/octet-stream");
        if target.wants_checksum {
            call = call.header(upload::CHECKSUM, checksum);
        }
        // A body of known length travels with an exact Content-Length.
        match accepted(call.body(output).send().await.map_err(transport)?).await {
            Ok(_) => Ok(target.object_key),
            // An earlier attempt whose answer was lost has put it there; its digest is checked with the report.
            Err(Error::Api(answer)) if answer.code.as_deref() == Some(codes::UPLOAD_ALREADY_USED) => {
                Ok(target.object_key)
            }
            Err(error) => Err(error),
        }
    }
}

async fn send_as(call: &RequestBuilder, authorization: &HeaderValue) -> Result<Response, Error> {
    let call = call
        .try_clone()
        .expect("a body that lies in memory can be sent again");
    call.header(AUTHORIZATION, authorization.clone())
        .send()
        .await
        .map_err(transport)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        for allowed in [
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "http://localhost",
            "https://example.org",
            "https://h/x",
        ] {
            assert!(base_url(allowed).is_ok(), "{allowed}");
        }
        assert!(matches!(
            base_url("http://example.org"),
            Err(ConnectionError::PlainHttp)
        ));
        assert!(matches!(
            base_url("http://127.0.0.1.example.org"),
            Err(ConnectionError::PlainHttp)
        ));
        for refused in [
            "ftp://localhost",
            "https://u:p@h",
            "https://h/?q=1",
            "https://h/#f",
            "localhost:8080",
            "",
        ] {
            assert!(
                matches!(base_url(refused), Err(ConnectionError::Url(_))),
                "{refused}"
            );
        }
    }

    #[test]
    fn debug_hides_the_credential() {
        let connection = Connection::new("http://127.0.0.1:1", None).expect("a loopback URL");
        let client =
            NodeClient::new(connection, Uuid::from_u128(1), "nsk_plexd_secret").expect("a header value");
        assert!(!format!("{client:?}").contains("secret"));
    }
}
