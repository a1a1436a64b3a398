//! `PUT` and `GET` under `/local/`: the presigned URLs of the embedded object store. The URL itself is the
//! credential; no bearer is read.

use crate::app::App;
use crate::objects::{Grant, verify};
use crate::problem::Failure;
use crate::request::{Query, text_header};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use plex_api::codes;
use tokio::io::AsyncReadExt;

/// Bytes that one read of a download brings.
const PIECE: usize = 64 * 1024;

fn expiry_and_signature(query: &Query) -> Result<(i64, &str), Failure> {
    let invalid = || Failure::forbidden(codes::UPLOAD_URL_INVALID, "this URL was not signed here");
    let expires = query
        .get("expires")
        .and_then(|text| text.parse().ok())
        .ok_or_else(invalid)?;
    Ok((expires, query.get("signature").ok_or_else(invalid)?))
}

/// Receives an output that a node declared.
pub async fn upload(
    State(app): State<App>,
    Path(key): Path<String>,
    query: Query,
    request: Request,
) -> Result<StatusCode, Failure> {
    let signed = expiry_and_signature(&query)?;
    let bytes = query
        .get("length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let sha256 = query.get("sha256").map(str::to_owned);
    verify(
        &app,
        &Grant::Upload {
            bytes,
            sha256: sha256.clone(),
        },
        &key,
        signed,
    )?;
    check_length(&request, bytes)?;
    let mut random = [0; 16];
    app.rng.fill(&mut random);
    let store = app.objects.local()?;
    let mut receiving = store.receive(&data_encoding::HEXLOWER.encode(&random)).await?;
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        let broken = |_| Failure::bad_request(codes::MALFORMED_REQUEST, "the body broke off");
        if let Ok(piece) = frame.map_err(broken)?.into_data() {
            receiving.push(piece).await?;
        }
        if receiving.bytes() > bytes {
            return Err(too_large(bytes));
        }
    }
    if receiving.bytes() != bytes {
        return Err(Failure::bad_request(
            codes::MALFORMED_REQUEST,
            "the body is shorter than declared",
        ));
    }
    receiving.keep(store, &key, sha256.as_deref()).await?;
    Ok(StatusCode::OK)
}

fn check_length(request: &Request, bytes: u64) -> Result<(), Failure> {
    let length =
        text_header(request.headers(), header::CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
    match length {
        Some(length) if length == bytes => Ok(()),
        Some(length) if length > bytes => Err(too_large(bytes)),
        Some(_) => Err(Failure::bad_request(
            codes::MALFORMED_REQUEST,
            "the body is shorter than declared",
        )),
        None => {
            let detail = "say the body's length in Content-Length";
            Err(Failure::new(
                StatusCode::LENGTH_REQUIRED,
                codes::LENGTH_REQUIRED,
                detail,
            ))
        }
    }
}

fn too_large(bytes: u64) -> Failure {
    Failure::too_large(
        codes::OUTPUT_TOO_LARGE,
        format!("{bytes} bytes were declared; the body has more"),
    )
}

/// Hands out an output.
pub async fn download(
    State(app): State<App>,
    Path(key): Path<String>,
    query: Query,
) -> Result<Response, Failure> {
    verify(&app, &Grant::Download, &key, expiry_and_signature(&query)?)?;
    let (file, bytes) = app.objects.local()?.read(&key).await?;
    let pieces = stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), file)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
        (header::CONTENT_DISPOSITION, "attachment".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
