use super::*;
use crate::testing::{TestClock, db, db_at, domain, key_of, node, project};
use crate::{capabilities, labels, projects};
use plex_api::bootstrap_tokens::NodeKind;
use plex_api::executions::ActionKind;
use plex_api::nodes::{
    BuiltinAction, BuiltinActionParameter, CapabilityManifestRequest, DeclaredHook, ReachabilityState,
};
use plex_domain::cidr::Cidr;
use plex_domain::selector::Selector;
use serde_json::json;
use std::collections::BTreeSet;

const EVERYWHERE: Within = Within {
    domain_id: None,
    project_id: None,
    node_id: None,
};

#[tokio::test]
async fn a_node_is_found_by_id_and_revoked_once() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let project = project(tx, domain, "web").await?;
        let id = node(tx, project, "web-1").await?;
        let found = authenticate(tx, id).await?.unwrap();
        assert_eq!(
            (found.id, found.project_id, found.domain_id),
            (id, project, domain)
        );
        assert_eq!((found.name.as_str(), found.keys.revoked_at), ("web-1", None));
        assert_eq!(found.keys.current, key_of(id));
        assert!(authenticate(tx, Uuid::max()).await?.is_none());
        assert!(revoke(tx, id).await?);
        assert!(!revoke(tx, id).await?, "a second revocation changes nothing");
        let revoked = authenticate(tx, id).await?.unwrap();
        assert_eq!(revoked.keys.revoked_at, Some(tx.now()));
        assert!(!revoke(tx, Uuid::max()).await?);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn heartbeats_are_kept_and_end_a_silence() {
    let clock = TestClock::new();
    let (_dir, db) = db_at(clock.clone());
    let ids = db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let project = project(tx, domain, "web").await?;
        Ok::<_, Error>((project, node(tx, project, "web-1").await?))
    });
    let (project, id) = ids.await.unwrap();
    let beat = async || {
        db.write(async move |tx| heartbeat(tx, id, "v1", "sum").await)
            .await
            .unwrap()
    };
    let state = async || {
        db.read(async move |tx| reachability(tx, id).await)
            .await
            .unwrap()
            .unwrap()
    };
    assert_eq!(state().await.state, ReachabilityState::NeverReported);
    assert_eq!(beat().await.map(|beat| beat.reconcile), Some(false));
    let first = state().await;
    assert_eq!(first.state, ReachabilityState::Healthy);
    clock.advance(Duration::from_secs(60));
    beat().await;
    let second = state().await;
    assert_eq!(
        second.changed_at, first.changed_at,
        "still the same run of heartbeats"
    );
    assert!(second.last_heartbeat_at > first.last_heartbeat_at);
    clock.advance(Duration::from_secs(90));
    assert_eq!(state().await.state, ReachabilityState::Stale);
    beat().await;
    assert!(state().await.changed_at > second.changed_at, "the silence ended");
    let shown = db
        .read(async move |tx| find(tx, id).await)
        .await
        .unwrap()
        .unwrap()
        .summary;
    assert_eq!(
        (shown.project_id, shown.binary_version.as_deref()),
        (Some(project), Some("v1"))
    );
    db.write(async move |tx| revoke(tx, id).await).await.unwrap();
    assert_eq!(beat().await, None, "a revoked node has no heartbeat");
}

