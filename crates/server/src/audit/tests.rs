//! Every mutation leaves one entry, and the entries hang together (decision 29).

mod refusal;

use crate::testing::{Actor, AuditRow, NodeActor, TestApp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plex_api::paths::{self, DOMAINS, PROJECTS, RELATION_TUPLES, TOKENS};
use plex_domain::audit::{GENESIS, entry_hash, pseudonym};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Recomputes every chain from the bytes that stand for its entries.
fn assert_whole(app: &TestApp, rows: &[AuditRow]) {
    let mut heads: BTreeMap<Uuid, (u64, [u8; 32])> = BTreeMap::new();
    for row in rows {
        let (seq, hash) = heads.entry(row.chain).or_insert((0, GENESIS));
        assert_eq!(
            (row.seq, row.prev_hash),
            (*seq + 1, *hash),
            "{} of {}",
            row.seq,
            row.chain
        );
        assert_eq!(row.entry_hash, entry_hash(hash, &row.canonical));
        (*seq, *hash) = (row.seq, row.entry_hash);
        let chain = (!row.chain.is_nil()).then_some(row.chain);
        let subject = pseudonym(&app.app.keys.pseudonyms, chain, &row.identity);
        let entry = row.entry();
        assert_eq!(
            entry["subject_pseudonym"],
            json!(data_encoding::HEXLOWER.encode(&subject))
        );
        assert_eq!((&entry["seq"], &entry["chain"]), (&json!(row.seq), &json!(chain)));
        assert_eq!(entry["relation"], row.relation);
        assert!(
            !String::from_utf8_lossy(&row.canonical).contains(&row.identity),
            "identities are not in the chain"
        );
    }
}

/// One who changes things, and looks each time whether it was written down once.
struct Scribe<'a> {
    app: &'a TestApp,
    entries: usize,
    relations: Vec<String>,
}

impl Scribe<'_> {
    /// A call that is to succeed and to leave one entry, by that name.
    async fn once(&mut self, actor: &Actor, relation: &str, call: (&str, &str, Option<Value>)) -> Value {
        let (method, path, body) = call;
        let (status, _, answer) = actor.send(method, path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        self.expect(&[relation]).await;
        answer
    }

    /// What was written since the last look.
    async fn expect(&mut self, expected: &[&str]) {
        let mut seen: Vec<_> = self
            .app
            .audit()
            .await
            .into_iter()
            .map(|row| row.relation)
            .collect();
        assert_eq!(
            seen.len(),
            self.entries + expected.len(),
            "{expected:?}: {seen:?}"
        );
        self.entries = seen.len();
        seen.sort_unstable();
        self.relations
            .extend(expected.iter().map(|relation| (*relation).to_owned()));
        self.relations.sort_unstable();
        assert_eq!(seen, self.relations);
    }
}

fn id(answer: &Value, name: &str) -> Uuid {
    answer[name]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .parse()
        .unwrap()
}

async fn tenancy(scribe: &mut Scribe<'_>, admin: &Actor) {
    let domain = json!({"slug": "beta", "name": "Beta"});
    let made = scribe
        .once(admin, "create_domain", ("POST", DOMAINS, Some(domain.clone())))
        .await;
    let project = json!({"domain_id": made["id"], "slug": "p", "name": "P"});
    scribe
        .once(admin, "create_project", ("POST", PROJECTS, Some(project.clone())))
        .await;
    assert_eq!(admin.post(DOMAINS, domain).await.0, 409);
    assert_eq!(admin.post(PROJECTS, project).await.0, 409);
    scribe.expect(&[]).await;
}

async fn authority(scribe: &mut Scribe<'_>, admin: &Actor) {
    let project = scribe.app.project_id;
    let mine = json!({"identity_ref": admin.subject(), "env_prefix": "prod"});
    let token = scribe
        .once(admin, "issue_token", ("POST", TOKENS, Some(mine)))
        .await;
    scribe
        .once(
            admin,
            "revoke_token",
            ("DELETE", &paths::token(id(&token, "id")), None),
        )
        .await;
    let wanted = json!({
        "subject": format!("user:{}", Uuid::now_v7()),
        "relation": "viewer",
        "resource": format!("project:{project}"),
    });
    let grants = format!("{RELATION_TUPLES}?project_id={project}");
    let tuple = scribe.once(admin, "grant", ("POST", &grants, Some(wanted))).await;
    scribe
        .once(
            admin,
            "withdraw",
            ("DELETE", &paths::relation_tuple(id(&tuple, "id")), None),
        )
        .await;
    assert_eq!(
        admin.delete(&paths::relation_tuple(id(&tuple, "id"))).await.0,
        404
    );
    scribe.expect(&[]).await;
}

