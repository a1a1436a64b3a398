//! Tuples and the graph, on a real database.

use super::*;
use crate::testing;
use std::collections::HashSet;

const ANNA: ObjectRef = ObjectRef {
    kind: ObjectKind::User,
    id: Some(Uuid::from_u128(7)),
};
const PROJECT: ObjectRef = ObjectRef {
    kind: ObjectKind::Project,
    id: Some(Uuid::from_u128(11)),
};

fn grant(relation: &str, object: ObjectRef) -> NewTuple {
    NewTuple {
        subject: ANNA.into(),
        relation: relation.to_owned(),
        object,
        condition: None,
        created_by: "system".to_owned(),
    }
}

fn condition(cidr: &str) -> Option<Condition> {
    let context = serde_json::json!({"cidr": cidr}).as_object().unwrap().clone();
    Some(Condition {
        name: "from_cidr".to_owned(),
        context,
    })
}

async fn granted(tx: &mut Tx, new: &NewTuple) -> Tuple {
    match create(tx, new).await.unwrap() {
        Granted::New(tuple) => tuple,
        Granted::Held(tuple) => panic!("held already: {tuple:?}"),
    }
}

#[tokio::test]
async fn a_grant_is_found_listed_and_withdrawn_and_each_change_counts() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let first = granted(tx, &grant("viewer", PROJECT)).await;
        let second = granted(tx, &grant("admin", ObjectRef::PLATFORM)).await;
        assert_eq!(revision(tx).await?, 2);
        assert_eq!(
            principals::kind_of(tx, Uuid::from_u128(7)).await?,
            Some(PrincipalType::User)
        );
        assert_eq!(find(tx, first.id).await?, Some(first.clone()));
        assert_eq!(held_by(tx, &ANNA).await?, [first.clone(), second.clone()]);
        let robot = ObjectRef::of(ObjectKind::ServiceIdentity, Uuid::from_u128(7));
        assert_eq!(held_by(tx, &robot).await?, []);

        assert!(delete(tx, first.id).await?);
        assert!(!delete(tx, first.id).await?);
        assert_eq!(revision(tx).await?, 3);
        assert_eq!(find(tx, first.id).await?, None);
        assert_eq!(held_by(tx, &ANNA).await?, [second]);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_relation_is_held_once_on_one_condition_and_an_id_is_of_one_kind() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let new = grant("viewer", ObjectRef::PLATFORM);
        let first = granted(tx, &new).await;
        assert_eq!(create(tx, &new).await.unwrap(), Granted::Held(first.clone()));
        let conditional = NewTuple {
            condition: condition("10.0.0.0/8"),
            ..new.clone()
        };
        let refused = create(tx, &conditional).await;
        assert!(matches!(refused, Err(CreateError::OtherCondition)), "{refused:?}");
        let service = NewTuple {
            subject: ObjectRef::of(ObjectKind::ServiceIdentity, Uuid::from_u128(7)).into(),
            ..new.clone()
        };
        assert!(matches!(create(tx, &service).await, Err(CreateError::OtherKind)));
        let group = NewTuple {
            subject: SubjectRef {
                object: ObjectRef::of(ObjectKind::Group, Uuid::from_u128(3)),
                set: Some("member".to_owned()),
            },
            ..new
        };
        assert!(matches!(create(tx, &group).await, Err(CreateError::NoGroup)));
        assert_eq!(revision(tx).await?, 1);

        let replaced = replace(tx, first.id, &conditional).await.unwrap().unwrap();
        assert_eq!(replaced.id, first.id);
        assert_eq!(find(tx, first.id).await?, Some(replaced));
        assert_eq!(
            replace(tx, Uuid::from_u128(1), &grant("viewer", PROJECT))
                .await
                .unwrap(),
            None
        );
        let other = granted(tx, &grant("viewer", PROJECT)).await;
        let onto_another = replace(tx, other.id, &conditional).await;
        assert!(matches!(onto_another, Err(CreateError::OtherCondition)));
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn pages_run_over_several_objects_without_gap_or_repetition() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let foreign = ObjectRef::of(ObjectKind::Project, Uuid::from_u128(12));
        let mut expected = Vec::new();
        for relation in ["admin", "operator", "viewer"] {
            expected.push(granted(tx, &grant(relation, PROJECT)).await.id);
            granted(tx, &grant(relation, foreign)).await;
            expected.push(granted(tx, &grant(relation, ObjectRef::PLATFORM)).await.id);
        }
        let (mut seen, mut after) = (Vec::new(), Uuid::nil());
        loop {
            let tuples = page(tx, &[PROJECT, ObjectRef::PLATFORM], None, (after, 4)).await?;
            let Some(last) = tuples.last() else { break };
            after = last.id;
            seen.extend(tuples.iter().map(|tuple| tuple.id));
        }
        assert_eq!(seen, expected);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

fn key(edge: &Edge) -> String {
    format!(
        "{}#{}@{} {:?}",
        edge.object, edge.relation, edge.subject, edge.condition
    )
}

