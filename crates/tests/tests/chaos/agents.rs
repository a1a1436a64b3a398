//! Real agents, one at each replica: whatever fails, each job runs once.

use plex_api::paths;
use plex_tests::{Agent, ControlPlane, Doors, End, Jobs, LIMIT, Load, sha256_hex};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How far apart an agent's jobs begin.
const PACE: Duration = Duration::from_secs(2);
/// How far apart looks for the end of one are.
const LOOK: Duration = Duration::from_millis(200);
const LARGE_BYTES: usize = 20_000;
const SMALL: &str = r#"#!/bin/sh
echo "$PLEXD_EXECUTION_ID" >> "$HOME/scratch/count"
printf done
"#;
const LARGE: &str = r#"#!/bin/sh
echo "$PLEXD_EXECUTION_ID" >> "$HOME/scratch/count"
head -c 20000 /dev/zero
"#;

/// The agents.
pub(crate) struct Fleet(Vec<Agent>);

impl Fleet {
    pub(crate) fn start(replicas: &[ControlPlane]) -> Self {
        let agents: Vec<_> = replicas
            .iter()
            .enumerate()
            .map(|(number, replica)| Agent::start(replica, &format!("agent-{number}")))
            .collect();
        for agent in &agents {
            agent.hook("small", SMALL);
            agent.hook("large", LARGE);
        }
        Self(agents)
    }

    pub(crate) fn pids(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(Agent::pid)
    }

    /// Has jobs run on all of them until the load ends.
    pub(crate) fn work(&self, load: &Load, doors: &Doors) -> Jobs {
        std::thread::scope(|scope| {
            let work = |agent| scope.spawn(move || work(agent, load, doors));
            let running: Vec<_> = self.0.iter().map(work).collect();
            let done = running
                .into_iter()
                .flat_map(|worker| worker.join().expect("no worker panics"));
            done.collect()
        })
    }

    /// What ran is what was answered, once.
    pub(crate) fn assert_each_ran_once(&self, jobs: &Jobs) {
        let known: BTreeMap<Uuid, ()> = jobs.values().map(|(id, _)| (*id, ())).collect();
        let mut ran = BTreeMap::<Uuid, usize>::new();
        for agent in &self.0 {
            let lines = std::fs::read_to_string(agent.scratch().join("count")).expect("hooks ran");
            for line in lines.lines() {
                let id = line.parse().expect("an execution's id");
                assert!(known.contains_key(&id), "{id} ran, and nobody was told so");
                *ran.entry(id).or_default() += 1;
            }
        }
        assert!(!ran.is_empty(), "nothing ran");
        let twice: Vec<_> = ran.iter().filter(|(_, count)| **count != 1).collect();
        assert!(twice.is_empty(), "ran more than once: {twice:?}");
        let wanted = jobs.keys().filter(|key| key.starts_with("agent-")).count();
        assert_eq!(ran.len(), wanted, "each job of an agent ran");
    }
}

fn work(agent: &Agent, load: &Load, doors: &Doors) -> Jobs {
    let mut done = Jobs::new();
    load.repeat(Some(PACE), |number| {
        let (hook, end) = if number.is_multiple_of(2) {
            ("small", End::Inline(b"done".to_vec()))
        } else {
            ("large", End::Stored(sha256_hex(&[0; LARGE_BYTES])))
        };
        let key = format!("agent-{}", Uuid::now_v7());
        let order = json!({"action": hook, "type": "hook", "node_id": agent.node_id()});
        let id = load.dispatch(doors, (&key, number), &order);
        wait_for(load, doors, (id, number));
        done.insert(key, (id, end));
    });
    done
}

/// Waits for its end, looking at one replica after the other.
fn wait_for(load: &Load, doors: &Doors, (id, first): (Uuid, usize)) {
    let path = paths::execution(doors.project_id(), id);
    let began = Instant::now();
    for door in first.. {
        let execution = load.read(doors, door, &path);
        match execution["status"].as_str() {
            Some("succeeded") => return,
            Some("pending" | "ack" | "started") => {}
            _ => panic!("{execution}"),
        }
        // An agent that waits between two tries does so for up to a minute.
        assert!(began.elapsed() < 2 * LIMIT, "it does not end: {execution}");
        std::thread::sleep(LOOK);
    }
}
