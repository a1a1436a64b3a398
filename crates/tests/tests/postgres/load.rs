//! Dispatches and reports that go on whatever dies, each tried at one replica after the other until it is answered.

use http::Method;
use plex_api::paths;
use plex_tests::{Answer, Broken, ControlPlane, LIMIT, Operator, SimulatedNode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Replicas of one installation, and nodes that any of them serves.
pub(super) struct Site {
    pub(super) replicas: Vec<ControlPlane>,
    pub(super) nodes: Vec<SimulatedNode>,
}

/// How a load of jobs went.
#[derive(Debug, Default)]
pub(super) struct Load {
    ended: AtomicBool,
    jobs: AtomicUsize,
    unanswered: AtomicUsize,
}

impl Site {
    pub(super) fn start(replicas: usize, nodes: usize) -> Self {
        let first = ControlPlane::start_shared(&[]);
        let others: Vec<_> = (1..replicas).map(|_| first.replica()).collect();
        let nodes = (0..nodes)
            .map(|number| SimulatedNode::register(&first, &format!("node-{number}")))
            .collect();
        let replicas = [first].into_iter().chain(others).collect();
        Self { replicas, nodes }
    }

    /// Works on every node at once while `meanwhile` happens to the replicas; the executions by their keys.
    pub(super) fn under_load(
        &mut self,
        meanwhile: impl FnOnce(&mut [ControlPlane], &Load),
    ) -> BTreeMap<String, Uuid> {
        let load = Load::default();
        let workers: Vec<Vec<(Operator, SimulatedNode)>> = self
            .nodes
            .iter()
            .map(|node| {
                let at = |replica: &ControlPlane| (replica.admin(), node.at(replica));
                self.replicas.iter().map(at).collect()
            })
            .collect();
        std::thread::scope(|scope| {
            let load = &load;
            let running: Vec<_> = workers
                .iter()
                .map(|doors| scope.spawn(|| load.work(doors)))
                .collect();
            meanwhile(&mut self.replicas, load);
            load.ended.store(true, Ordering::SeqCst);
            let done = running
                .into_iter()
                .flat_map(|worker| worker.join().expect("no worker panics"));
            done.collect()
        })
    }

    /// What was answered is there, once, and nothing else; the record contradicts itself nowhere.
    pub(super) fn assert_whole(&self, jobs: &BTreeMap<String, Uuid>) {
        let wanted: BTreeSet<Uuid> = jobs.values().copied().collect();
        assert_eq!(wanted.len(), jobs.len(), "one execution for each key");
        let mut listed = BTreeSet::new();
        let mut cursor = String::new();
        // Each page from another replica.
        for replica in self.replicas.iter().cycle() {
            let admin = replica.admin();
            let path = format!("{}?limit=50{cursor}", paths::executions(admin.project_id));
            let page = admin.get(&path).expect(200).json();
            for execution in page["items"].as_array().expect("a page has items") {
                assert_eq!(execution["status"], "succeeded", "{execution}");
                let id = execution["id"].as_str().and_then(|id| id.parse().ok());
                assert!(listed.insert(id.expect("an id")), "listed twice: {execution}");
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(listed, wanted, "what was answered is what there is");
        for ((key, id), replica) in jobs.iter().zip(self.replicas.iter().cycle()) {
            let execution = replica.admin().execution(*id);
            let output = plex_tests::base64(key.as_bytes());
            assert_eq!(
                execution["targets"][0]["output_ref"]["inline_bytes"], output,
                "{execution}"
            );
        }
        let database = self.replicas[0].database();
        for contradiction in [
            "select count(*) from (select 1 from execution_events
                group by execution_id, node_id, status having count(*) > 1) twice",
            "select count(*) from executions where succeeded <> 1 or pending + ack + started + failed <> 0",
            "select count(*) from invocations where status <> 'succeeded'",
        ] {
            assert_eq!(database.number(contradiction), 0, "{contradiction}");
        }
        let events = database.number("select count(*) from execution_events");
        assert_eq!(events, 3 * i64::try_from(jobs.len()).expect("not that many"));
        let dispatches = database.number("select count(*) from audit_entries where relation = 'dispatch'");
        assert_eq!(dispatches, i64::try_from(jobs.len()).expect("not that many"));
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

impl Load {
    /// Waits until that many more jobs are done.
    pub(super) fn go_on(&self, jobs: usize) {
        let wanted = self.jobs.load(Ordering::SeqCst) + jobs;
        plex_tests::until("the load to go on", LIMIT, || {
            (self.jobs.load(Ordering::SeqCst) >= wanted).then_some(())
        });
    }

    /// How often there was no answer, or one that said to try again.
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::SeqCst)
    }

    fn work(&self, doors: &[(Operator, SimulatedNode)]) -> Vec<(String, Uuid)> {
        let mut done = Vec::new();
        while !self.ended.load(Ordering::SeqCst) {
            let key = Uuid::now_v7().to_string();
            let id = self.job(doors, &key, done.len());
            done.push((key, id));
            self.jobs.fetch_add(1, Ordering::SeqCst);
        }
        done
    }

    /// One execution from its dispatch to its end, each step at another replica.
    fn job(&self, doors: &[(Operator, SimulatedNode)], key: &str, first: usize) -> Uuid {
        let node_id = doors[0].1.id;
        let body = json!({"action": "probe", "node_id": node_id}).to_string();
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let answer = self.persist(doors.len(), (first, 201), |door| {
            let admin = &doors[door].0;
            let path = paths::dispatch(admin.project_id);
            admin.try_send(&Method::POST, &path, &headers, Some(body.as_bytes()))
        });
        let id = answer["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("an id");
        let output = plex_tests::base64(key.as_bytes());
        let reports = [
            json!({"status": "ack"}),
            json!({"status": "started"}),
            json!({"status": "succeeded", "exit_code": 0, "output": {"inline": output}}),
        ];
        for (step, report) in reports.iter().enumerate() {
            let body = report.to_string();
            let path = paths::callback(node_id, id);
            self.persist(doors.len(), (first + step + 1, 200), |door| {
                doors[door]
                    .1
                    .try_send(&Method::POST, &path, Some(body.as_bytes()))
            });
        }
        id
    }

    /// Tries at one door after the other. Nothing but "try again" may come instead of what is wanted.
    fn persist(
        &self,
        doors: usize,
        (first, wanted): (usize, u16),
        send: impl Fn(usize) -> Result<Answer, Broken>,
    ) -> Value {
        let began = Instant::now();
        for door in first.. {
            match send(door % doors) {
                Ok(answer) if answer.status == 503 => assert!(answer.header("retry-after").is_some()),
                Ok(answer) => return answer.expect(wanted).json(),
                Err(Broken(_)) => {}
            }
            self.unanswered.fetch_add(1, Ordering::SeqCst);
            assert!(began.elapsed() < LIMIT, "no answer for {LIMIT:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        unreachable!("it goes on without end")
    }
}
