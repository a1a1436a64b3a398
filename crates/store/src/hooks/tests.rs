use super::*;
use crate::testing::{db, domain, node, project};
use crate::{capabilities, nodes};
use plex_api::nodes::{CapabilityManifestRequest, DeclaredHook};

async fn declare(tx: &mut Tx, node: Uuid, hooks: &[(&str, &str)]) -> Result<(), Error> {
    let hook = |(name, checksum): &(&str, &str)| DeclaredHook {
        name: (*name).into(),
        checksum: (*checksum).into(),
        description: Some(format!("does {name}")),
        timeout_seconds: None,
        parameters: Vec::new(),
    };
    let manifest = CapabilityManifestRequest {
        declared_hooks: hooks.iter().map(hook).collect(),
        ..Default::default()
    };
    capabilities::put(tx, node, &manifest).await?;
    Ok(())
}

#[tokio::test]
async fn accepting_pins_only_what_is_declared_now() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let project = project(tx, domain, "web").await?;
        let node_id = node(tx, project, "web-1").await?;
        declare(tx, node_id, &[("a", "1"), ("b", "1")]).await?;
        declare(tx, node_id, &[("a", "2")]).await?;
        let all = page(tx, (project, None), None, 10).await?;
        let status: Vec<_> = all.iter().map(|hook| (hook.name.as_str(), hook.status)).collect();
        assert_eq!(status, [("a", HookStatus::Drifted), ("b", HookStatus::Absent)]);
        assert_eq!(
            (all[0].node_name.as_str(), all[0].description.as_deref()),
            ("web-1", Some("does a"))
        );
        let at = |name: &str| Position {
            node_id,
            name: name.into(),
        };
        assert!(matches!(
            accept(tx, &at("a"), "1", "user:x").await?,
            Accepted::Differs
        ));
        assert!(matches!(
            accept(tx, &at("a"), "3", "user:x").await?,
            Accepted::Differs
        ));
        assert!(matches!(
            accept(tx, &at("b"), "1", "user:x").await?,
            Accepted::NotDeclared
        ));
        assert!(matches!(
            accept(tx, &at("c"), "1", "user:x").await?,
            Accepted::NotDeclared
        ));
        let Accepted::Pinned { hook: pinned, before } = accept(tx, &at("a"), "2", "user:x").await? else {
            panic!("accepted")
        };
        assert_eq!(
            (pinned.status, pinned.pinned_checksum.as_str(), before.as_str()),
            (HookStatus::Pinned, "2", "1")
        );
        assert!(
            matches!(
                accept(tx, &at("a"), "2", "user:y").await?,
                Accepted::Pinned { .. }
            ),
            "again is no change"
        );
        let by: Vec<Option<String>> = tx
            .all(
                "select accepted_by from hook_pins order by name",
                &values![],
                |row| row.get(0),
            )
            .await?;
        assert_eq!(by, [Some("user:x".to_owned()), None]);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn pages_walk_all_hooks_by_node_and_name() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let (web, other) = (
            project(tx, domain, "web").await?,
            project(tx, domain, "other").await?,
        );
        let (a, b) = (node(tx, web, "a").await?, node(tx, web, "b").await?);
        let (gone, foreign) = (node(tx, web, "gone").await?, node(tx, other, "foreign").await?);
        for id in [a, b, gone, foreign] {
            declare(tx, id, &[("x", "1"), ("y", "1"), ("z", "1")]).await?;
        }
        nodes::revoke(tx, gone).await?;
        for limit in [1, 2, 4, 10] {
            let (mut walked, mut after) = (Vec::new(), None);
            loop {
                let rows = page(tx, (web, None), after.as_ref(), limit).await?;
                let Some(last) = rows.last() else { break };
                after = Some(Position {
                    node_id: last.node_id,
                    name: last.name.clone(),
                });
                walked.extend(rows.into_iter().map(|hook| (hook.node_id, hook.name)));
            }
            let expected: Vec<_> = [a, b]
                .iter()
                .flat_map(|id| ["x", "y", "z"].map(|name| (*id, name.to_owned())))
                .collect();
            assert_eq!(walked, expected, "by {limit}");
        }
        let after = Position {
            node_id: b,
            name: "x".into(),
        };
        let rest = page(tx, (web, Some(b)), Some(&after), 10).await?;
        assert_eq!(
            rest.iter().map(|hook| hook.name.as_str()).collect::<Vec<_>>(),
            ["y", "z"]
        );
        assert!(page(tx, (web, Some(foreign)), None, 10).await?.is_empty());
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
