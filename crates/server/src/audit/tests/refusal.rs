//! Nothing is done that cannot be written down: every operation that changes something, with a chain that takes no
//! entry, and then with one that does.

use crate::testing::{Actor, NodeActor, TestApp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plex_api::paths::{
    self, DEVICE_APPROVE, DEVICE_CODE, DEVICE_TOKEN, DOMAINS, GROUPS, INTEGRITY_VIOLATIONS,
    LABEL_DEFINITIONS, LOGOUT, PROJECTS, REGISTER, RELATION_TUPLES, TOKENS,
};
use plex_store::{Error, Sql, Tx};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Operations that write nothing which belongs into an audit chain, though their method says otherwise: they only look
/// things up, or begin a login that nobody has approved.
const UNAUDITED: [&str; 10] = [
    "PostAuthDeviceCode",
    "PostAuthSignIn",
    "PostAuthzCheck",
    "PostAuthzLookupResources",
    "PostAuthzLookupSubjects",
    "PostNodeHeartbeat",
    "PreviewLabelSelector",
    "SearchObjectsByLabel",
    "VerifyAuditChain",
    "VerifyPlatformAuditChain",
];

/// One change: the operation, who asks, the call, and what its entry is called. (Changing a tuple is withdrawing and
/// granting: two entries.)
struct Change<'a> {
    operation: &'static str,
    actor: &'a Actor,
    method: &'static str,
    path: String,
    body: Option<Value>,
    relation: &'static str,
}

fn id(answer: &Value, name: &str) -> Uuid {
    let id = answer[name].as_str().unwrap_or_else(|| panic!("{answer}"));
    id.parse().unwrap()
}

fn manifest(hook: u8, version: &str) -> Value {
    json!({
        "binary_version": version,
        "binary_checksum": STANDARD.encode([0; 32]),
        "declared_hooks": [
            {"name": "h", "checksum": STANDARD.encode([hook; 32])},
            {"name": "same", "checksum": STANDARD.encode([9; 32])},
        ],
    })
}

/// Everybody who changes something.
struct Cast {
    admin: Actor,
    anybody: Actor,
    node: NodeActor,
    /// A node that was asked for a new key.
    asked: NodeActor,
    anna: Actor,
    leaver: Actor,
}

impl Cast {
    async fn of(app: &TestApp) -> Self {
        Self {
            admin: app.admin(),
            anybody: app.anybody(),
            node: app.node("web-1").await,
            asked: app.node("web-3").await,
            anna: app.user_on("viewer", app.domain()).await,
            leaver: app.user_on("viewer", app.domain()).await,
        }
    }

    async fn made(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.admin.post(path, body).await;
        assert_eq!(status, 201, "{answer}");
        answer
    }
}

fn grant(to: &Actor, app: &TestApp, relation: &str) -> Value {
    json!({
        "subject": to.subject(),
        "relation": relation,
        "resource": format!("project:{}", app.project_id),
    })
}

/// Changes of what there is to be in.
async fn tenancy<'a>(app: &TestApp, cast: &'a Cast) -> Vec<Change<'a>> {
    let mut changes = Vec::new();
    let mut change = |operation, method, path: &str, body, relation| {
        changes.push(Change {
            operation,
            actor: &cast.admin,
            method,
            path: path.to_owned(),
            body,
            relation,
        });
    };
    let new_name = || Some(json!({"name": "New"}));
    let of_domain = |slug: &str| json!({"domain_id": app.domain_id, "slug": slug, "name": "P"});
    let kept = cast.made(DOMAINS, json!({"slug": "kept", "name": "K"})).await;
    let old = cast.made(DOMAINS, json!({"slug": "old", "name": "O"})).await;
    let (kept, old) = (paths::domain(id(&kept, "id")), paths::domain(id(&old, "id")));
    let domain = json!({"slug": "beta", "name": "Beta"});
    change("CreateDomain", "POST", DOMAINS, Some(domain), "create_domain");
    change("PatchDomain", "PATCH", &kept, new_name(), "patch_domain");
    change("DeleteDomain", "DELETE", &old, None, "delete_domain");
    let kept = cast.made(PROJECTS, of_domain("kept")).await;
    let old = cast.made(PROJECTS, of_domain("old")).await;
    let (kept, old) = (paths::project(id(&kept, "id")), paths::project(id(&old, "id")));
    let project = Some(of_domain("p"));
    change("CreateProject", "POST", PROJECTS, project, "create_project");
    change("PatchProject", "PATCH", &kept, new_name(), "patch_project");
    let days = Some(json!({"max_age_days": 90}));
    let retention = format!("{kept}/retention");
    change("PutProjectRetention", "PUT", &retention, days, "set_retention");
    change("DeleteProject", "DELETE", &old, None, "delete_project");
    let definition = |key: &str| {
        json!({
            "scope": "domain", "scope_id": app.domain_id, "local_key": key, "value_schema": {"kind": "string"},
            "applicable_kinds": ["node"],
        })
    };
    let kept = cast.made(LABEL_DEFINITIONS, definition("kept")).await;
    let old = cast.made(LABEL_DEFINITIONS, definition("old")).await;
    let (kept, old) = (
        paths::label_definition(id(&kept, "id")),
        paths::label_definition(id(&old, "id")),
    );
    let (new, described) = (Some(definition("new")), Some(json!({"description": "new"})));
    change(
        "CreateLabelDefinition",
        "POST",
        LABEL_DEFINITIONS,
        new,
        "create_label_definition",
    );
    change(
        "UpdateLabelDefinition",
        "PATCH",
        &kept,
        described,
        "update_label_definition",
    );
    change(
        "DeleteLabelDefinition",
        "DELETE",
        &old,
        None,
        "delete_label_definition",
    );
    changes
}

