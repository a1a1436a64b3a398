use super::stand_in::{SigningKey, StandIn};
use super::*;
use axum::http::StatusCode;
use serde_json::json;
use std::time::Duration;

fn sign_in() -> SignIn {
    SignIn {
        state: "s-1".to_owned(),
        nonce: "n-1".to_owned(),
        code_verifier: "v-1".to_owned(),
    }
}

async fn redeem(provider: &Provider) -> Result<Claims, ProviderError> {
    redeem_at(provider, Instant::now()).await
}

async fn redeem_at(provider: &Provider, tick: Instant) -> Result<Claims, ProviderError> {
    // The stand-in puts the code into the token as its nonce.
    provider.redeem("n-1", &sign_in(), (Timestamp::now(), tick)).await
}

#[tokio::test]
async fn the_browser_is_sent_with_what_the_flow_needs_and_without_the_verifier() {
    let stand_in = StandIn::start().await;
    let url = stand_in
        .provider()
        .authorization_url(&sign_in(), Some("login"))
        .await
        .unwrap();
    let (endpoint, query) = url.split_once('?').unwrap();
    assert_eq!(endpoint, format!("{}/authorize", stand_in.issuer));
    // BASE64URL(SHA-256("v-1"))
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, b"v-1"));
    for pair in [
        "response_type=code",
        "client_id=plexsphere",
        "redirect_uri=https%3A%2F%2Fplexsphere.test%2Fv1%2Fauth%2Fcallback",
        "scope=openid%20email",
        "state=s-1",
        "nonce=n-1",
        "code_challenge_method=S256",
        "prompt=login",
        &format!("code_challenge={challenge}"),
    ] {
        assert!(query.split('&').any(|sent| sent == pair), "{pair} in {query}");
    }
    assert!(!url.contains("v-1"), "{url}");
}

#[tokio::test]
async fn a_code_is_redeemed_with_the_verifier_and_the_clients_secret() {
    let stand_in = StandIn::start().await;
    let claims = redeem(&stand_in.provider()).await.unwrap();
    assert_eq!(claims.subject, "anna");
    let script = stand_in.script.lock().unwrap();
    assert_eq!(script.asked["grant_type"], "authorization_code");
    assert_eq!(script.asked["code_verifier"], "v-1");
    let basic = format!("Basic {}", STANDARD.encode("plexsphere:hush%20%26secret"));
    assert_eq!(script.authorization.as_deref(), Some(basic.as_str()));
    assert!(!script.asked.contains_key("client_secret"));
}

#[tokio::test]
async fn an_address_that_the_token_lacks_is_asked_for_and_must_be_this_persons() {
    let stand_in = StandIn::start().await;
    let provider = stand_in.provider();
    for (said, email) in [
        (
            json!({"sub": "anna", "email": "anna@example.org", "email_verified": true}),
            Some("anna@example.org"),
        ),
        (json!({"sub": "anna", "email": "anna@example.org"}), None),
        (
            json!({"sub": "anna", "email": "anna@example.org", "email_verified": "true"}),
            None,
        ),
        (
            json!({"sub": "bert", "email": "bert@example.org", "email_verified": true}),
            None,
        ),
        (json!([]), None),
    ] {
        stand_in.alter(|script| script.userinfo = said.clone());
        assert_eq!(redeem(&provider).await.unwrap().email.as_deref(), email, "{said}");
    }
    stand_in.alter(|script| {
        script.userinfo = json!({"sub": "anna", "email": "other@example.org", "email_verified": true});
        script.claims = json!({"email": "anna@example.org", "email_verified": true});
    });
    let claims = redeem(&provider).await.unwrap();
    assert_eq!(
        claims.email.as_deref(),
        Some("anna@example.org"),
        "the signed one comes first"
    );
}

