//! API tokens and who one is (`api.md` §3).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The environment segment of an API token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TokenEnvironment {
    /// Development.
    Dev,
    /// Staging.
    Stage,
    /// Production.
    Prod,
}

impl TokenEnvironment {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Stage => "stage",
            Self::Prod => "prod",
        }
    }

    /// The environment of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Dev, Self::Stage, Self::Prod]
            .into_iter()
            .find(|env| env.as_str() == word)
    }
}

/// Asks for an API token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct APITokenIssueRequest {
    /// Whom the token acts as: `user:<uuid>` or `service:<uuid>`.
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 44, pattern = "^(user|service):[0-9a-fA-F-]{36}$")
    )]
    pub identity_ref: String,
    /// A segment of the token's text.
    pub env_prefix: TokenEnvironment,
    /// How long it lives; 90 days when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 31536000))]
    pub ttl_seconds: Option<u32>,
}

/// The token, shown this once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct APITokenIssueResponse {
    /// The token's id.
    pub id: Uuid,
    /// The secret.
    #[cfg_attr(feature = "openapi", schema(extensions(("x-plexsphere-once" = json!(true)))))]
    pub plaintext: String,
    /// A segment of the token's text.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub env_prefix: TokenEnvironment,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A token's new secret, shown this once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct APITokenRotateResponse {
    /// The token's id.
    pub id: Uuid,
    /// The new secret.
    #[cfg_attr(feature = "openapi", schema(extensions(("x-plexsphere-once" = json!(true)))))]
    pub plaintext: String,
    /// A segment of the token's text.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub env_prefix: TokenEnvironment,
    /// When the new secret expires.
    pub expires_at: Timestamp,
    /// When the old secret dies; the header `Sunset` says the same.
    pub rotation_deadline: Timestamp,
}

/// A token without its secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct APITokenSummary {
    /// The token's id.
    pub id: Uuid,
    /// A segment of the token's text.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub env_prefix: TokenEnvironment,
    /// When it last authenticated, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When its secret was last replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
}

/// Whether a person or a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PrincipalType {
    /// A person.
    User,
    /// A machine.
    Service,
}

/// Whether bound to a domain or to the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PrincipalScope {
    /// Bound to a domain.
    Domain,
    /// A platform operator.
    Platform,
}

/// Who the caller is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Whoami {
    /// Person or machine.
    pub principal_type: PrincipalType,
    /// Absent when the caller holds nothing anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_scope: Option<PrincipalScope>,
    /// The caller's id.
    pub subject: String,
    /// The caller's domain; absent for platform scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_id: Option<Uuid>,
    /// From the identity provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Assurance class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Methods, for example `pwd`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 16))]
    pub amr: Vec<String>,
}