/// Changes of who is logged in.
async fn logins(cast: &Cast) -> Vec<Change<'_>> {
    let begun = async || {
        let (status, begun) = cast.anybody.post(DEVICE_CODE, json!({})).await;
        assert_eq!(status, 200, "{begun}");
        begun
    };
    let named = |begun: &Value| json!({"user_code": begun["user_code"]});
    let (waiting, approved) = (begun().await, begun().await);
    let (status, answer) = cast.admin.post(DEVICE_APPROVE, named(&approved)).await;
    assert_eq!(status, 200, "{answer}");
    let mine = json!({"identity_ref": cast.admin.subject(), "env_prefix": "prod"});
    let token = cast.made(TOKENS, mine).await;
    let fetched = json!({"device_code": approved["device_code"]});
    let change = |operation, actor, path: &str, body, relation| Change {
        operation,
        actor,
        method: "POST",
        path: path.to_owned(),
        body,
        relation,
    };
    let rotate = paths::rotate_token(id(&token, "id"));
    let (admin, anybody) = (&cast.admin, &cast.anybody);
    vec![
        change(
            "PostAuthDeviceApprove",
            admin,
            DEVICE_APPROVE,
            Some(named(&waiting)),
            "approve_device",
        ),
        change(
            "PostAuthDeviceToken",
            anybody,
            DEVICE_TOKEN,
            Some(fetched),
            "log_in_device",
        ),
        change("PostAuthTokenRotate", admin, &rotate, None, "rotate_token"),
        change("PostAuthLogout", &cast.leaver, LOGOUT, None, "revoke_token"),
    ]
}

/// Changes of what nodes are trusted with.
async fn trust<'a>(cast: &'a Cast) -> Vec<Change<'a>> {
    let (node, asked) = (&cast.node, &cast.asked);
    let found = |artifact: &str| {
        json!({"violations": [{
            "kind": "hook_checksum", "detected_by": "startup_scan", "artifact_id": artifact,
            "observed_checksum": STANDARD.encode([1; 32]),
        }]})
    };
    let report = paths::node_integrity_violations(node.id);
    assert_eq!(node.post(&report, found("old")).await.0, 200);
    let violations = cast.admin.get(INTEGRITY_VIOLATIONS).await.1;
    let acknowledge = paths::acknowledge_integrity_violation(id(&violations["items"][0], "id"));
    let (status, _, answer) = cast
        .admin
        .send("POST", &paths::rotate_node_key(asked.id), None)
        .await;
    assert_eq!(status, 202, "{answer}");
    let mut key = [7; 32];
    key[0] = 8;
    let key = json!({"nsk": STANDARD.encode(key)});
    let why = json!({"reason": "known"});
    let change = |operation, actor, path: String, body, relation| Change {
        operation,
        actor,
        method: "POST",
        path,
        body,
        relation,
    };
    let (admin, rotate) = (&cast.admin, paths::rotate_node_key(node.id));
    let key_path = paths::node_key(asked.id);
    vec![
        change(
            "PostNodeIntegrityViolations",
            node,
            report,
            Some(found("new")),
            "report_integrity",
        ),
        change(
            "AcknowledgeIntegrityViolation",
            admin,
            acknowledge,
            Some(why),
            "acknowledge_integrity",
        ),
        change("RotateNodeKey", admin, rotate, None, "rotate_node_key"),
        change("PostNodeKey", asked, key_path, Some(key), "put_node_key"),
    ]
}

