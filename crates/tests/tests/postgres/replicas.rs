//! Several replicas that live: each serves what any of them was told.

use http::Method;
use plex_api::paths;
use plex_tests::{Agent, ControlPlane, LIMIT, SimulatedNode, until};
use serde_json::{Value, json};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

const HOOK: &str = r#"#!/bin/sh
echo run >> "$HOME/scratch/runs"
while [ -e "$HOME/scratch/hold" ]; do sleep 0.05; done
"#;

/// Leads connections to one of several replicas.
struct Balancer {
    address: SocketAddr,
    upstream: Arc<Mutex<String>>,
}

impl Balancer {
    fn before(replica: &ControlPlane) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let upstream = Arc::new(Mutex::new(port(replica)));
        let shared = Arc::clone(&upstream);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let upstream = shared.lock().expect("nobody panics with it").clone();
                if let Ok(server) = TcpStream::connect(format!("127.0.0.1:{upstream}")) {
                    lead(&client, &server).expect("a socket has two handles");
                }
            }
        });
        Self { address, upstream }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    fn lead_to(&self, replica: &ControlPlane) {
        *self.upstream.lock().expect("nobody panics with it") = port(replica);
    }
}

fn port(replica: &ControlPlane) -> String {
    let (_, port) = replica.url().rsplit_once(':').expect("a URL with a port");
    port.to_owned()
}

