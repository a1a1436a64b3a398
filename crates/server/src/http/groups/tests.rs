use crate::testing::{Actor, TestApp};
use plex_api::paths;
use plex_domain::relation::ObjectRef;
use serde_json::{Value, json};
use uuid::Uuid;

async fn make(actor: &Actor, domain: Option<Uuid>, slug: &str) -> Uuid {
    let mut body = json!({"slug": slug});
    if let Some(domain) = domain {
        body["domain_id"] = json!(domain);
    }
    let (status, headers, made) = actor.send("POST", paths::GROUPS, Some(body)).await;
    assert_eq!(status, 201, "{made}");
    let id: Uuid = made["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(headers["location"], paths::group(id));
    id
}

async fn add(actor: &Actor, group: Uuid, subject: &str) -> (u16, Value) {
    let (status, answer) = actor
        .post(&paths::group_members(group), json!({"subject": subject}))
        .await;
    (status.as_u16(), answer)
}

async fn grant(app: &TestApp, subject: &str, relation: &str, resource: &str) {
    let path = format!("{}?project_id={}", paths::RELATION_TUPLES, app.project_id);
    let body = json!({"subject": subject, "relation": relation, "resource": resource});
    let (status, made) = app.admin().post(&path, body).await;
    assert_eq!(status, 201, "{made}");
}

#[tokio::test]
async fn members_hold_what_is_granted_to_their_group_and_lose_it_with_the_membership() {
    let app = TestApp::start().await;
    let project = format!("project:{}", app.project_id);
    let (inner, outer) = (
        make(&app.admin(), Some(app.domain_id), "inner").await,
        make(&app.admin(), Some(app.domain_id), "outer").await,
    );
    grant(&app, &format!("group:{outer}#member"), "operator", &project).await;
    assert_eq!(
        add(&app.admin(), outer, &format!("group:{inner}#member")).await.0,
        201
    );
    let anna = app.stranger().await;
    let read = paths::project(app.project_id);
    assert_eq!(anna.get(&read).await.0, 404);
    let (status, membership) = add(&app.admin(), inner, &anna.subject()).await;
    assert_eq!(status, 201);
    assert_eq!(anna.get(&read).await.0, 200);
    let membership = membership["id"].as_str().unwrap().parse().unwrap();
    let (status, members) = anna.get(&paths::group_members(inner)).await;
    assert_eq!(status, 200, "a member sees who else is: {members}");
    assert_eq!(members["items"][0]["subject"], anna.subject());

    let elsewhere = paths::group_member(outer, membership);
    assert_eq!(app.admin().delete(&elsewhere).await.0, 404, "not of that group");
    let path = paths::group_member(inner, membership);
    assert_eq!(app.admin().delete(&path).await.0, 204);
    assert_eq!(app.admin().delete(&path).await.0, 404);
    assert_eq!(anna.get(&read).await.0, 404, "at once");

    add(&app.admin(), inner, &anna.subject()).await;
    assert_eq!(anna.get(&read).await.0, 200);
    assert_eq!(app.admin().delete(&paths::group(outer)).await.0, 204);
    assert_eq!(anna.get(&read).await.0, 404);
    assert_eq!(app.admin().get(&paths::group(outer)).await.0, 404);
}

#[tokio::test]
async fn nobody_makes_members_of_a_group_that_holds_more_than_they_do() {
    let app = TestApp::start().await;
    let chief = app.user_on("admin", app.domain()).await;
    let group = make(&chief, Some(app.domain_id), "ops").await;
    let anna = app.stranger().await.subject();
    assert_eq!(add(&chief, group, &anna).await.0, 201);
    // Once the group holds something elsewhere, its own admin may not bring anybody in any more.
    grant(
        &app,
        &format!("group:{group}#member"),
        "viewer",
        &ObjectRef::PLATFORM.to_string(),
    )
    .await;
    let bert = app.stranger().await.subject();
    let (status, problem) = add(&chief, group, &bert).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (403, Some("rebac_denied")),
        "{problem}"
    );
    assert_eq!(add(&app.admin(), group, &bert).await.0, 201);
    // Nor by nesting another group into it.
    let other = make(&chief, Some(app.domain_id), "other").await;
    assert_eq!(add(&chief, group, &format!("group:{other}#member")).await.0, 403);
    // Nor by the other route to the same tuple.
    let path = format!("{}?project_id={}", paths::RELATION_TUPLES, app.project_id);
    let body = json!({"subject": bert, "relation": "member", "resource": format!("group:{group}")});
    assert_eq!(chief.post(&path, body).await.0, 403);
}

