//! The same calls get the same answers on both databases, but for ids, times and secrets.

use http::Method;
use plex_api::paths;
use plex_tests::{Answer, ControlPlane, Manifest, Operator, SimulatedNode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Who asks.
#[derive(Clone, Copy)]
enum Caller<'a> {
    Operator(&'a Operator),
    Node(&'a SimulatedNode),
    Nobody(&'a Operator),
}

/// What was asked and answered so far.
#[derive(Default)]
struct Transcript {
    lines: Vec<String>,
    ids: BTreeMap<String, usize>,
}

impl Transcript {
    fn ask(&mut self, caller: Caller<'_>, (method, path): (Method, &str), body: Option<Value>) -> Value {
        let body = body.map(|body| body.to_string());
        let bytes = body.as_deref().map(str::as_bytes);
        let json = [("content-type", "application/json")];
        let (who, answer) = match caller {
            Caller::Operator(operator) => ("operator", operator.send(&method, path, &json, bytes)),
            Caller::Node(node) => ("node", node.send(&method, path, bytes)),
            Caller::Nobody(operator) => ("nobody", operator.web().send(&method, path, &json, bytes)),
        };
        let question = self.plain(&format!("{who} {method} {path} {}", body.unwrap_or_default()));
        let told = self.told(&answer);
        self.lines
            .push(format!("{question}\n    {} {told}", answer.status));
        serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
    }

    fn told(&mut self, answer: &Answer) -> String {
        let location = answer.header("location").unwrap_or_default();
        let location = self.plain(location);
        match serde_json::from_slice::<Value>(&answer.body) {
            Ok(mut json) => {
                self.simplify(&mut json);
                format!("{location} {json}")
            }
            Err(_) => format!("{location} {}", self.plain(&answer.text())),
        }
    }

    fn simplify(&mut self, json: &mut Value) {
        match json {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match name.as_str() {
                        "correlation_id" | "output_upload_url" if !value.is_null() => *value = json!("…"),
                        _ => self.simplify(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.simplify(item)),
            Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => *json = json!("time"),
            Value::String(text) => *json = json!(self.plain(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Ids become numbers in the order in which they occur; what is long and random becomes one word.
    fn plain(&mut self, text: &str) -> String {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_+/=.:".contains(letter);
        let mut plain = String::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let id = rest.get(..36).filter(|text| Uuid::parse_str(text).is_ok());
            let run = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
            if let Some(id) = id {
                let next = self.ids.len();
                let number = *self.ids.entry(id.to_owned()).or_insert(next);
                plain += &format!("#{number}");
                rest = &rest[36..];
            } else if is_random(&rest[..run]) {
                plain += "random";
                rest = &rest[run..];
            } else {
                plain.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
        plain
    }
}

/// Secrets, cursors and digests mix everything; what people write is shorter or says where it ends.
fn is_random(run: &str) -> bool {
    let has = |kind: fn(char) -> bool| run.contains(kind);
    run.len() >= 32
        && !has(|letter| "/.:".contains(letter))
        && has(|letter| letter.is_ascii_digit())
        && has(|letter| letter.is_ascii_alphabetic())
}

fn id(json: &Value) -> Uuid {
    let id = json["id"].as_str().unwrap_or_else(|| panic!("no id: {json}"));
    id.parse().expect("a UUID")
}

/// Who is there, and what the calls are about.
struct World {
    admin: Operator,
    viewer: Operator,
    user: Uuid,
    domain: Uuid,
    node: SimulatedNode,
    other: SimulatedNode,
}

fn recorded(control_plane: &ControlPlane) -> Vec<String> {
    let admin = control_plane.admin();
    let user = Uuid::now_v7();
    admin.grant(user, "viewer", &format!("project:{}", admin.project_id));
    let labels = json!({"env": "prod"});
    let world = World {
        viewer: admin.token_of(user),
        user,
        domain: control_plane.domain_id(),
        node: SimulatedNode::labelled(control_plane, "web-1", &labels),
        other: SimulatedNode::labelled(control_plane, "web-2", &labels),
        admin,
    };
    let mut transcript = Transcript::default();
    tenancy(&mut transcript, &world);
    authority(&mut transcript, &world);
    nodes(&mut transcript, &world);
    executions(&mut transcript, &world);
    audit(&mut transcript, &world);
    refusals(&mut transcript, &world, control_plane);
    transcript.lines
}

fn tenancy(transcript: &mut Transcript, world: &World) {
    let admin = Caller::Operator(&world.admin);
    let new = json!({"slug": "client", "name": "Client", "region": "eu-central-1"});
    let domain = transcript.ask(admin, (Method::POST, paths::DOMAINS), Some(new.clone()));
    transcript.ask(admin, (Method::POST, paths::DOMAINS), Some(new));
    transcript.ask(
        admin,
        (Method::POST, paths::DOMAINS),
        Some(json!({"slug": "Not One", "name": ""})),
    );
    let path = paths::domain(id(&domain));
    transcript.ask(admin, (Method::GET, &path), None);
    transcript.ask(
        admin,
        (Method::PATCH, &path),
        Some(json!({"description": "patched"})),
    );
    let new = json!({"domain_id": domain["id"], "slug": "shop", "name": "Shop"});
    let project = transcript.ask(admin, (Method::POST, paths::PROJECTS), Some(new.clone()));
    transcript.ask(admin, (Method::POST, paths::PROJECTS), Some(new));
    transcript.ask(admin, (Method::DELETE, &path), None);
    let inner = paths::project(id(&project));
    transcript.ask(admin, (Method::PATCH, &inner), Some(json!({"name": "Ladle"})));
    transcript.ask(Caller::Operator(&world.viewer), (Method::GET, &inner), None);
    for list in [paths::DOMAINS, paths::PROJECTS] {
        transcript.ask(admin, (Method::GET, list), None);
        let page = transcript.ask(admin, (Method::GET, &format!("{list}?limit=1")), None);
        if let Some(cursor) = page["next_cursor"].as_str() {
            transcript.ask(
                admin,
                (Method::GET, &format!("{list}?limit=1&cursor={cursor}")),
                None,
            );
        }
    }
    transcript.ask(admin, (Method::GET, &paths::domain_capacity(id(&domain))), None);
    transcript.ask(admin, (Method::DELETE, &inner), None);
    transcript.ask(admin, (Method::DELETE, &inner), None);
    transcript.ask(admin, (Method::DELETE, &path), None);
    transcript.ask(admin, (Method::GET, &path), None);
}

fn authority(transcript: &mut Transcript, world: &World) {
    let (admin, viewer) = (Caller::Operator(&world.admin), Caller::Operator(&world.viewer));
    let project = format!("project:{}", world.admin.project_id);
    let subject = format!("user:{}", world.user);
    let tuples = format!("{}?project_id={}", paths::RELATION_TUPLES, world.admin.project_id);
    transcript.ask(viewer, (Method::GET, paths::WHOAMI), None);
    let triple =
        json!({"subject": format!("user:{}", Uuid::now_v7()), "relation": "operator", "resource": project});
    let tuple = transcript.ask(admin, (Method::POST, &tuples), Some(triple.clone()));
    transcript.ask(admin, (Method::POST, &tuples), Some(triple.clone()));
    transcript.ask(viewer, (Method::POST, &tuples), Some(triple));
    transcript.ask(admin, (Method::GET, &tuples), None);
    let one = paths::relation_tuple(id(&tuple));
    let changed = json!({"subject": tuple["subject"], "relation": "viewer", "resource": project});
    transcript.ask(admin, (Method::PATCH, &one), Some(changed));
    for relation in ["viewer", "operator", "nonsense"] {
        let question = json!({"subject": subject, "relation": relation, "resource": project});
        transcript.ask(viewer, (Method::POST, paths::AUTHZ_CHECK), Some(question));
    }
    let question = json!({"subject": subject, "relation": "viewer", "resource_type": "project"});
    transcript.ask(viewer, (Method::POST, paths::LOOKUP_RESOURCES), Some(question));
    let group = json!({"domain_id": world.domain, "slug": "crew", "name": "Crew"});
    let group = transcript.ask(admin, (Method::POST, paths::GROUPS), Some(group));
    let group_id = id(&group);
    let members = paths::group_members(group_id);
    let member = transcript.ask(admin, (Method::POST, &members), Some(json!({"subject": subject})));
    transcript.ask(admin, (Method::POST, &members), Some(json!({"subject": subject})));
    transcript.ask(admin, (Method::GET, &members), None);
    transcript.ask(
        admin,
        (
            Method::GET,
            &format!("{}?domain_id={}", paths::GROUPS, world.domain),
        ),
        None,
    );
    transcript.ask(
        admin,
        (Method::DELETE, &paths::group_member(group_id, id(&member))),
        None,
    );
    transcript.ask(admin, (Method::DELETE, &paths::group(group_id)), None);
    transcript.ask(admin, (Method::GET, &paths::group(group_id)), None);
    transcript.ask(admin, (Method::DELETE, &one), None);
    transcript.ask(admin, (Method::DELETE, &one), None);
    let new = json!({"identity_ref": subject, "env_prefix": "dev", "ttl_seconds": 600});
    let token = transcript.ask(admin, (Method::POST, paths::TOKENS), Some(new.clone()));
    transcript.ask(viewer, (Method::POST, paths::TOKENS), Some(new));
    transcript.ask(viewer, (Method::GET, paths::TOKENS), None);
    let theirs = world
        .admin
        .with_token(token["plaintext"].as_str().expect("a token's text"));
    transcript.ask(admin, (Method::DELETE, &paths::token(id(&token))), None);
    transcript.ask(Caller::Operator(&theirs), (Method::GET, paths::WHOAMI), None);
}

fn nodes(transcript: &mut Transcript, world: &World) {
    let (admin, node) = (Caller::Operator(&world.admin), Caller::Node(&world.node));
    let project = world.admin.project_id;
    let tokens = paths::bootstrap_tokens(project);
    let new = json!({"kind": "node", "env_prefix": "prod", "ttl_seconds": 600, "max_uses": 2, "labels": {"env": "x"}});
    let token = transcript.ask(admin, (Method::POST, &tokens), Some(new));
    transcript.ask(admin, (Method::GET, &format!("{tokens}?limit=2")), None);
    let token_id = token["token_id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .expect("an id");
    transcript.ask(
        admin,
        (Method::DELETE, &paths::bootstrap_token(project, token_id)),
        None,
    );
    transcript.ask(
        admin,
        (Method::GET, &paths::bootstrap_token(project, token_id)),
        None,
    );
    let late = json!({
        "project_id": project, "resource_handle": "late", "bootstrap_token": token["token"],
        "nonce": Uuid::now_v7(), "public_key": plex_tests::base64(&[7; 32]),
    });
    transcript.ask(
        Caller::Nobody(&world.admin),
        (Method::POST, paths::REGISTER),
        Some(late),
    );
    transcript.ask(node, (Method::GET, &paths::node_state(world.node.id)), None);
    transcript.ask(node, (Method::GET, &paths::node_state(world.other.id)), None);
    let manifest = Manifest::of(&["probe", "rotate"]).body();
    transcript.ask(
        node,
        (Method::PUT, &paths::node_capabilities(world.node.id)),
        Some(manifest.clone()),
    );
    transcript.ask(
        node,
        (Method::PUT, &paths::node_capabilities(world.node.id)),
        Some(manifest),
    );
    transcript.ask(admin, (Method::GET, &paths::capabilities(project)), None);
    let list = format!("{}?project_id={project}", paths::NODES);
    for filter in [
        "",
        "&selector=env%3Dprod",
        "&selector=%21env",
        "&selector=%3D",
        "&limit=1",
    ] {
        transcript.ask(admin, (Method::GET, &format!("{list}{filter}")), None);
    }
    transcript.ask(
        Caller::Operator(&world.viewer),
        (Method::GET, &paths::node(world.node.id)),
        None,
    );
    let labels = paths::object_labels("node", world.node.id);
    for value in ["r7", "r8"] {
        transcript.ask(
            admin,
            (Method::PUT, &labels),
            Some(json!({"key": "rack", "value": value})),
        );
    }
    transcript.ask(admin, (Method::GET, &labels), None);
    let definition = json!({
        "scope": "project", "scope_id": project, "local_key": "tier",
        "value_schema": {"kind": "enum", "values": ["gold", "silver"]}, "applicable_kinds": ["node"],
    });
    let definition = transcript.ask(admin, (Method::POST, paths::LABEL_DEFINITIONS), Some(definition));
    for value in ["gold", "tin"] {
        transcript.ask(
            admin,
            (Method::PUT, &labels),
            Some(json!({"key": "tier", "value": value})),
        );
    }
    let definitions = format!("{}?scope=project:{project}", paths::LABEL_DEFINITIONS);
    transcript.ask(admin, (Method::GET, &definitions), None);
    transcript.ask(
        admin,
        (Method::DELETE, &paths::label_definition(id(&definition))),
        None,
    );
    let search = json!({"selector": "env=prod", "relation": "read", "scope": "project", "scope_id": project});
    transcript.ask(admin, (Method::POST, paths::OBJECT_SEARCH), Some(search));
    transcript.ask(
        admin,
        (Method::POST, paths::SELECTOR_PREVIEW),
        Some(json!({"expression": "env=="})),
    );
    transcript.ask(admin, (Method::GET, &paths::node_hooks(project)), None);
}

fn executions(transcript: &mut Transcript, world: &World) {
    let (admin, viewer) = (Caller::Operator(&world.admin), Caller::Operator(&world.viewer));
    let project = world.admin.project_id;
    let dispatch = paths::dispatch(project);
    let mut executions = Vec::new();
    for body in [
        json!({"action": "probe", "node_id": world.node.id}),
        json!({"action": "probe", "selector": "env=prod", "timeout_seconds": 3600}),
        json!({"action": "probe", "selector": "env=none"}),
        json!({"action": "unknown", "node_id": world.node.id}),
        json!({"action": "probe", "node_id": Uuid::now_v7()}),
        json!({"action": "probe"}),
        json!({"action": "probe", "node_id": world.node.id, "timeout_seconds": 0}),
    ] {
        let answer = transcript.ask(admin, (Method::POST, &dispatch), Some(body.clone()));
        executions.extend(answer["id"].as_str().map(str::to_owned));
        transcript.ask(viewer, (Method::POST, &dispatch), Some(body));
    }
    let executions: Vec<Uuid> = executions.iter().map(|id| id.parse().expect("a UUID")).collect();
    let output = plex_tests::base64(b"out");
    let reports = [
        json!({"status": "ack"}),
        json!({"status": "ack"}),
        json!({"status": "succeeded", "exit_code": 0}),
        json!({"status": "started", "declared_output_bytes": 20_000}),
        json!({"status": "succeeded", "exit_code": 0, "output": {"inline": output}}),
        json!({"status": "succeeded", "exit_code": 0, "output": {"inline": output}}),
        json!({"status": "failed", "exit_code": 1, "error": "late"}),
        json!({"status": "pending"}),
    ];
    for execution in &executions {
        for node in [&world.node, &world.other] {
            for report in &reports {
                let path = paths::callback(node.id, *execution);
                transcript.ask(Caller::Node(node), (Method::POST, &path), Some(report.clone()));
            }
            let output = paths::target_output(project, *execution, node.id);
            transcript.ask(viewer, (Method::GET, &output), None);
        }
        transcript.ask(
            viewer,
            (Method::GET, &paths::execution(project, *execution)),
            None,
        );
    }
    let list = paths::executions(project);
    for filter in [
        "",
        "?status=succeeded",
        "?status=nonsense",
        "?action_name=probe&limit=1",
        "?order=asc",
        "?cursor=x",
    ] {
        transcript.ask(viewer, (Method::GET, &format!("{list}{filter}")), None);
    }
    let node = format!("{list}?node_id={}", world.other.id);
    transcript.ask(viewer, (Method::GET, &node), None);
    transcript.ask(admin, (Method::DELETE, &paths::node(world.other.id)), None);
    transcript.ask(
        Caller::Node(&world.other),
        (Method::GET, &paths::node_state(world.other.id)),
        None,
    );
}

fn audit(transcript: &mut Transcript, world: &World) {
    let admin = Caller::Operator(&world.admin);
    for chain in [None, Some(world.domain)] {
        transcript.ask(admin, (Method::GET, &paths::audit_entries(chain)), None);
        transcript.ask(admin, (Method::GET, &paths::audit_entry(chain, 1)), None);
        transcript.ask(admin, (Method::GET, &paths::audit_entry(chain, 1_000_000)), None);
        transcript.ask(admin, (Method::POST, &paths::audit_verify(chain)), None);
    }
    transcript.ask(admin, (Method::POST, &paths::erase_identity(world.user)), None);
    transcript.ask(
        Caller::Operator(&world.viewer),
        (Method::GET, paths::WHOAMI),
        None,
    );
}

/// Every operation with an id of nothing and an empty body, as the admin, the node and nobody.
fn refusals(transcript: &mut Transcript, world: &World, control_plane: &ControlPlane) {
    let document = control_plane
        .web()
        .send(&Method::GET, "/v1/openapi.json", &[], None)
        .json();
    let nothing = Uuid::now_v7().to_string();
    for (template, item) in document["paths"].as_object().expect("paths") {
        if template.starts_with("/v1/docs") || template.contains("device") || template == "/v1/auth/logout" {
            continue;
        }
        let segments = template.split('/').map(|segment| match segment {
            "{kind}" => "node",
            "{seq}" => "0",
            segment if segment.starts_with('{') => nothing.as_str(),
            segment => segment,
        });
        let path = segments.collect::<Vec<_>>().join("/");
        for verb in item.as_object().expect("operations").keys() {
            let method: Method = verb.to_uppercase().parse().expect("a method");
            let is_export = path.ends_with("/export") || path.ends_with("openapi.json");
            let body = (method != Method::GET).then(|| json!({}));
            for caller in [Caller::Operator(&world.admin), Caller::Node(&world.node)] {
                if !is_export {
                    transcript.ask(caller, (method.clone(), &path), body.clone());
                }
            }
        }
    }
}

#[test]
fn both_databases_get_the_same_answers() {
    let sqlite = recorded(&ControlPlane::start_on_sqlite());
    let postgres = recorded(&ControlPlane::start_shared(|_| Vec::new()));
    assert!(sqlite.len() > 150, "{} calls", sqlite.len());
    let differing: Vec<_> = sqlite
        .iter()
        .zip(&postgres)
        .filter(|(one, other)| one != other)
        .map(|(one, other)| format!("SQLite:\n{one}\nPostgreSQL:\n{other}\n"))
        .collect();
    assert!(
        differing.is_empty(),
        "{} of {} differ:\n{}",
        differing.len(),
        sqlite.len(),
        differing.join("\n")
    );
    assert_eq!(sqlite.len(), postgres.len());
}
