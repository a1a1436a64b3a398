use super::*;
use crate::labels::{self, Object, Refused};
use crate::testing::{db, domain, node, project};
use serde_json::json;

fn new(scope: ScopeRef, key: &str) -> NewDefinition {
    NewDefinition {
        scope,
        local_key: key.to_owned(),
        description: "what it says".to_owned(),
        schema: ValueSchema::plain(),
        kinds: vec!["node".to_owned(), "project".to_owned()],
        required: false,
        default_value: None,
        immutable: false,
        cloud_tag_propagation: true,
        on_delete: OnDelete::Block,
        cardinality: 1,
        created_by: AssignedBy::User,
    }
}

struct Place {
    acme: Uuid,
    web: Uuid,
    node: Object,
}

async fn place(tx: &mut Tx) -> Result<Place, Error> {
    let acme = domain(tx, "acme").await?;
    let web = project(tx, acme, "web").await?;
    let node = Object::node(node(tx, web, "a").await?);
    Ok(Place { acme, web, node })
}

/// Makes a definition and puts a label of it on the node.
async fn assigned(tx: &mut Tx, place: &Place, new: &NewDefinition, value: Json) -> Result<Uuid, Error> {
    let id = create(tx, new).await.unwrap().id;
    let definition = labels::definition(tx, place.web, id).await?.unwrap();
    labels::assign(tx, place.node, &definition, &value, AssignedBy::User)
        .await?
        .unwrap();
    Ok(id)
}