#[tokio::test]
async fn authority_on_a_condition_grants_on_the_same_condition_only() {
    let app = TestApp::start().await;
    let project = format!("project:{}", app.project_id);
    let anna = app.stranger().await;
    let path = format!("{}?project_id={}", paths::RELATION_TUPLES, app.project_id);
    let conditional = |subject: &str, relation: &str, cidr: &str| {
        json!({
            "subject": subject, "relation": relation, "resource": project,
            "caveat_name": "from_cidr", "caveat_context": {"cidr": cidr},
        })
    };
    let made = app
        .admin()
        .post(&path, conditional(&anna.subject(), "admin", "192.0.2.0/24"))
        .await;
    assert_eq!(made.0, 201);
    let anna = anna.from("192.0.2.7");
    let bert = app.stranger().await.subject();
    let plain = json!({"subject": bert, "relation": "viewer", "resource": project});
    let (status, problem) = anna.post(&path, plain).await;
    assert_eq!(
        (status.as_u16(), problem["reason"].as_str()),
        (403, Some("caveat_violation"))
    );
    assert_eq!(
        anna.post(&path, conditional(&bert, "viewer", "0.0.0.0/0"))
            .await
            .0,
        403
    );
    assert_eq!(
        anna.post(&path, conditional(&bert, "viewer", "192.0.2.0/24"))
            .await
            .0,
        201
    );
}

#[tokio::test]
async fn groups_are_seen_by_viewers_of_their_owner_and_by_members() {
    let app = TestApp::start().await;
    let ours = make(&app.admin(), Some(app.domain_id), "ours").await;
    let platforms = make(&app.admin(), None, "platforms").await;
    let viewer = app.user_on("viewer", app.domain()).await;
    let stranger = app.stranger().await;
    let listed = async |actor: &Actor, query: &str| {
        let (status, page) = actor.get(&format!("{}{query}", paths::GROUPS)).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["id"].as_str().unwrap().parse().unwrap())
            .collect::<Vec<Uuid>>()
    };
    assert_eq!(listed(&app.admin(), "").await, [ours, platforms]);
    assert_eq!(listed(&viewer, "").await, [ours]);
    assert_eq!(
        listed(&app.admin(), &format!("?domain_id={}", app.domain_id)).await,
        [ours]
    );
    assert!(listed(&stranger, "").await.is_empty());
    add(&app.admin(), platforms, &stranger.subject()).await;
    assert_eq!(listed(&stranger, "").await, [platforms]);
    let (here, nowhere) = (paths::group(ours), paths::group(Uuid::now_v7()));
    for method in ["GET", "DELETE"] {
        let (status, problem) = stranger.alike(method, [&here, &nowhere], None).await;
        assert_eq!((status, problem["code"].as_str()), (404, Some("group_not_found")));
    }
    assert_eq!(viewer.delete(&here).await.0, 403);
    let (status, page) = app.admin().get(&format!("{}?limit=1", paths::GROUPS)).await;
    assert_eq!(status, 200);
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(
        listed(&app.admin(), &format!("?limit=1&cursor={cursor}")).await,
        [platforms]
    );
    let told = viewer
        .code("GET", &format!("{}?cursor={cursor}", paths::GROUPS), None)
        .await;
    assert_eq!(told, (403, "cursor_binding_mismatch".to_owned()));
}

