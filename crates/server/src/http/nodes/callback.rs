//! `POST /v1/nodes/{id}/executions/{execution_id}`: what a node reports of one invocation.

use crate::app::App;
use crate::principal::{Node, Reporter};
use crate::problem::{Failure, Problems};
use crate::request::{BodyRules, parse_json, path_id, read_body};
use axum::Json;
use axum::extract::{Path, Request, State};
use plex_api::codes;
use plex_api::executions::{CallbackOutput, ExecutionCallbackRequest, ExecutionCallbackResponse};
use plex_api::limits::{CALLBACK_BODY_BYTES, INLINE_OUTPUT_BYTES, TEXT_BYTES};
use plex_domain::execution::{Refusal, Report, Verdict, judge};
use plex_domain::trace::SpanContext;
use plex_store::invocations::{self, Advance, Outcome, Output, OutputPlace};
use plex_telemetry::Kind;
use ring::digest::{SHA256, digest};
use std::time::Instant;
use uuid::Uuid;

const BODY: BodyRules = BodyRules {
    ceiling: CALLBACK_BODY_BYTES,
    too_large: codes::REQUEST_BODY_TOO_LARGE,
    malformed: codes::MALFORMED_EXECUTION_CALLBACK,
};

/// Report an invocation's progress
///
/// The answer leaves once the report is durable. The same report, byte for byte, may be sent again.
#[utoipa::path(
    post,
    path = "/v1/nodes/{id}/executions/{execution_id}",
    operation_id = "PostNodeExecutionCallback",
    tag = "executions",
    params(
        ("id" = Uuid, Path, description = "The node"),
        ("execution_id" = Uuid, Path, description = "The execution"),
    ),
    request_body = ExecutionCallbackRequest,
    responses((status = 200, description = "Stored", body = ExecutionCallbackResponse), Problems),
    security(("nskBearer" = [])),
)]
pub async fn callback(
    State(app): State<App>,
    reporter: Reporter,
    Path((_node, execution_id)): Path<(String, String)>,
    request: Request,
) -> Result<Json<ExecutionCallbackResponse>, Failure> {
    let work = async |node: &Node| receive(&app, node, &execution_id, request).await;
    reporter.answer(&app, work).await.map(Json)
}

async fn receive(
    app: &App,
    node: &Node,
    execution_id: &str,
    request: Request,
) -> Result<ExecutionCallbackResponse, Failure> {
    let execution_id = path_id(execution_id, codes::INVALID_EXECUTION_ID)?;
    let body = read_body(request, BODY).await?;
    let callback: ExecutionCallbackRequest = parse_json(&body, codes::MALFORMED_EXECUTION_CALLBACK)?;
    check(app, &callback)?;
    let callback_status = callback.status;
    let report = Report {
        status: callback.status,
        declared_bytes: callback.declared_output_bytes,
        digest: digest(&SHA256, &body)
            .as_ref()
            .try_into()
            .expect("SHA-256 has 32 bytes"),
    };
    let invocation = Invocation { node, execution_id };
    // From before it is judged until it is committed, so that nothing is moved over an object that is referred to.
    let names_object = callback
        .output
        .as_ref()
        .is_some_and(|output| output.object_key.is_some());
    let _turn = match names_object {
        true => Some(app.moves.take((execution_id, node.id)).await),
        false => None,
    };
    let advance = invocation.advance(app, callback, report).await?;
    let parent = SpanContext::parent_in(execution_id, node.context.span);
    let _span = app
        .traces
        .begin(parent, "callback", Kind::Internal)
        .with("node.id", node.id)
        .with("plexsphere.status", callback_status.as_str());
    let handed_in = Instant::now();
    let outcome = app.committer.advance(advance, &node.context).await?;
    app.metrics.callbacks.observe_time(handed_in.elapsed());
    match outcome {
        Outcome::Accepted { status, upload } => {
            let output_upload_url = upload.map(|upload| app.objects.presign_upload(app, &upload));
            Ok(ExecutionCallbackResponse {
                status,
                output_upload_url,
            })
        }
        Outcome::Refused { refusal, current } => Err(refused(refusal).with_current(current)),
        Outcome::NotFound => Err(missing()),
        Outcome::Stranger => Err(stranger()),
    }
}

fn missing() -> Failure {
    Failure::not_found(codes::EXECUTION_NOT_FOUND, "execution for this node")
}

fn stranger() -> Failure {
    Failure::unauthorized(codes::NSK_INVALID, "this node key does not hold any more")
}

fn refused(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::AlreadyTerminal => Failure::conflict(
            codes::EXECUTION_ALREADY_TERMINAL,
            "this invocation has ended; drop the report",
        ),
        Refusal::InvalidTransition => {
            let detail = "a node reports ack, then started, then how it ended; failed may come at any time";
            Failure::conflict(codes::INVALID_STATE_TRANSITION, detail)
        }
        Refusal::NotReportable => Failure::conflict(
            codes::INVALID_STATE_TRANSITION,
            "pending and timeout are the server's to set",
        ),
    }
}

