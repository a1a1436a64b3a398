pub(crate) mod browsers;
pub(crate) mod csrf;
mod devices;

use crate::oidc::stand_in::StandIn;
use crate::testing::{Actor, TestApp};
use axum::http::{HeaderMap, StatusCode, header};
use plex_api::paths::{SIGN_IN, SIGN_IN_CALLBACK};
use serde_json::{Value, json};

/// A browser: cookies, and somebody without a bearer who sends them.
#[derive(Clone)]
struct Browser {
    actor: Actor,
    jar: Vec<(String, String)>,
}

impl Browser {
    fn on(app: &TestApp) -> Self {
        Self {
            actor: app.anybody(),
            jar: Vec::new(),
        }
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        let found = self.jar.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Keeps what an answer sets.
    fn keep(&mut self, headers: &HeaderMap) {
        for set in headers.get_all(header::SET_COOKIE) {
            let (pair, attributes) = set.to_str().unwrap().split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.jar.retain(|(known, _)| known != name);
            if !attributes.contains("Max-Age=0") {
                self.jar.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// Sends with all cookies and these headers.
    async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> (u16, HeaderMap, Value) {
        let jar: Vec<String> = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let jar = jar.join("; ");
        let mut all = headers.to_vec();
        if !jar.is_empty() {
            all.push(("cookie", &jar));
        }
        let (status, headers, body) = self.actor.send_with(method, path, body, &all).await;
        self.keep(&headers);
        (status.as_u16(), headers, body)
    }

    /// As a page of ours sends: with the CSRF header, and said to be of the same origin.
    async fn on_our_page(&mut self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let csrf = self.cookie("plexsphere_csrf").unwrap_or_default().to_owned();
        let headers = [
            ("x-plexsphere-csrf", csrf.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        let (status, _, body) = self.send(method, path, body, &headers).await;
        (status, body)
    }

    /// Sets out to the provider; what comes back with the browser: the state and, as the stand-in's code, the nonce.
    async fn set_out(&mut self, body: Value) -> (String, String) {
        let (status, _, way) = self.send("POST", SIGN_IN, Some(body), &[]).await;
        assert_eq!(status, 200, "{way}");
        let text = |name: &str| way[name].as_str().unwrap().to_owned();
        (text("state"), text("nonce"))
    }

    /// Comes back from the provider; where it is sent on.
    async fn come_back(&mut self, query: &str) -> (u16, String) {
        let path = format!("{SIGN_IN_CALLBACK}?{query}");
        let (status, headers, _) = self.send("GET", &path, None, &[]).await;
        let place = headers.get(header::LOCATION).map(|place| place.to_str().unwrap());
        (status, place.unwrap_or_default().to_owned())
    }

    /// Signs in, from the first step to the last.
    async fn sign_in(&mut self) {
        let (state, nonce) = self.set_out(json!({})).await;
        let came_back = self.come_back(&format!("code={nonce}&state={state}")).await;
        assert_eq!(came_back, (303, "/v1/auth/device".to_owned()));
    }
}

/// A control plane with a provider.
async fn with_provider() -> (TestApp, StandIn) {
    let stand_in = StandIn::start().await;
    let app = TestApp::start_with(crate::csrf::Origins::default(), Some(stand_in.provider())).await;
    (app, stand_in)
}

fn is(answer: (StatusCode, Value), status: u16, code: &str) -> Value {
    let (got, body) = answer;
    assert_eq!(
        (got.as_u16(), body["code"].as_str().unwrap_or("")),
        (status, code),
        "{body}"
    );
    body
}