fn lead(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    for (from, to) in [(client, server), (server, client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        std::thread::spawn(move || {
            // However it ends, it has ended for both.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Both);
            let _ = from.shutdown(std::net::Shutdown::Both);
        });
    }
    Ok(())
}

fn runs(agent: &Agent) -> usize {
    let runs = std::fs::read_to_string(agent.scratch().join("runs"));
    runs.map_or(0, |runs| runs.lines().count())
}

fn replicas(count: usize) -> Vec<ControlPlane> {
    let first = ControlPlane::start_shared(|_| Vec::new());
    let others: Vec<_> = (1..count).map(|_| first.replica()).collect();
    [first].into_iter().chain(others).collect()
}

#[test]
fn a_dispatch_at_one_replica_runs_once_on_nodes_that_others_serve() {
    let replicas = replicas(3);
    let agents: Vec<_> = replicas
        .iter()
        .enumerate()
        .map(|(number, replica)| Agent::start(replica, &format!("web-{number}")))
        .collect();
    for agent in &agents {
        agent.hook("job", HOOK);
    }
    let labels = json!({"action": "job", "type": "hook", "selector": "name"});
    let execution = replicas[0].admin().dispatched(&labels);
    for replica in &replicas {
        let ended = replica.admin().ended(execution);
        assert_eq!(ended["status"], "succeeded", "{ended}");
        assert_eq!(ended["targets"].as_array().map(Vec::len), Some(agents.len()));
    }
    assert_eq!(agents.iter().map(runs).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn an_agent_whose_replica_dies_goes_on_at_another_and_runs_nothing_twice() {
    let mut replicas = replicas(2);
    let balancer = Balancer::before(&replicas[0]);
    let agent = Agent::start_with(&replicas[0], "web-1", &["--server", &balancer.url()]);
    agent.hook("job", HOOK);
    let hold = agent.scratch().join("hold");
    std::fs::write(&hold, "").expect("a scratch directory can be written");
    let job = json!({"action": "job", "type": "hook", "node_id": agent.node_id()});
    let first = replicas[0].admin().dispatched(&job);
    until("the job to run", LIMIT, || (runs(&agent) == 1).then_some(()));
    replicas[0].kill9();
    balancer.lead_to(&replicas[1]);
    let admin = replicas[1].admin();
    let second = admin.dispatched(&job);
    std::fs::remove_file(hold).expect("it was made before");
    for execution in [first, second] {
        assert_eq!(admin.ended(execution)["status"], "succeeded");
    }
    assert_eq!(runs(&agent), 2);
}

#[test]
fn what_one_replica_gave_out_holds_at_another() {
    let replicas = replicas(2);
    let [here, there] = [replicas[0].admin(), replicas[1].admin()];
    let node = SimulatedNode::register(&replicas[0], "n");
    let key = Uuid::now_v7().to_string();
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key.as_str()),
    ];
    let body = json!({"action": "probe", "node_id": node.id}).to_string();
    let path = paths::dispatch(here.project_id);
    let dispatched = [&here, &there].map(|admin| {
        let answer = admin.send(&Method::POST, &path, &headers, Some(body.as_bytes()));
        answer.expect(201).json()["id"].clone()
    });
    assert_eq!(dispatched[0], dispatched[1], "the same key is the same execution");
    for _ in 0..2 {
        here.dispatch(node.id, "probe");
    }
    let list = format!("{}?limit=1", paths::executions(here.project_id));
    let mut page = here.get(&list).expect(200).json();
    let mut seen = vec![page["items"][0]["id"].clone()];
    for admin in [&there, &here] {
        let cursor = page["next_cursor"].as_str().expect("there is more").to_owned();
        page = admin.get(&format!("{list}&cursor={cursor}")).expect(200).json();
        seen.push(page["items"][0]["id"].clone());
    }
    assert_eq!(
        (seen.len(), &seen[2], &page["next_cursor"]),
        (3, &dispatched[0], &Value::Null)
    );
}

#[test]
fn what_is_revoked_at_one_replica_is_refused_at_another_at_once() {
    let replicas = replicas(2);
    let [here, there] = [replicas[0].admin(), replicas[1].admin()];
    for _ in 0..10 {
        let user = Uuid::now_v7();
        let tuple = here.grant(user, "viewer", &format!("project:{}", here.project_id));
        let issued = here.plexctl_json(&["token", "issue", "--user", &user.to_string()]);
        let token = issued["plaintext"].as_str().expect("a token's text");
        let (theirs, project) = (there.with_token(token), paths::project(here.project_id));
        theirs.get(&project).expect(200);
        let id = |json: &Value| json["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        here.delete(&paths::relation_tuple(id(&tuple))).expect(204);
        theirs.get(&project).expect(404);
        theirs.get(paths::WHOAMI).expect(200);
        here.with_token(token)
            .delete(&paths::token(id(&issued)))
            .expect(204);
        theirs.get(paths::WHOAMI).expect(401);
    }
    let node = SimulatedNode::register(&replicas[0], "n");
    let elsewhere = node.at(&replicas[1]);
    elsewhere.state().expect(200);
    here.delete(&paths::node(node.id)).expect(204);
    assert_eq!(elsewhere.state().status, 401);
}

#[test]
fn an_output_uploaded_at_one_replica_is_read_at_another() {
    let shared = tempfile::tempdir().expect("a temporary directory");
    let store = format!("file://{}", shared.path().display());
    let first = ControlPlane::start_shared(|_| vec!["--object-store-url".to_owned(), store]);
    let (second, third) = (first.replica(), first.replica());
    let node = SimulatedNode::register(&first, "n");
    let execution = first.admin().dispatch(node.id, "probe");
    let output = vec![b'x'; 20_000];
    node.begin(execution);
    let archived = node.at(&second).archive(execution, &output);
    let end = json!({"status": "succeeded", "exit_code": 0, "output": archived});
    node.at(&third).callback(execution, &end).expect(200);
    for replica in [&first, &second] {
        let admin = replica.admin();
        let ended = admin.execution(execution);
        assert_eq!(ended["targets"][0]["status"], "succeeded", "{ended}");
        let path = paths::target_output(admin.project_id, execution, node.id);
        let location = admin.get(&path).expect(303);
        let location = location
            .header("location")
            .expect("where the output is")
            .to_owned();
        let read = replica.web().send(&Method::GET, &location, &[], None).expect(200);
        assert!(read.body == output, "it is another");
    }
}
