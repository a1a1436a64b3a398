//! What can go wrong, what it is worth as an exit code, and what a person can do about it.

use plex_api::{codes, exit_codes};
use plex_client::ApiError;
use serde_json::{Value, json};
use std::io;

/// A command that did not do what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Bad input that never left the machine.
    #[error("{detail}")]
    Usage {
        /// What is wrong.
        detail: String,
        /// How to mend it.
        hint: Option<String>,
    },
    /// No credential, or one that others could read, or one that would travel in clear.
    #[error("{detail}")]
    Credential {
        /// What is wrong.
        detail: String,
        /// How to mend it.
        hint: Option<String>,
    },
    /// The call failed.
    #[error(transparent)]
    Call(#[from] plex_client::Error),
    /// The body is not what the contract says.
    #[error("the response is not what the contract says: {0}")]
    Contract(String),
    /// The body broke off after so many whole targets.
    #[error("response cut off after target {0}")]
    CutOff(usize),
    /// The server did its part, and what was asked for is not there, or not what it should be.
    #[error("{detail}")]
    Unmet {
        /// What is missing.
        detail: String,
        /// How to get it.
        hint: Option<String>,
    },
    /// A check was answered, and the answer is no.
    #[error("denied: {0}")]
    Denied(String),
    /// The answer could not be written, or a local file not read or written.
    #[error("{what}: {cause}")]
    Local {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        cause: io::Error,
    },
    /// Nobody reads what we write any more.
    #[error("the reader has gone")]
    ReaderGone,
}

impl Error {
    /// Bad input, with no more to say than `detail`.
    pub(crate) fn usage(detail: impl Into<String>) -> Self {
        Self::Usage {
            detail: detail.into(),
            hint: None,
        }
    }

    /// A failure of stdout; a closed pipe is a kind of its own.
    pub(crate) fn writing(cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::local("cannot write the result", cause),
        }
    }

    /// A failure of a local file.
    pub(crate) fn local(what: impl Into<String>, cause: io::Error) -> Self {
        Self::Local {
            what: what.into(),
            cause,
        }
    }

    /// Adds a hint where there is room for one.
    #[must_use]
    pub(crate) fn hint(mut self, text: impl Into<String>) -> Self {
        if let Self::Usage { hint, .. } | Self::Credential { hint, .. } | Self::Unmet { hint, .. } = &mut self
        {
            *hint = Some(text.into());
        }
        self
    }

    /// The process's exit code: the one place that decides it (`cli.md`, "Exit codes").
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::ReaderGone => exit_codes::OK,
            Self::Usage { .. } => exit_codes::USAGE,
            Self::Credential { .. } => exit_codes::CREDENTIAL,
            Self::Denied(_) => exit_codes::DENIED,
            Self::Call(plex_client::Error::Api(api)) => match (api.status, api.code.as_deref()) {
                (401, _) => exit_codes::CREDENTIAL,
                (403, Some(codes::REBAC_DENIED)) => exit_codes::DENIED,
                (403, _) => exit_codes::FORBIDDEN,
                _ => exit_codes::FAILURE,
            },
            Self::Call(plex_client::Error::Transport(_) | plex_client::Error::Contract(_))
            | Self::Contract(_)
            | Self::CutOff(_)
            | Self::Unmet { .. }
            | Self::Local { .. } => exit_codes::FAILURE,
        }
    }

    /// What happened, in one line.
    pub(crate) fn headline(&self) -> String {
        let Self::Call(plex_client::Error::Api(api)) = self else {
            return self.to_string();
        };
        let code = api
            .code
            .as_ref()
            .map(|code| format!(", {code}"))
            .unwrap_or_default();
        let id = api
            .correlation_id
            .as_ref()
            .map(|id| format!(", correlation id {id}"))
            .unwrap_or_default();
        format!("{} (HTTP {}{code}{id})", api.detail, api.status)
    }

    /// What one can do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Credential { hint, .. } | Self::Unmet { hint, .. } => {
                hint.clone()
            }
            Self::Call(plex_client::Error::Api(api)) => api_advice(api),
            Self::Call(plex_client::Error::Transport(_)) => Some(
                "is the control plane running there? A private one needs --ca-file (PLEXSPHERE_CA_FILE)"
                    .to_owned(),
            ),
            Self::Call(plex_client::Error::Contract(_)) | Self::Contract(_) => {
                Some("is --server really a control plane, and as new as this plexctl?".to_owned())
            }
            Self::CutOff(_) | Self::Local { .. } | Self::ReaderGone | Self::Denied(_) => None,
        }
    }

    /// The one JSON object that stands on stderr with `--output json`: the server's problem document where
    /// there is one.
    pub(crate) fn document(&self) -> Value {
        if let Self::Call(plex_client::Error::Api(api)) = self
            && let Some(problem) = &api.problem
        {
            return problem.clone();
        }
        json!({
            "code": self.word(),
            "detail": self.headline(),
            "hint": self.advice(),
            "exit_code": self.exit_code(),
        })
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Usage { .. } => "usage",
            Self::Credential { .. } => "credential",
            Self::Call(plex_client::Error::Api(_)) => "http_error",
            Self::Call(plex_client::Error::Transport(_)) => "transport",
            Self::Call(plex_client::Error::Contract(_)) | Self::Contract(_) => "contract",
            Self::CutOff(_) => "cut_off",
            Self::Denied(_) => "denied",
            Self::Unmet { .. } => "unmet",
            Self::Local { .. } => "local",
            Self::ReaderGone => "reader_gone",
        }
    }
}

