//! Tells the server what becomes of an execution, step by step, until it has been told.
//!
//! A repeat of the last step is answered like the first time, so every step is simply sent again after a lost answer.
//! Only an answer with a code that settles the matter ends the attempts.

use crate::backoff::Backoff;
use crate::entropy::System;
use crate::fatal::Fatal;
use crate::spans::Spans;
use crate::spool::{Outcome, Spooled};
use crate::upload;
use plex_api::codes;
use plex_api::executions::{CallbackOutput, ExecutionCallbackRequest, ExecutionStatus};
use plex_api::limits::{INLINE_OUTPUT_BYTES, TEXT_BYTES};
use plex_client::node::NodeClient;
use plex_client::{ApiError, Error};
use plex_domain::text::printable;
use plex_domain::trace::SpanContext;
use plex_telemetry::{Kind, Open};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

const RETRY: Duration = Duration::from_millis(500);
const RETRY_CEILING: Duration = Duration::from_secs(30);

/// The server's word on a step.
#[derive(Debug)]
pub enum Answer {
    /// It holds.
    Taken,
    /// The server does not want it: the invocation is settled, unknown or somebody else's.
    Unwanted(Box<ApiError>),
    /// The server cannot accept it in this form.
    Rejected(Box<ApiError>),
}

/// Reports to the server.
#[derive(Debug, Clone)]
pub struct Reporter {
    client: NodeClient,
    fatal: mpsc::Sender<Fatal>,
    spans: Spans,
}

impl Reporter {
    /// Reports through `client`; an answer that ends the agent goes to `fatal`.
    pub fn new(client: NodeClient, fatal: mpsc::Sender<Fatal>, spans: Spans) -> Self {
        Self { client, fatal, spans }
    }

    /// Says that an execution has arrived. Returns whether the server agrees that it is ours to run.
    pub async fn ack(&self, execution_id: Uuid) -> bool {
        let request = step(ExecutionStatus::Ack);
        match self.insist(execution_id, &request, Instant::now()).await {
            Answer::Taken => true,
            // A server that counts a repeat as an error says so with the status we wanted.
            Answer::Unwanted(answer) => current_status(&answer).as_deref() == Some("ack"),
            Answer::Rejected(_) => false,
        }
    }

    /// Says that an execution's body is about to run. Returns whether it may.
    pub async fn started(&self, execution_id: Uuid) -> bool {
        let request = step(ExecutionStatus::Started);
        matches!(
            self.insist(execution_id, &request, Instant::now()).await,
            Answer::Taken
        )
    }

    /// Reports a result until the server has it or does not want it. A large output is uploaded if that succeeds before
    /// `upload_until`; else its beginning travels with the report.
    pub async fn deliver(&self, result: &Spooled, upload_until: Instant) {
        let id = result.execution_id;
        let mut request = terminal(&result.outcome, inline(result));
        if result.output.len() > INLINE_OUTPUT_BYTES {
            let span = self.spans.step(id, "upload", Kind::Client);
            let traced = self.client.traced(traceparent(&span));
            match upload::upload(&traced, id, &result.output, upload_until).await {
                Ok(uploaded) => {
                    request.output = Some(CallbackOutput {
                        truncated: result.outcome.truncated,
                        ..uploaded
                    });
                }
                Err(error) => warn(
                    id,
                    "output not uploaded; reporting its beginning",
                    &error.to_string(),
                ),
            }
        }
        let forms = [
            request,
            terminal(&result.outcome, inline(result)),
            terminal(
                &Outcome::failed("the control plane rejected the action's result"),
                None,
            ),
        ];
        for form in forms {
            match self.insist(id, &form, upload_until).await {
                Answer::Taken => {
                    tracing::info!(execution.id = %id, status = form.status.as_str(), "result reported");
                    return;
                }
                Answer::Unwanted(answer) => return warn(id, "result not wanted", &answer.to_string()),
                Answer::Rejected(answer) => warn(id, "result rejected", &answer.to_string()),
            }
        }
    }

    /// Sends a step until there is an answer that counts. That the object store is down counts from `stored_until` on.
    async fn insist(
        &self,
        execution_id: Uuid,
        request: &ExecutionCallbackRequest,
        stored_until: Instant,
    ) -> Answer {
        let mut backoff = Backoff::new(RETRY, RETRY_CEILING);
        let span = self.spans.step(execution_id, "report", Kind::Client);
        let span = span.with("plexsphere.status", request.status.as_str());
        let client = self.client.traced(traceparent(&span));
        loop {
            let error = match client.callback(execution_id, request).await {
                Ok(_) => return Answer::Taken,
                Err(error) => error,
            };
            if let Some(fatal) = Fatal::of(&error) {
                // Whoever listens stops the agent, and with it this task.
                let _ = self.fatal.try_send(fatal);
                return std::future::pending().await;
            }
            let mut wait = backoff.next(&System);
            if let Error::Api(answer) = &error {
                match verdict(answer) {
                    Verdict::Unwanted => return Answer::Unwanted(answer.clone()),
                    Verdict::Rejected => return Answer::Rejected(answer.clone()),
                    Verdict::Again => wait = wait.max(retry_after(answer)),
                    Verdict::NotStored => {
                        let left = stored_until.saturating_duration_since(Instant::now());
                        if left.is_zero() {
                            return Answer::Rejected(answer.clone());
                        }
                        wait = wait.max(retry_after(answer)).min(left);
                    }
                }
            }
            warn(
                execution_id,
                "report not delivered; trying again",
                &error.to_string(),
            );
            tokio::time::sleep(wait).await;
        }
    }
}

