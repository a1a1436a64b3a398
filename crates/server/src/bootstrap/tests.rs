use super::{Created, FirstTenants, check_master, create, reset_admin_token};
use crate::testing::{Actor, AuditRow, TestApp, master};
use crate::{database, testing};
use plex_api::paths::{self, DOMAINS, PROJECTS, RELATION_TUPLES, WHOAMI};
use plex_domain::keys::MasterKey;
use plex_store::Db;
use serde_json::json;
use tempfile::TempDir;

fn made() -> (TempDir, Created) {
    let dir = tempfile::tempdir().unwrap();
    let names = FirstTenants {
        domain_slug: "acme".to_owned(),
        project_slug: "web".to_owned(),
    };
    let created = create(&testing::engine(dir.path()), &master(), &names).unwrap();
    (dir, created)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

async fn status(actor: &Actor) -> u16 {
    actor.get(WHOAMI).await.0.as_u16()
}

fn relations(rows: &[AuditRow]) -> Vec<&str> {
    let mut relations: Vec<_> = rows.iter().map(|row| row.relation.as_str()).collect();
    relations.sort_unstable();
    relations
}

#[test]
fn a_new_installation_has_an_admin_and_its_first_tenants() {
    let (dir, created) = made();
    run(async {
        let app = TestApp::on(dir, &created).await;
        let (_, me) = app.admin().get(WHOAMI).await;
        assert_eq!(
            (&me["principal_type"], &me["principal_scope"]),
            (&json!("user"), &json!("platform"))
        );
        let (_, domain) = app.admin().get(&paths::domain(created.domain_id)).await;
        assert_eq!(
            (&domain["slug"], &domain["mesh_cidr"]),
            (&json!("acme"), &json!("10.0.0.0/16"))
        );
        let (_, project) = app.admin().get(&paths::project(created.project_id)).await;
        assert_eq!(
            (&project["slug"], &project["domain_id"]),
            (&json!("web"), &json!(created.domain_id))
        );
        let rows = app.audit().await;
        assert_eq!(
            relations(&rows),
            ["create_domain", "create_project", "grant", "issue_token"]
        );
        assert!(rows.iter().all(|row| row.identity == "system"));
        assert_eq!(
            app.node("web-1").await.get(WHOAMI).await.0,
            401,
            "its signing key is sealed under the master key"
        );
    });
}

#[test]
fn names_that_are_no_slugs_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (domain_slug, project_slug) in [("Acme", "web"), ("acme", "a--b")] {
        let names = FirstTenants {
            domain_slug: domain_slug.to_owned(),
            project_slug: project_slug.to_owned(),
        };
        assert!(create(&testing::engine(dir.path()), &master(), &names).is_err());
    }
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        0,
        "nothing was made"
    );
}

#[test]
fn another_installation_s_master_key_is_refused_before_anything_is_written() {
    let (dir, created) = made();
    let other = MasterKey::from_bytes([2; 32]);
    let error = reset_admin_token(&testing::engine(dir.path()), &other).unwrap_err();
    assert!(error.to_string().contains("another master key"), "{error:#}");
    run(async {
        let db = Db::open(database::settings(testing::engine(dir.path()))).unwrap();
        assert!(check_master(&db, &other).await.is_err());
        check_master(&db, &master()).await.unwrap();
        drop(db);
        let app = TestApp::on(dir, &created).await;
        assert_eq!(status(&app.admin()).await, 200, "the old token lives on");
    });
}

#[test]
fn a_reset_ends_the_old_token_and_gives_a_new_one() {
    let (dir, created) = made();
    let token = reset_admin_token(&testing::engine(dir.path()), &master()).unwrap();
    run(async {
        let app = TestApp::on(dir, &created).await;
        assert_eq!(
            (status(&app.admin()).await, status(&app.with_token(&token)).await),
            (401, 200)
        );
        let rows = app.audit().await;
        let again = [
            "create_domain",
            "create_project",
            "grant",
            "issue_token",
            "reset_token",
        ];
        assert_eq!(
            relations(&rows),
            again,
            "it was admin already, and nothing was granted"
        );
    });
}

#[test]
fn a_reset_makes_the_first_admin_admin_again_while_a_server_runs() {
    let (dir, created) = made();
    let path = dir.path().to_owned();
    let app = run(async {
        let app = TestApp::on(dir, &created).await;
        let grants = format!("{RELATION_TUPLES}?project_id={}", created.project_id);
        let (_, page) = app.admin().get(&grants).await;
        let id = page["items"][0]["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(app.admin().delete(&paths::relation_tuple(id)).await.0, 204);
        assert_eq!(
            app.admin().get(DOMAINS).await.1["empty_reason"],
            "no_rebac_membership"
        );
        app
    });
    let token = reset_admin_token(&testing::engine(&path), &master()).unwrap();
    run(async {
        let admin = app.with_token(&token);
        assert_eq!(admin.get(WHOAMI).await.1["principal_scope"], "platform");
        assert_eq!(admin.get(PROJECTS).await.1["items"].as_array().unwrap().len(), 1);
        let rows = app.audit().await;
        let granted = relations(&rows)
            .iter()
            .filter(|relation| **relation == "grant")
            .count();
        assert_eq!(granted, 2, "the second grant is audited as the first");
        assert!(relations(&rows).contains(&"reset_token"));
    });
}