#[tokio::test]
async fn a_changed_key_is_fetched_and_a_foreign_one_is_not_believed() {
    let stand_in = StandIn::start().await;
    let provider = stand_in.provider();
    let start = Instant::now();
    let after = |seconds| start + std::time::Duration::from_secs(seconds);
    redeem_at(&provider, start).await.unwrap();
    stand_in.alter(|script| {
        script.key = SigningKey::new("k2");
        script.header = json!({"alg": "ES256", "kid": "k2"});
    });
    let too_soon = redeem_at(&provider, after(9)).await;
    assert!(
        matches!(too_soon, Err(ProviderError::IdToken(IdTokenError::UnknownKey))),
        "keys are not fetched at every bad token"
    );
    redeem_at(&provider, after(10)).await.unwrap();
    stand_in.alter(|script| script.publishes = Some(SigningKey::new("k2").json()));
    let foreign = redeem_at(&provider, after(3610)).await;
    assert!(matches!(
        foreign,
        Err(ProviderError::IdToken(IdTokenError::Signature))
    ));
}

#[tokio::test]
async fn a_refusal_is_told_without_what_could_harm_a_terminal() {
    let stand_in = StandIn::start().await;
    stand_in.alter(|script| script.status = StatusCode::BAD_REQUEST);
    let refused = redeem(&stand_in.provider()).await.unwrap_err();
    assert!(matches!(&refused, ProviderError::Refused { status: 400, .. }));
    let text = refused.to_string();
    assert!(
        text.contains("invalid_grant") && !text.contains('\u{1b}'),
        "{text:?}"
    );
}

#[tokio::test]
async fn a_provider_that_names_another_issuer_is_not_used() {
    let stand_in = StandIn::start().await;
    let settings = OidcSettings {
        issuer: stand_in.issuer.replace("127.0.0.1", "localhost"),
        client_id: "plexsphere".to_owned(),
        client_secret: None,
        alias: "work".to_owned(),
        roots: Vec::new(),
    };
    let provider = Provider::new(settings, "https://plexsphere.test").unwrap();
    let refused = redeem(&provider).await;
    assert!(matches!(
        refused,
        Err(ProviderError::Discovery(DiscoveryError::Malformed(
            "it names another issuer"
        )))
    ));
}

#[tokio::test]
async fn a_provider_that_is_gone_is_asked_once_in_a_while() {
    let stand_in = StandIn::start().await;
    let provider = stand_in.provider();
    drop(stand_in);
    tokio::task::yield_now().await;
    let first = redeem(&provider).await;
    let second = redeem(&provider).await;
    assert!(matches!(
        first,
        Err(ProviderError::Discovery(DiscoveryError::Fetch(_)))
    ));
    assert!(matches!(
        second,
        Err(ProviderError::Discovery(DiscoveryError::JustFailed))
    ));
}

#[test]
fn a_binding_keeps_its_id_and_shares_it_with_nobody() {
    let id = binding_id("https://a", "b");
    assert_eq!(id, binding_id("https://a", "b"));
    assert_ne!(id, binding_id("https://a", "c"));
    assert_eq!(id.get_version_num(), 8);
}

#[tokio::test]
async fn a_refresh_that_fails_takes_nothing_away_that_still_holds() {
    let stand_in = StandIn::start().await;
    let provider = stand_in.provider();
    let start = Instant::now();
    redeem_at(&provider, start).await.unwrap();
    stand_in.alter(|script| script.fetched = StatusCode::BAD_GATEWAY);
    // A refusal has the document doubted, and a key that is not known has the keys fetched anew.
    stand_in.alter(|script| script.status = StatusCode::BAD_REQUEST);
    redeem_at(&provider, start + Duration::from_secs(20))
        .await
        .unwrap_err();
    stand_in.alter(|script| {
        script.status = StatusCode::OK;
        script.header = serde_json::json!({"alg": "ES256", "kid": "k2"});
    });
    redeem_at(&provider, start + Duration::from_secs(40))
        .await
        .unwrap_err();
    stand_in.alter(|script| script.header = serde_json::json!({"alg": "ES256", "kid": "k1"}));
    for seconds in [41, 60, 3599] {
        redeem_at(&provider, start + Duration::from_secs(seconds))
            .await
            .unwrap();
    }
    redeem_at(&provider, start + Duration::from_secs(3600))
        .await
        .unwrap_err();
}