#[tokio::test]
async fn bad_groups_are_refused_and_name_what_is_wrong() {
    let app = TestApp::start().await;
    make(&app.admin(), Some(app.domain_id), "ops").await;
    let domain = app.domain_id;
    for (body, expected) in [
        (
            json!({"slug": "ops", "domain_id": domain}),
            (409, "group_slug_conflict"),
        ),
        (json!({"slug": "Ops", "domain_id": domain}), (400, "invalid_body")),
        (
            json!({"slug": "o", "name": " ", "domain_id": domain}),
            (400, "invalid_body"),
        ),
        (json!({"slug": "o", "colour": "red"}), (400, "invalid_body")),
        (
            json!({"slug": "o", "domain_id": Uuid::now_v7()}),
            (403, "rebac_denied"),
        ),
    ] {
        let (status, code) = app.admin().code("POST", paths::GROUPS, Some(body.clone())).await;
        assert_eq!((status, &*code), expected, "{body}");
    }
    let group = make(&app.admin(), None, "all").await;
    for subject in [
        "user:1",
        "project:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0",
        "group:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0#member",
    ] {
        let (status, problem) = add(&app.admin(), group, subject).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (400, Some("invalid_triple")),
            "{subject}"
        );
    }
}

#[tokio::test]
async fn a_group_that_one_may_not_see_is_answered_as_none() {
    let app = TestApp::start().await;
    let foreign = make(&app.admin(), None, "platforms").await;
    let project = format!("project:{}", app.project_id);
    let admin = app.user_with("admin", app.project_id).await;
    let path = format!("{}?project_id={}", paths::RELATION_TUPLES, app.project_id);
    let as_subject = async |id: Uuid| {
        let body =
            json!({"subject": format!("group:{id}#member"), "relation": "viewer", "resource": project});
        let (status, problem) = admin.post(&path, body).await;
        (status.as_u16(), crate::testing::without_request(problem))
    };
    let told = as_subject(foreign).await;
    assert_eq!((told.0, &told.1["code"]), (400, &json!("invalid_triple")));
    assert_eq!(told, as_subject(Uuid::now_v7()).await);
    let as_resource = async |id: Uuid| {
        let body =
            json!({"subject": admin.subject(), "relation": "member", "resource": format!("group:{id}")});
        let (status, problem) = admin.post(&path, body).await;
        (status.as_u16(), crate::testing::without_request(problem))
    };
    let told = as_resource(foreign).await;
    assert_eq!((told.0, &told.1["reason"]), (403, &json!("out_of_scope")));
    assert_eq!(told, as_resource(Uuid::now_v7()).await);
}

#[tokio::test]
async fn groups_in_a_circle_are_refused_and_what_a_group_held_is_withdrawn_on_the_record() {
    let app = TestApp::start().await;
    let (a, b) = (
        make(&app.admin(), None, "a").await,
        make(&app.admin(), None, "b").await,
    );
    assert_eq!(add(&app.admin(), a, &format!("group:{b}#member")).await.0, 201);
    let (status, problem) = add(&app.admin(), b, &format!("group:{a}#member")).await;
    assert_eq!((status, problem["code"].as_str()), (400, Some("invalid_triple")));
    let project = format!("project:{}", app.project_id);
    grant(&app, &format!("group:{b}#member"), "operator", &project).await;
    assert_eq!(app.admin().delete(&paths::group(b)).await.0, 204);
    let withdrawn: Vec<_> = app
        .audit()
        .await
        .into_iter()
        .filter(|row| row.relation == "withdraw")
        .map(|row| (row.chain, row.entry()["details"].as_str().unwrap().to_owned()))
        .collect();
    let operator = format!("operator group:{b}#member");
    assert!(withdrawn.contains(&(app.domain_id, operator)), "{withdrawn:?}");
    assert!(withdrawn.contains(&(Uuid::nil(), format!("member group:{b}#member"))));
}