/// Changes of who there is and who may do what.
async fn authority<'a>(app: &TestApp, cast: &'a Cast) -> Vec<Change<'a>> {
    let mine = json!({"identity_ref": cast.admin.subject(), "env_prefix": "prod"});
    let token = cast.made(TOKENS, mine.clone()).await;
    let grants = format!("{RELATION_TUPLES}?project_id={}", app.project_id);
    let tuple = cast.made(&grants, grant(&cast.anna, app, "viewer")).await;
    let changed = cast.made(&grants, grant(&cast.anna, app, "auditor")).await;
    let group = cast.made(GROUPS, json!({"slug": "old", "name": "Old"})).await;
    let members = paths::group_members(id(&cast.made(GROUPS, json!({"slug": "kept"})).await, "id"));
    let member = cast
        .made(&members, json!({"subject": cast.admin.subject()}))
        .await;
    let member = format!("{members}/{}", id(&member, "id"));
    let new_member = json!({"subject": cast.anna.subject()});
    let by_admin = |operation, method, path, body, relation| Change {
        operation,
        actor: &cast.admin,
        method,
        path,
        body,
        relation,
    };
    vec![
        by_admin("PostAuthTokens", "POST", TOKENS.into(), Some(mine), "issue_token"),
        by_admin(
            "DeleteAuthTokenByID",
            "DELETE",
            paths::token(id(&token, "id")),
            None,
            "revoke_token",
        ),
        by_admin(
            "CreateRelationTuple",
            "POST",
            grants,
            Some(grant(&cast.anna, app, "operator")),
            "grant",
        ),
        by_admin(
            "DeleteRelationTuple",
            "DELETE",
            paths::relation_tuple(id(&tuple, "id")),
            None,
            "withdraw",
        ),
        by_admin(
            "PatchRelationTuple",
            "PATCH",
            paths::relation_tuple(id(&changed, "id")),
            Some(grant(&cast.anna, app, "admin")),
            "grant",
        ),
        by_admin(
            "CreateGroup",
            "POST",
            GROUPS.into(),
            Some(json!({"slug": "new"})),
            "create_group",
        ),
        by_admin(
            "DeleteGroup",
            "DELETE",
            paths::group(id(&group, "id")),
            None,
            "delete_group",
        ),
        by_admin("AddGroupMember", "POST", members, Some(new_member), "grant"),
        by_admin("RemoveGroupMember", "DELETE", member, None, "withdraw"),
        by_admin(
            "EraseIdentity",
            "POST",
            paths::erase_identity(cast.anna.id),
            None,
            "erase_identity",
        ),
    ]
}

/// Changes of the fleet, the last of which ends the node.
async fn fleet<'a>(app: &TestApp, cast: &'a Cast) -> Vec<Change<'a>> {
    let (project, node) = (app.project_id, &cast.node);
    let tokens = paths::bootstrap_tokens(project);
    let wanted = json!({"kind": "node", "env_prefix": "test", "ttl_seconds": 300});
    let (spare, redeemed) = (
        cast.made(&tokens, wanted.clone()).await,
        cast.made(&tokens, wanted.clone()).await,
    );
    let registration = json!({
        "project_id": project,
        "resource_handle": "web-2",
        "bootstrap_token": redeemed["token"],
        "nonce": redeemed["token_id"],
        "public_key": STANDARD.encode([9; 32]),
    });
    for hook in [1, 3] {
        assert_eq!(
            node.put(&paths::node_capabilities(node.id), manifest(hook, "v1"))
                .await
                .0,
            200
        );
    }
    let labels = paths::node_labels(node.id);
    assert!(
        cast.admin
            .put(&labels, json!({"key": "old", "value": "x"}))
            .await
            .0
            .is_success()
    );
    let dispatch = paths::dispatch(project);
    let same = json!({"action": "same", "type": "hook", "node_id": node.id});
    let execution = cast.made(&dispatch, same.clone()).await;
    let accepted = json!({"node_id": node.id, "name": "h", "checksum": STANDARD.encode([3; 32])});
    let change = |operation, actor, (method, path), body, relation| Change {
        operation,
        actor,
        method,
        path,
        body,
        relation,
    };
    let admin = &cast.admin;
    let spare = paths::bootstrap_token(project, id(&spare, "token_id"));
    let callback = paths::callback(node.id, id(&execution, "id"));
    let accept = paths::accept_node_hook(project);
    let old = format!("{labels}?qualified_key=old");
    vec![
        change(
            "IssueBootstrapToken",
            admin,
            ("POST", tokens),
            Some(wanted),
            "issue_bootstrap_token",
        ),
        change(
            "RevokeBootstrapToken",
            admin,
            ("DELETE", spare),
            None,
            "revoke_bootstrap_token",
        ),
        change(
            "PostRegister",
            &cast.anybody,
            ("POST", REGISTER.into()),
            Some(registration),
            "register",
        ),
        change(
            "PutNodeCapabilities",
            node,
            ("PUT", paths::node_capabilities(node.id)),
            Some(manifest(3, "v2")),
            "put_capabilities",
        ),
        change(
            "PutObjectLabel",
            admin,
            ("PUT", labels),
            Some(json!({"key": "env", "value": "x"})),
            "label_node",
        ),
        change("DeleteObjectLabel", admin, ("DELETE", old), None, "unlabel_node"),
        change(
            "DispatchExecution",
            admin,
            ("POST", dispatch),
            Some(same),
            "dispatch",
        ),
        change(
            "PostNodeExecutionCallback",
            node,
            ("POST", callback),
            Some(json!({"status": "ack"})),
            "callback",
        ),
        change(
            "AcceptNodeHook",
            admin,
            ("POST", accept),
            Some(accepted),
            "accept_hook",
        ),
        change(
            "RevokeNode",
            admin,
            ("DELETE", paths::node(node.id)),
            None,
            "revoke_node",
        ),
    ]
}

