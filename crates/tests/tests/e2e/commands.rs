//! The operator's other commands, each through the real binary against the real server.

use crate::ids;
use plex_api::paths;
use plex_tests::{ControlPlane, Operator, Ran, SimulatedNode, bootstrap_token};
use serde_json::{Value, json};
use uuid::Uuid;

fn text(operator: &Operator, arguments: &[&str]) -> String {
    let ran = operator.plexctl(arguments).expect(0);
    assert_eq!(ran.stderr, "", "{arguments:?}");
    ran.text()
}

#[test]
fn whoami_and_version() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let me = admin.plexctl_json(&["whoami"]);
    assert_eq!(
        (&me["principal_type"], &me["principal_scope"]),
        (&"user".into(), &"platform".into())
    );
    assert!(text(&admin, &["whoami"]).contains(me["subject"].as_str().unwrap()));
    let version = text(&admin, &["--version"]);
    assert!(
        version.starts_with("plexctl ") && version.trim_end().len() > "plexctl ".len(),
        "{version}"
    );
    let server = control_plane
        .web()
        .send(&http::Method::GET, paths::VERSION, &[], None)
        .expect(200)
        .json();
    assert!(
        server["version"].is_string() && server["commit"].is_string(),
        "{server}"
    );
}

#[test]
fn completion_names_its_shell_in_the_first_line() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    for (shell, first) in [
        ("bash", "# bash completion for plexctl"),
        ("zsh", "#compdef plexctl"),
        ("fish", "# fish completion for plexctl"),
        ("powershell", "# powershell completion for plexctl"),
    ] {
        let script = text(&admin, &["completion", shell]);
        assert_eq!(script.lines().next(), Some(first), "{shell}");
        assert!(script.contains("exec-log"), "{shell}");
    }
    admin.plexctl(&["completion", "tcsh"]).expect(2);
    let script = admin.home().join("completion.bash");
    std::fs::write(&script, text(&admin, &["completion", "bash"])).unwrap();
    let mut bash = std::process::Command::new("bash");
    bash.arg("-n").arg(&script);
    assert_eq!(Ran::of(bash, b"").code, 0, "bash reads it");
}

#[test]
fn domains_and_projects() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let domain = admin.plexctl_json(&["domain", "create", "--slug", "acme", "--name", "Acme Inc."]);
    let id = domain["id"].as_str().unwrap();
    assert_eq!(
        (&domain["slug"], &domain["name"]),
        (&"acme".into(), &"Acme Inc.".into())
    );
    assert!(
        domain["mesh_cidr"]
            .as_str()
            .is_some_and(|cidr| cidr.starts_with("10.") && cidr.ends_with("/16"))
    );
    assert_eq!(admin.plexctl_json(&["domain", "get", id]), domain);
    let domains = admin.plexctl_json(&["domain", "list"]);
    assert_eq!(ids(&domains).len(), 2);
    assert!(ids(&domains).contains(&id.to_owned()));
    assert!(text(&admin, &["domain", "list"]).contains("acme"));
    let again = admin.plexctl(&["domain", "create", "--slug", "acme"]).expect(1);
    assert!(again.stderr.contains("domain_slug_conflict"), "{}", again.stderr);
    assert!(
        admin
            .plexctl(&["domain", "create", "--slug", "Not A Slug"])
            .expect(1)
            .stderr
            .contains("HTTP 400")
    );

    let project = admin.plexctl_json(&[
        "project",
        "create",
        "--domain",
        id,
        "--slug",
        "shop",
        "--description",
        "d",
    ]);
    let project_id = project["id"].as_str().unwrap();
    assert_eq!(
        (&project["domain_id"], &project["description"]),
        (&id.into(), &"d".into())
    );
    assert_eq!(admin.plexctl_json(&["project", "get", project_id]), project);
    assert_eq!(
        ids(&admin.plexctl_json(&["project", "list", "--domain", id])),
        [project_id]
    );
    assert_eq!(ids(&admin.plexctl_json(&["project", "list"])).len(), 2);
    let again = admin
        .plexctl(&["project", "create", "--domain", id, "--slug", "shop"])
        .expect(1);
    assert!(again.stderr.contains("project_slug_conflict"), "{}", again.stderr);
    let orphan = Uuid::now_v7().to_string();
    admin
        .plexctl(&["project", "create", "--domain", &orphan, "--slug", "x"])
        .expect(1);
}

