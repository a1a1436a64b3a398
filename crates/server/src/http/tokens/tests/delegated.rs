//! Tokens that somebody issued for another identity, and what becomes of them as that one gains.

use super::*;
use plex_api::paths::{DEVICE_APPROVE, DEVICE_CODE, DEVICE_TOKEN};
use plex_domain::relation::ObjectKind;

/// Mallory, admin of the project, makes the victim a viewer there and issues a token in the victim's name.
struct Scene {
    app: TestApp,
    mallory: Actor,
    victim: Actor,
    token: Actor,
}

impl Scene {
    async fn set() -> Self {
        let app = TestApp::start().await;
        let mallory = app.user_with("admin", app.project_id).await;
        let victim = app.stranger().await;
        let project = ObjectRef::of(ObjectKind::Project, app.project_id);
        grant(&app, &mallory, &victim.subject(), "viewer", project).await;
        let token = issued(&app, &mallory, &victim.subject()).await;
        Self {
            app,
            mallory,
            victim,
            token,
        }
    }

    /// Whether Mallory's token still is the victim's.
    async fn lives(&self) -> bool {
        self.token.get(WHOAMI).await.0 == 200
    }

    /// A group of the platform, with its id and as a set.
    async fn group(&self, slug: &str) -> (String, String) {
        let wanted = json!({"slug": slug, "name": slug});
        let (status, group) = self.app.admin().post(paths::GROUPS, wanted).await;
        assert_eq!(status, 201, "{group}");
        let id = group["id"].as_str().unwrap().to_owned();
        let set = format!("group:{id}#member");
        (id, set)
    }

    async fn join(&self, group: &str, subject: &str) {
        let path = format!("{}/{group}/members", paths::GROUPS);
        let (status, joined) = self.app.admin().post(&path, json!({"subject": subject})).await;
        assert_eq!(status, 201, "{joined}");
    }
}

async fn grant(app: &TestApp, by: &Actor, subject: &str, relation: &str, object: ObjectRef) -> Value {
    let path = format!("{RELATION_TUPLES}?project_id={}", app.project_id);
    let tuple = json!({"subject": subject, "relation": relation, "resource": object.to_string()});
    let (status, granted) = by.post(&path, tuple).await;
    assert_eq!(status, 201, "{granted}");
    granted
}

async fn issued(app: &TestApp, by: &Actor, subject: &str) -> Actor {
    let (status, issued) = issue(by, for_identity(subject)).await;
    assert_eq!(status, 201, "{issued}");
    app.with_token(issued["plaintext"].as_str().unwrap())
}

#[tokio::test]
async fn a_token_ends_when_its_identity_gains_what_its_issuer_could_not_give() {
    let scene = Scene::set().await;
    let (app, victim) = (&scene.app, &scene.victim);
    let admins = issued(app, &app.admin(), &victim.subject()).await;
    grant(
        app,
        &app.admin(),
        &victim.subject(),
        "operator",
        ObjectRef::of(ObjectKind::Project, app.project_id),
    )
    .await;
    assert!(scene.lives().await, "Mallory is admin there");
    grant(app, &app.admin(), &victim.subject(), "admin", ObjectRef::PLATFORM).await;
    assert!(!scene.lives().await, "and not there");
    assert_eq!(victim.get(WHOAMI).await.0, 200, "the victim's own token");
    assert_eq!(
        admins.get(WHOAMI).await.0,
        200,
        "one of an issuer who is admin there"
    );
    let audit = app.audit().await;
    let ended = audit
        .iter()
        .find(|row| row.relation == "revoke_token")
        .expect("an entry");
    assert_eq!(ended.identity, app.admin().subject());
    let details = ended.entry()["details"].as_str().unwrap().to_owned();
    assert!(details.starts_with("api-token:"), "{details}");
}