/// What the body alone tells to be wrong.
fn check(app: &App, callback: &ExecutionCallbackRequest) -> Result<(), Failure> {
    let malformed =
        |detail: &'static str| Err(Failure::bad_request(codes::MALFORMED_EXECUTION_CALLBACK, detail));
    if callback
        .error
        .as_ref()
        .is_some_and(|error| error.chars().count() > TEXT_BYTES)
    {
        return malformed("error takes at most 4096 characters");
    }
    if callback
        .output_sha256
        .as_deref()
        .is_some_and(|sha256| !is_sha256(sha256))
    {
        return malformed("output_sha256 takes 64 lowercase hex digits");
    }
    if callback
        .declared_output_bytes
        .is_some_and(|bytes| bytes > app.max_output_bytes)
    {
        let detail = format!(
            "an output may have at most {} bytes; report a truncated one",
            app.max_output_bytes
        );
        return Err(Failure::too_large(codes::OUTPUT_TOO_LARGE, detail));
    }
    let Some(output) = &callback.output else {
        return Ok(());
    };
    if !callback.status.is_terminal() {
        return malformed("output comes with the terminal report only");
    }
    match output {
        CallbackOutput {
            inline: Some(_),
            object_key: Some(_),
            ..
        } => malformed("output is inline or uploaded, not both"),
        CallbackOutput {
            inline: Some(bytes),
            sha256: None,
            ..
        } if bytes.0.len() > INLINE_OUTPUT_BYTES => {
            let detail =
                "an inline output has at most 16384 bytes; declare it, upload it, then report its key";
            Err(Failure::too_large(codes::INLINE_OUTPUT_TOO_LARGE, detail))
        }
        CallbackOutput {
            inline: Some(_),
            sha256: None,
            ..
        } => Ok(()),
        CallbackOutput {
            object_key: Some(_),
            sha256: Some(sha256),
            ..
        } if is_sha256(sha256) => Ok(()),
        CallbackOutput {
            object_key: Some(_), ..
        } => malformed("object_key needs sha256, 64 lowercase hex digits"),
        CallbackOutput { sha256: Some(_), .. } => malformed("sha256 goes with object_key"),
        // All its members are optional: without any, nothing was collected.
        CallbackOutput { .. } => Ok(()),
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Which invocation a report is about.
struct Invocation<'n> {
    node: &'n Node,
    execution_id: Uuid,
}

impl Invocation<'_> {
    async fn advance(
        &self,
        app: &App,
        callback: ExecutionCallbackRequest,
        report: Report,
    ) -> Result<Advance, Failure> {
        let output = match callback.output {
            None => None,
            Some(CallbackOutput {
                object_key: Some(key),
                sha256: Some(sha256),
                truncated,
                ..
            }) => self
                .stored_object(app, &report, &key, sha256)
                .await?
                .map(|place| Output { place, truncated }),
            Some(CallbackOutput {
                inline, truncated, ..
            }) => inline.map(|bytes| Output {
                place: OutputPlace::Inline(bytes.0),
                truncated,
            }),
        };
        let declares = report
            .declared_bytes
            .is_some_and(|bytes| bytes > INLINE_OUTPUT_BYTES as u64);
        Ok(Advance {
            execution_id: self.execution_id,
            node_id: self.node.id,
            key: self.node.key.0,
            upload_key: (declares && !report.status.is_terminal()).then(|| self.fresh_upload_key(app)),
            report,
            exit_code: callback.exit_code,
            error: callback.error,
            declared_sha256: callback.output_sha256,
            output,
        })
    }

    /// `uploads/<project>/<execution>/<node>/<random>` (decision 20).
    fn fresh_upload_key(&self, app: &App) -> String {
        let mut random = [0; 16];
        app.rng.fill(&mut random);
        let random = data_encoding::HEXLOWER.encode(&random);
        format!(
            "uploads/{}/{}/{}/{random}",
            self.node.project_id, self.execution_id, self.node.id
        )
    }

    /// Moves the uploaded object to where no upload URL reaches, and checks it there.
    ///
    /// `None` for a replay, whose object was moved the first time.
    async fn stored_object(
        &self,
        app: &App,
        report: &Report,
        key: &str,
        sha256: String,
    ) -> Result<Option<OutputPlace>, Failure> {
        let (execution_id, node_id) = (self.execution_id, self.node.id);
        let stored = app
            .db
            .read(async move |tx| invocations::stored(tx, execution_id, node_id).await)
            .await?;
        let stored = stored.ok_or_else(missing)?;
        if !stored.keys.admit(&self.node.key.0, app.clock.now()) {
            return Err(stranger());
        }
        match judge(&stored.invocation, report) {
            Verdict::Advance => {}
            Verdict::Replay | Verdict::Declare => return Ok(None),
            Verdict::Refuse(refusal) => return Err(refused(refusal).with_current(stored.invocation.status)),
        }
        let key = app.objects.key(key);
        let upload = stored.upload.filter(|upload| upload.key == key).ok_or_else(|| {
            let detail = "object_key is not the one that the last declaration was given";
            Failure::unprocessable(codes::OUTPUT_MISMATCH, detail)
        })?;
        let final_key = format!("executions/{}/{execution_id}/{node_id}", self.node.project_id);
        app.objects.settle(app, &upload, (&final_key, &sha256)).await?;
        Ok(Some(OutputPlace::Object {
            key: final_key,
            bytes: upload.bytes,
            sha256,
        }))
    }
}
