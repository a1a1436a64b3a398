//! The provider's public keys (RFC 7517), and the two kinds of signature that are taken: RS256 and ES256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// Most keys that are looked at.
const KEYS: usize = 64;

/// How a token is signed. `none`, and everything by which a client could sign for itself, is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// The algorithm of that name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// What became of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// A key of the set made it.
    Holds,
    /// There is such a key, and it did not.
    Fails,
    /// There is no such key.
    NoKey,
}

/// The keys that can check one of our algorithms.
pub(super) struct KeySet(Vec<Key>);

struct Key {
    id: Option<String>,
    material: Material,
}

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

impl KeySet {
    /// Reads a set. Keys of other kinds, which a set may well hold, are left out.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        let raw: RawSet = serde_json::from_slice(json).ok()?;
        let keys = raw.keys.into_iter().take(KEYS);
        let usable = keys.filter_map(|key| Key::of(serde_json::from_value(key).ok()?));
        Some(Self(usable.collect()))
    }

    /// Judges a signature by the key of that id or, where a token names none, by each key of its kind.
    pub(super) fn judge(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> Judgement {
        let mut judgement = Judgement::NoKey;
        for key in &self.0 {
            let fits = id.is_none() || key.id.is_none() || key.id.as_deref() == id;
            match key.material.verify(algorithm, message, signature) {
                Some(true) if fits => return Judgement::Holds,
                Some(false) if fits => judgement = Judgement::Fails,
                Some(_) | None => {}
            }
        }
        judgement
    }
}

impl Key {
    fn of(raw: RawKey) -> Option<Self> {
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        if raw.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let (algorithm, material) = match (raw.kty.as_str(), raw.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (bytes(&raw.n)?, bytes(&raw.e)?);
                (Algorithm::Rs256, Material::Rsa { n, e })
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&raw.x)?, bytes(&raw.y)?);
                let is_whole = x.len() == 32 && y.len() == 32;
                // An uncompressed point.
                let point = is_whole.then(|| [&[4], x.as_slice(), &y].concat())?;
                (Algorithm::Es256, Material::P256(point))
            }
            _ => return None,
        };
        let is_ours = raw.alg.is_none_or(|alg| alg == algorithm.name());
        is_ours.then_some(Self {
            id: raw.kid,
            material,
        })
    }
}

impl Material {
    /// `None` when the key is of another kind than the algorithm.
    fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Option<bool> {
        match (self, algorithm) {
            (Self::Rsa { n, e }, Algorithm::Rs256) => {
                let key = RsaPublicKeyComponents { n, e };
                Some(
                    key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                        .is_ok(),
                )
            }
            (Self::P256(point), Algorithm::Es256) => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                Some(key.verify(message, signature).is_ok())
            }
            (Self::Rsa { .. }, Algorithm::Es256) | (Self::P256(_), Algorithm::Rs256) => None,
        }
    }
}
