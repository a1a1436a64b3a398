//! Waiting for somebody's decision, at the pace that the server asks for (RFC 8628, section 3.5).

use crate::error::Error;
use plex_api::auth::{DeviceCodeResponse, DeviceTokenRequest, ServiceTokenResponse};
use plex_api::codes;
use std::time::Duration;

/// Added to the pause each time the server asks for it.
const SLOWER: Duration = Duration::from_secs(5);
/// The shortest and the longest pause, whatever a server says.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The longest wait, whatever a server says.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// Calls in a row that may be lost on the way.
const LOST: u32 = 5;

/// Asks until somebody has decided, or it is too late.
///
/// # Errors
/// The server's refusal; [`Error::Unmet`] when nobody decided; what is wrong with the network, when it stays so.
pub(super) fn for_decision(
    begun: &DeviceCodeResponse,
    ask: impl FnMut(&DeviceTokenRequest) -> Result<ServiceTokenResponse, plex_client::Error>,
) -> Result<ServiceTokenResponse, Error> {
    pacing(begun, ask, std::thread::sleep)
}

fn pacing(
    begun: &DeviceCodeResponse,
    mut ask: impl FnMut(&DeviceTokenRequest) -> Result<ServiceTokenResponse, plex_client::Error>,
    mut sleep: impl FnMut(Duration),
) -> Result<ServiceTokenResponse, Error> {
    let request = DeviceTokenRequest {
        device_code: begun.device_code.clone(),
        client_id: None,
    };
    let (shortest, longest) = PAUSES;
    let mut pause = Duration::from_secs(begun.interval.into()).clamp(shortest, longest);
    let mut left = Duration::from_secs(begun.expires_in.into()).min(LONGEST);
    let mut lost = 0;
    loop {
        if left < pause {
            return Err(Error::Unmet {
                detail: "nobody approved this login in time".to_owned(),
                hint: Some("`plexctl login` begins again".to_owned()),
            });
        }
        sleep(pause);
        left -= pause;
        let failed = match ask(&request) {
            Ok(token) => return Ok(token),
            Err(failed) => failed,
        };
        match judge(&failed) {
            Next::Wait => lost = 0,
            Next::WaitLonger => {
                lost = 0;
                pause = (pause + SLOWER).min(longest);
            }
            Next::Lost if lost < LOST => lost += 1,
            Next::Lost | Next::Stop => return Err(failed.into()),
        }
    }
}

enum Next {
    Wait,
    WaitLonger,
    Lost,
    Stop,
}

fn judge(failed: &plex_client::Error) -> Next {
    match failed {
        plex_client::Error::Api(api) => match (api.status, api.code.as_deref()) {
            (400, Some(codes::AUTHORIZATION_PENDING)) => Next::Wait,
            (400, Some(codes::SLOW_DOWN)) => Next::WaitLonger,
            (429, _) => Next::WaitLonger,
            (502..=504, _) => Next::Lost,
            _ => Next::Stop,
        },
        plex_client::Error::Transport(_) => Next::Lost,
        plex_client::Error::Contract(_) => Next::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plex_client::ApiError;

    fn begun() -> DeviceCodeResponse {
        DeviceCodeResponse {
            device_code: "secret".to_owned(),
            user_code: "ABCD-2345".to_owned(),
            verification_uri: String::new(),
            verification_uri_complete: String::new(),
            expires_in: 60,
            interval: 5,
        }
    }

    fn refusal(status: u16, code: &str) -> plex_client::Error {
        let body = format!(r#"{{"code":"{code}"}}"#);
        plex_client::Error::Api(Box::new(ApiError::from_answer(status, None, body.as_bytes())))
    }

    /// What comes of these answers, and the pauses between them in seconds.
    fn outcome(answers: Vec<Option<plex_client::Error>>) -> (Result<String, Error>, Vec<u64>) {
        let mut answers = answers.into_iter();
        let mut pauses = Vec::new();
        let ask = |request: &DeviceTokenRequest| {
            assert_eq!(request.device_code, "secret");
            match answers.next().expect("no more is asked") {
                Some(refusal) => Err(refusal),
                None => Ok(ServiceTokenResponse {
                    access_token: "token".to_owned(),
                    token_type: "Bearer".to_owned(),
                    expires_in: 1,
                    scope: None,
                }),
            }
        };
        let waited = pacing(&begun(), ask, |pause| pauses.push(pause.as_secs()));
        (waited.map(|token| token.access_token), pauses)
    }

    fn pending() -> Option<plex_client::Error> {
        Some(refusal(400, "authorization_pending"))
    }

    fn slow_down() -> Option<plex_client::Error> {
        Some(refusal(400, "slow_down"))
    }

    fn cut() -> Option<plex_client::Error> {
        Some(plex_client::Error::Transport("cut".to_owned()))
    }

    #[test]
    fn it_asks_at_the_servers_pace() {
        let (token, pauses) = outcome(vec![pending(), slow_down(), pending(), slow_down(), None]);
        assert_eq!(token.expect("approved"), "token");
        assert_eq!(pauses, [5, 5, 10, 10, 15]);
    }

    #[test]
    fn it_gives_up_when_the_time_is_over() {
        let (token, pauses) = outcome((0..12).map(|_| pending()).collect());
        assert!(matches!(token, Err(Error::Unmet { .. })));
        assert_eq!(pauses.iter().sum::<u64>(), 60);
    }

    #[test]
    fn a_refusal_ends_it_at_once() {
        for code in ["access_denied", "expired_token", "invalid_grant", "something_new"] {
            let (token, pauses) = outcome(vec![pending(), Some(refusal(400, code))]);
            let error = token.expect_err("refused");
            assert_eq!((error.exit_code(), pauses.len()), (1, 2), "{code}");
            assert!(error.headline().contains(code), "{error}");
        }
    }

    #[test]
    fn a_network_that_stumbles_is_forgiven_and_one_that_is_gone_is_not() {
        let stumbles = vec![cut(), cut(), cut(), cut(), cut(), pending(), cut(), None];
        assert_eq!(outcome(stumbles).0.expect("approved"), "token");
        let (token, pauses) = outcome((0..6).map(|_| cut()).collect());
        assert!(matches!(
            token,
            Err(Error::Call(plex_client::Error::Transport(_)))
        ));
        assert_eq!(pauses.len(), 6);
    }
}
