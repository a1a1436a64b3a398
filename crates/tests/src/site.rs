//! Replicas of one installation, and what must be true of them whatever happened.

use crate::control_plane::ControlPlane;
use crate::load::{Doors, End, Jobs, Load};
use crate::node::SimulatedNode;
use plex_api::paths;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use uuid::Uuid;

/// Microseconds after its deadline within which the server gives an invocation up, if nothing hinders it.
const GIVEN_UP_WITHIN: i64 = 8_000_000;

/// Replicas of one installation, and nodes that any of them serves.
#[derive(Debug)]
pub struct Site {
    /// The replicas.
    pub replicas: Vec<ControlPlane>,
    /// The nodes.
    pub nodes: Vec<SimulatedNode>,
}

impl Site {
    /// Starts so many of both.
    pub fn start(replicas: usize, nodes: usize) -> Self {
        Self::start_prepared(|_| Vec::new(), (replicas, nodes))
    }

    /// As [`Site::start`], with flags for `plexsphere serve` on this data directory.
    pub fn start_prepared(
        prepare: impl FnOnce(&Path) -> Vec<String>,
        (replicas, nodes): (usize, usize),
    ) -> Self {
        let first = ControlPlane::start_shared(prepare);
        let others: Vec<_> = (1..replicas).map(|_| first.replica()).collect();
        let nodes = (0..nodes)
            .map(|number| SimulatedNode::register(&first, &format!("node-{number}")))
            .collect();
        let replicas = [first].into_iter().chain(others).collect();
        Self { replicas, nodes }
    }

    /// Works on every node at once while `meanwhile` happens to the replicas.
    pub fn under_load(&mut self, load: &Load, meanwhile: impl FnOnce(&mut [ControlPlane])) -> Jobs {
        let at = |node: &SimulatedNode| Doors::of_node(&self.replicas, node);
        let workers: Vec<Doors> = self.nodes.iter().map(at).collect();
        std::thread::scope(|scope| {
            let running: Vec<_> = workers
                .iter()
                .map(|doors| scope.spawn(|| load.work(doors)))
                .collect();
            // Also when something in between panics: else the workers would go on for ever.
            let ended = EndOf(load);
            meanwhile(&mut self.replicas);
            drop(ended);
            let done = running
                .into_iter()
                .flat_map(|worker| worker.join().expect("no worker panics"));
            done.collect()
        })
    }

    /// What was answered is there, once, and nothing else; the record contradicts itself nowhere. `outage` is the
    /// longest time, in seconds, for which deadlines may have been looked after by nobody.
    pub fn assert_whole(&self, jobs: &Jobs, outage: u32) {
        let wanted: BTreeSet<Uuid> = jobs.values().map(|(id, _)| *id).collect();
        assert_eq!(wanted.len(), jobs.len(), "one execution for each key");
        assert_eq!(self.listed(), wanted, "what was answered is what there is");
        for ((id, end), replica) in jobs.values().zip(self.replicas.iter().cycle()) {
            assert_ended(&replica.admin().execution(*id), end);
        }
        self.assert_counts(jobs);
        self.assert_deadlines(outage);
        self.assert_chains();
    }

    /// All executions; each page from another replica.
    fn listed(&self) -> BTreeSet<Uuid> {
        let mut listed = BTreeSet::new();
        let mut cursor = String::new();
        for replica in self.replicas.iter().cycle() {
            let admin = replica.admin();
            let path = format!("{}?limit=50{cursor}", paths::executions(admin.project_id));
            let page = admin.get(&path).expect(200).json();
            for execution in page["items"].as_array().expect("a page has items") {
                let id = execution["id"].as_str().and_then(|id| id.parse().ok());
                assert!(listed.insert(id.expect("an id")), "listed twice: {execution}");
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        listed
    }

    fn assert_counts(&self, jobs: &Jobs) {
        let database = self.replicas[0].database();
        for contradiction in [
            "select count(*) from (select 1 from execution_events
                group by execution_id, node_id, status having count(*) > 1) twice",
            "select count(*) from executions where succeeded + timeout <> 1 or pending + ack + started + failed <> 0",
            "select count(*) from invocations where status not in ('succeeded', 'timeout') or live = 1",
        ] {
            assert_eq!(database.number(contradiction), 0, "{contradiction}");
        }
        let number = |count: usize| i64::try_from(count).expect("not that many");
        let timed_out = jobs.values().filter(|(_, end)| *end == End::TimedOut).count();
        let reported = jobs.len() - timed_out;
        for (what, count) in [
            ("execution_events", 3 * reported + timed_out),
            ("audit_entries where relation = 'dispatch'", jobs.len()),
            ("executions where timeout = 1", timed_out),
        ] {
            let counted = database.number(&format!("select count(*) from {what}"));
            assert_eq!(counted, number(count), "{what}");
        }
    }

    /// Nothing was given up before its deadline, nor long after it.
    fn assert_deadlines(&self, outage: u32) {
        let latest = GIVEN_UP_WITHIN + 1_000_000 * i64::from(outage);
        let missed = format!(
            "select count(*) from invocations i join executions e on e.id = i.execution_id
             where i.status = 'timeout'
             and (i.finished_at < e.expires_at or i.finished_at > e.expires_at + {latest})"
        );
        assert_eq!(self.replicas[0].database().number(&missed), 0, "{missed}");
    }

    fn assert_chains(&self) {
        for replica in &self.replicas {
            let domain = replica.domain_id().to_string();
            for chain in [&["--domain", domain.as_str()][..], &["--platform"]] {
                replica
                    .admin()
                    .plexctl(&[&["audit", "verify"], chain].concat())
                    .expect(0);
            }
        }
    }
}

/// Ends a load with itself.
struct EndOf<'a>(&'a Load);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn assert_ended(execution: &Value, end: &End) {
    let (target, status) = (&execution["targets"][0], &execution["status"]);
    match end {
        End::Inline(bytes) => {
            let output = &target["output_ref"]["inline_bytes"];
            assert_eq!(
                (status, output),
                (&"succeeded".into(), &crate::base64(bytes).into())
            );
        }
        End::Stored(sha256) => {
            let output = &target["output_ref"];
            assert_eq!(status, "succeeded", "{execution}");
            assert_eq!(output["kind"], "object_store", "{execution}");
            assert_eq!(output["sha256"], sha256.as_str(), "{execution}");
        }
        End::TimedOut => assert_eq!(status, "timeout", "{execution}"),
    }
}
