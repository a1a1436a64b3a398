//! The three kinds of secret text that callers present, how they are made, told apart, and kept.
//!
//! All are random: 32 bytes from [`Rng`], so a keyed hash ([`hash`]) suffices for keeping them, and no slow
//! password hash is needed (decision 25). Nothing here implements `Debug` over a secret.

use crate::env::Rng;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::BASE32_NOPAD;
use plex_api::bootstrap_tokens::NodeKind;
use plex_api::tokens::TokenEnvironment;
use ring::hmac;
use uuid::Uuid;

const SECRET_BYTES: usize = 32;
const SECRET_CHARS: usize = 52;
const OPAQUE_CHARS: usize = 43;

/// API tokens: `psk_<env>_<52 characters of base32>`.
pub struct ApiToken;

impl ApiToken {
    /// A new token.
    pub fn mint(env: TokenEnvironment, rng: &dyn Rng) -> String {
        format!("psk_{}_{}", env.as_str(), random_base32(rng))
    }

    /// Whether the text has the shape of a token, so that looking it up makes sense.
    pub fn looks_like_api_token(text: &str) -> bool {
        let segments = text.strip_prefix("psk_").and_then(|rest| rest.split_once('_'));
        segments.is_some_and(|(env, secret)| {
            TokenEnvironment::parse(env).is_some() && secret.len() == SECRET_CHARS && is_base32(secret)
        })
    }
}

/// A secret that nobody reads: 32 random bytes in unpadded base64url, for cookies and codes.
pub fn mint_opaque(rng: &dyn Rng) -> String {
    let mut bytes = [0; SECRET_BYTES];
    rng.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether the text has the shape of such a secret, so that looking it up makes sense.
pub fn looks_opaque(text: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() == OPAQUE_CHARS && text.bytes().all(is_base64url)
}

/// What a person types to let a device log in: 40 random bits as eight characters of base32. They are short because
/// they are typed, so guesses at them are limited and they hold for minutes only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCode([u8; 8]);

impl UserCode {
    /// A new code.
    pub fn mint(rng: &dyn Rng) -> Self {
        let mut bytes = [0; 5];
        rng.fill(&mut bytes);
        let text = BASE32_NOPAD.encode(&bytes);
        Self(
            text.as_bytes()
                .try_into()
                .expect("five bytes are eight characters"),
        )
    }

    /// Reads `^[A-Z2-7]{4}-?[A-Z2-7]{4}$`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let code: Vec<u8> = match bytes.len() {
            8 => bytes.to_vec(),
            9 if bytes[4] == b'-' => [&bytes[..4], &bytes[5..]].concat(),
            _ => return None,
        };
        let is_base32 = |byte: &u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(byte);
        let all = code.iter().all(is_base32);
        all.then(|| code.try_into().ok()).flatten().map(Self)
    }

    /// The characters without the dash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Display for UserCode {
    /// With the dash: `ABCD-2345`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, last) = self.0.split_at(4);
        let text = |half| std::str::from_utf8(half).expect("base32 is ASCII");
        write!(f, "{}-{}", text(first), text(last))
    }
}

/// What a bootstrap token says about itself; only the look-up of its hash says whether it is genuine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrap {
    /// The environment segment.
    pub env: String,
    /// The project that a node joins.
    pub project_id: Uuid,
    /// What kind of node may redeem it.
    pub kind: NodeKind,
}

/// A new bootstrap token: `psb_<env>_<project>_<node|bridge>_<random>`; `env` matches `^[a-z]{1,32}$`.
pub fn mint_bootstrap(env: &str, project: Uuid, kind: NodeKind, rng: &dyn Rng) -> String {
    let project = BASE32_NOPAD.encode(project.as_bytes()).to_ascii_lowercase();
    format!("psb_{env}_{project}_{}_{}", kind.as_str(), random_base32(rng))
}

