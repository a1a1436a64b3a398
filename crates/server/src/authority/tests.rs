//! The relations in memory keep up with the database.

use super::*;
use crate::testing::TestApp;
use plex_domain::relation::Permission;
use plex_store::relations::NewTuple;
use plex_store::{Tx, values};
use uuid::Uuid;

fn anna() -> ObjectRef {
    ObjectRef::of(ObjectKind::User, Uuid::from_u128(7))
}

fn on(object: ObjectRef) -> NewTuple {
    NewTuple {
        subject: anna().into(),
        relation: "viewer".to_owned(),
        object,
        condition: None,
        created_by: "system".to_owned(),
    }
}

fn reads(authority: &Authority, object: &ObjectRef) -> bool {
    let place = (authority.rules().name_of(Permission::ReadProject), object);
    let found = authority.decide(&anna(), place, &Request::default());
    matches!(found, Ok(Decision::Granted { .. }))
}

#[tokio::test]
async fn another_replica_sees_what_was_changed_and_what_was_pruned() {
    let app = TestApp::start().await;
    let db = &app.app.db;
    // A second one on the same database, as another replica has it.
    let replica = Authority::open(db).await.unwrap();
    let mut projects = Vec::new();
    for slug in ["a", "b", "c"] {
        projects.push(ObjectRef::of(ObjectKind::Project, app.project(slug).await));
    }
    for (step, prunes) in [false, true, false].into_iter().enumerate() {
        let new = on(projects[step]);
        let revision = db
            .write(async move |tx: &mut Tx| {
                relations::create(tx, &new).await.unwrap();
                if prunes {
                    relations::prune(tx, 1).await?;
                }
                relations::revision(tx).await
            })
            .await
            .unwrap();
        assert!(!reads(&replica, &projects[step]), "nobody told it yet");
        replica.catch_up(db, revision).await.unwrap();
        assert_eq!(replica.revision(), revision);
        for (at, project) in projects.iter().enumerate() {
            assert_eq!(reads(&replica, project), at <= step);
        }
    }
    let held = db
        .read(async |tx| relations::held_by(tx, &anna()).await)
        .await
        .unwrap();
    let revision = db
        .write(async move |tx: &mut Tx| {
            relations::delete(tx, held[1].id).await?;
            relations::revision(tx).await
        })
        .await
        .unwrap();
    replica.catch_up(db, revision).await.unwrap();
    let left: Vec<bool> = projects.iter().map(|project| reads(&replica, project)).collect();
    assert_eq!(left, [true, false, true]);
}

#[tokio::test]
pub(crate) async fn what_cannot_be_read_denies_with_503() {
    let app = TestApp::start().await;
    let viewer = app.user_with("viewer", app.project_id).await;
    let path = plex_api::paths::project(app.project_id);
    assert_eq!(viewer.get(&path).await.0, 200);
    let broken = app.app.db.write(async |tx: &mut Tx| {
        tx.execute("drop view relation_graph", &[]).await?;
        tx.execute("insert into relation_changes (revision, added, object_kind, object_id, relation, subject_kind, subject_id) values (1000000, 1, 'moon', $1, 'admin', 'user', $1)", &values![Uuid::nil()]).await
    });
    broken.await.unwrap();
    let (status, problem) = viewer.get(&path).await;
    assert_eq!(
        (status.as_u16(), problem["code"].as_str()),
        (503, Some("authz_unavailable"))
    );
    assert!(!problem.to_string().contains("moon"), "{problem}");
}

#[tokio::test]
async fn what_contains_what_is_known_without_asking() {
    let app = TestApp::start().await;
    let node = ObjectRef::of(ObjectKind::Node, app.node("web-1").await.id);
    app.admin().get(&plex_api::paths::node(node.id.unwrap())).await;
    let authority = &app.app.authority;
    let project = ObjectRef::of(ObjectKind::Project, app.project_id);
    assert_eq!(authority.parent(&node), Some(project));
    assert_eq!(authority.domain_of(&node), Some(app.domain()));
    assert_eq!(authority.domain_of(&app.domain()), Some(app.domain()));
    assert_eq!(authority.domain_of(&ObjectRef::PLATFORM), None);
    let nowhere = ObjectRef::of(ObjectKind::Domain, Uuid::from_u128(1));
    assert_eq!(authority.domain_of(&nowhere), None);
}