#[tokio::test]
async fn a_pending_invocation_that_is_late_asks_for_reconcile() {
    let clock = TestClock::new();
    let (_dir, db) = db_at(clock.clone());
    let id = db
        .write(async |tx| {
            let domain = domain(tx, "acme").await?;
            let project = project(tx, domain, "web").await?;
            let id = node(tx, project, "web-1").await?;
            tx.execute(
                "insert into executions (
                    id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at,
                    timeout_seconds, dispatched_by, pending
                ) values ($1, $2, $3, 'a', 'hook', 'pending', $4, $4, $4, 60, 'user:x', 1)",
                &values![id, project, domain, tx.now()],
            )
            .await?;
            tx.execute(
                "insert into invocations (execution_id, node_id, status, updated_at)
                values ($1, $1, 'pending', $2)",
                &values![id, tx.now()],
            )
            .await?;
            Ok::<_, Error>(id)
        })
        .await
        .unwrap();
    let beat = async || {
        db.write(async move |tx| heartbeat(tx, id, "v1", "sum").await)
            .await
            .unwrap()
    };
    assert_eq!(
        beat().await.map(|beat| beat.reconcile),
        Some(false),
        "it may still be on its way"
    );
    clock.advance(OVERDUE);
    assert_eq!(beat().await.map(|beat| beat.reconcile), Some(true));
    let ack = async move |tx: &mut Tx| {
        tx.execute("update invocations set status = 'ack'", &values![])
            .await
    };
    db.write(ack).await.unwrap();
    assert_eq!(
        beat().await.map(|beat| beat.reconcile),
        Some(false),
        "the node has it"
    );
}

#[tokio::test]
async fn registration_hands_out_addresses_until_the_pool_is_empty() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let project = project(tx, domain, "web").await?;
        tx.execute("update domains set mesh_cidr = '10.0.0.0/30'", &values![])
            .await?;
        let first = join(tx, project).await?.expect("an address is free");
        assert_eq!(first.mesh_ip.to_string(), "10.0.0.1");
        assert_eq!(
            (first.domain_id, first.mesh_cidr.to_string().as_str()),
            (domain, "10.0.0.0/30")
        );
        assert_eq!(
            (first.signing_public_key.as_slice(), first.signing_key_id.as_str()),
            (&[7; 32][..], "key-1")
        );
        let new = NewNode {
            project_id: project,
            name: "web-1",
            kind: NodeKind::Node,
            public_key: "pk",
            key_hash: [3; 32],
            bootstrap_token_id: project,
        };
        let id = register(tx, &new, &first).await?;
        let stored = authenticate(tx, id).await?.unwrap();
        assert_eq!((stored.keys.current, stored.domain_id), ([3; 32], domain));
        revoke(tx, id).await?;
        assert_eq!(
            join(tx, project).await?.unwrap().mesh_ip.to_string(),
            "10.0.0.2",
            "never handed out twice"
        );
        assert_eq!(join(tx, project).await?, Err(NoAddress::Pool));
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

/// Registers a node of a project; its address, or why there is none.
async fn joined(tx: &mut Tx, project: Uuid) -> Result<String, Error> {
    let member = match join(tx, project).await? {
        Ok(member) => member,
        Err(none) => return Ok(format!("{none:?}")),
    };
    let new = NewNode {
        project_id: project,
        name: "n",
        kind: NodeKind::Node,
        public_key: "pk",
        key_hash: [3; 32],
        bootstrap_token_id: project,
    };
    register(tx, &new, &member).await?;
    Ok(member.mesh_ip.to_string())
}

#[tokio::test]
async fn a_reservation_is_for_its_project_and_nobody_else() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let acme = domain(tx, "acme").await?;
        let (plain, reserved) = (
            project(tx, acme, "plain").await?,
            project(tx, acme, "reserved").await?,
        );
        tx.execute("update domains set mesh_cidr = '10.0.0.0/28'", &values![])
            .await?;
        let set = |range: &str| projects::Change {
            sub_range: projects::SubRange::Set(Cidr::parse(range).unwrap()),
            ..projects::Change::default()
        };
        projects::change(tx, reserved, &set("10.0.0.4/30")).await.unwrap();
        let mut seen = Vec::new();
        for project in [plain, reserved, plain, reserved, plain, plain, plain, reserved] {
            seen.push(joined(tx, project).await?);
        }
        assert_eq!(
            seen.join(" "),
            "10.0.0.1 10.0.0.5 10.0.0.2 10.0.0.6 10.0.0.3 10.0.0.8 10.0.0.9 SubRange"
        );
        let release = projects::Change {
            sub_range: projects::SubRange::Release,
            ..projects::Change::default()
        };
        projects::change(tx, reserved, &release).await.unwrap();
        seen.clear();
        for project in [plain, reserved, plain, plain, plain, plain, plain, plain] {
            seen.push(joined(tx, project).await?);
        }
        assert_eq!(
            seen.join(" "),
            "10.0.0.4 10.0.0.7 10.0.0.10 10.0.0.11 10.0.0.12 10.0.0.13 10.0.0.14 Pool",
            "what was passed over is found, what was handed out is not"
        );
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_nonce_is_good_once_in_a_project() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let (a, b) = (tx.new_id(), tx.new_id());
        assert!(note_nonce(tx, a, &[1; 32]).await?);
        assert!(!note_nonce(tx, a, &[1; 32]).await?);
        assert!(note_nonce(tx, a, &[2; 32]).await? && note_nonce(tx, b, &[1; 32]).await?);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

