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
        let (rows, more) = page(tx, project, Filter::default(), None, 10).await?;
        assert_eq!((rows.len(), more), (1, false));
        assert_eq!(rows[0].declared_hooks, sent.declared_hooks);
        assert_eq!(
            (rows[0].status, rows[0].domain_id),
            (CapabilityStatus::Match, domain)
        );
        assert_eq!(put(tx, Uuid::max(), &sent).await?, None);
        nodes::revoke(tx, id).await?;
        assert_eq!(put(tx, id, &sent).await?, None, "a revoked node declares nothing");
        assert!(page(tx, project, Filter::default(), None, 10).await?.0.is_empty());
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
            let (rows, more) = page(tx, project, Filter::default(), after, 200).await?;
            assert!(rows.len() <= 2, "two are enough bytes for a page");
            walked.extend(rows.iter().map(|row| row.node_id));
            after = walked.last().copied();
            if !more {
                break;
            }
        }
        assert_eq!(walked, expected);
        let (one, more) = page(
            tx,
            project,
            Filter {
                node_id: Some(expected[3]),
                ..Filter::default()
            },
            None,
            10,
        )
        .await?;
        assert_eq!((one[0].node_id, one.len(), more), (expected[3], 1, false));
        let (first, more) = page(tx, project, Filter::default(), None, 1).await?;
        assert_eq!((first.len(), more), (1, true));
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_verdict_is_drift_while_anything_differs_from_its_reference() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let project = project(tx, domain, "web").await?;
        let id = node(tx, project, "web-1").await?;
        let verdict = async |tx: &mut Tx| {
            let rows = page(tx, project, Filter::default(), None, 9).await.unwrap().0;
            let status = rows[0].status;
            for other in [
                CapabilityStatus::Match,
                CapabilityStatus::Drift,
                CapabilityStatus::Unknown,
            ] {
                let filter = Filter {
                    status: Some(other),
                    node_id: Some(id),
                };
                let found = page(tx, project, filter, None, 9).await.unwrap().0;
                assert_eq!(found.len(), usize::from(other == status));
            }
            status
        };
        let bare = CapabilityManifestRequest {
            binary_checksum: "sum".to_owned(),
            ..Default::default()
        };
        put(tx, id, &bare).await?;
        assert_eq!(verdict(tx).await, CapabilityStatus::Unknown);
        nodes::heartbeat(tx, id, "v1", "another").await?;
        assert_eq!(
            verdict(tx).await,
            CapabilityStatus::Drift,
            "another binary runs than was declared"
        );
        nodes::heartbeat(tx, id, "v1", "sum").await?;
        let image = |digest: &str| plex_api::nodes::PlexdHook {
            name: "k".to_owned(),
            image_digest: digest.to_owned(),
            parameters: Default::default(),
            timeout_seconds: None,
            sandbox: false,
        };
        let with = |digest: &str| CapabilityManifestRequest {
            plexd_hooks: vec![image(digest)],
            ..bare.clone()
        };
        put(tx, id, &with("a")).await?;
        assert_eq!(verdict(tx).await, CapabilityStatus::Match);
        put(tx, id, &with("b")).await?;
        assert_eq!(verdict(tx).await, CapabilityStatus::Drift);
        put(tx, id, &bare).await?;
        assert_eq!(verdict(tx).await, CapabilityStatus::Unknown);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