/// The segments of a bootstrap token; `None` when the text is none.
pub fn parse_bootstrap(text: &str) -> Option<Bootstrap> {
    let mut segments = text.strip_prefix("psb_")?.split('_');
    let env = segments.next().filter(|env| is_env_prefix(env))?;
    let project = segments.next().filter(|project| is_base32(project))?;
    let kind = NodeKind::parse(segments.next()?)?;
    let random = segments.next()?;
    if segments.next().is_some() || random.len() < 20 || !is_base32(random) {
        return None;
    }
    let project = BASE32_NOPAD
        .decode(project.to_ascii_uppercase().as_bytes())
        .ok()?;
    let project_id = Uuid::from_slice(&project).ok().filter(|id| !id.is_nil())?;
    Some(Bootstrap {
        env: env.to_owned(),
        project_id,
        kind,
    })
}

/// Whether a word may stand as the environment of a bootstrap token.
pub fn is_env_prefix(word: &str) -> bool {
    (1..=32).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// What a node's bearer holds (`api.md` §1.3).
#[derive(Clone)]
pub struct NodeCredential {
    /// The node it says it is: a hint for the look-up, not yet a proof.
    pub node_id: Uuid,
    /// The node's secret key.
    pub key: [u8; 32],
}

/// The parts of `nsk_<env>_<base64url(uuid ‖ key)>`; `None` when the text is no such thing.
pub fn parse_node(text: &str) -> Option<NodeCredential> {
    let (env, payload) = text.strip_prefix("nsk_")?.split_once('_')?;
    if env.is_empty() {
        return None;
    }
    let mut bytes = [0; 48];
    // 64 characters are 48 bytes; asked first, so that no longer text is decoded.
    if payload.len() != 64 || URL_SAFE_NO_PAD.decode_slice(payload, &mut bytes).ok()? != bytes.len() {
        return None;
    }
    let (id, key) = bytes.split_first_chunk::<16>()?;
    let node_id = Uuid::from_bytes(*id);
    let key = key.try_into().ok()?;
    (!node_id.is_nil()).then_some(NodeCredential { node_id, key })
}

/// The bearer of a node; `env` is a word without underscore and only informs.
pub fn format_node(env: &str, node_id: Uuid, key: &[u8; 32]) -> String {
    debug_assert!(
        !env.is_empty() && !env.contains('_'),
        "the environment is one segment"
    );
    let bytes = [node_id.as_bytes().as_slice(), key].concat();
    format!("nsk_{env}_{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of a secret: its HMAC-SHA256 under a key derived from the master key.
pub fn hash(key: &[u8; 32], secret: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), secret);
    tag.as_ref().try_into().expect("a SHA-256 tag has 32 bytes")
}

/// Whether two byte strings are equal, in a time that does not tell where they differ.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    let differences = a
        .iter()
        .zip(b)
        .fold(0, |all, (x, y)| std::hint::black_box(all | (x ^ y)));
    a.len() == b.len() && differences == 0
}

fn random_base32(rng: &dyn Rng) -> String {
    let mut bytes = [0; SECRET_BYTES];
    rng.fill(&mut bytes);
    BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()
}

