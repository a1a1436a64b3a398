//! Brings an output that is too large for a report to where the server keeps outputs (`api.md` §9.3).

use crate::backoff::Backoff;
use crate::entropy::System;
use crate::report::retry_after;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use plex_api::codes;
use plex_api::executions::{CallbackOutput, ExecutionCallbackRequest, ExecutionStatus};
use plex_client::Error;
use plex_client::node::NodeClient;
use ring::digest::{SHA256, digest};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

const RETRY: Duration = Duration::from_millis(200);
const RETRY_CEILING: Duration = Duration::from_secs(10);

/// Declares and uploads an output; the result says where it is. What fails for a moment is tried again until `until`.
///
/// # Errors
/// When the server does not take it, or not in time.
pub async fn upload(
    client: &NodeClient,
    execution_id: Uuid,
    output: &[u8],
    until: Instant,
) -> Result<CallbackOutput, Error> {
    let late = |_| Error::Transport("the upload took too long".to_owned());
    timeout_at(until, insist(client, execution_id, output))
        .await
        .map_err(late)?
}

async fn insist(client: &NodeClient, execution_id: Uuid, output: &[u8]) -> Result<CallbackOutput, Error> {
    let digest = digest(&SHA256, output);
    let (sha256, checksum) = (HEXLOWER.encode(digest.as_ref()), STANDARD.encode(digest));
    let declaration = ExecutionCallbackRequest {
        status: ExecutionStatus::Started,
        exit_code: None,
        error: None,
        declared_output_bytes: Some(output.len() as u64),
        output_sha256: Some(sha256.clone()),
        output: None,
    };
    let output = Bytes::copy_from_slice(output);
    let mut backoff = Backoff::new(RETRY, RETRY_CEILING);
    loop {
        match attempt(client, execution_id, &declaration, (output.clone(), &checksum)).await {
            Ok(key) => {
                return Ok(CallbackOutput {
                    object_key: Some(key),
                    sha256: Some(sha256),
                    ..Default::default()
                });
            }
            Err(error) if !is_passing(&error) => return Err(error),
            Err(Error::Api(answer)) => {
                tokio::time::sleep(backoff.next(&System).max(retry_after(&answer))).await
            }
            Err(Error::Transport(_) | Error::Contract(_)) => tokio::time::sleep(backoff.next(&System)).await,
        }
    }
}

/// One declaration, which gives a fresh URL each time, and one upload.
async fn attempt(
    client: &NodeClient,
    execution_id: Uuid,
    declaration: &ExecutionCallbackRequest,
    (output, checksum): (Bytes, &str),
) -> Result<String, Error> {
    let answer = client.callback(execution_id, declaration).await?;
    let missing = || Error::Contract("the declaration's answer has no upload URL".to_owned());
    client
        .upload(&answer.output_upload_url.ok_or_else(missing)?, output, checksum)
        .await
}

fn is_passing(error: &Error) -> bool {
    match error {
        Error::Transport(_) => true,
        Error::Contract(_) => false,
        Error::Api(answer) => {
            let expired = answer.code.as_deref() == Some(codes::UPLOAD_URL_INVALID);
            answer.status >= 500 || matches!(answer.status, 408 | 429) || expired
        }
    }
}
