use crate::testing::{AuditRow, TestApp};
use plex_api::paths::{self, DOMAINS, TOKENS, WHOAMI};
use plex_domain::audit::pseudonym;
use plex_store::{Error, Tx};
use serde_json::json;
use uuid::Uuid;

async fn names(app: &TestApp, who: Uuid) -> i64 {
    let identity = format!("user:{who}");
    let count = async move |tx: &mut Tx| {
        let sql = "select count(*) from audit_entries where identity = $1";
        let found: Result<Option<i64>, Error> = tx
            .optional(sql, &plex_store::values![&identity], |row| row.get(0))
            .await;
        found
    };
    app.app.db.write(count).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_erased_identity_has_no_name_and_no_power_and_the_chains_still_verify() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let anna = app.user_on("admin", app.domain()).await;
    let project = json!({"domain_id": app.domain_id, "slug": "annas", "name": "P"});
    assert_eq!(anna.post(paths::PROJECTS, project).await.0, 201);
    // A denial that is still only counted when she is erased.
    assert_eq!(anna.post(DOMAINS, json!({"slug": "x", "name": "X"})).await.0, 403);
    assert_eq!(names(&app, anna.id).await, 1);

    let erase = paths::erase_identity(anna.id);
    let (status, first) = admin.post(&erase, json!({})).await;
    assert_eq!((status.as_u16(), &first["id"]), (200, &json!(anna.id)));
    assert_eq!(names(&app, anna.id).await, 0);
    assert_eq!(anna.get(WHOAMI).await.0, 401);
    let rows = app.audit().await;
    assert!(
        rows.iter().any(|row| row.entry()["reason"] != "granted"),
        "the denial came late"
    );
    assert_eq!(names(&app, anna.id).await, 0);
    for chain in [None, Some(app.domain_id)] {
        let (status, verdict) = admin.post(&paths::audit_verify(chain), json!({})).await;
        assert_eq!(
            (status.as_u16(), &verdict["ok"]),
            (200, &json!(true)),
            "{verdict}"
        );
    }

    let entry = rows
        .iter()
        .find(|row| row.relation == "erase_identity")
        .expect("audited");
    let name = pseudonym(&app.app.keys.pseudonyms, None, &anna.subject());
    assert_eq!(entry.entry()["object_id"], data_encoding::HEXLOWER.encode(&name));
    assert!(!String::from_utf8_lossy(&entry.canonical).contains(&anna.id.to_string()));

    assert_eq!(
        admin.post(&erase, json!({})).await.1,
        first,
        "doing it again answers the same"
    );
    let erasures = |rows: &[AuditRow]| rows.iter().filter(|row| row.relation == "erase_identity").count();
    assert_eq!(erasures(&app.audit().await), 1);
    let token = json!({"identity_ref": anna.subject(), "env_prefix": "prod"});
    assert_eq!(
        admin.code("POST", TOKENS, Some(token)).await,
        (400, "invalid_body".to_owned())
    );
    let grant = json!({"subject": anna.subject(), "relation": "viewer", "resource": format!("project:{}", app.project_id)});
    let grants = format!("{}?project_id={}", paths::RELATION_TUPLES, app.project_id);
    assert_eq!(
        admin.code("POST", &grants, Some(grant)).await,
        (400, "invalid_triple".to_owned())
    );
}

#[tokio::test]
async fn only_platform_admins_erase_and_never_themselves() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let owner = app.user_on("admin", app.domain()).await;
    for who in [owner.id, admin.id, Uuid::now_v7()] {
        let refused = owner.code("POST", &paths::erase_identity(who), None).await;
        assert_eq!(refused, (403, "rebac_denied".to_owned()));
    }
    let own = admin.code("POST", &paths::erase_identity(admin.id), None).await;
    assert_eq!(own, (409, "identity_is_caller".to_owned()));
    let unknown = admin
        .code("POST", &paths::erase_identity(Uuid::now_v7()), None)
        .await;
    assert_eq!(unknown, (404, "identity_not_found".to_owned()));
    assert_eq!(
        admin.code("POST", "/v1/identities/x/erase", None).await,
        (400, "invalid_id".to_owned())
    );
}

#[tokio::test]
async fn an_erasure_that_cannot_be_audited_erases_nothing() {
    let app = TestApp::start().await;
    let anna = app.user_on("viewer", app.domain()).await;
    app.break_audit().await;
    assert_eq!(
        app.admin()
            .post(&paths::erase_identity(anna.id), json!({}))
            .await
            .0,
        500
    );
    assert_eq!(anna.get(WHOAMI).await.0, 200);
}