#[test]
fn nodes_and_labels() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::labelled(&control_plane, "web-1", &json!({"env": "prod"}));
    SimulatedNode::register(&control_plane, "web-2");
    let (admin, project, id) = (
        control_plane.admin(),
        control_plane.project_id().to_string(),
        node.id.to_string(),
    );
    let shown = admin.plexctl_json(&["node", "get", &id]);
    assert_eq!(
        (&shown["name"], &shown["labels"]),
        (&"web-1".into(), &json!({"env": "prod"}))
    );
    assert_eq!(shown["reachability"]["state"], "never_reported");
    node.heartbeat().expect(200);
    assert_eq!(
        admin.plexctl_json(&["node", "get", &id])["reachability"]["state"],
        "healthy"
    );
    assert_eq!(
        ids(&admin.plexctl_json(&["node", "list", "--project", &project])).len(),
        2
    );
    assert_eq!(
        ids(&admin.plexctl_json(&["node", "list", "--project", &project, "--selector", "env=prod"])),
        std::slice::from_ref(&id)
    );
    let table = text(&admin, &["node", "list", "--project", &project]);
    assert!(
        table.contains("web-1") && table.contains("env=prod") && table.contains("web-2"),
        "{table}"
    );

    text(&admin, &["node", "label", "set", &id, "ring=a=b", "owner="]);
    let labels = json!({"env": "prod", "ring": "a=b", "owner": ""});
    assert_eq!(admin.plexctl_json(&["node", "get", &id])["labels"], labels);
    text(&admin, &["node", "label", "remove", &id, "ring", "owner"]);
    assert_eq!(
        admin.plexctl_json(&["node", "get", &id])["labels"],
        json!({"env": "prod"})
    );
    admin
        .plexctl(&["node", "label", "remove", &id, "no-such"])
        .expect(1);
    admin
        .plexctl(&["node", "label", "set", &id, "no-equals-sign"])
        .expect(2);

    admin.plexctl(&["node", "revoke", &id]).expect(2);
    node.heartbeat().expect(200);
    text(&admin, &["node", "revoke", &id, "--yes"]);
    assert_eq!(node.heartbeat().refusal(), (401, "nsk_revoked".to_owned()));
}

