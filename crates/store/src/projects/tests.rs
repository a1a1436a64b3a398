use super::*;
use crate::testing;

fn new(domain_id: Uuid, slug: &str, sub_range: Option<&str>) -> NewProject {
    NewProject {
        domain_id,
        slug: slug.to_owned(),
        name: "Shop".to_owned(),
        description: "sells".to_owned(),
        sub_range: sub_range.map(|text| Cidr::parse(text).unwrap()),
    }
}

#[tokio::test]
async fn a_project_reads_back_and_knows_its_domain() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let domain_id = testing::domain(tx, "acme").await?;
        assert!(!any(tx).await?);
        let made = create(tx, &new(domain_id, "shop", Some("10.0.0.64/26")))
            .await
            .unwrap();
        assert_eq!(
            (made.domain_id, made.slug.as_str(), made.name.as_str()),
            (domain_id, "shop", "Shop")
        );
        assert_eq!(made.description, "sells");
        assert_eq!(made.sub_range_cidr.as_deref(), Some("10.0.0.64/26"));
        assert_eq!((made.created_at, made.updated_at), (tx.now(), tx.now()));
        assert_eq!(domain_of(tx, made.id).await?, Some(domain_id));
        assert!(any(tx).await?);
        assert_eq!(domain_of(tx, domain_id).await?, None);
        assert!(find(tx, domain_id).await?.is_none());
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_a_domain_forbids() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let (acme, other) = (
            testing::domain(tx, "acme").await?,
            testing::domain(tx, "other").await?,
        );
        create(tx, &new(acme, "shop", Some("10.0.0.0/25"))).await.unwrap();
        create(tx, &new(other, "shop", Some("10.0.0.0/25")))
            .await
            .unwrap();
        let missing = create(tx, &new(Uuid::from_u128(1), "x", None)).await;
        assert!(matches!(missing, Err(CreateError::ParentMissing)));
        let taken = create(tx, &new(acme, "shop", None)).await;
        assert!(matches!(taken, Err(CreateError::SlugTaken)));
        for outside in ["10.0.1.0/24", "10.0.0.0/23", "fd00::/64"] {
            let refused = create(tx, &new(acme, "x", Some(outside))).await;
            assert!(matches!(refused, Err(CreateError::OutsidePool)), "{outside}");
        }
        let overlap = create(tx, &new(acme, "x", Some("10.0.0.127/32"))).await;
        assert!(matches!(overlap, Err(CreateError::SubRangeOverlap)));
        create(tx, &new(acme, "x", Some("10.0.0.128/32"))).await.unwrap();
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

