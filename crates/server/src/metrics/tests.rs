use super::*;
use crate::testing::{self, TestApp};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use plex_api::paths;
use plex_store::{Db, Error, Tx};
use serde_json::json;
use tower::ServiceExt as _;
use uuid::Uuid;

/// What `/metrics` says.
async fn scrape(app: &TestApp) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = router(app.app.clone()).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// The value of one sample; none is zero.
fn value(text: &str, sample: &str) -> f64 {
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.map_or(0.0, |value| value.parse().unwrap())
}

#[test]
fn every_permission_and_reason_has_a_place_of_its_own() {
    for (index, permission) in Permission::ALL.into_iter().enumerate() {
        assert_eq!(permission as usize, index);
    }
    for (index, reason) in REASONS.into_iter().enumerate() {
        assert_eq!(reason as usize, index);
    }
}

#[tokio::test]
async fn what_operators_may_see_and_may_not_is_counted() {
    let app = TestApp::start().await;
    let viewer = app.user_with("viewer", app.project_id).await;
    let project = format!("{}/{}", paths::PROJECTS, app.project_id);
    let before = scrape(&app).await;
    viewer.send("GET", &project, None).await;
    viewer.send("GET", &project, None).await;
    viewer.send("DELETE", &project, None).await;
    viewer
        .send("GET", &format!("{}/{}", paths::PROJECTS, Uuid::now_v7()), None)
        .await;
    app.anybody().send("GET", paths::WHOAMI, None).await;
    let after = scrape(&app).await;
    let route = r#"plexsphere_http_request_duration_seconds_count{method="GET",route="/v1/projects/{id}""#;
    for (sample, more) in [
        (
            r#"plexsphere_granted_reads_total{permission="read_project"}"#.to_owned(),
            2.0,
        ),
        (
            r#"plexsphere_denials_total{reason="insufficient_relation"}"#.to_owned(),
            1.0,
        ),
        (
            r#"plexsphere_denials_total{reason="out_of_scope"}"#.to_owned(),
            1.0,
        ),
        (
            r#"plexsphere_authentication_failures_total{status="401"}"#.to_owned(),
            1.0,
        ),
        (
            r#"plexsphere_authentication_failures_total{status="429"}"#.to_owned(),
            0.0,
        ),
        (format!(r#"{route},status="2xx"}}"#), 2.0),
        (format!(r#"{route},status="4xx"}}"#), 1.0),
    ] {
        let moved = value(&after, &sample) - value(&before, &sample);
        assert_eq!(moved, more, "{sample}\n{after}");
    }
}

#[tokio::test]
async fn the_lag_is_the_time_since_deadlines_were_last_kept() {
    let metrics = Metrics::default();
    metrics.deadlines_kept(metrics.began + Duration::from_secs(3600));
    assert_eq!(metrics.deadlines_lag(), Duration::ZERO);
    metrics.deadlines_kept(metrics.began);
    std::thread::sleep(Duration::from_millis(5));
    assert!(metrics.deadlines_lag() >= Duration::from_millis(5));
}

/// Waits until a sample is as it is to be.
async fn until(app: &TestApp, sample: &str, is_so: impl Fn(f64) -> bool) {
    let seen = async {
        while !is_so(value(&scrape(app).await, sample)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(30), seen).await;
    assert!(seen.is_ok(), "{sample} in\n{}", scrape(app).await);
}

/// What waits for the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    Write,
    Report,
    Read,
}

impl Queue {
    const ALL: [Self; 3] = [Self::Write, Self::Report, Self::Read];

    fn depth(self) -> String {
        let name = match self {
            Self::Write => "write",
            Self::Report => "report",
            Self::Read => "read",
        };
        format!(r#"plexsphere_database_queue_depth{{queue="{name}"}}"#)
    }

    /// Lets nobody through until what this returns is dropped.
    async fn take(self, app: &TestApp) -> std::sync::mpsc::Sender<()> {
        match self {
            Self::Write => app.take_writer().await,
            Self::Report => app.take_reporter().await,
            Self::Read => app.take_readers().await,
        }
    }

    async fn pass(self, db: Db) -> Result<(), Error> {
        match self {
            Self::Write => db.write(async |_: &mut Tx| Ok(())).await,
            Self::Report => db.report(async |_: &mut Tx| Ok(())).await,
            Self::Read => db.read(async |_: &mut Tx| Ok(())).await,
        }
    }

    /// Whether what waits in one waits in the other.
    fn is(self, other: Self) -> bool {
        let writes = |queue| matches!(queue, Self::Write | Self::Report);
        self == other || (testing::is_on_sqlite() && writes(self) && writes(other))
    }
}

/// More than the loops have to do.
const MANY: f64 = 200.0;

#[tokio::test]
async fn what_waits_for_the_database_is_counted_where_it_waits() {
    let app = TestApp::start().await;
    for queue in Queue::ALL {
        let taken = queue.take(&app).await;
        let waiting: Vec<_> = (0..MANY as u32)
            .map(|_| tokio::spawn(queue.pass(app.app.db.clone())))
            .collect();
        until(&app, &queue.depth(), |depth| depth >= MANY).await;
        let text = scrape(&app).await;
        for other in Queue::ALL {
            let depth = value(&text, &other.depth());
            assert_eq!(depth >= MANY, other.is(queue), "{queue:?} {other:?}: {depth}");
        }
        drop(taken);
        for passed in waiting {
            // On a slow machine some have waited for too long.
            let passed = passed.await.unwrap();
            assert!(matches!(passed, Ok(()) | Err(Error::Busy)), "{passed:?}");
        }
        until(&app, &queue.depth(), |depth| depth == 0.0).await;
    }
}

#[tokio::test]
async fn reports_that_wait_for_a_commit_are_counted() {
    const DEPTH: &str = "plexsphere_callback_queue_depth";
    const REPORTS: u32 = 20;
    let app = TestApp::start().await;
    let node = app.node("a").await;
    assert!(scrape(&app).await.contains(&format!("\n{DEPTH} 0\n")));
    let taken = app.take_reporter().await;
    let reporting: Vec<_> = (0..REPORTS)
        .map(|_| {
            let (node, path) = ((*node).clone(), paths::callback(node.id, Uuid::now_v7()));
            tokio::spawn(async move { node.post(&path, json!({"status": "ack"})).await })
        })
        .collect();
    until(&app, DEPTH, |depth| depth == f64::from(REPORTS)).await;
    drop(taken);
    for answered in reporting {
        let (status, problem) = answered.await.unwrap();
        assert_eq!(status, StatusCode::NOT_FOUND, "{problem}");
    }
    until(&app, DEPTH, |depth| depth == 0.0).await;
}

#[tokio::test]
async fn the_health_of_the_process_is_that_of_its_commits() {
    let app = TestApp::start().await;
    let request = Request::get("/healthz").body(Body::empty()).unwrap();
    let answer = router(app.app.clone()).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}