/// Everything in the database but when tokens were last used.
async fn contents(app: &TestApp) -> Vec<String> {
    let text = |sql: String| -> &'static str { Box::leak(sql.into_boxed_str()) };
    let read = async move |tx: &mut Tx| {
        let tables = Sql::Each {
            sqlite: "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' order by name",
            postgres: "select cast(relname as text) from pg_class
                where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and not relispartition
                    and relname not in ('writer_marks', 'schema_steps')
                order by relname",
        };
        let mut contents = Vec::new();
        for table in tx.all(tables, &[], |row| row.get::<String>(0)).await? {
            let columns = Sql::Each {
                sqlite: text(format!(
                    "select group_concat('quote(' || name || ')', '||') from pragma_table_info('{table}')
                    where name <> 'last_used_at'"
                )),
                postgres: text(format!(
                    "select string_agg('quote_nullable(' || attname || ')', '||') from pg_attribute
                    where attrelid = '{table}'::regclass and attnum > 0 and attname <> 'last_used_at'"
                )),
            };
            let columns: Option<String> = tx.optional(columns, &[], |row| row.get(0)).await?;
            let rows = text(format!("select {} from {table} order by 1", columns.unwrap()));
            for row in tx.all(rows, &[], |row| row.get::<String>(0)).await? {
                contents.push(format!("{table} {row}"));
            }
        }
        Ok::<_, Error>(contents)
    };
    app.app.db.write(read).await.unwrap()
}

#[tokio::test]
async fn no_change_is_made_that_cannot_be_written_down_and_each_is_once_it_can() {
    let app = TestApp::start().await;
    let cast = Cast::of(&app).await;
    let mut changes = trust(&cast).await;
    changes.extend(fleet(&app, &cast).await);
    changes.extend(tenancy(&app, &cast).await);
    changes.extend(logins(&cast).await);
    changes.extend(authority(&app, &cast).await);
    app.break_audit().await;
    let before = contents(&app).await;
    for Change {
        operation,
        actor,
        method,
        path,
        body,
        ..
    } in &changes
    {
        let (status, _, answer) = actor.send(method, path, body.clone()).await;
        assert!(status.is_server_error(), "{operation}: {status} {answer}");
        assert_eq!(contents(&app).await, before, "{operation} changed something");
    }
    app.mend_audit().await;
    let mut entries = app.written_audit().await.len();
    for Change {
        operation,
        actor,
        method,
        path,
        body,
        relation,
    } in &changes
    {
        let (status, _, answer) = actor.send(method, path, body.clone()).await;
        assert!(status.is_success(), "{operation}: {status} {answer}");
        let rows = app.written_audit().await;
        // One tuple goes and another comes; a key is defined by its first use.
        let expected = match *operation {
            "PatchRelationTuple" | "PutObjectLabel" => 2,
            _ => 1,
        };
        assert_eq!(rows.len(), entries + expected, "{operation}");
        let newest = rows
            .iter()
            .filter(|row| row.relation == *relation)
            .max_by_key(|row| row.seq);
        assert!(newest.is_some(), "{operation} is called {relation} in the chain");
        entries = rows.len();
    }
    let covered: BTreeSet<&str> = changes
        .iter()
        .map(|change| change.operation)
        .chain(UNAUDITED)
        .collect();
    assert_eq!(
        mutating(),
        covered.into_iter().map(str::to_owned).collect(),
        "operations that are not in this test"
    );
}

/// The operations whose method says that they change something.
fn mutating() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&crate::http::openapi_json()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.values().flat_map(|path| path.as_object().unwrap());
    operations
        .filter(|(method, _)| *method != "get")
        .map(|(_, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect()
}
