//! Signing in through a browser, and logins of devices (`api.md` §3).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Asks for the way to the identity provider.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignInRequest {
    /// The domain to sign in to; the one provider serves them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_id: Option<Uuid>,
    /// The provider's binding; it must be the configured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp_binding_id: Option<Uuid>,
    /// Where to go afterwards: a path of this server, `/v1/auth/device` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub return_to: Option<String>,
    /// What the provider is to ask: `none`, `login`, `consent` or `select_account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub prompt: Option<String>,
}

/// The way to the identity provider, for this browser alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignInResponse {
    /// Where to send the browser.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub authorization_url: String,
    /// Comes back with it.
    pub state: String,
    /// Names the code verifier, which stays here.
    pub code_verifier_handle: String,
    /// Comes back inside the ID token.
    pub nonce: String,
}

/// Asks for a device code.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceCodeRequest {
    /// The domain to log in to; the one provider serves them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_id: Option<Uuid>,
    /// The provider's binding; not together with its alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp_binding_id: Option<Uuid>,
    /// The provider's alias; not together with its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub idp_binding_alias: Option<String>,
    /// Without effect: the control plane has one client at the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub client_id: Option<String>,
}

/// A device's login that waits for a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceCodeResponse {
    /// The program's secret.
    pub device_code: String,
    /// What the person types.
    pub user_code: String,
    /// The page that they open.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub verification_uri: String,
    /// The same page with the code filled in.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub verification_uri_complete: String,
    /// How long all this holds, in seconds.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub expires_in: u32,
    /// Seconds to leave between two questions.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub interval: u32,
}

/// Asks whether somebody has decided.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceTokenRequest {
    /// The program's secret.
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub device_code: String,
    /// Without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub client_id: Option<String>,
}

/// A token to act with.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceTokenResponse {
    /// The token.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// How long it lives, in seconds.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub expires_in: u32,
    /// What it is good for, where that is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// What a person decides about a device's login (*beyond*: denying).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeviceDecision {
    /// The program may act as this person.
    #[default]
    Approve,
    /// It may not.
    Deny,
}

/// A person's decision about a device's login.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceApproveRequest {
    /// The code that the program shows; its dash may be left away.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[A-Z2-7]{4}-?[A-Z2-7]{4}$"))]
    pub user_code: String,
    /// What is decided (*beyond*); to approve when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DeviceDecision>,
}

/// How a device's login was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeviceOutcome {
    /// It was allowed.
    Approved,
    /// It was refused (*beyond*).
    Denied,
}

/// The decision was noted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceApproveResponse {
    /// How the login was settled.
    pub status: DeviceOutcome,
}

/// A device's login that waits for a decision (*beyond*).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingDevice {
    /// The code, with its dash.
    pub user_code: String,
    /// Whence the program asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    /// What it calls itself, cut to 512 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// When it asked.
    pub created_at: Timestamp,
    /// Until when it waits.
    pub expires_at: Timestamp,
}