fn manifest(hook: &str, checksum: &str) -> CapabilityManifestRequest {
    let secret = BuiltinActionParameter {
        name: "token".into(),
        secret: true,
        ..Default::default()
    };
    let plain = BuiltinActionParameter {
        name: "unit".into(),
        ..Default::default()
    };
    CapabilityManifestRequest {
        binary_version: "v1".into(),
        declared_hooks: vec![DeclaredHook {
            name: hook.into(),
            checksum: checksum.into(),
            description: None,
            timeout_seconds: None,
            parameters: vec![secret, plain],
        }],
        builtin_actions: vec![BuiltinAction {
            name: "system.info".into(),
            description: None,
            parameters: vec![],
        }],
        ..Default::default()
    }
}

async fn label(tx: &mut Tx, project: Uuid, node: Uuid, key: &str, value: &str) -> Result<(), Error> {
    let by = labels::AssignedBy::User;
    let definition = crate::testing::resolve_or_define(tx, project, key, by).await?;
    labels::assign(tx, labels::Object::node(node), &definition, &json!(value), by)
        .await?
        .expect("a short text");
    Ok(())
}

#[tokio::test]
async fn candidates_say_what_a_dispatch_needs_to_know() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let (web, other) = (
            project(tx, domain, "web").await?,
            project(tx, domain, "other").await?,
        );
        let (a, b, c) = (
            node(tx, web, "a").await?,
            node(tx, web, "b").await?,
            node(tx, web, "c").await?,
        );
        let (gone, foreign) = (node(tx, web, "gone").await?, node(tx, other, "foreign").await?);
        for id in [a, gone, foreign] {
            capabilities::put(tx, id, &manifest("rotate", "one")).await?;
        }
        capabilities::put(tx, a, &manifest("rotate", "two")).await?;
        capabilities::put(tx, b, &manifest("else", "one")).await?;
        revoke(tx, gone).await?;
        for (id, value) in [(a, "x"), (c, "y"), (gone, "z")] {
            label(tx, web, id, "env", value).await?;
        }
        label(tx, web, c, "role", "db").await?;
        // True of every node.
        let all = Selector::parse("!other").unwrap();
        let all = Addressed::Selected(&all);
        let found = candidates(tx, web, all, ActionKind::Hook, "rotate").await?;
        assert_eq!(
            found.iter().map(|found| found.node_id).collect::<Vec<_>>(),
            [a, b, c]
        );
        let [first, second, third] = found.as_slice() else {
            panic!("three")
        };
        assert!(first.declared && first.manifest);
        assert_eq!(
            (first.checksum.as_deref(), first.pinned.as_deref()),
            (Some("two"), Some("one"))
        );
        assert_eq!(first.secrets, ["token"]);
        assert!(!second.declared && second.manifest && second.pinned.is_none());
        assert!(!third.declared && !third.manifest && third.secrets.is_empty());

        let labelled = Selector::parse("env in (x, y), acme:web/role=db").unwrap();
        let labelled = Addressed::Selected(&labelled);
        let found = candidates(tx, web, labelled, ActionKind::Hook, "rotate").await?;
        assert_eq!(found, std::slice::from_ref(third));
        let one = candidates(tx, web, Addressed::Node(c), ActionKind::Hook, "rotate").await?;
        assert_eq!(one, std::slice::from_ref(third));
        for missing in [gone, foreign, Uuid::max()] {
            let missing = Addressed::Node(missing);
            assert_eq!(
                candidates(tx, web, missing, ActionKind::Hook, "rotate").await?,
                []
            );
        }
        let builtin = candidates(tx, web, all, ActionKind::Builtin, "system.info").await?;
        assert_eq!(
            builtin.iter().map(|found| found.declared).collect::<Vec<_>>(),
            [true, true, false]
        );
        assert!(
            builtin
                .iter()
                .all(|found| found.checksum.is_none() && found.pinned.is_none())
        );
        let wrong = candidates(tx, web, Addressed::Node(a), ActionKind::Builtin, "rotate").await?;
        assert!(
            !wrong[0].declared && wrong[0].pinned.is_none(),
            "a hook is no built-in"
        );
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn pages_hold_what_lies_in_any_of_the_places_once_and_in_order() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let (acme, umbra) = (domain(tx, "acme").await?, domain(tx, "umbra").await?);
        let projects = [
            project(tx, acme, "a").await?,
            project(tx, acme, "b").await?,
            project(tx, umbra, "c").await?,
        ];
        let mut nodes = Vec::new();
        for n in 0..12 {
            let project = projects[n % 3];
            nodes.push((
                node(tx, project, "n").await?,
                project,
                if n % 3 == 2 { umbra } else { acme },
            ));
        }
        let of_domain = |id| Within {
            domain_id: Some(id),
            project_id: None,
            node_id: None,
        };
        let of_project = |id| Within {
            domain_id: None,
            project_id: Some(id),
            node_id: None,
        };
        let of_both = |domain, project| Within {
            domain_id: Some(domain),
            project_id: Some(project),
            node_id: None,
        };
        let cases = [
            vec![],
            vec![EVERYWHERE],
            vec![of_domain(acme)],
            vec![of_project(projects[1])],
            vec![of_both(acme, projects[0])],
            vec![of_both(umbra, projects[0])],
            vec![of_project(projects[0]), of_domain(acme), of_project(projects[2])],
        ];
        for places in cases {
            let expected: Vec<Uuid> = nodes
                .iter()
                .filter(|(_, project, domain)| {
                    places.iter().any(|place| {
                        place.project_id.is_none_or(|id| id == *project)
                            && place.domain_id.is_none_or(|id| id == *domain)
                    })
                })
                .map(|(id, ..)| *id)
                .collect();
            for limit in [1, 3, 50] {
                let (mut walked, mut after) = (Vec::new(), None);
                loop {
                    let rows = page(tx, &places, after, limit).await?;
                    assert!(rows.len() <= limit as usize);
                    walked.extend(rows.iter().map(|row| row.summary.id));
                    let Some(last) = rows.last() else { break };
                    after = Some(last.summary.id);
                }
                assert_eq!(walked, expected, "{places:?} by {limit}");
            }
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_listed_node_carries_its_labels_and_its_manifest_time() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let project = project(tx, domain, "web").await?;
        let id = node(tx, project, "web-1").await?;
        label(tx, project, id, "env", "prod").await?;
        capabilities::put(tx, id, &manifest("h", "one")).await?;
        let rows = page(tx, &[EVERYWHERE], None, 10).await?;
        let [row] = rows.as_slice() else { panic!("one") };
        assert_eq!(
            serde_json::to_value(&row.summary.labels).unwrap(),
            json!({"env": "prod"})
        );
        let keys: BTreeSet<&str> = row.labels.keys.keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["env", "acme:web/env"]));
        assert_eq!(
            (row.summary.name.as_deref(), row.summary.kind.as_deref()),
            (Some("web-1"), Some("node"))
        );
        assert_eq!(
            (row.summary.manifest_at, row.summary.binary_version.as_deref()),
            (Some(tx.now()), Some("v1"))
        );
        assert!(find(tx, Uuid::max()).await?.is_none());
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