fn is_base32(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::tests::CountingRng;
    use proptest::prelude::*;

    #[test]
    fn the_published_node_vector_holds() {
        let node = Uuid::parse_str("0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3").unwrap();
        // The published text stops after 29 of the 32 key bytes; this is the whole of it.
        let text = "nsk_plexd_AZCouKDAegqKCqCgoKCgoyoqKioqKioqKioqKioqKioqKioqKioqKioqKioqKioq";
        assert_eq!(format_node("plexd", node, &[0x2a; 32]), text);
        let parsed = parse_node(text).unwrap();
        assert!(parsed.node_id == node && parsed.key == [0x2a; 32]);
    }

    #[test]
    fn what_is_no_node_credential_is_none() {
        let good = format_node("x", Uuid::from_u128(9), &[1; 32]);
        assert!(parse_node(&good).is_some());
        let cases = [
            "".to_owned(),
            "nsk_".to_owned(),
            "nsk__".to_owned() + &good[6..],
            good.replace("nsk_", "psk_"),
            good[..good.len() - 1].to_owned(),
            format!("{good}A"),
            format!("{good}="),
            format_node("x", Uuid::nil(), &[1; 32]),
        ];
        for bad in cases {
            assert!(parse_node(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn api_tokens_look_like_themselves() {
        let rng = CountingRng::default();
        let token = ApiToken::mint(TokenEnvironment::Prod, &rng);
        assert!(token.starts_with("psk_prod_"));
        assert!(ApiToken::looks_like_api_token(&token));
        assert_ne!(token, ApiToken::mint(TokenEnvironment::Prod, &rng));
        for bad in [
            "",
            "psk_prod_",
            &token[1..],
            &token.to_uppercase(),
            &format!("{token}a"),
        ] {
            assert!(!ApiToken::looks_like_api_token(bad), "{bad}");
        }
        assert!(!ApiToken::looks_like_api_token(&token.replace("prod", "nope")));
    }

    #[test]
    fn opaque_secrets_look_like_themselves() {
        let secret = mint_opaque(&CountingRng::default());
        assert!(looks_opaque(&secret), "{secret}");
        for bad in [
            "",
            &secret[1..],
            &format!("{secret}A"),
            &secret.replace(&secret[..1], "="),
        ] {
            assert!(!looks_opaque(bad), "{bad}");
        }
    }

    #[test]
    fn only_the_published_shape_is_a_bootstrap_token() {
        let good = mint_bootstrap(
            "prod",
            Uuid::from_u128(5),
            NodeKind::Node,
            &CountingRng::default(),
        );
        let segments: Vec<&str> = good.split('_').collect();
        assert_eq!(
            (segments.len(), segments[2].len(), segments[4].len()),
            (5, 26, 52)
        );
        let swap = |at: usize, with: &str| {
            let mut changed = segments.clone();
            changed[at] = with;
            changed.join("_")
        };
        let nil = "a".repeat(26);
        let cases = [
            swap(0, "psk"),
            swap(1, ""),
            swap(1, "Prod"),
            swap(2, "abc"),
            swap(2, &nil),
            swap(3, "vm"),
            swap(4, "short"),
        ];
        for bad in cases {
            assert_eq!(parse_bootstrap(&bad), None, "{bad}");
        }
        assert_eq!(parse_bootstrap(&format!("{good}_x")), None);
        assert_eq!(parse_bootstrap(&good.to_uppercase()), None);
    }

    proptest! {
        #[test]
        fn bootstrap_tokens_carry_what_they_were_made_from(env in "[a-z]{1,32}", project in 1_u128.., bridge: bool) {
            let kind = if bridge { NodeKind::Bridge } else { NodeKind::Node };
            let project_id = Uuid::from_u128(project);
            let text = mint_bootstrap(&env, project_id, kind, &CountingRng::default());
            prop_assert_eq!(parse_bootstrap(&text), Some(Bootstrap { env, project_id, kind }));
        }

        #[test]
        fn user_codes_are_read_with_and_without_their_dash(skip in 0_u8..) {
            let rng = CountingRng::default();
            crate::env::Rng::fill(&rng, &mut vec![0; skip.into()]);
            let code = UserCode::mint(&rng);
            let shown = code.to_string();
            prop_assert_eq!(UserCode::parse(&shown), Some(code.clone()));
            prop_assert_eq!(UserCode::parse(&shown.replace('-', "")), Some(code));
        }

        #[test]
        fn what_is_read_as_a_user_code_has_the_published_shape(text in "[A-Z0-9a-z-]{7,10}|[A-Z2-7]{4}.[A-Z2-7]{4}") {
            let halves = match text.split_once('-') {
                Some((first, last)) => vec![first, last],
                None if text.is_char_boundary(4) => vec![&text[..4], &text[4..]],
                None => vec![],
            };
            let is_half = |half: &&str| half.len() == 4 && half.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b));
            let expected = halves.len() == 2 && halves.iter().all(is_half);
            prop_assert_eq!(UserCode::parse(&text).is_some(), expected);
        }

        #[test]
        fn equal_is_equality(a in prop::collection::vec(0..3_u8, 0..4), b in prop::collection::vec(0..3_u8, 0..4)) {
            prop_assert_eq!(equal(&a, &b), a == b);
        }
    }

    #[test]
    fn hashes_depend_on_key_and_secret() {
        assert_ne!(hash(&[1; 32], b"a"), hash(&[2; 32], b"a"));
        assert_ne!(hash(&[1; 32], b"a"), hash(&[1; 32], b"b"));
    }
}