async fn fleet(scribe: &mut Scribe<'_>, admin: &Actor, node: &NodeActor) {
    let project = scribe.app.project_id;
    let wanted = json!({"kind": "node", "env_prefix": "test", "ttl_seconds": 300});
    let path = paths::bootstrap_tokens(project);
    let token = scribe
        .once(admin, "issue_bootstrap_token", ("POST", &path, Some(wanted)))
        .await;
    let path = paths::bootstrap_token(project, id(&token, "token_id"));
    scribe
        .once(admin, "revoke_bootstrap_token", ("DELETE", &path, None))
        .await;
    let labels = paths::node_labels(node.id);
    let label = json!({"key": "env", "value": "x"});
    let (status, labelled) = admin.put(&labels, label).await;
    assert!(status.is_success(), "{labelled}");
    // The key is defined by its first use.
    scribe.expect(&["define_label", "label_node"]).await;
    scribe
        .once(
            admin,
            "unlabel_node",
            ("DELETE", &format!("{labels}?qualified_key=env"), None),
        )
        .await;
    let (sum, changed) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
    for sum in [&sum, &changed] {
        let manifest = json!({
            "binary_version": "v1",
            "binary_checksum": STANDARD.encode([0; 32]),
            "declared_hooks": [{"name": "h", "checksum": sum}],
        });
        scribe
            .once(
                node,
                "put_capabilities",
                ("PUT", &paths::node_capabilities(node.id), Some(manifest)),
            )
            .await;
    }
    let accepted = json!({"node_id": node.id, "name": "h", "checksum": changed});
    scribe
        .once(
            admin,
            "accept_hook",
            ("POST", &paths::accept_node_hook(project), Some(accepted)),
        )
        .await;
}

async fn executions(scribe: &mut Scribe<'_>, admin: &Actor, node: &NodeActor) {
    let path = paths::dispatch(scribe.app.project_id);
    let wanted = json!({"action": "h", "type": "hook", "node_id": node.id});
    let execution = scribe
        .once(admin, "dispatch", ("POST", &path, Some(wanted)))
        .await;
    let path = paths::callback(node.id, id(&execution, "id"));
    for status in ["ack", "started", "succeeded"] {
        scribe
            .once(node, "callback", ("POST", &path, Some(json!({"status": status}))))
            .await;
    }
    assert_eq!(node.post(&path, json!({"status": "succeeded"})).await.0, 200);
    scribe.expect(&[]).await;
    scribe
        .once(admin, "revoke_node", ("DELETE", &paths::node(node.id), None))
        .await;
}

#[tokio::test]
async fn every_mutation_is_written_down_once_and_the_chains_are_whole() {
    let app = TestApp::start().await;
    let (admin, node) = (app.admin(), app.node("web-1").await);
    let mut scribe = Scribe {
        app: &app,
        entries: 0,
        relations: Vec::new(),
    };
    scribe.expect(&["issue_bootstrap_token", "register"]).await;
    tenancy(&mut scribe, &admin).await;
    authority(&mut scribe, &admin).await;
    fleet(&mut scribe, &admin, &node).await;
    executions(&mut scribe, &admin, &node).await;
    assert_eq!(
        app.stranger().await.get(&paths::domain(app.domain_id)).await.0,
        404
    );
    scribe.expect(&["read_domain"]).await;
    let rows = app.audit().await;
    assert_whole(&app, &rows);
    let chains: Vec<_> = rows
        .chunk_by(|a, b| a.chain == b.chain)
        .map(|chain| chain[0].chain)
        .collect();
    assert_eq!(chains.len(), 3, "the platform's, and one for each domain");
    assert!(chains.contains(&Uuid::nil()) && chains.contains(&app.domain_id));
}

#[tokio::test]
async fn an_entry_says_who_asked_and_from_where() {
    let app = TestApp::start().await;
    let admin = app.admin().from("192.0.2.7");
    let wanted = json!({"slug": "beta", "name": "Beta"});
    let agent = [("user-agent", "curl/8"), ("content-type", "application/json")];
    let body = wanted.to_string().into_bytes();
    let (status, headers, _) = admin.call("POST", DOMAINS, body, &agent).await;
    assert_eq!(status, 201);
    let rows = app.audit().await;
    let row = rows.iter().find(|row| row.relation == "create_domain").unwrap();
    assert_eq!(row.identity, admin.subject());
    let entry = row.entry();
    assert_eq!(
        (&entry["ip"], &entry["user_agent"]),
        (&json!("192.0.2.7"), &json!("curl/8"))
    );
    assert_eq!(
        entry["correlation_id"],
        headers["x-correlation-id"].to_str().unwrap()
    );
    assert_eq!(
        (&entry["object_type"], &entry["object_id"]),
        (&json!("domain"), &json!(row.chain))
    );
}