/// Walks the whole list in pages of `limit`, as domain/slug.
async fn walk(tx: &mut Tx, shown: &Shown, domain_id: Option<Uuid>, limit: u32) -> Vec<String> {
    let (mut after, mut seen) = (Position::default(), Vec::new());
    loop {
        let found = page(tx, shown, domain_id, &after, limit).await.unwrap();
        let Some(last) = found.last() else { return seen };
        assert!(found.len() <= limit as usize);
        after = Position {
            slug: last.slug.clone(),
            id: last.id,
        };
        seen.extend(found.into_iter().map(|project| project.slug));
    }
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_though_slugs_repeat() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let (acme, other) = (
            testing::domain(tx, "acme").await?,
            testing::domain(tx, "other").await?,
        );
        let mut ids = Vec::new();
        for (domain, slug) in [(acme, "b"), (other, "b"), (acme, "a"), (other, "c"), (other, "d")] {
            ids.push(testing::project(tx, domain, slug).await?);
        }
        let mine = Shown::Some {
            domains: vec![acme],
            projects: vec![ids[3], ids[1], ids[2]],
        };
        let nothing = Shown::Some {
            domains: Vec::new(),
            projects: Vec::new(),
        };
        for limit in [1, 2, 9] {
            assert_eq!(
                walk(tx, &Shown::All, None, limit).await,
                ["a", "b", "b", "c", "d"]
            );
            assert_eq!(walk(tx, &Shown::All, Some(other), limit).await, ["b", "c", "d"]);
            assert_eq!(walk(tx, &mine, None, limit).await, ["a", "b", "b", "c"]);
            assert_eq!(walk(tx, &mine, Some(other), limit).await, ["b", "c"]);
            assert_eq!(walk(tx, &mine, Some(acme), limit).await, ["a", "b"]);
            assert!(walk(tx, &nothing, None, limit).await.is_empty());
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_reservation_holds_its_projects_addresses_and_no_other() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let acme = testing::domain(tx, "acme").await?;
        let web = create(tx, &new(acme, "web", Some("10.0.0.0/28")))
            .await
            .unwrap()
            .id;
        let sibling = create(tx, &new(acme, "db", Some("10.0.0.128/28")))
            .await
            .unwrap()
            .id;
        let plain = create(tx, &new(acme, "plain", None)).await.unwrap().id;
        for (project, address) in [(web, "10.0.0.1"), (plain, "10.0.0.65")] {
            let node = testing::node(tx, project, "n").await?;
            tx.execute(
                "update nodes set mesh_ip = $2 where id = $1",
                &values![node, address],
            )
            .await?;
        }
        let set = |range: &str| Change {
            sub_range: SubRange::Set(Cidr::parse(range).unwrap()),
            ..Change::default()
        };
        let refused = change(tx, web, &set("10.0.1.0/28")).await;
        assert!(matches!(refused, Err(ChangeError::OutsidePool)));
        let refused = change(tx, web, &set("10.0.0.0/24")).await;
        assert!(matches!(refused, Err(ChangeError::SubRangeOverlap)));
        let refused = change(tx, web, &set("10.0.0.16/28")).await;
        assert!(matches!(refused, Err(ChangeError::AddressOutside)));
        let refused = change(tx, web, &set("10.0.0.0/25")).await;
        assert!(matches!(refused, Err(ChangeError::AddressTaken)));
        let refused = create(tx, &new(acme, "x", Some("10.0.0.64/28"))).await;
        assert!(matches!(refused, Err(CreateError::AddressTaken)));
        let wider = change(tx, web, &set("10.0.0.0/27")).await.unwrap().unwrap();
        assert_eq!(wider.sub_range_cidr.as_deref(), Some("10.0.0.0/27"));
        let release = Change {
            name: Some("Renamed".to_owned()),
            sub_range: SubRange::Release,
            ..Change::default()
        };
        let released = change(tx, web, &release).await.unwrap().unwrap();
        assert_eq!(
            (released.name.as_str(), released.sub_range_cidr),
            ("Renamed", None)
        );
        assert_eq!(released.description, "sells");
        assert!(change(tx, sibling, &set("10.0.0.2/32")).await.is_ok());
        assert!(change(tx, Uuid::from_u128(1), &release).await.unwrap().is_none());
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn only_an_empty_project_goes_and_takes_its_labels_and_tokens_along() {
    use crate::labels::{self, AssignedBy, Object};
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let acme = testing::domain(tx, "acme").await?;
        let (web, used) = (
            testing::project(tx, acme, "web").await?,
            testing::project(tx, acme, "used").await?,
        );
        let node = testing::node(tx, used, "n").await?;
        crate::nodes::revoke(tx, node).await?;
        let Err(DeleteError::NotEmpty(counts)) = delete(tx, used).await else {
            panic!("deleted");
        };
        assert_eq!(
            (counts.nodes, counts.relation_tuples),
            (1, 0),
            "a revoked node counts"
        );
        let definition = crate::testing::resolve_or_define(tx, web, "env", AssignedBy::User).await?;
        let value = serde_json::json!("x");
        labels::assign(tx, Object::project(web), &definition, &value, AssignedBy::User)
            .await?
            .unwrap();
        tx.execute(
            "insert into bootstrap_tokens (
                id, project_id, hash, kind, env_prefix, max_uses, issued_by, issued_at, expires_at
            ) values ($1, $1, $2, 'node', 'prod', 1, $1, 0, 0)",
            &values![web, web.as_bytes().as_slice()],
        )
        .await?;
        assert!(delete(tx, web).await.unwrap());
        assert!(find(tx, web).await?.is_none());
        assert!(labels::definitions::find(tx, definition.id).await?.is_none());
        assert!(!delete(tx, web).await.unwrap(), "there is none any more");
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_refers_to_a_project_keeps_it_though_it_is_not_counted() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let acme = testing::domain(tx, "acme").await?;
        let web = testing::project(tx, acme, "web").await?;
        tx.execute(
            "insert into executions (
                id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at,
                timeout_seconds, dispatched_by, pending
            ) values ($1, $1, $2, 'a', 'hook', 'succeeded', 0, 0, 0, 1, 'user:x', 0)",
            &values![web, acme],
        )
        .await?;
        assert!(matches!(delete(tx, web).await, Err(DeleteError::NotEmpty(_))));
        assert!(find(tx, web).await?.is_some());
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
