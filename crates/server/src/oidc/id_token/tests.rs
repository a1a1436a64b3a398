use super::*;
use crate::oidc::stand_in::SigningKey;
use serde_json::json;

const NOW: i64 = 1_793_491_200;

/// A modulus, and a token that its key signed.
const RSA_N: &str = concat!(
    "vm6mH7TTMsMZQFms_3f47a1Ts075elOmo8dfTeNP0c_E7RjQHTSK4NnPxVbzwkwpykbCT-oWKLro4WuXFcRe9BMZ-MzL",
    "guvAgr45XgrV_dEAGBoHYk1QAobwBzZI_F4eF_l5eJZzo7mln9oXkVHjFJHHZt3wPx7CFF-NdoRiIWMaPc9UI9MuYl4k",
    "YRRbjd94D4kVXEhVCxYz8oaL49p7tD5j_BLs5pvKOkKGczcCYAje1A9QRNorbSdk7s4vPqufDyPWAy_H8kEYBW2noTZ1",
    "7j6QkasONKZJxT4Bl015AWJIml2hYuNgzBj-56apeRT3ksGwhHXIPqhTv9lDak_W1Q",
);
const RSA_TOKEN: &str = concat!(
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJzdWIiOiJhbm5hIiwi",
    "YXVkIjoicGxleHNwaGVyZSIsImV4cCI6MTc5MzQ5MTUwMCwiaWF0IjoxNzkzNDkxMjAwLCJub25jZSI6Im4tMSJ9.mS7",
    "VLmRlqyPyUui1LiVqVVkjzVkJkXc2VTAJ0XkLLUoFrSdGEL6JJO6GxHQo2eFnSeL5ZoIZ8jOo6e4WBPnqoune5E7gS3i",
    "JQ7Bhzotnc_-V7uWyj8CGIeKZj5EKmMrdtAON_9FlYQHY-W915tvMkpHsVNJLGYKfBae9FQZteXhgJv4-igHlc_VIzER",
    "Vvt_bvSRHM-gwgEmA0HT3-ycf0yaKL0eMqu9d0BGw0f1ZSJhIEVY4lfcq1lM1Q48wTIZVpv9nydyjvUB2ul6sAr_tImw",
    "aLeiXZuXXv652gYpbR4Wjzy0IIaDDFt6qT8a2A0GU8cDUtMbI3rfSaWkuuSaTlQ",
);

fn expected() -> Expected<'static> {
    Expected {
        issuer: "https://id.example",
        client_id: "plexsphere",
        nonce: "n-1",
        now: Timestamp::from_second(NOW).unwrap(),
    }
}

