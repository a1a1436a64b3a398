use crate::testing::{Actor, TestApp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use plex_api::audit::AuditReason;
use plex_api::paths::{self, DOMAINS, PROJECTS};
use plex_domain::audit::{entry_hash, read_canonical};
use plex_domain::relation::ObjectRef;
use plex_store::{Error, Sql, Tx, audit, tokens};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A domain's chain of so many entries, beside what the platform's has.
async fn chain(app: &TestApp, length: usize) {
    for nth in 0..length {
        let project = json!({"domain_id": app.domain_id, "slug": format!("p{nth}"), "name": "P"});
        assert_eq!(app.admin().post(PROJECTS, project).await.0, 201);
    }
}

async fn run(app: &TestApp, sql: &'static str) {
    let triggers = [
        Sql::Each {
            sqlite: "drop trigger if exists audit_entries_are_kept",
            postgres: "drop trigger if exists audit_entries_are_kept on audit_entries",
        },
        Sql::Each {
            sqlite: "drop trigger if exists audit_entries_are_final",
            postgres: "drop trigger if exists audit_entries_are_final on audit_entries",
        },
    ];
    let done = async move |tx: &mut Tx| {
        for sql in triggers {
            tx.execute(sql, &[]).await?;
        }
        tx.execute(sql, &[]).await
    };
    let done: Result<_, Error> = app.app.db.write(done).await;
    done.unwrap();
}

fn seqs(page: &Value) -> Vec<u64> {
    let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
    items.iter().map(|item| item["seq"].as_u64().unwrap()).collect()
}

async fn list(actor: &Actor, chain: Option<Uuid>, query: &str) -> Value {
    let (status, page) = actor
        .get(&format!("{}?{query}", paths::audit_entries(chain)))
        .await;
    assert_eq!(status, 200, "{page}");
    page
}

#[tokio::test]
async fn an_entry_shows_its_request_and_proves_itself() {
    let app = TestApp::start().await;
    let admin = app.admin().from("192.0.2.7");
    let project = json!({"domain_id": app.domain_id, "slug": "p", "name": "P"});
    let headers = [("user-agent", "curl/8")];
    let (status, answer, made) = admin.send_with("POST", PROJECTS, Some(project), &headers).await;
    assert_eq!(status, 201);
    let correlation = answer["x-correlation-id"].to_str().unwrap();
    let found = list(
        &admin,
        Some(app.domain_id),
        &format!("correlation_id={correlation}"),
    )
    .await;
    let entry = &found["items"][0];
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(
        (&entry["domain_id"], &entry["relation"], &entry["reason"]),
        (&json!(app.domain_id), &json!("create_project"), &json!("granted"))
    );
    assert_eq!(entry["object"], json!({"type": "project", "id": made["id"]}));
    assert_eq!(entry["subject"]["identity_id_ref"], json!(admin.id));
    assert_eq!(
        entry["decision"],
        json!({"result": "granted", "caveat_context": {}})
    );
    assert_eq!(
        entry["request_context"],
        json!({"ip": "192.0.2.7", "user_agent": "curl/8"})
    );

    let path = paths::audit_entry(Some(app.domain_id), entry["seq"].as_u64().unwrap());
    let (status, proof) = admin.get(&path).await;
    assert_eq!((status.as_u16(), &proof["entry"]), (200, entry));
    let bytes = STANDARD
        .decode(proof["proof"]["canonical_bytes"].as_str().unwrap())
        .unwrap();
    assert_eq!(read_canonical(&bytes).unwrap().relation, "create_project");
    let hash = data_encoding::HEXLOWER.encode(&entry_hash(&[0; 32], &bytes));
    assert_eq!(
        (&proof["proof"]["entry_hash"], &entry["entry_hash"]),
        (&json!(hash), &json!(hash))
    );
    assert_eq!(proof["proof"]["prev_hash"], "0".repeat(64));
}

#[tokio::test]
async fn a_walk_goes_through_the_chain_by_cursors_that_are_good_for_nothing_else() {
    let app = TestApp::start().await;
    chain(&app, 5).await;
    let admin = app.admin();
    let own = Some(app.domain_id);
    let first = list(&admin, own, "limit=2").await;
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    let second = list(&admin, own, &format!("limit=2&cursor={cursor}")).await;
    let last = list(
        &admin,
        own,
        &format!("limit=2&cursor={}", second["next_cursor"].as_str().unwrap()),
    )
    .await;
    assert_eq!(
        (seqs(&first), seqs(&second), seqs(&last)),
        (vec![1, 2], vec![3, 4], vec![5])
    );
    assert!(last.get("next_cursor").is_none());
    // Exactly full is the end, too.
    assert!(list(&admin, own, "limit=5").await.get("next_cursor").is_none());

    let (_, other) = admin.post(DOMAINS, json!({"slug": "beta", "name": "Beta"})).await;
    let other: Uuid = other["id"].as_str().unwrap().parse().unwrap();
    let invalid = (400, "invalid_cursor".to_owned());
    for (chain, more) in [
        (Some(other), ""),
        (None, ""),
        (own, "&relation=create_project"),
        (own, "&from=2020-01-01T00:00:00Z"),
    ] {
        let path = format!("{}?limit=2&cursor={cursor}{more}", paths::audit_entries(chain));
        assert_eq!(admin.code("GET", &path, None).await, invalid, "{path}");
    }
    let changed = format!("{}?cursor={}x", paths::audit_entries(own), cursor);
    assert_eq!(admin.code("GET", &changed, None).await, invalid);
}

#[tokio::test]
async fn filters_are_anded_and_what_they_do_not_take_is_refused() {
    let app = TestApp::start().await;
    chain(&app, 2).await;
    let viewer = app.user_with("viewer", app.project_id).await;
    let tokens = paths::bootstrap_tokens(app.project_id);
    let wanted = json!({"kind": "node", "env_prefix": "prod", "ttl_seconds": 60});
    assert_eq!(viewer.post(&tokens, wanted).await.0, 403);
    app.audit().await;
    let (admin, own) = (app.admin(), Some(app.domain_id));
    let all = list(&admin, own, "").await;
    assert_eq!(seqs(&all), [1, 2, 3]);
    let denied = &all["items"][2];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (who, when) = (
        text(&denied["subject"]["pseudonym"]),
        text(&denied["occurred_at"]),
    );
    for (query, expected) in [
        (format!("subject={who}"), vec![3]),
        ("reason=insufficient_relation".to_owned(), vec![3]),
        ("reason=granted".to_owned(), vec![1, 2]),
        ("relation=create_project".to_owned(), vec![1, 2]),
        (
            format!("object_type=project&object_id={}", app.project_id),
            vec![3],
        ),
        (format!("subject={who}&relation=create_project"), vec![]),
        (format!("from={when}&to={when}"), vec![3]),
        ("to=2020-01-01T00:00:00Z".to_owned(), vec![]),
        ("from=2020-01-01T00:00:00%2B02:00".to_owned(), vec![1, 2, 3]),
    ] {
        assert_eq!(seqs(&list(&admin, own, &query).await), expected, "{query}");
    }
    for (query, code) in [
        ("subject=AB", "invalid_cursor"),
        ("subject=user:x", "invalid_cursor"),
        (
            "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            "invalid_cursor",
        ),
        ("from=yesterday", "invalid_query"),
        ("reason=because", "invalid_query"),
        ("relation=a&relation=b", "invalid_query"),
        ("limit=0", "invalid_limit"),
        ("limit=201", "invalid_limit"),
    ] {
        let path = format!("{}?{query}", paths::audit_entries(own));
        assert_eq!(
            admin.code("GET", &path, None).await,
            (400, code.to_owned()),
            "{query}"
        );
    }
}

#[tokio::test]
async fn auditors_and_admins_read_the_chain_and_others_learn_nothing_of_it() {
    let app = TestApp::start().await;
    chain(&app, 1).await;
    let (own, missing) = (Some(app.domain_id), Some(Uuid::now_v7()));
    let auditor = app.user_on("auditor", app.domain()).await;
    let operator = app.user_on("operator", app.domain()).await;
    let stranger = app.stranger().await;
    type Read = fn(Option<Uuid>) -> (&'static str, String);
    let reads: [Read; 3] = [
        |chain| ("GET", paths::audit_entries(chain)),
        |chain| ("POST", paths::audit_verify(chain)),
        |chain| ("GET", paths::audit_export(chain)),
    ];
    for read in reads {
        let (method, path) = read(own);
        assert_eq!(
            auditor.call(method, &path, Vec::new(), &[]).await.0,
            200,
            "{path}"
        );
        assert_eq!(
            operator.code(method, &path, None).await,
            (403, "rebac_denied".to_owned())
        );
        let (status, problem) = stranger.alike(method, [&path, &read(missing).1], None).await;
        assert_eq!((status, &problem["code"]), (404, &json!("domain_not_found")));
        assert_eq!(
            auditor.code(method, &read(None).1, None).await,
            (403, "rebac_denied".to_owned())
        );
        assert_eq!(app.anybody().code(method, &path, None).await.0, 401);
    }
    let entry = paths::audit_entry(own, 1);
    assert_eq!(auditor.get(&entry).await.0, 200);
    for actor in [&operator, &stranger] {
        for there in [paths::audit_entry(missing, 1), paths::audit_entry(own, 9)] {
            let (status, problem) = actor.alike("GET", [&entry, &there], None).await;
            assert_eq!((status, &problem["code"]), (404, &json!("audit_entry_not_found")));
        }
    }
    let (status, problem) = auditor.get(&paths::audit_entry(own, 99)).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (404, &json!("audit_entry_not_found"))
    );
    for place in ["0", "-1", "x", "9223372036854775808", "+1"] {
        let path = format!("{}/{place}", paths::audit_entries(own));
        assert_eq!(auditor.code("GET", &path, None).await.0, 400, "{place}");
    }
}

#[tokio::test]
async fn the_platforms_chain_is_for_those_of_the_platform() {
    let app = TestApp::start().await;
    let token = json!({"identity_ref": app.admin().subject(), "env_prefix": "prod"});
    assert_eq!(app.admin().post(paths::TOKENS, token).await.0, 201);
    let auditor = app.user_on("auditor", ObjectRef::PLATFORM).await;
    let page = list(&auditor, None, "").await;
    assert_eq!(page["items"][0]["domain_id"], json!(Uuid::nil()));
    assert_eq!(auditor.get(&paths::audit_entry(None, 1)).await.0, 200);
    let (_, verdict) = auditor.post(&paths::audit_verify(None), json!({})).await;
    assert_eq!(
        (&verdict["ok"], &verdict["segment_to"]),
        (&json!(true), &json!(1))
    );
    let viewer = app.user_on("viewer", ObjectRef::PLATFORM).await;
    assert_eq!(
        viewer.code("GET", &paths::audit_entry(None, 1), None).await.0,
        404
    );
    assert_eq!(viewer.code("GET", &paths::audit_entries(None), None).await.0, 403);
}

#[tokio::test]
async fn verify_takes_any_part_and_no_body_at_all() {
    let app = TestApp::start().await;
    chain(&app, 6).await;
    let (admin, path) = (app.admin(), paths::audit_verify(Some(app.domain_id)));
    let whole = |verdict: &Value| {
        (
            verdict["ok"].clone(),
            verdict["segment_from"].clone(),
            verdict["segment_to"].clone(),
        )
    };
    let (status, _, body) = admin.call("POST", &path, Vec::new(), &[]).await;
    assert_eq!(status, 200);
    let verdict: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(whole(&verdict), (json!(true), json!(1), json!(6)));
    for absent in ["divergent_seq", "expected_hash", "observed_hash", "finding"] {
        assert!(verdict.get(absent).is_none(), "{absent}");
    }
    let json_type = [("content-type", "application/json")];
    assert_eq!(admin.call("POST", &path, Vec::new(), &json_type).await.0, 200);
    let (_, part) = admin.post(&path, json!({"from_seq": 2, "to_seq": 4})).await;
    assert_eq!(whole(&part), (json!(true), json!(2), json!(4)));
    let (_, part) = admin.post(&path, json!({"from_seq": 6, "to_seq": 99})).await;
    assert_eq!(whole(&part), (json!(true), json!(6), json!(6)));
    for wrong in [
        json!({"from_seq": 3, "to_seq": 2}),
        json!({"from_seq": 0}),
        json!({"to_seq": -1}),
        json!({"from_seq": 7}),
        json!({"from_seq": "1"}),
        json!([1, 2]),
    ] {
        let refused = admin.code("POST", &path, Some(wrong.clone())).await;
        assert_eq!(refused, (400, "invalid_body".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn a_changed_chain_is_named_shown_and_exported_without_a_fault_of_the_server() {
    let app = TestApp::start().await;
    chain(&app, 3).await;
    let (admin, own) = (app.admin(), Some(app.domain_id));
    run(
        &app,
        "update audit_entries set canonical = subject, reason = 'odd', prev_hash = canonical where seq = 2",
    )
    .await;
    let (status, verdict) = admin.post(&paths::audit_verify(own), json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&verdict["ok"], &verdict["divergent_seq"], &verdict["finding"]),
        (&json!(false), &json!(2), &json!("altered"))
    );
    assert!(
        verdict["expected_hash"].is_string() && verdict["observed_hash"].is_string(),
        "{verdict}"
    );
    assert_eq!(list(&admin, own, "").await["items"][1]["reason"], "unknown");
    let (status, _, lines) = admin
        .call("GET", &paths::audit_export(own), Vec::new(), &[])
        .await;
    assert_eq!(
        (status.as_u16(), String::from_utf8(lines).unwrap().lines().count()),
        (200, 3)
    );
    run(&app, "delete from audit_entries where seq = 3").await;
    run(&app, "delete from audit_entries where seq = 2").await;
    let (_, verdict) = admin.post(&paths::audit_verify(own), json!({})).await;
    assert_eq!(
        (&verdict["divergent_seq"], &verdict["finding"]),
        (&json!(2), &json!("missing"))
    );
}

#[tokio::test]
async fn an_export_breaks_off_when_its_credential_ends() {
    let app = TestApp::start().await;
    chain(&app, 1).await;
    run(
        &app,
        "insert into audit_entries
        with recursive series (value) as (select 2 union all select value + 1 from series where value < 450)
        select chain, value, occurred_at, reason, subject, identity, relation, object_type, object_id,
            correlation_id, canonical, prev_hash, entry_hash, latest_at
        from audit_entries, series",
    )
    .await;
    let auditor = app.user_on("auditor", app.domain()).await;
    let (status, mut body) = auditor.open(&paths::audit_export(Some(app.domain_id))).await;
    assert_eq!(status, 200);
    assert!(body.frame().await.unwrap().is_ok());
    let id = auditor.id;
    let revoked = app.app.db.write(async move |tx| tokens::revoke_all(tx, id).await);
    assert_eq!(revoked.await.unwrap(), 1);
    // One asking is good for so long.
    tokio::time::sleep(std::time::Duration::from_millis(4100)).await;
    assert!(body.frame().await.unwrap().is_err());
}

#[tokio::test]
async fn an_export_has_every_entry_of_its_segment_once() {
    let app = TestApp::start().await;
    // More than one batch.
    chain(&app, 1).await;
    run(
        &app,
        "insert into audit_entries
        with recursive series (value) as (select 2 union all select value + 1 from series where value < 450)
        select chain, value, occurred_at, reason, subject, identity, relation, object_type, object_id,
            correlation_id, canonical, prev_hash, entry_hash, latest_at
        from audit_entries, series",
    )
    .await;
    let admin = app.admin();
    for (query, expected) in [
        ("", 1..451),
        ("?from_seq=201&to_seq=400", 201..401),
        ("?from_seq=451", 451..451),
    ] {
        let path = format!("{}{query}", paths::audit_export(Some(app.domain_id)));
        let (status, headers, body) = admin.call("GET", &path, Vec::new(), &[]).await;
        assert_eq!(
            (status.as_u16(), &headers["content-type"]),
            (200, &"application/x-ndjson".parse().unwrap())
        );
        let lines = String::from_utf8(body).unwrap();
        let seen: Vec<u64> = lines
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["entry"]["seq"]
                    .as_u64()
                    .unwrap()
            })
            .collect();
        assert_eq!(seen, expected.collect::<Vec<u64>>(), "{query}");
    }
    for query in ["?from_seq=0", "?from_seq=2&to_seq=1", "?to_seq=x"] {
        let path = format!("{}{query}", paths::audit_export(Some(app.domain_id)));
        assert_eq!(
            admin.code("GET", &path, None).await,
            (400, "invalid_query".to_owned()),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_short_page_is_the_last_however_much_lies_between_its_entries() {
    let app = TestApp::start().await;
    let (domain, pseudonyms) = (app.domain_id, app.app.keys.pseudonyms);
    let fill = async move |tx: &mut Tx| {
        for nth in 0..4_101 {
            let is_rare = nth % 2_050 == 0;
            let record = audit::Record {
                domain_id: Some(domain),
                reason: AuditReason::Granted,
                identity: "system".to_owned(),
                relation: "look_at".to_owned(),
                object_type: if is_rare { "planet" } else { "star" }.to_owned(),
                object_id: nth.to_string(),
                correlation_id: String::new(),
                ip: None,
                user_agent: None,
                caveats: BTreeMap::new(),
                count: 1,
                details: None,
            };
            audit::append(tx, &pseudonyms, record).await?;
        }
        Ok::<_, Error>(())
    };
    app.app.db.write(fill).await.unwrap();
    let found = list(&app.admin(), Some(domain), "object_type=planet").await;
    assert_eq!((seqs(&found).len(), found.get("next_cursor")), (3, None));
    let first = list(&app.admin(), Some(domain), "object_type=planet&limit=2").await;
    assert_eq!(seqs(&first), seqs(&found)[..2]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let query = format!("object_type=planet&limit=2&cursor={cursor}");
    let last = list(&app.admin(), Some(domain), &query).await;
    assert_eq!(seqs(&last), seqs(&found)[2..]);
    assert!(last.get("next_cursor").is_none());
}

#[tokio::test]
async fn an_entry_names_the_conditions_that_were_looked_at_and_never_their_values() {
    let app = TestApp::start().await;
    let (admin, own) = (app.admin(), Some(app.domain_id));
    let grants = format!("{}?project_id={}", paths::RELATION_TUPLES, app.project_id);
    let wanted = json!({"kind": "node", "env_prefix": "prod", "ttl_seconds": 300});
    for (cidr, status, reason) in [
        ("192.0.2.0/24", 201, "granted"),
        ("198.51.100.0/24", 403, "caveat_violation"),
    ] {
        let somebody = app.stranger().await.from("192.0.2.7");
        let tuple = json!({
            "subject": somebody.subject(),
            "relation": "admin",
            "resource": format!("project:{}", app.project_id),
            "caveat_name": "from_cidr",
            "caveat_context": {"cidr": cidr},
        });
        let (granted, answer) = admin.post(&grants, tuple).await;
        assert_eq!(granted, 201, "{answer}");
        let tokens = paths::bootstrap_tokens(app.project_id);
        assert_eq!(somebody.post(&tokens, wanted.clone()).await.0, status);
        app.audit().await;
        let found = list(
            &admin,
            own,
            &format!("relation=issue_bootstrap_token&reason={reason}"),
        )
        .await;
        let told = &found["items"][0]["decision"];
        assert_eq!(told["result"], reason, "{found}");
        let names = told["caveat_context"]["from_cidr"].as_array().expect("named");
        assert!(names.contains(&json!("cidr")), "{told}");
        assert!(!told.to_string().contains(cidr));
        let seq = found["items"][0]["seq"].as_u64().unwrap();
        let (_, proof) = admin.get(&paths::audit_entry(own, seq)).await;
        let bytes = STANDARD
            .decode(proof["proof"]["canonical_bytes"].as_str().unwrap())
            .unwrap();
        assert!(read_canonical(&bytes).unwrap().caveats.contains_key("from_cidr"));
    }
}