/// The header by which a span's requests say whose they are.
fn traceparent(span: &Open) -> Option<String> {
    span.context().map(SpanContext::traceparent)
}

enum Verdict {
    Unwanted,
    Rejected,
    Again,
    /// The object store is down. The result itself must not be late for it.
    NotStored,
}

fn verdict(answer: &ApiError) -> Verdict {
    match (answer.status, answer.code.as_deref()) {
        (409, Some(codes::INVALID_STATE_TRANSITION | codes::EXECUTION_ALREADY_TERMINAL)) => Verdict::Unwanted,
        (404, Some(codes::EXECUTION_NOT_FOUND)) | (403, Some(codes::NSK_NODE_MISMATCH)) => Verdict::Unwanted,
        (400 | 413 | 415 | 422, Some(_)) => Verdict::Rejected,
        (503, Some(codes::OBJECT_STORE_UNAVAILABLE)) => Verdict::NotStored,
        // Everything else may be a proxy's word or a passing state.
        _ => Verdict::Again,
    }
}

/// How long the server asks to wait; at most a minute is believed.
pub fn retry_after(answer: &ApiError) -> Duration {
    Duration::from_secs(answer.retry_after.unwrap_or(0).min(60))
}

fn current_status(answer: &ApiError) -> Option<String> {
    Some(
        answer
            .problem
            .as_ref()?
            .get("current_status")?
            .as_str()?
            .to_owned(),
    )
}

fn step(status: ExecutionStatus) -> ExecutionCallbackRequest {
    ExecutionCallbackRequest {
        status,
        exit_code: None,
        error: None,
        declared_output_bytes: None,
        output_sha256: None,
        output: None,
    }
}

fn terminal(outcome: &Outcome, output: Option<CallbackOutput>) -> ExecutionCallbackRequest {
    ExecutionCallbackRequest {
        exit_code: outcome.exit_code,
        error: outcome.error.as_deref().map(short),
        output,
        ..step(outcome.status)
    }
}

/// What fits into the report itself; nothing when nothing ran.
fn inline(result: &Spooled) -> Option<CallbackOutput> {
    if result.output.is_empty() && result.outcome.exit_code.is_none() {
        return None;
    }
    let length = result.output.len().min(INLINE_OUTPUT_BYTES);
    Some(CallbackOutput {
        inline: Some(result.output[..length].to_vec().into()),
        object_key: None,
        sha256: None,
        truncated: result.outcome.truncated || length < result.output.len(),
    })
}

fn short(text: &str) -> String {
    let text = printable(text);
    let end = text
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= TEXT_BYTES)
        .last();
    text[..end.unwrap_or(0)].to_owned()
}

fn warn(execution_id: Uuid, message: &str, reason: &str) {
    tracing::warn!(execution.id = %execution_id, reason = %printable(reason), "{message}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn result(output: Vec<u8>, truncated: bool, exit_code: Option<i64>) -> Spooled {
        let outcome = Outcome {
            exit_code,
            truncated,
            ..Outcome::failed("e")
        };
        Spooled {
            execution_id: Uuid::from_u128(1),
            outcome,
            output,
        }
    }

    #[test]
    fn what_ran_has_an_output_even_if_it_is_empty() {
        assert!(inline(&result(Vec::new(), false, Some(0))).is_some());
        assert!(inline(&result(Vec::new(), false, None)).is_none());
    }

    #[test]
    fn the_ceiling_is_exact() {
        let exact = inline(&result(vec![7; INLINE_OUTPUT_BYTES], false, Some(0))).unwrap();
        assert!(!exact.truncated && exact.inline.unwrap().0.len() == INLINE_OUTPUT_BYTES);
        let over = inline(&result(vec![7; INLINE_OUTPUT_BYTES + 1], false, Some(0))).unwrap();
        assert!(over.truncated && over.inline.unwrap().0.len() == INLINE_OUTPUT_BYTES);
        assert!(inline(&result(vec![7], true, Some(0))).unwrap().truncated);
    }

    proptest! {
        #[test]
        fn error_texts_fit_and_are_printable(text in ".{0,9000}") {
            let short = short(&text);
            prop_assert!(short.len() <= TEXT_BYTES);
            let clean = !short.chars().any(char::is_control);
            prop_assert!(clean);
        }
    }
}