#[test]
fn bootstrap_tokens_are_shown_once_and_end_as_told() {
    let control_plane = ControlPlane::start();
    let (admin, project) = (control_plane.admin(), control_plane.project_id().to_string());
    let issue = ["bootstrap-token", "issue", "--project", &project];
    let issued = admin.plexctl_json(&[&issue[..], &["--label", "env=prod", "--label", "tier=web"]].concat());
    let (token, id) = (
        issued["token"].as_str().unwrap(),
        issued["token_id"].as_str().unwrap(),
    );
    assert!(
        token.starts_with("psb_prod_") && token.contains("_node_"),
        "{token}"
    );
    let lifetime = |value: &Value| {
        let instant = |name: &str| value[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        instant("expires_at")
            .duration_since(instant("issued_at"))
            .as_secs()
    };
    assert_eq!(lifetime(&issued), 3600);
    let list = || admin.plexctl_json(&["bootstrap-token", "list", "--project", &project]);
    assert_eq!(ids(&list()), [id]);
    assert_eq!(
        list()["items"][0]["labels"],
        json!({"env": "prod", "tier": "web"})
    );
    assert!(!list().to_string().contains(token) && !control_plane.log().contains(token));
    let in_text = text(
        &admin,
        &[&issue[..], &["--ttl-seconds", "300", "--env-prefix", "dev"]].concat(),
    );
    assert!(
        in_text.contains("psb_dev_"),
        "a minted secret is printed: {in_text}"
    );

    let node = SimulatedNode::redeem(&control_plane, token, "web-1");
    let labels = admin.plexctl_json(&["node", "get", &node.id.to_string()])["labels"].clone();
    assert_eq!(labels, json!({"env": "prod", "tier": "web"}));
    let again = SimulatedNode::try_redeem(&control_plane, token, "web-2");
    assert_eq!(again.refusal(), (403, "token_consumed".to_owned()));
    assert!(
        list()["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|item| item["id"] == id && item["consumed_at"].is_string())
    );

    let twice = bootstrap_token(&control_plane, 2, &json!({}));
    SimulatedNode::redeem(&control_plane, &twice, "a");
    SimulatedNode::redeem(&control_plane, &twice, "b");
    assert_eq!(
        SimulatedNode::try_redeem(&control_plane, &twice, "c").refusal(),
        (403, "token_consumed".to_owned())
    );

    let doomed = admin.plexctl_json(&issue);
    let doomed_id = doomed["token_id"].as_str().unwrap();
    let revoke = ["bootstrap-token", "revoke", doomed_id, "--project", &project];
    admin.plexctl(&revoke).expect(2);
    text(&admin, &[&revoke[..], &["--yes"]].concat());
    let refused = SimulatedNode::try_redeem(&control_plane, doomed["token"].as_str().unwrap(), "d");
    assert_eq!(refused.refusal(), (403, "token_revoked".to_owned()));
    admin.plexctl(&[&revoke[..], &["--yes"]].concat()).expect(1);
}

#[test]
fn tokens_are_issued_listed_and_revoked() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let user = Uuid::now_v7();
    admin.grant(user, "viewer", &format!("project:{}", admin.project_id));
    let issued = admin.plexctl_json(&[
        "token",
        "issue",
        "--user",
        &user.to_string(),
        "--env-prefix",
        "dev",
    ]);
    let plaintext = issued["plaintext"].as_str().unwrap();
    assert!(plaintext.starts_with("psk_dev_"), "{issued}");
    let user_of = admin.with_token(plaintext);
    assert_eq!(user_of.plexctl_json(&["whoami"])["subject"], user.to_string());
    let own = user_of.plexctl_json(&["token", "issue", "--ttl-seconds", "60"]);
    let listed = user_of
        .plexctl(&["token", "list", "--output", "json"])
        .expect(0)
        .text();
    assert!(
        listed.contains(own["id"].as_str().unwrap()) && listed.contains(issued["id"].as_str().unwrap()),
        "{listed}"
    );
    assert!(!listed.contains("psk_"), "{listed}");
    let id = own["id"].as_str().unwrap();
    user_of.plexctl(&["token", "revoke", id]).expect(2);
    text(&user_of, &["token", "revoke", id, "--yes"]);
    assert_eq!(
        admin
            .with_token(own["plaintext"].as_str().unwrap())
            .get(paths::WHOAMI)
            .status,
        401
    );
    user_of.plexctl(&["token", "revoke", id, "--yes"]).expect(1);
    let minted = text(&admin, &["token", "issue"]);
    assert!(
        minted.contains("psk_prod_"),
        "a minted secret is printed: {minted}"
    );
}

#[test]
fn relations_are_added_listed_and_deleted() {
    let control_plane = ControlPlane::start();
    let (admin, project) = (control_plane.admin(), control_plane.project_id().to_string());
    let user = Uuid::now_v7();
    let tuple = admin.grant(user, "operator", &format!("project:{project}"));
    assert_eq!(
        (&tuple["subject"], &tuple["relation"]),
        (&format!("user:{user}").into(), &"operator".into())
    );
    let list = || admin.plexctl_json(&["rebac", "tuple", "list", "--project", &project]);
    let id = tuple["id"].as_str().unwrap().to_owned();
    assert!(ids(&list()).contains(&id));
    assert!(text(&admin, &["rebac", "tuple", "list", "--project", &project]).contains(&user.to_string()));
    let add = |subject: &str, relation: &str, resource: &str| {
        let words = [
            "--subject",
            subject,
            "--relation",
            relation,
            "--resource",
            resource,
        ];
        admin.plexctl(&[&["rebac", "tuple", "add", "--project", &project][..], &words].concat())
    };
    let (subject, resource) = (format!("user:{user}"), format!("project:{project}"));
    for (subject, relation, resource) in [
        (subject.as_str(), "emperor", resource.as_str()),
        ("user:nobody", "viewer", &resource),
        ("somebody", "viewer", &resource),
        (&subject, "viewer", "project:nowhere"),
        (&subject, "viewer", "planet:earth"),
    ] {
        let ran = add(subject, relation, resource).expect(1);
        assert!(
            ran.stderr.contains("HTTP 400"),
            "{subject} {relation} {resource}: {}",
            ran.stderr
        );
    }
    admin.plexctl(&["rebac", "tuple", "delete", &id]).expect(2);
    text(&admin, &["rebac", "tuple", "delete", &id, "--yes"]);
    assert!(!ids(&list()).contains(&id));
    admin
        .plexctl(&["rebac", "tuple", "delete", &id, "--yes"])
        .expect(1);
}

#[test]
fn profiles_keep_server_token_and_ca() {
    use std::os::unix::fs::PermissionsExt as _;
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let run = |arguments: &[&str]| {
        let mut command = admin.command(arguments);
        command
            .env_remove("PLEXSPHERE_TOKEN")
            .env_remove("PLEXSPHERE_URL")
            .env_remove("PLEXSPHERE_CA_FILE");
        Ran::of(command, b"")
    };
    let (token, ca) = (admin.token_file(0o600), control_plane.ca_file().to_str().unwrap());
    let token = token.to_str().unwrap();
    let add = |name: &str, server: &str| {
        run(&[
            "profile",
            "add",
            name,
            "--server",
            server,
            "--ca-file",
            ca,
            "--token-file",
            token,
        ])
        .expect(0);
    };
    add("here", control_plane.url());
    add("nowhere", "https://127.0.0.1:1");
    let config = admin.home().join(".config/plexctl/config.json");
    assert_eq!(
        std::fs::metadata(&config).unwrap().permissions().mode() & 0o777,
        0o600
    );
    run(&["whoami"]).expect(0);
    run(&["whoami", "--profile", "nowhere"]).expect(1);
    run(&["profile", "use", "nowhere"]).expect(0);
    run(&["whoami"]).expect(1);
    run(&["whoami", "--profile", "here"]).expect(0);
    let listed = run(&["profile", "list"]).expect(0).text();
    assert!(
        listed.contains("here") && listed.contains("nowhere") && !listed.contains(&admin.token),
        "{listed}"
    );
    let shown = run(&["profile", "list", "--output", "json"]).expect(0).text();
    assert!(!shown.contains(&admin.token), "{shown}");
    run(&["profile", "remove", "nowhere", "--yes"]).expect(0);
    assert!(!run(&["profile", "list"]).expect(0).text().contains("nowhere"));
    run(&["profile", "use", "nowhere"]).expect(2);
    run(&["whoami", "--profile", "nowhere"]).expect(2);
}

#[test]
fn every_list_follows_its_cursor() {
    let control_plane = ControlPlane::start();
    let (admin, project) = (control_plane.admin(), control_plane.project_id().to_string());
    let token = bootstrap_token(&control_plane, 5, &json!({}));
    for n in 0..5 {
        SimulatedNode::redeem(&control_plane, &token, &format!("n{n}"));
        admin.plexctl_json(&["bootstrap-token", "issue", "--project", &project]);
        admin.grant(Uuid::now_v7(), "viewer", &format!("project:{project}"));
        admin.plexctl_json(&["domain", "create", "--slug", &format!("d{n}")]);
        let domain = control_plane.domain_id().to_string();
        admin.plexctl_json(&[
            "project",
            "create",
            "--domain",
            &domain,
            "--slug",
            &format!("p{n}"),
        ]);
    }
    for (list, least) in [
        (&["node", "list", "--project", &project][..], 5),
        (&["bootstrap-token", "list", "--project", &project], 6),
        (&["rebac", "tuple", "list", "--project", &project], 5),
        (&["domain", "list"], 6),
        (&["project", "list"], 6),
    ] {
        let all = ids(&admin.plexctl_json(&[list, &["--all", "--limit", "2"]].concat()));
        assert!(all.len() >= least, "{list:?}: {}", all.len());
        let (mut walked, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let more = cursor
                .iter()
                .flat_map(|cursor| ["--cursor", cursor.as_str()])
                .collect::<Vec<_>>();
            let page = admin.plexctl_json(&[list, &["--limit", "2"], &more].concat());
            assert!(ids(&page).len() <= 2);
            walked.extend(ids(&page));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(walked, all, "{list:?}");
        let whole = ids(&admin.plexctl_json(list));
        assert_eq!(whole, all, "{list:?}");
    }
}

#[test]
fn persistent_flags_stand_anywhere() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let (project, token) = (admin.project_id.to_string(), admin.token_file(0o600));
    let (url, ca, token) = (
        control_plane.url(),
        control_plane.ca_file().to_str().unwrap(),
        token.to_str().unwrap(),
    );
    let flags = [
        "--server",
        url,
        "--ca-file",
        ca,
        "--token-file",
        token,
        "--output",
        "json",
    ];
    let words = ["exec-log", "list", "--project", &project];
    for line in [
        [&flags[..], &words].concat(),
        [&words[..], &flags].concat(),
        [&words[..1], &flags, &words[1..]].concat(),
    ] {
        let mut command = admin.command(&line);
        command
            .env_remove("PLEXSPHERE_TOKEN")
            .env_remove("PLEXSPHERE_URL")
            .env_remove("PLEXSPHERE_CA_FILE");
        let page: Value = serde_json::from_slice(&Ran::of(command, b"").expect(0).stdout).unwrap();
        assert_eq!(page["items"], json!([]));
    }
}