#[tokio::test]
async fn a_definition_reads_back_under_the_key_of_its_scope() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let Place { acme, web, .. } = place(tx).await?;
        for (scope, qualified) in [
            (ScopeRef::Platform, "platform/env"),
            (ScopeRef::Domain(acme), "acme/env"),
            (ScopeRef::Project(web), "acme:web/env"),
        ] {
            let made = create(tx, &new(scope, "env")).await.unwrap();
            assert_eq!(made.qualified_key, qualified);
            assert_eq!((made.scope, made.scope_id), (scope.scope(), scope.id()));
            assert_eq!(find(tx, made.id).await?, Some(made.clone()));
            assert_eq!(
                (made.created_by.as_str(), made.cloud_tag_propagation),
                ("user", true)
            );
            let again = create(tx, &new(scope, "env")).await;
            assert!(matches!(again, Err(CreateError::KeyTaken)));
            create(tx, &new(scope, "b")).await.unwrap();
            create(tx, &new(scope, "z")).await.unwrap();
            let keys = async |tx: &mut Tx, after: &str, limit: u32| {
                let page = page(tx, scope, after, limit).await.unwrap();
                page.into_iter()
                    .map(|found| found.local_key)
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            assert_eq!(keys(tx, "", 2).await, "b env");
            assert_eq!(keys(tx, "env", 2).await, "z");
        }
        let nowhere = Uuid::from_u128(1);
        for scope in [ScopeRef::Domain(nowhere), ScopeRef::Project(nowhere)] {
            assert!(matches!(
                create(tx, &new(scope, "x")).await,
                Err(CreateError::ScopeMissing)
            ));
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_scope_has_1000_definitions_at_most() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let Place { acme, web, .. } = place(tx).await?;
        for scope in [ScopeRef::Platform, ScopeRef::Domain(acme), ScopeRef::Project(web)] {
            for n in 0..SCOPE_LABEL_DEFINITIONS {
                create(tx, &new(scope, &format!("k{n}"))).await.unwrap();
            }
            let refused = create(tx, &new(scope, "more")).await;
            assert!(matches!(refused, Err(CreateError::Full)), "{scope}");
        }
        let refused = define(tx, web, "more", AssignedBy::System).await;
        assert!(matches!(refused, Err(CreateError::Full)));
        let gone = labels::resolve(tx, web, "k7").await?.unwrap();
        assert!(delete(tx, gone.id).await.unwrap());
        define(tx, web, "more", AssignedBy::System).await.unwrap();
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_change_keeps_what_exists_true() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let place = place(tx).await?;
        let wanted = NewDefinition {
            default_value: Some(json!("x")),
            ..new(ScopeRef::Project(place.web), "env")
        };
        let id = assigned(tx, &place, &wanted, json!("prod")).await?;
        let words = |words: &[&str]| Change {
            schema: Some(ValueSchema::Enum {
                values: words.iter().map(|word| (*word).to_owned()).collect(),
            }),
            ..Change::default()
        };
        let refused = change(tx, id, &words(&["x", "test"])).await;
        assert!(matches!(refused, Err(ChangeError::LabelRefused)));
        let refused = change(tx, id, &words(&["prod"])).await;
        assert!(matches!(refused, Err(ChangeError::DefaultRefused)));
        let without_default = Change {
            default_value: Some(Json::Null),
            description: Some(String::new()),
            on_delete: Some(OnDelete::Orphan),
            ..words(&["prod"])
        };
        let changed = change(tx, id, &without_default).await.unwrap().unwrap();
        assert_eq!(changed.value_schema.values, Some(vec!["prod".to_owned()]));
        assert_eq!((changed.description, changed.on_delete), (None, OnDelete::Orphan));
        let kinds = |kind: &str| Change {
            kinds: Some(vec![kind.to_owned()]),
            ..Change::default()
        };
        assert!(matches!(
            change(tx, id, &kinds("project")).await,
            Err(ChangeError::KindInUse)
        ));
        assert_eq!(
            change(tx, id, &kinds("node"))
                .await
                .unwrap()
                .unwrap()
                .applicable_kinds,
            ["node"]
        );
        assert_eq!(
            change(tx, Uuid::from_u128(1), &Change::default()).await.unwrap(),
            None
        );

        let frozen = NewDefinition {
            immutable: true,
            ..new(ScopeRef::Project(place.web), "frozen")
        };
        let id = create(tx, &frozen).await.unwrap().id;
        assert!(matches!(
            change(tx, id, &words(&["a"])).await,
            Err(ChangeError::Immutable)
        ));
        let same = Change {
            schema: Some(ValueSchema::plain()),
            ..Change::default()
        };
        assert!(
            change(tx, id, &same).await.unwrap().is_some(),
            "the same schema is no change"
        );
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_becomes_of_the_labels_is_as_the_definition_says() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let place = place(tx).await?;
        let with = |key: &str, on_delete| NewDefinition {
            on_delete,
            ..new(ScopeRef::Domain(place.acme), key)
        };
        let block = assigned(tx, &place, &with("block", OnDelete::Block), json!("x")).await?;
        assert!(matches!(delete(tx, block).await, Err(DeleteError::Assigned)));
        labels::remove(tx, place.node, block).await?;
        assert!(delete(tx, block).await.unwrap());
        assert!(!delete(tx, block).await.unwrap(), "there is none any more");

        let cascade = assigned(tx, &place, &with("cascade", OnDelete::Cascade), json!("x")).await?;
        let orphan = assigned(tx, &place, &with("orphan", OnDelete::Orphan), json!("x")).await?;
        assert!(delete(tx, cascade).await.unwrap() && delete(tx, orphan).await.unwrap());
        let left = labels::of_object(tx, place.node).await?;
        let told: Vec<_> = left
            .iter()
            .map(|label| (label.definition_id, label.qualified_key.as_str()))
            .collect();
        assert_eq!(told, [(None, "acme/orphan")]);
        let seen = labels::of_nodes(tx, &[place.node.id]).await?;
        assert!(
            seen[&place.node.id].keys.is_empty(),
            "an orphan is never selected"
        );
        // Also when there is a definition of that key again.
        let again = assigned(tx, &place, &with("orphan", OnDelete::Orphan), json!("y")).await?;
        let seen = labels::of_nodes(tx, &[place.node.id]).await?;
        assert_eq!(seen[&place.node.id].keys["orphan"], "y");
        assert!(delete(tx, again).await.unwrap());
        assert_eq!(labels::of_object(tx, place.node).await?.len(), 2);
        assert!(labels::remove_orphaned(tx, place.node, "acme/orphan").await?);
        assert!(labels::of_object(tx, place.node).await?.is_empty());
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_platforms_own_definitions_stay() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let Place { web, .. } = place(tx).await?;
        let seeded = create(tx, &new(ScopeRef::Platform, "zone")).await.unwrap().id;
        let sql = "update label_definitions set created_by = 'system' where id = $1";
        tx.execute(sql, &values![seeded]).await?;
        assert!(matches!(delete(tx, seeded).await, Err(DeleteError::Seeded)));
        let of_token = crate::testing::resolve_or_define(tx, web, "env", AssignedBy::System).await?;
        assert!(
            delete(tx, of_token.id).await.unwrap(),
            "what a token defined belongs to the project"
        );
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_required_label_counts_with_its_default() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let place = place(tx).await?;
        let wanted = NewDefinition {
            required: true,
            default_value: Some(json!("silver")),
            kinds: vec!["node".to_owned()],
            ..new(ScopeRef::Domain(place.acme), "tier")
        };
        let id = create(tx, &wanted).await.unwrap().id;
        let seen = async |tx: &mut Tx| {
            labels::of_nodes(tx, &[place.node.id]).await.unwrap()[&place.node.id]
                .keys
                .get("tier")
                .cloned()
        };
        assert_eq!(seen(tx).await, Some(json!("silver")));
        let projects = labels::of_projects(tx, &[(place.web, place.acme)]).await?;
        assert!(projects[&place.web].keys.is_empty(), "it is for nodes only");
        let listed = labels::in_effect(tx, place.node, place.web).await?;
        assert_eq!((listed.len(), listed[0].assigned_by.as_str()), (1, "system"));
        assert!(labels::of_object(tx, place.node).await?.is_empty());
        let definition = labels::definition(tx, place.web, id).await?.unwrap();
        let (project, gold) = (Object::project(place.web), json!("gold"));
        let refused = labels::assign(tx, project, &definition, &gold, AssignedBy::User).await?;
        assert_eq!(refused.unwrap_err(), Refused::Kind);
        labels::assign(tx, place.node, &definition, &json!("gold"), AssignedBy::User)
            .await?
            .unwrap();
        assert_eq!(seen(tx).await, Some(json!("gold")));
        let off = Change {
            required: Some(false),
            ..Change::default()
        };
        change(tx, id, &off).await.unwrap();
        labels::remove(tx, place.node, id).await?;
        assert_eq!(seen(tx).await, None);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
