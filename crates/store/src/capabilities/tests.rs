use super::*;
use crate::testing::{db, domain, node, project};
use crate::{hooks, nodes};
use plex_api::hooks::HookStatus;
use plex_api::nodes::{BuiltinAction, DeclaredHook};

fn hook(name: &str, checksum: &str) -> DeclaredHook {
    DeclaredHook {
        name: name.into(),
        checksum: checksum.into(),
        description: Some("turns keys".into()),
        timeout_seconds: None,
        parameters: Vec::new(),
    }
}

fn manifest(hooks: Vec<DeclaredHook>) -> CapabilityManifestRequest {
    CapabilityManifestRequest {
        binary_version: "v1".into(),
        binary_checksum: "sum".into(),
        declared_hooks: hooks,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_manifest_replaces_the_one_before() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let project = project(tx, domain, "web").await?;
        let id = node(tx, project, "n").await?;
        let mut sent = manifest(vec![hook("a", "1"), hook("b", "1")]);
        let first = put(tx, id, &sent).await?.unwrap();
        assert!(first.changed && !first.host_key_changed);
        assert_eq!(
            first.fields,
            ["binary_checksum", "binary_version", "declared_hooks"]
        );
        let again = put(tx, id, &sent).await?.unwrap();
        assert_eq!(
            again,
            Stored {
                changed: false,
                fields: Vec::new(),
                host_key_changed: false
            }
        );
        sent.declared_hooks.remove(0);
        sent.ssh_host_key_fingerprint = Some("SHA256:x".into());
        sent.builtin_actions = vec![BuiltinAction {
            name: "system.info".into(),
            description: None,
            parameters: vec![],
        }];
        let third = put(tx, id, &sent).await?.unwrap();
        assert!(third.changed && third.host_key_changed);
        assert_eq!(third.fields, ["declared_hooks", "ssh_host_key_fingerprint"]);
        let actions = tx
            .all(
                "select kind || ' ' || name from node_actions order by 1",
                &values![],
                |row| row.get::<String>(0),
            )
            .await?;
        assert_eq!(
            actions,
            ["builtin system.info", "hook b"],
            "a full snapshot, not a merge"
        );
        let (rows, more) = page(tx, (project, None), None, 10).await?;
        assert_eq!((rows.len(), more), (1, false));
        assert_eq!(rows[0].declared_hooks, sent.declared_hooks);
        assert_eq!(
            (rows[0].status, rows[0].domain_id),
            (CapabilityStatus::Unknown, domain)
        );
        assert_eq!(put(tx, Uuid::max(), &sent).await?, None);
        nodes::revoke(tx, id).await?;
        assert_eq!(put(tx, id, &sent).await?, None, "a revoked node declares nothing");
        assert!(page(tx, (project, None), None, 10).await?.0.is_empty());
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_first_digest_stays_pinned_whatever_comes_later() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let project = project(tx, domain, "web").await?;
        let id = node(tx, project, "n").await?;
        for hooks in [vec![hook("a", "1")], vec![], vec![hook("a", "2")]] {
            put(tx, id, &manifest(hooks)).await?;
        }
        let rows = hooks::page(tx, (project, None), None, 10).await?;
        assert_eq!(
            (
                rows[0].pinned_checksum.as_str(),
                rows[0].declared_checksum.as_deref()
            ),
            ("1", Some("2"))
        );
        assert_eq!(
            rows[0].status,
            HookStatus::Drifted,
            "a hook that went away and came back changed has changed"
        );
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn pages_walk_all_manifests_and_end_early_when_they_are_big() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let project = project(tx, domain, "web").await?;
        let mut expected = Vec::new();
        for n in 0..5 {
            let id = node(tx, project, "n").await?;
            let mut sent = manifest(vec![hook(&format!("h{n}"), "1")]);
            sent.declared_hooks[0].description = Some("x".repeat(PAGE_BYTES / 2));
            put(tx, id, &sent).await?;
            expected.push(id);
        }
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let (rows, more) = page(tx, (project, None), after, 200).await?;
            assert!(rows.len() <= 2, "two are enough bytes for a page");
            walked.extend(rows.iter().map(|row| row.node_id));
            after = walked.last().copied();
            if !more {
                break;
            }
        }
        assert_eq!(walked, expected);
        let (one, more) = page(tx, (project, Some(expected[3])), None, 10).await?;
        assert_eq!((one[0].node_id, one.len(), more), (expected[3], 1, false));
        let (first, more) = page(tx, (project, None), None, 1).await?;
        assert_eq!((first.len(), more), (1, true));
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