/// The graph that the changes since the beginning make.
async fn replayed(tx: &mut Tx, after: u64) -> HashSet<String> {
    let Changes::Since(changes, newest) = changes(tx, after).await.unwrap() else {
        panic!("nothing was pruned");
    };
    assert_eq!(newest, revision(tx).await.unwrap());
    let place = |edge: &Edge| format!("{}#{}@{} ", edge.object, edge.relation, edge.subject);
    let mut edges: HashSet<String> = HashSet::new();
    for change in changes {
        edges.retain(|edge| !edge.starts_with(&place(&change.edge)));
        if change.added {
            edges.insert(key(&change.edge));
        }
    }
    edges
}

#[tokio::test]
async fn the_changes_make_the_whole_graph_structure_included() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let domain = testing::domain(tx, "acme").await?;
        let project = testing::project(tx, domain, "web").await?;
        testing::node(tx, project, "web-1").await?;
        let empty = testing::project(tx, domain, "empty").await?;
        let group = groups::create(tx, Some(domain), "ops", "Ops").await?.unwrap();
        groups::create(tx, None, "all", "All").await?;
        let first = granted(tx, &grant("viewer", PROJECT)).await;
        granted(tx, &grant("member", group.object())).await;
        let conditional = NewTuple {
            condition: condition("10.0.0.0/8"),
            ..grant("operator", PROJECT)
        };
        granted(tx, &conditional).await;
        replace(tx, first.id, &grant("auditor", PROJECT)).await.unwrap();
        tx.execute("delete from projects where id = $1", &values![empty])
            .await?;
        let (edges, newest) = whole(tx).await?;
        let all: HashSet<String> = edges.iter().map(key).collect();
        assert_eq!(all.len(), edges.len());
        assert_eq!(all.len(), 8, "{all:?}");
        assert_eq!(replayed(tx, 0).await, all);
        assert_eq!(changes(tx, newest).await?, Changes::Since(Vec::new(), newest));

        prune(tx, 3).await?;
        assert_eq!(revision(tx).await?, newest);
        assert!(matches!(changes(tx, newest - 2).await?, Changes::Since(since, _) if since.len() == 2));
        assert_eq!(changes(tx, newest - 3).await?, Changes::Lost);
        prune(tx, 0).await?;
        assert_eq!(revision(tx).await?, newest);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn groups_are_nested_a_few_deep_and_never_in_a_circle() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let mut groups = Vec::new();
        for number in 0..=MAX_NESTING {
            let slug = format!("g{number}");
            groups.push(groups::create(tx, None, &slug, &slug).await?.unwrap().object());
        }
        let nest = |outer: usize, inner: usize| NewTuple {
            subject: SubjectRef {
                object: groups[inner],
                set: Some("member".to_owned()),
            },
            ..grant("member", groups[outer])
        };
        let last = groups.len() - 1;
        for number in 0..last - 1 {
            granted(tx, &nest(number, number + 1)).await;
        }
        let itself = create(tx, &nest(3, 3)).await;
        assert!(matches!(itself, Err(CreateError::Nesting)), "{itself:?}");
        let circle = create(tx, &nest(5, 2)).await;
        assert!(matches!(circle, Err(CreateError::Nesting)), "{circle:?}");
        let deep = create(tx, &nest(last - 1, last)).await;
        assert!(matches!(deep, Err(CreateError::Nesting)), "{deep:?}");
        // Beside the chain there is room, and what is replaced no longer counts.
        let beside = granted(tx, &nest(2, last)).await;
        let replaced = replace(tx, beside.id, &nest(last - 2, last)).await;
        assert!(replaced.is_ok(), "{replaced:?}");
        let onto_a_circle = replace(tx, beside.id, &nest(last, 0)).await;
        assert!(
            matches!(onto_a_circle, Err(CreateError::Nesting)),
            "{onto_a_circle:?}"
        );
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_was_only_made_is_told_from_what_was_granted_or_withdrawn() {
    let (_dir, db) = testing::db();
    db.write(async move |tx| {
        let domain = testing::domain(tx, "acme").await?;
        let before = revision(tx).await?;
        assert!(only_grew_since(tx, before).await?);
        let project = testing::project(tx, domain, "web").await?;
        testing::node(tx, project, "web-1").await?;
        groups::create(tx, Some(domain), "ops", "Ops").await?;
        assert!(only_grew_since(tx, before).await?);
        let tuple = granted(tx, &grant("viewer", PROJECT)).await;
        assert!(
            !only_grew_since(tx, before).await?,
            "a grant may be what others must not pass on"
        );
        let granted_at = revision(tx).await?;
        testing::project(tx, domain, "more").await?;
        assert!(only_grew_since(tx, granted_at).await?);
        delete(tx, tuple.id).await?;
        assert!(!only_grew_since(tx, granted_at).await?);
        let newest = revision(tx).await?;
        testing::project(tx, domain, "last").await?;
        prune(tx, 1).await?;
        assert!(
            !only_grew_since(tx, newest).await?,
            "what was forgotten is not known"
        );
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