#[tokio::test]
async fn a_changed_relation_is_a_gain_too() {
    let scene = Scene::set().await;
    let (app, victim) = (&scene.app, scene.victim.subject());
    let domain = app.domain();
    let project = ObjectRef::of(ObjectKind::Project, app.project_id);
    let held = grant(app, &app.admin(), &victim, "operator", project).await;
    assert!(scene.lives().await);
    let path = format!("{RELATION_TUPLES}/{}", held["id"].as_str().unwrap());
    let wanted = json!({"subject": victim, "relation": "viewer", "resource": domain.to_string()});
    assert_eq!(app.admin().patch(&path, wanted).await.0, 200);
    assert!(!scene.lives().await);
}

#[tokio::test]
async fn what_is_gained_by_way_of_groups_is_a_gain() {
    let scene = Scene::set().await;
    let (inner, inner_set) = scene.group("inner").await;
    let (outer, outer_set) = scene.group("outer").await;
    scene.join(&outer, &inner_set).await;
    grant(
        &scene.app,
        &scene.app.admin(),
        &outer_set,
        "viewer",
        scene.app.domain(),
    )
    .await;
    assert!(scene.lives().await, "it is in no group");
    scene.join(&inner, &scene.victim.subject()).await;
    assert!(!scene.lives().await, "joining a group in a group that holds more");
}

#[tokio::test]
async fn what_a_group_gains_its_members_gain() {
    let scene = Scene::set().await;
    let (app, project) = (
        &scene.app,
        ObjectRef::of(ObjectKind::Project, scene.app.project_id),
    );
    let (inner, inner_set) = scene.group("inner").await;
    let (outer, outer_set) = scene.group("outer").await;
    scene.join(&inner, &scene.victim.subject()).await;
    scene.join(&outer, &inner_set).await;
    assert!(!scene.lives().await, "the groups are not Mallory's");
    let other = app.user_on("admin", ObjectRef::PLATFORM).await;
    let token = issued(app, &other, &scene.victim.subject()).await;
    let tuples = format!("{RELATION_TUPLES}?project_id={}", app.project_id);
    let (_, listed) = app.admin().get(&tuples).await;
    let of_other = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|tuple| tuple["subject"] == json!(other.subject()))
        .expect("listed");
    let path = format!("{RELATION_TUPLES}/{}", of_other["id"].as_str().unwrap());
    assert_eq!(app.admin().delete(&path).await.0, 204);
    assert_eq!(
        token.get(WHOAMI).await.0,
        200,
        "losing is no gain of the victim's"
    );
    grant(app, &app.admin(), &outer_set, "viewer", project).await;
    assert_eq!(token.get(WHOAMI).await.0, 401, "its issuer is no admin any more");
}

#[tokio::test]
async fn whoever_stands_behind_a_token_stands_behind_what_comes_of_it() {
    let scene = Scene::set().await;
    let (app, victim) = (&scene.app, scene.victim.subject());
    let own = issued(app, &scene.token, &victim).await;
    let (_, begun) = app.anybody().post(DEVICE_CODE, json!({})).await;
    let named = json!({"user_code": begun["user_code"]});
    assert_eq!(scene.token.post(DEVICE_APPROVE, named).await.0, 200);
    let asked = json!({"device_code": begun["device_code"]});
    let (_, login) = app.anybody().post(DEVICE_TOKEN, asked).await;
    let login = app.with_token(login["access_token"].as_str().unwrap());
    for token in [&own, &login] {
        assert_eq!(token.get(WHOAMI).await.0, 200);
    }
    grant(app, &app.admin(), &victim, "admin", ObjectRef::PLATFORM).await;
    for (token, what) in [(&scene.token, "itself"), (&own, "issued"), (&login, "a login")] {
        assert_eq!(token.get(WHOAMI).await.0, 401, "{what}");
    }
    assert_eq!(scene.mallory.get(WHOAMI).await.0, 200);
    assert_eq!(scene.victim.get(WHOAMI).await.0, 200);
}
