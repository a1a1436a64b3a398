use super::*;
use crate::testing::{TestClock, db, db_at, domain, project};
use std::time::Duration;

fn new(project_id: Uuid, secret: u8, max_uses: u32) -> NewToken {
    NewToken {
        project_id,
        hash: [secret; 32],
        kind: NodeKind::Node,
        env_prefix: "prod".into(),
        labels: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
        max_uses,
        ttl_seconds: 300,
        issued_by: Uuid::max(),
    }
}

#[tokio::test]
async fn a_token_is_found_by_its_hash_and_spent_as_often_as_it_says() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let project = project(tx, domain, "web").await?;
        let stored = insert(tx, &new(project, 1, 2)).await?;
        assert_eq!(stored.expires_at.duration_since(stored.issued_at).as_secs(), 300);
        assert_eq!(
            (stored.issued_by_user_id, stored.labels["env"].as_str()),
            (Uuid::max(), "prod")
        );
        assert_eq!(find_by_hash(tx, &[1; 32]).await?.unwrap().id, stored.id);
        assert!(find_by_hash(tx, &[2; 32]).await?.is_none());
        assert!(
            find(tx, Uuid::max(), stored.id).await?.is_none(),
            "only in its project"
        );
        assert!(spend(tx, stored.id).await?);
        let half = find(tx, project, stored.id).await?.unwrap();
        assert_eq!((half.uses, half.consumed_at), (Some(1), None));
        assert!(spend(tx, stored.id).await?);
        assert_eq!(
            find(tx, project, stored.id).await?.unwrap().consumed_at,
            Some(tx.now())
        );
        assert!(!spend(tx, stored.id).await?, "used up");
        assert_eq!(revoke(tx, project, stored.id).await?, Revoked::Settled);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_is_revoked_or_expired_cannot_be_spent() {
    let clock = TestClock::new();
    let (_dir, db) = db_at(clock.clone());
    let made = db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        let project = project(tx, domain, "web").await?;
        let (revoked, expired) = (
            insert(tx, &new(project, 1, 1)).await?,
            insert(tx, &new(project, 2, 1)).await?,
        );
        assert_eq!(revoke(tx, Uuid::max(), revoked.id).await?, Revoked::NotFound);
        assert_eq!(revoke(tx, project, revoked.id).await?, Revoked::Done);
        assert_eq!(revoke(tx, project, revoked.id).await?, Revoked::Settled);
        assert!(!spend(tx, revoked.id).await?);
        Ok::<_, Error>((project, expired.id))
    });
    let (project, id) = made.await.unwrap();
    clock.advance(Duration::from_secs(300));
    db.write(async move |tx| {
        assert!(!spend(tx, id).await?);
        assert_eq!(find(tx, project, id).await?.unwrap().uses, Some(0));
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_list_runs_newest_first_also_within_one_moment() {
    let clock = TestClock::new();
    let (_dir, db) = db_at(clock.clone());
    let made = db.write(async |tx| {
        let domain = domain(tx, "acme").await?;
        Ok::<_, Error>((
            project(tx, domain, "web").await?,
            project(tx, domain, "other").await?,
        ))
    });
    let (web, other) = made.await.unwrap();
    let mut issued = Vec::new();
    for n in 0..7_u8 {
        clock.advance(Duration::from_millis(u64::from(n % 3)));
        let insert = async move |tx: &mut Tx| {
            insert(tx, &new(other, 100 + n, 1)).await?;
            insert(tx, &new(web, n, 1)).await
        };
        let stored = db.write(insert).await.unwrap();
        issued.push((stored.issued_at, stored.id));
    }
    issued.sort_unstable();
    issued.reverse();
    for limit in [1, 2, 50] {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let rows = db
                .read(async move |tx| page(tx, web, after, limit).await)
                .await
                .unwrap();
            walked.extend(rows.iter().map(|token| (token.issued_at, token.id)));
            let Some(last) = rows.last() else { break };
            after = Some(Position {
                issued_at: last.issued_at,
                id: last.id,
            });
        }
        assert_eq!(walked, issued, "by {limit}");
    }
}
