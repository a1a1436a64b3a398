//! `POST /v1/labels/selectors/preview`: what a selector means, or where it is wrong.

use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{LABELS_BODY, json};
use axum::Json;
use axum::extract::Request;
use plex_api::codes;
use plex_api::selectors::{LabelSelectorPreviewRequest, LabelSelectorPreviewResponse};
use plex_domain::selector::{self, MAX_BYTES};

/// Preview a selector
///
/// A selector that cannot be read is answered 200 too, with `errors` and the byte offsets of the faults.
#[utoipa::path(
    post,
    path = "/v1/labels/selectors/preview",
    operation_id = "PreviewLabelSelector",
    tag = "labels",
    request_body = LabelSelectorPreviewRequest,
    responses((status = 200, description = "Its meaning, or its faults", body = LabelSelectorPreviewResponse), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn preview(
    _principal: Principal,
    request: Request,
) -> Result<Json<LabelSelectorPreviewResponse>, Failure> {
    let wanted: LabelSelectorPreviewRequest = json(request, LABELS_BODY).await?;
    if wanted.expression.chars().count() > MAX_BYTES {
        let detail = "expression has more than 4096 characters";
        return Err(Failure::bad_request(codes::INVALID_BODY, detail));
    }
    Ok(Json(selector::preview(&wanted.expression)))
}

#[cfg(test)]
mod tests {
    use crate::testing::TestApp;
    use plex_api::paths::SELECTOR_PREVIEW;
    use serde_json::json;

    #[tokio::test]
    async fn a_selector_is_shown_or_its_fault_is() {
        let app = TestApp::start().await;
        let somebody = app.stranger().await;
        let (status, shown) = somebody
            .post(SELECTOR_PREVIEW, json!({"expression": "env=prod"}))
            .await;
        let expected = json!({"ast": {"op": "eq", "key": "env", "value": "prod"}});
        assert_eq!((status.as_u16(), shown), (200, expected));
        let (status, shown) = somebody
            .post(SELECTOR_PREVIEW, json!({"expression": "env in (a"}))
            .await;
        assert_eq!(
            (status.as_u16(), &shown["errors"][0]["position"]),
            (200, &json!(9))
        );
        assert!(shown.get("ast").is_none());
        for (expression, position) in [("", 0), ("é=x", 0), (&"é".repeat(4096), 4096)] {
            let (status, shown) = somebody
                .post(SELECTOR_PREVIEW, json!({"expression": expression}))
                .await;
            assert_eq!(
                (status.as_u16(), &shown["errors"][0]["position"]),
                (200, &json!(position))
            );
        }
        for bad in [
            json!({}),
            json!({"expression": 7}),
            json!({"expression": "a".repeat(4097)}),
        ] {
            let answer = somebody.code("POST", SELECTOR_PREVIEW, Some(bad)).await;
            assert_eq!(answer, (400, "invalid_body".to_owned()));
        }
        let wanted = json!({"expression": "env"});
        let answer = app.anybody().code("POST", SELECTOR_PREVIEW, Some(wanted)).await;
        assert_eq!(answer, (401, "unauthenticated".to_owned()));
    }
}
