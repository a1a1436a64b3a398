//! Who may do what, from outside: relations, groups, conditions and questions about them, through plexctl.

use plex_api::paths;
use plex_tests::{ControlPlane, Operator, Ran};
use serde_json::{Value, json};
use uuid::Uuid;

fn id(value: &Value) -> &str {
    value["id"].as_str().expect("an id")
}

fn check(who: &Operator, subject: &str, relation: &str, resource: &str) -> Ran {
    who.plexctl(&[
        "rebac",
        "check",
        "--subject",
        subject,
        "--relation",
        relation,
        "--resource",
        resource,
        "--output",
        "json",
    ])
}

#[test]
fn groups_grant_and_take_back_at_once_and_checks_tell_why() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let domain = control_plane.domain_id().to_string();
    let project = format!("project:{}", admin.project_id);
    let slug = format!("ops-{}", Uuid::now_v7().simple());
    let group = admin.plexctl_json(&["group", "create", "--domain", &domain, "--slug", &slug]);
    let members = format!("group:{}#member", id(&group));
    admin.plexctl_json(&[
        "rebac",
        "tuple",
        "add",
        "--project",
        &admin.project_id.to_string(),
        "--subject",
        &members,
        "--relation",
        "operator",
        "--resource",
        &project,
    ]);
    let anna = Uuid::now_v7();
    let subject = format!("user:{anna}");
    let hers = admin.token_of(anna);
    let denied = check(&hers, &subject, "dispatch", &project).expect(77);
    let answer: Value = serde_json::from_str(&denied.text()).unwrap();
    assert_eq!(
        (&answer["decision"], &answer["reason"]),
        (&json!("denied"), &json!("out_of_scope"))
    );

    let membership = admin.plexctl_json(&[
        "group",
        "member",
        "add",
        "--group",
        id(&group),
        "--subject",
        &subject,
    ]);
    let allowed = check(&hers, &subject, "dispatch", &project).expect(0);
    let answer: Value = serde_json::from_str(&allowed.text()).unwrap();
    let path = json!([
        format!("{project}#operator"),
        format!("group:{}#member", id(&group))
    ]);
    assert_eq!(answer["relation_path"], path);
    assert_eq!(hers.get(&paths::executions(admin.project_id)).status, 200);
    let found = admin
        .plexctl(&[
            "rebac",
            "lookup-subjects",
            "--type",
            "user",
            "--relation",
            "dispatch",
            "--resource",
            &project,
        ])
        .expect(0);
    assert!(
        found.text().lines().any(|line| line == subject),
        "{}",
        found.text()
    );
    let found = hers
        .plexctl(&[
            "rebac",
            "lookup-resources",
            "--subject",
            &subject,
            "--relation",
            "dispatch",
            "--type",
            "project",
        ])
        .expect(0);
    assert_eq!(found.text(), format!("{project}\n"));

    let members = admin.plexctl_json(&["group", "member", "list", "--group", id(&group)]);
    assert_eq!(members["items"][0]["subject"], subject);
    admin
        .plexctl(&[
            "group",
            "member",
            "remove",
            "--group",
            id(&group),
            id(&membership),
            "--yes",
        ])
        .expect(0);
    assert_eq!(
        hers.get(&paths::executions(admin.project_id)).status,
        404,
        "at once"
    );
    check(&hers, &subject, "dispatch", &project).expect(77);
    admin.plexctl(&["group", "delete", id(&group), "--yes"]).expect(0);
    admin.plexctl(&["group", "get", id(&group)]).expect(1);
}

#[test]
fn a_condition_holds_for_the_request_it_is_about() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let project = format!("project:{}", admin.project_id);
    let bert = Uuid::now_v7();
    let subject = format!("user:{bert}");
    let project_id = admin.project_id.to_string();
    let add = |context: &str| {
        admin.plexctl(&[
            "rebac",
            "tuple",
            "add",
            "--project",
            &project_id,
            "--subject",
            &subject,
            "--relation",
            "viewer",
            "--resource",
            &project,
            "--caveat",
            "from_cidr",
            "--caveat-context",
            context,
            "--output",
            "json",
        ])
    };
    add("not json").expect(2);
    add(r#"{"cidr": "nowhere"}"#).expect(1);
    let made: Value = serde_json::from_str(&add(r#"{"cidr": "192.0.2.0/24"}"#).expect(0).text()).unwrap();
    let his = admin.token_of(bert);
    let refused = his.get(&paths::project(admin.project_id));
    assert_eq!(
        (refused.status, refused.json()["reason"].clone()),
        (403, json!("caveat_violation"))
    );
    his.plexctl(&["project", "get", &project_id]).expect(77);
    // The same relation, for requests from this machine.
    admin
        .plexctl(&[
            "rebac",
            "tuple",
            "update",
            id(&made),
            "--subject",
            &subject,
            "--relation",
            "viewer",
            "--resource",
            &project,
            "--caveat",
            "from_cidr",
            "--caveat-context",
            r#"{"cidr": "127.0.0.0/8"}"#,
            "--yes",
        ])
        .expect(0);
    his.plexctl(&["project", "get", &project_id]).expect(0);
    admin
        .plexctl(&["rebac", "tuple", "delete", id(&made), "--yes"])
        .expect(0);
    his.plexctl(&["project", "get", &project_id]).expect(1);
}