fn api_advice(api: &ApiError) -> Option<String> {
    let hint = match (api.status, api.code.as_deref()) {
        (401, _) => {
            "the token is unknown, expired or revoked; `plexctl login` gets a new one, or see --token-file, PLEXSPHERE_TOKEN and profiles"
        }
        (403, Some(codes::REBAC_DENIED)) => {
            let reason = api.problem.as_ref()?.get("reason")?.as_str()?;
            return Some(format!(
                "reason {reason}; `plexctl whoami` says who you are, an admin can grant more"
            ));
        }
        (400, Some(codes::ACCESS_DENIED | codes::EXPIRED_TOKEN | codes::INVALID_GRANT)) => {
            "`plexctl login` begins again"
        }
        (404, _) => "it does not exist, or you may not see it; is this the right project?",
        (409, Some(codes::HOOK_INTEGRITY_VIOLATION)) => {
            "see `plexctl hook list`; `plexctl hook accept` pins what the node declares now"
        }
        (409, Some(codes::DOMAIN_NOT_EMPTY)) => return still_there(api, "child_counts"),
        (409, Some(codes::PROJECT_NOT_EMPTY)) => return still_there(api, "project_child_counts"),
        (409, Some(codes::ASSIGNMENTS_EXIST)) => {
            "`plexctl label definition update --on-delete cascade|orphan` decides what becomes of them"
        }
        (429 | 503, _) => {
            return api.retry_after.map(|seconds| format!("try again in {seconds} s"));
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What a domain or project still holds: `still there: 2 projects, 1 nodes`.
fn still_there(api: &ApiError, member: &str) -> Option<String> {
    let counts = api.problem.as_ref()?.get(member)?.as_object()?;
    let counts: Vec<_> = counts
        .iter()
        .filter_map(|(name, count)| Some((name.replace('_', " "), count.as_u64()?)))
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    Some(match counts.as_slice() {
        [] => "an execution log still refers to it".to_owned(),
        some => format!("still there: {}", some.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::Error;
    use plex_client::ApiError;

    fn api(status: u16, body: &str) -> Error {
        Error::Call(plex_client::Error::Api(Box::new(ApiError::from_answer(
            status,
            None,
            body.as_bytes(),
        ))))
    }

    #[test]
    fn only_a_coded_403_is_a_denial() {
        assert_eq!(api(403, r#"{"code":"rebac_denied"}"#).exit_code(), 77);
        assert_eq!(api(403, r#"{"code":"nsk_node_mismatch"}"#).exit_code(), 4);
        assert_eq!(api(403, "<html>Forbidden</html>").exit_code(), 4);
        assert_eq!(api(401, r#"{"code":"rebac_denied"}"#).exit_code(), 3);
        for status in [301, 404, 409, 422, 429, 500, 503] {
            assert_eq!(
                api(status, r#"{"code":"rebac_denied"}"#).exit_code(),
                1,
                "{status}"
            );
        }
    }

    #[test]
    fn an_api_error_names_status_code_and_correlation_id() {
        let line = api(
            404,
            r#"{"detail":"no such","code":"execution_not_found","correlation_id":"c-1"}"#,
        )
        .headline();
        assert_eq!(
            line,
            "no such (HTTP 404, execution_not_found, correlation id c-1)"
        );
    }

    #[test]
    fn what_is_not_empty_says_what_it_holds() {
        let hint = |code: &str, counts: &str| {
            api(409, &format!(r#"{{"code":"{code}",{counts}}}"#))
                .advice()
                .unwrap()
        };
        let counts = r#""child_counts":{"projects":2,"groups":0,"idp_bindings":1}"#;
        assert_eq!(
            hint("domain_not_empty", counts),
            "still there: 2 projects, 1 idp bindings"
        );
        let counts = r#""project_child_counts":{"nodes":0}"#;
        assert_eq!(
            hint("project_not_empty", counts),
            "an execution log still refers to it"
        );
    }

    #[test]
    fn a_problem_document_passes_unchanged() {
        let body = r#"{"type":"t","zeta":1,"alpha":[2],"code":"rebac_denied"}"#;
        assert_eq!(api(403, body).document().to_string(), body);
        let bare = api(502, "oops").document();
        assert_eq!(
            (bare["code"].as_str(), bare["exit_code"].as_u64()),
            (Some("http_error"), Some(1))
        );
    }
}
