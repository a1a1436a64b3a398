use super::*;
use crate::testing::{db, domain, node, project, resolve_or_define};
use serde_json::json;

/// A definition of any scope; only those of projects are made by the product itself.
async fn define(
    tx: &mut Tx,
    (scope, scope_id): (&str, Uuid),
    key: &str,
    schema: &str,
) -> Result<Uuid, Error> {
    let id = tx.new_id();
    let qualified = match scope {
        "platform" => format!("platform/{key}"),
        _ => format!("acme/{key}"),
    };
    tx.execute(
        "insert into label_definitions (
            id, scope, scope_id, local_key, qualified_key, value_schema, created_by, created_at, updated_at
        ) values ($1, $2, $3, $4, $5, $6, 'system', $7, $7)",
        &values![id, scope, scope_id, key, &qualified, schema, tx.now()],
    )
    .await?;
    Ok(id)
}

const STRING: &str = r#"{"kind":"string"}"#;

#[tokio::test]
async fn a_bare_key_means_the_nearest_definition() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let acme = domain(tx, "acme").await?;
        let (web, other) = (project(tx, acme, "web").await?, project(tx, acme, "other").await?);
        let id = node(tx, web, "n").await?;
        let platform = define(tx, ("platform", Uuid::nil()), "env", STRING).await?;
        assert_eq!(resolve(tx, web, "env").await?.unwrap().id, platform);
        let on_platform = resolve(tx, web, "env").await?.unwrap();
        assign(tx, Object::node(id), &on_platform, &json!("p"), AssignedBy::User).await?.unwrap();
        let of_domain = define(tx, ("domain", acme), "env", STRING).await?;
        assert_eq!(resolve(tx, web, "env").await?.unwrap().id, of_domain);
        tx.execute(
            "insert into label_definitions (
                id, scope, scope_id, local_key, qualified_key, value_schema, created_by, created_at, updated_at
            ) values ($1, 'project', $2, 'env', 'acme:web/env', $3, 'user', $4, $4)",
            &values![id, web, STRING, tx.now()],
        )
        .await?;
        assert_eq!(resolve(tx, web, "env").await?.unwrap().id, id);
        assert_eq!(resolve(tx, other, "env").await?.unwrap().id, of_domain, "another project's is not nearer");
        assert_eq!(resolve(tx, web, "platform/env").await?.unwrap().id, platform);
        assert_eq!(resolve(tx, other, "acme:web/env").await?, None, "another project's cannot be used");
        assert_eq!(definition(tx, other, id).await?, None);
        assert_eq!(definition(tx, web, of_domain).await?.unwrap().qualified_key, "acme/env");

        let hidden = of_nodes(tx, &[id]).await?.remove(&id).unwrap();
        assert_eq!(serde_json::to_value(&hidden.shown).unwrap(), json!({"platform/env": "p"}));
        assert_eq!(hidden.keys, hidden.shown, "the bare key means the project's, which the node does not have");
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_key_is_defined_on_first_use_and_then_stays() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let acme = domain(tx, "acme").await?;
        let web = project(tx, acme, "web").await?;
        let id = node(tx, web, "n").await?;
        let first = resolve_or_define(tx, web, "role", AssignedBy::User).await?;
        assert_eq!(
            (first.qualified_key.as_str(), &first.schema),
            ("acme:web/role", &ValueSchema::plain())
        );
        assert_eq!(
            resolve_or_define(tx, web, "role", AssignedBy::System).await?,
            first
        );
        let label = assign(tx, Object::node(id), &first, &json!("db"), AssignedBy::System)
            .await?
            .unwrap();
        assert_eq!((label.value, label.assigned_by.as_str()), (json!("db"), "system"));
        assert_eq!(
            (label.definition_id, label.object_id, label.object_kind.as_str()),
            (Some(first.id), id, "node")
        );
        assign(tx, Object::node(id), &first, &json!("web"), AssignedBy::User)
            .await?
            .unwrap();
        let all = of_object(tx, Object::node(id)).await?;
        assert_eq!(all.len(), 1, "a second value replaces the first");
        assert_eq!(
            (&all[0].value, all[0].assigned_by.as_str()),
            (&json!("web"), "user")
        );
        assert_eq!(
            assign(tx, Object::node(id), &first, &json!(7), AssignedBy::User)
                .await?
                .unwrap_err(),
            Refused::Value
        );
        assert!(remove(tx, Object::node(id), first.id).await?);
        assert!(!remove(tx, Object::node(id), first.id).await?);
        assert!(of_object(tx, Object::node(id)).await?.is_empty());
        assert_eq!(of_nodes(tx, &[id]).await?[&id], Labelled::default());
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_node_has_64_labels_at_most() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let acme = domain(tx, "acme").await?;
        let web = project(tx, acme, "web").await?;
        let id = node(tx, web, "n").await?;
        let mut definitions = Vec::new();
        for n in 0..=MAX_LABELS {
            definitions.push(resolve_or_define(tx, web, &format!("k{n}"), AssignedBy::User).await?);
        }
        let (last, others) = definitions.split_last().unwrap();
        for definition in others {
            assign(tx, Object::node(id), definition, &json!("x"), AssignedBy::User)
                .await?
                .unwrap();
        }
        assert_eq!(
            assign(tx, Object::node(id), last, &json!("x"), AssignedBy::User)
                .await?
                .unwrap_err(),
            Refused::Limit
        );
        assign(tx, Object::node(id), &others[0], &json!("y"), AssignedBy::User)
            .await?
            .expect("replacing is not one more");
        remove(tx, Object::node(id), others[0].id).await?;
        assign(tx, Object::node(id), last, &json!("x"), AssignedBy::User)
            .await?
            .unwrap();
        assert_eq!(of_object(tx, Object::node(id)).await?.len(), 64);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn values_keep_their_json_type() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let acme = domain(tx, "acme").await?;
        let web = project(tx, acme, "web").await?;
        let id = node(tx, web, "n").await?;
        let cases = [
            ("flag", r#"{"kind":"boolean"}"#, json!(true), json!("true")),
            ("rank", r#"{"kind":"numeric","min":0}"#, json!(5), json!(-1)),
            (
                "tier",
                r#"{"kind":"enum","values":["gold"]}"#,
                json!("gold"),
                json!("lead"),
            ),
        ];
        for (key, schema, good, bad) in cases {
            let definition_id = define(tx, ("domain", acme), key, schema).await?;
            let definition = definition(tx, web, definition_id).await?.unwrap();
            assert_eq!(
                assign(tx, Object::node(id), &definition, &bad, AssignedBy::User)
                    .await?
                    .unwrap_err(),
                Refused::Value
            );
            assign(tx, Object::node(id), &definition, &good, AssignedBy::User)
                .await?
                .unwrap();
            assert_eq!(of_nodes(tx, &[id]).await?[&id].keys[key], good);
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

/// What is in effect on a node: its keys and values as JSON.
async fn keys(tx: &mut Tx, node: Uuid) -> Result<Json, Error> {
    let labelled = of_nodes(tx, &[node]).await?.remove(&node).unwrap_or_default();
    Ok(serde_json::to_value(labelled.shown).unwrap())
}

#[tokio::test]
async fn a_node_has_its_projects_labels_unless_it_has_its_own() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let acme = domain(tx, "acme").await?;
        let (web, other) = (project(tx, acme, "web").await?, project(tx, acme, "other").await?);
        let (a, b, c) = (
            node(tx, web, "a").await?,
            node(tx, web, "b").await?,
            node(tx, other, "c").await?,
        );
        let env = resolve_or_define(tx, web, "env", AssignedBy::User).await?;
        let tier = resolve_or_define(tx, web, "tier", AssignedBy::User).await?;
        for (object, definition, value) in [
            (Object::project(web), &env, "prod"),
            (Object::project(web), &tier, "gold"),
            (Object::node(a), &env, "test"),
        ] {
            assign(tx, object, definition, &json!(value), AssignedBy::User)
                .await?
                .unwrap();
        }
        assert_eq!(keys(tx, a).await?, json!({"env": "test", "tier": "gold"}));
        assert_eq!(keys(tx, b).await?, json!({"env": "prod", "tier": "gold"}));
        assert_eq!(keys(tx, c).await?, json!({}));
        let places = [(web, acme), (other, acme)];
        let projects = of_projects(tx, &places).await?;
        assert_eq!(projects[&web].shown["env"], "prod");
        assert_eq!(projects[&web].scopes, [web].into());
        assert_eq!(projects[&other], Labelled::default());

        let listed = in_effect(tx, Object::node(a), web).await?;
        let told: Vec<_> = listed
            .iter()
            .map(|label| {
                (
                    label.qualified_key.as_str(),
                    label.object_kind.as_str(),
                    label.object_id,
                )
            })
            .collect();
        assert_eq!(
            told,
            [("acme:web/env", "node", a), ("acme:web/tier", "project", web)]
        );
        let own = of_object(tx, Object::node(a)).await?;
        assert_eq!(own.len(), 1);
        remove(tx, Object::node(a), env.id).await?;
        assert_eq!(keys(tx, a).await?["env"], "prod");
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_definition_bounds_its_values_and_its_kinds() {
    let (_dir, db) = db();
    db.write(async |tx| {
        let acme = domain(tx, "acme").await?;
        let web = project(tx, acme, "web").await?;
        let object = Object::node(node(tx, web, "a").await?);
        let plain = resolve_or_define(tx, web, "role", AssignedBy::User).await?;
        let by = AssignedBy::User;
        let two = Definition {
            cardinality: 2,
            ..plain.clone()
        };
        for value in ["a", "b", "a"] {
            assign(tx, object, &two, &json!(value), by).await?.unwrap();
        }
        let refused = assign(tx, object, &two, &json!("c"), by).await?;
        assert_eq!(refused.unwrap_err(), Refused::Cardinality);
        assert_eq!(keys(tx, object.id).await?, json!({"role": ["a", "b"]}));
        assert!(remove(tx, object, plain.id).await?, "all values at once");
        assert_eq!(keys(tx, object.id).await?, json!({}));

        let frozen = Definition {
            immutable: true,
            ..plain.clone()
        };
        assign(tx, object, &frozen, &json!("a"), by).await?.unwrap();
        assign(tx, object, &frozen, &json!("a"), by)
            .await?
            .expect("the same value again");
        let refused = assign(tx, object, &frozen, &json!("b"), by).await?;
        assert_eq!(refused.unwrap_err(), Refused::Immutable);
        assert_eq!(keys(tx, object.id).await?, json!({"role": "a"}));

        let elsewhere = Definition {
            kinds: vec!["project".to_owned()],
            ..plain
        };
        let refused = assign(tx, object, &elsewhere, &json!("a"), by).await?;
        assert_eq!(refused.unwrap_err(), Refused::Kind);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
