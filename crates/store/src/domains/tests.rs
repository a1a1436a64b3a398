use super::*;
use crate::testing;

fn new(slug: &str, mesh_cidr: Option<&str>) -> NewDomain {
    NewDomain {
        slug: slug.to_owned(),
        name: "Acme".to_owned(),
        description: "first".to_owned(),
        region: Some("eu-west".to_owned()),
        mesh_cidr: mesh_cidr.map(|text| Cidr::parse(text).unwrap()),
        reachability: Policy::default(),
    }
}

fn flipped(seed: &[u8; 32], _: &dyn Rng) -> Vec<u8> {
    seed.iter().map(|byte| !byte).collect()
}

#[tokio::test]
async fn a_domain_reads_back_with_a_key_of_its_own() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let made = create(tx, &new("acme", Some("10.7.0.0/16")), flipped)
            .await
            .unwrap();
        assert_eq!((made.slug.as_str(), made.name.as_str()), ("acme", "Acme"));
        assert_eq!(
            (made.description.as_str(), made.region.as_deref()),
            ("first", Some("eu-west"))
        );
        assert_eq!(made.mesh_cidr, "10.7.0.0/16");
        assert_eq!(made.reachability, Policy::default().to_api());
        assert_eq!((made.created_at, made.updated_at), (tx.now(), tx.now()));
        assert!(exists(tx, made.id).await? && any(tx).await?);

        let sealed = sealed_signing_key(tx, made.id).await?.unwrap();
        let seed: Vec<u8> = sealed.iter().map(|byte| !byte).collect();
        let key = SigningKey::from_seed(seed.as_slice().try_into().unwrap());
        let stored: (String, [u8; 32]) = tx
            .optional(
                "select signing_key_id, signing_public_key from domains",
                &[],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .await?
            .unwrap();
        assert_eq!(stored, (key.key_id(), key.public_key()));
        let other = create(tx, &new("other", None), flipped).await.unwrap();
        assert_eq!(first_sealed_signing_key(tx).await?.as_ref(), Some(&sealed));
        assert_ne!(sealed_signing_key(tx, other.id).await?, Some(sealed));
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn nothing_is_found_where_there_is_none() {
    let (_dir, db) = testing::db();
    db.read(async |tx| {
        let id = Uuid::from_u128(5);
        assert!(!exists(tx, id).await? && !any(tx).await?);
        assert!(find(tx, id).await?.is_none());
        assert_eq!(sealed_signing_key(tx, id).await?, None);
        assert_eq!(first_sealed_signing_key(tx).await?, None);
        assert_eq!(mesh_cidr(tx, id).await?, None);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn pools_are_given_out_in_order_and_never_overlap() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        create(tx, &new("wide", Some("10.1.0.0/16")), flipped)
            .await
            .unwrap();
        for (slug, pool) in [("a", "10.0.0.0/16"), ("b", "10.2.0.0/16")] {
            let made = create(tx, &new(slug, None), flipped).await.unwrap();
            assert_eq!(made.mesh_cidr, pool);
            assert_eq!(mesh_cidr(tx, made.id).await?, Cidr::parse(pool));
        }
        for overlapping in ["10.1.2.0/24", "10.0.0.0/8", "10.2.0.0/16"] {
            let refused = create(tx, &new("c", Some(overlapping)), flipped).await;
            assert!(matches!(refused, Err(CreateError::MeshOverlap)), "{overlapping}");
        }
        create(tx, &new("rest", Some("10.128.0.0/9")), flipped)
            .await
            .unwrap();
        create(tx, &new("more", Some("10.64.0.0/10")), flipped)
            .await
            .unwrap();
        for n in 3..64 {
            create(tx, &new(&format!("n{n}"), None), flipped).await.unwrap();
        }
        let refused = create(tx, &new("late", None), flipped).await;
        assert!(matches!(refused, Err(CreateError::NoFreePool)));
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_slug_is_taken_once() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        create(tx, &new("acme", None), flipped).await.unwrap();
        let refused = create(tx, &new("acme", None), flipped).await;
        assert!(matches!(refused, Err(CreateError::SlugTaken)));
        assert_eq!(mesh_cidrs(tx, Uuid::nil()).await?.len(), 1);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn pages_run_by_slug_over_all_or_over_some() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let mut ids = Vec::new();
        for slug in ["delta", "alpha", "charlie", "bravo"] {
            ids.push(create(tx, &new(slug, None), flipped).await.unwrap().id);
        }
        let slugs = |page: Vec<DomainResponse>| {
            page.into_iter()
                .map(|domain| domain.slug)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(slugs(page(tx, None, "", 3).await?), "alpha bravo charlie");
        assert_eq!(slugs(page(tx, None, "charlie", 3).await?), "delta");
        let some = [ids[0], ids[3], ids[0], Uuid::from_u128(1)];
        assert_eq!(slugs(page(tx, Some(&some), "", 9).await?), "bravo delta");
        assert_eq!(slugs(page(tx, Some(&some), "", 1).await?), "bravo");
        assert_eq!(slugs(page(tx, Some(&some), "bravo", 1).await?), "delta");
        assert_eq!(slugs(page(tx, Some(&[]), "", 9).await?), "");
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

/// A domain, a project of it with a reservation, and another without, each with a node.
async fn peopled(tx: &mut Tx) -> Result<[Uuid; 3], Error> {
    let acme = testing::domain(tx, "acme").await?;
    let (web, db) = (
        testing::project(tx, acme, "web").await?,
        testing::project(tx, acme, "db").await?,
    );
    tx.execute(
        "update projects set sub_range_cidr = '10.0.0.64/26' where id = $1",
        &values![web],
    )
    .await?;
    for (project, address) in [(web, "10.0.0.65"), (db, "10.0.0.1")] {
        let node = testing::node(tx, project, "n").await?;
        tx.execute(
            "update nodes set mesh_ip = $2 where id = $1",
            &values![node, address],
        )
        .await?;
    }
    Ok([acme, web, db])
}

#[tokio::test]
async fn a_pool_moves_only_where_it_holds_all_that_was_given_out() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let [acme, web, db] = peopled(tx).await?;
        let other = create(tx, &new("other", Some("10.9.0.0/16")), flipped)
            .await
            .unwrap();
        let to = |pool: &str| Change {
            mesh_cidr: Cidr::parse(pool),
            ..Change::default()
        };
        let refused = change(tx, acme, &to("10.0.0.0/8")).await;
        assert!(matches!(refused, Err(ChangeError::MeshOverlap)));
        let refused = change(tx, acme, &to("10.0.0.0/26")).await;
        assert!(matches!(refused, Err(ChangeError::SubRangeOutside(id)) if id == web));
        let refused = change(tx, acme, &to("10.0.0.64/26")).await;
        assert!(matches!(refused, Err(ChangeError::AddressOutside(id)) if id == db));
        assert_eq!(find(tx, acme).await?.unwrap().mesh_cidr, "10.0.0.0/24");
        let moved = change(tx, acme, &to("10.0.0.0/13")).await.unwrap().unwrap();
        assert_eq!(moved.mesh_cidr, "10.0.0.0/13");
        let refused = change(tx, other.id, &to("10.7.0.0/16")).await;
        assert!(matches!(refused, Err(ChangeError::MeshOverlap)));
        let same = change(tx, acme, &to("10.0.0.0/13")).await.unwrap();
        assert!(same.is_some(), "its own pool is no overlap");
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_change_leaves_alone_what_it_does_not_name() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let made = create(tx, &new("acme", None), flipped).await.unwrap();
        let named = Change {
            name: Some("Other".to_owned()),
            ..Change::default()
        };
        let changed = change(tx, made.id, &named).await.unwrap().unwrap();
        assert_eq!((changed.name.as_str(), &changed.region), ("Other", &made.region));
        assert_eq!(
            (&changed.description, &changed.reachability),
            (&made.description, &made.reachability)
        );
        let unpinned = Change {
            region: Some(None),
            description: Some(String::new()),
            ..Change::default()
        };
        let changed = change(tx, made.id, &unpinned).await.unwrap().unwrap();
        assert_eq!(
            (
                changed.name.as_str(),
                changed.description.as_str(),
                changed.region
            ),
            ("Other", "", None)
        );
        assert!(change(tx, Uuid::from_u128(1), &named).await.unwrap().is_none());
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn only_an_empty_domain_goes_and_its_grants_go_with_it() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let [acme, ..] = peopled(tx).await?;
        let Err(DeleteError::NotEmpty(counts)) = delete(tx, acme).await else {
            panic!("deleted");
        };
        assert_eq!((counts.projects, counts.nodes), (2, 2));
        let empty = create(tx, &new("empty", Some("10.9.0.0/16")), flipped)
            .await
            .unwrap()
            .id;
        tx.execute(
            "insert into relation_tuples (
                id, subject_kind, subject_id, relation, object_kind, object_id, created_by, created_at
            ) values ($1, 'user', $1, 'admin', 'domain', $2, 'test', 0)",
            &values![Uuid::from_u128(1), empty],
        )
        .await?;
        let before = crate::relations::revision(tx).await?;
        assert!(delete(tx, empty).await.unwrap());
        assert!(!delete(tx, empty).await.unwrap(), "there is none any more");
        assert!(
            crate::relations::revision(tx).await? > before,
            "decisions made on the grant are old"
        );
        let sql = "select 1 from relation_tuples where object_id = $1";
        assert_eq!(tx.optional(sql, &values![empty], |_| Ok(())).await?, None);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
