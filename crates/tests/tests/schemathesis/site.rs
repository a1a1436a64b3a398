//! Where the requests go: a control plane with one of everything.

use plex_api::paths;
use plex_tests::{ControlPlane, Operator, SimulatedNode};
use serde_json::{Value, json};
use uuid::Uuid;

/// A control plane, and what the hooks must know about it.
pub(crate) struct Site {
    pub(crate) control_plane: ControlPlane,
    /// The node as which requests are sent.
    pub(crate) node: SimulatedNode,
    /// Ids that exist, by the names that parameters have.
    pub(crate) known: Value,
    /// Ids on which the callers stand.
    pub(crate) keep: Vec<String>,
    /// Other tokens of the admin's.
    pub(crate) expendable: Vec<String>,
}

impl Site {
    /// Makes it.
    pub(crate) fn build() -> Self {
        let control_plane = ControlPlane::start_with(&["--trusted-proxy", "127.0.0.0/8"]);
        let node = SimulatedNode::labelled(&control_plane, "fuzzed", &json!({"env": "prod"}));
        let execution_id = executions(&control_plane, &node);
        let keep = kept(&control_plane, &node);
        let admin = control_plane.admin();
        let identity = Uuid::now_v7();
        let tuple = admin.grant(identity, "viewer", &format!("project:{}", admin.project_id));
        let domain_id = control_plane.domain_id();
        let group = json!({"domain_id": domain_id, "slug": "fuzzed", "name": "Fuzzed"});
        let group = admin.post(paths::GROUPS, &group).expect(201).json();
        let member = json!({"subject": format!("user:{identity}")});
        let group_id = group["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("a group's id");
        let membership = admin
            .post(&paths::group_members(group_id), &member)
            .expect(201)
            .json();
        let known = json!({
            "domain_id": domain_id,
            "project_id": admin.project_id,
            "node_id": node.id,
            "execution_id": execution_id,
            "identity_id": identity,
            "relation_tuple_id": tuple["id"],
            "group_id": group_id,
            "membership_id": membership["id"],
        });
        let user = subject(&admin);
        let expendable = (0..5).map(|_| admin.token_of(user).token).collect();
        Self {
            control_plane,
            node,
            known,
            keep,
            expendable,
        }
    }
}

/// One execution that ended, one under way, which is returned, and some that wait, so that the event stream has something
/// to say at once.
fn executions(control_plane: &ControlPlane, node: &SimulatedNode) -> Uuid {
    let admin = control_plane.admin();
    node.succeed(admin.dispatch(node.id, "probe"), b"done");
    let open = admin.dispatch(node.id, "probe");
    node.begin(open);
    let long = json!({"action": "probe", "node_id": node.id, "timeout_seconds": 86_400});
    for _ in 0..20 {
        admin.dispatched(&long);
    }
    open
}

/// The admin, their token and their grants; the node, its project and its domain.
fn kept(control_plane: &ControlPlane, node: &SimulatedNode) -> Vec<String> {
    let admin = control_plane.admin();
    let tokens = admin.get(paths::TOKENS).expect(200).json();
    let grants = format!("{}?project_id={}", paths::RELATION_TUPLES, admin.project_id);
    let grants = admin.get(&grants).expect(200).json();
    let rows = [&tokens, &grants["items"]].map(|list| list.as_array().expect("a list").clone());
    let ids = rows
        .iter()
        .flatten()
        .map(|row| row["id"].as_str().expect("an id").to_owned());
    let others = [
        node.id,
        control_plane.domain_id(),
        admin.project_id,
        subject(&admin),
    ];
    ids.chain(others.map(|id| id.to_string())).collect()
}

fn subject(operator: &Operator) -> Uuid {
    let whoami = operator.get(paths::WHOAMI).expect(200).json();
    let subject = whoami["subject"].as_str().expect("a subject");
    subject.parse().expect("a UUID")
}
