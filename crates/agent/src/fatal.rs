//! What ends the agent: the server no longer knows it.

use plex_api::codes;
use plex_client::Error;

/// The server refuses this node's key. Going on would only knock at a closed door.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the control plane refuses this node's key ({code}): {advice}")]
pub struct Fatal {
    /// The problem's code.
    pub code: String,
    /// What an operator can do.
    pub advice: &'static str,
}

impl Fatal {
    /// The end that an error means, if it means one. Only an answer with a code does: one without comes from something
    /// in between and may pass.
    pub fn of(error: &Error) -> Option<Self> {
        let Error::Api(answer) = error else { return None };
        let code = answer.code.clone()?;
        let advice = match (answer.status, code.as_str()) {
            (401, codes::NSK_REVOKED) => {
                "it was revoked; to join again, use a fresh state directory and a fresh bootstrap token"
            }
            (401, _) => "it is not known there; check --server and --state-dir",
            (403, codes::NODE_ID_MISMATCH) => "the state directory's identity does not fit its key",
            _ => return None,
        };
        Some(Self { code, advice })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plex_client::ApiError;

    fn answer(status: u16, code: Option<&str>) -> Error {
        let body = code.map_or(String::new(), |code| format!(r#"{{"code":"{code}"}}"#));
        Error::Api(Box::new(ApiError::from_answer(status, None, body.as_bytes())))
    }

    #[test]
    fn only_the_control_plane_itself_can_end_the_agent() {
        assert!(
            Fatal::of(&answer(401, Some("nsk_revoked")))
                .unwrap()
                .to_string()
                .contains("revoked")
        );
        assert!(Fatal::of(&answer(401, Some("nsk_invalid"))).is_some());
        assert!(Fatal::of(&answer(403, Some("node_id_mismatch"))).is_some());
        assert!(Fatal::of(&answer(401, None)).is_none());
        assert!(Fatal::of(&answer(403, Some("rebac_denied"))).is_none());
        assert!(Fatal::of(&answer(500, Some("internal"))).is_none());
        assert!(Fatal::of(&Error::Transport("cut".to_owned())).is_none());
    }
}
