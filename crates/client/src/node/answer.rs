//! Reading answers: a bounded body, then either the contract's type or the problem it carries.

use crate::{ApiError, Error};
use reqwest::Response;
use reqwest::header::RETRY_AFTER;
use serde::de::DeserializeOwned;

/// The largest answer read, in bytes; a node's state may hold many pending executions.
const BODY_BYTES: usize = 64 * 1024 * 1024;
/// The largest error answer read, in bytes.
const PROBLEM_BYTES: usize = 64 * 1024;

/// Says what went wrong on the way, without the URL: its query may be a credential.
pub(super) fn transport(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    Error::Transport(text)
}

/// The answer if it is a success, else the error it carries.
pub(super) async fn accepted(response: Response) -> Result<Response, Error> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let body = match body(response, PROBLEM_BYTES).await {
        Ok(body) => body,
        Err(Error::Contract(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    Err(Error::Api(Box::new(ApiError::from_answer(
        status.as_u16(),
        retry_after.as_deref(),
        &body,
    ))))
}

/// The body of a success as the contract's type.
pub(super) async fn json<T: DeserializeOwned>(response: Response) -> Result<T, Error> {
    let body = body(accepted(response).await?, BODY_BYTES).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Error::Contract(format!("the answer is not what the contract says: {error}")))
}

async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if body.len() + chunk.len() > limit {
            return Err(Error::Contract(format!(
                "the answer is larger than {limit} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