fn payload() -> Value {
    json!({
        "iss": "https://id.example", "sub": "anna", "aud": "plexsphere", "exp": NOW + 300, "iat": NOW, "nonce": "n-1",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut payload = payload();
    payload[name] = value;
    payload
}

fn without(name: &str) -> Value {
    let mut payload = payload();
    payload.as_object_mut().unwrap().remove(name);
    payload
}

/// What becomes of a token of the right key that says this.
fn judged(payload: &Value) -> Result<Claims, IdTokenError> {
    let key = SigningKey::new("k1");
    let token = key.sign(&json!({"alg": "ES256", "kid": "k1"}), payload);
    verify(&token, &key.set(), &expected())
}

#[test]
fn a_token_made_now_for_this_sign_in_holds() {
    let mut full = payload();
    for (name, value) in [
        ("email", json!("anna@example.org")),
        ("email_verified", json!(true)),
        ("acr", json!("mfa")),
        ("amr", json!(["pwd", "otp", 7])),
    ] {
        full[name] = value;
    }
    let claims = judged(&full).unwrap();
    assert_eq!(
        (claims.subject.as_str(), claims.email.as_deref()),
        ("anna", Some("anna@example.org"))
    );
    assert_eq!(
        (claims.acr.as_deref(), claims.amr),
        (Some("mfa"), vec!["pwd".to_owned(), "otp".to_owned()])
    );
    let bare = judged(&payload()).unwrap();
    assert_eq!((bare.email, bare.acr, bare.amr.len()), (None, None, 0));
}

#[test]
fn an_address_that_is_not_verified_is_none() {
    for verified in [json!(false), json!("true"), json!(1), Value::Null] {
        let mut payload = with("email", json!("anna@example.org"));
        payload["email_verified"] = verified;
        assert_eq!(judged(&payload).unwrap().email, None, "{payload}");
    }
}

#[test]
fn what_a_token_says_must_fit() {
    use IdTokenError as E;
    for (payload, error) in [
        (with("iss", json!("https://id.example/")), E::Issuer),
        (with("aud", json!("other")), E::Audience),
        (with("aud", json!([])), E::Audience),
        (with("aud", json!(["plexsphere", "other"])), E::Audience),
        (with("aud", json!({"plexsphere": 1})), E::Audience),
        (with("azp", json!("other")), E::Audience),
        (with("exp", json!(NOW - 60)), E::Expired),
        (with("iat", json!(NOW + 61)), E::IssuedAt),
        (with("iat", json!(NOW - 661)), E::IssuedAt),
        (with("nonce", json!("n-2")), E::Nonce),
        (with("nonce", json!("")), E::Nonce),
        (without("nonce"), E::Nonce),
        (with("sub", json!("")), E::Subject),
        (with("sub", json!("x".repeat(256))), E::Subject),
        (with("sub", json!("änna")), E::Subject),
        (without("sub"), E::Malformed),
        (without("exp"), E::Malformed),
        (without("iat"), E::Malformed),
        (without("aud"), E::Malformed),
        (with("exp", json!("soon")), E::Malformed),
    ] {
        assert_eq!(judged(&payload), Err(error), "{payload}");
    }
}

#[test]
fn a_little_skew_and_a_named_party_are_fine() {
    let mut several = with("aud", json!(["other", "plexsphere"]));
    several["azp"] = json!("plexsphere");
    for payload in [
        with("exp", json!(NOW - 59)),
        with("iat", json!(NOW + 60)),
        with("iat", json!(NOW - 600)),
        with("aud", json!(["plexsphere"])),
        several,
    ] {
        assert!(judged(&payload).is_ok(), "{payload}");
    }
}

#[test]
fn only_the_providers_signature_counts() {
    let (key, other) = (SigningKey::new("k1"), SigningKey::new("k1"));
    let header = |alg: &str, kid: &str| json!({"alg": alg, "kid": kid});
    let good = key.sign(&header("ES256", "k1"), &payload());
    let (set, expected) = (key.set(), expected());
    let judge = |token: &str| verify(token, &set, &expected).map(|_| ());
    assert_eq!(judge(&good), Ok(()));
    assert_eq!(
        judge(&key.sign(&json!({"alg": "ES256"}), &payload())),
        Ok(()),
        "without a key's id"
    );

    use IdTokenError as E;
    assert_eq!(
        judge(&other.sign(&header("ES256", "k1"), &payload())),
        Err(E::Signature)
    );
    assert_eq!(
        judge(&key.sign(&header("ES256", "k2"), &payload())),
        Err(E::UnknownKey)
    );
    assert_eq!(
        judge(&key.sign(&header("RS256", "k1"), &payload())),
        Err(E::UnknownKey),
        "a key of another kind"
    );
    for alg in ["none", "None", "HS256", "HS512", "ES384", "es256", ""] {
        assert_eq!(
            judge(&key.sign(&header(alg, "k1"), &payload())),
            Err(E::Algorithm),
            "{alg}"
        );
    }
    let crit = json!({"alg": "ES256", "kid": "k1", "crit": ["x"]});
    assert_eq!(judge(&key.sign(&crit, &payload())), Err(E::Malformed));

    let parts: Vec<&str> = good.split('.').collect();
    let swapped = key.sign(&header("ES256", "k1"), &with("sub", json!("bert")));
    let forged = format!("{}.{}.{}", parts[0], swapped.split('.').nth(1).unwrap(), parts[2]);
    assert_eq!(judge(&forged), Err(E::Signature));
    assert_eq!(
        judge(&format!("{}.{}.", parts[0], parts[1])),
        Err(E::Signature),
        "no signature"
    );
    for bad in [
        "",
        "a.b",
        "..",
        &good[1..],
        &format!("{good}."),
        &format!("{good}="),
        &"x".repeat(TOKEN_BYTES + 1),
    ] {
        assert!(matches!(judge(bad), Err(E::Malformed)), "{bad}");
    }
}

#[test]
fn rs256_holds_and_a_byte_changed_does_not() {
    let keys = json!({"keys": [
        {"kty": "oct", "k": "aaaa"},
        "nonsense",
        {"kty": "RSA", "kid": "r1", "use": "sig", "alg": "RS256", "n": RSA_N, "e": "AQAB"},
    ]});
    let set = KeySet::parse(keys.to_string().as_bytes()).unwrap();
    assert_eq!(verify(RSA_TOKEN, &set, &expected()).unwrap().subject, "anna");
    let changed = RSA_TOKEN.replacen(&RSA_TOKEN[RSA_TOKEN.len() - 8..], "AAAAAAAA", 1);
    assert_eq!(verify(&changed, &set, &expected()), Err(IdTokenError::Signature));
    let encryption = json!({"keys": [{"kty": "RSA", "kid": "r1", "use": "enc", "n": RSA_N, "e": "AQAB"}]});
    let set = KeySet::parse(encryption.to_string().as_bytes()).unwrap();
    assert_eq!(
        verify(RSA_TOKEN, &set, &expected()),
        Err(IdTokenError::UnknownKey)
    );
}
