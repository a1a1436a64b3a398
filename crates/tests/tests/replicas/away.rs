//! Two replicas on one database: what one accepts reaches a node that the other serves, whatever NATS does.

use plex_tests::{ControlPlane, LIMIT, NatsServer, SimulatedNode, until};
use rustix::process::Signal;
use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How often each replica looks in the database for what is pending for its nodes.
const LOOK: Duration = Duration::from_secs(2);
/// Within this a look finds what was dispatched, on a busy machine too. It is a third of the time after which a stream
/// sends again by itself what a node does not answer.
const WITHIN: Duration = LOOK.saturating_mul(5);
/// Dispatches one after the other, each as soon as the node has heard of the one before.
const SERIES: u32 = 4;

/// One replica that is told, and one that the node is connected to.
struct Pair {
    here: ControlPlane,
    there: ControlPlane,
    node: SimulatedNode,
    told: Receiver<Uuid>,
    dispatched: HashSet<Uuid>,
}

impl Pair {
    fn start(nats: &NatsServer) -> Self {
        let flags = vec!["--nats-url".to_owned(), nats.url()];
        let here = ControlPlane::start_shared(|_| flags);
        let there = here.replica();
        let node = SimulatedNode::register(&here, "a").at(&there);
        let told = listen(node.clone());
        Self {
            here,
            there,
            node,
            told,
            dispatched: HashSet::new(),
        }
    }

    /// Dispatches at one replica, and waits until the node has heard of all at the other, of each once. Returns the
    /// longest time that passed in between.
    fn deliver(&mut self, count: usize) -> Duration {
        let admin = self.here.admin();
        let dispatch = |_| (admin.dispatch(self.node.id, "probe"), Instant::now());
        let mut waiting: HashMap<Uuid, Instant> = (0..count).map(dispatch).collect();
        self.dispatched.extend(waiting.keys());
        let mut longest = Duration::ZERO;
        while !waiting.is_empty() {
            let id = self.told.recv_timeout(LIMIT).expect("nothing is lost");
            let since = waiting.remove(&id).expect("nothing comes twice");
            longest = longest.max(since.elapsed());
        }
        longest
    }

    /// Whether a series took less time than the looks that it would need without a message: each dispatch is heard of
    /// in another one.
    fn is_told_by_message(&mut self) -> bool {
        let began = Instant::now();
        for _ in 0..SERIES {
            self.deliver(1);
        }
        began.elapsed() < LOOK * (SERIES - 1)
    }

    fn assert_delivered_by_looking(&mut self) {
        assert!(!self.is_told_by_message(), "NATS is away");
        let longest = self.deliver(10);
        assert!(longest < WITHIN, "it took {longest:?}");
    }

    fn wait_for_messages(&mut self) {
        until("a delivery by message", LIMIT, || {
            self.is_told_by_message().then_some(())
        });
    }

    /// Every dispatch ran once, and the node heard of nothing else.
    fn assert_whole(&self) {
        for id in &self.dispatched {
            assert_eq!(self.there.admin().ended(*id)["status"], "succeeded");
        }
        assert_eq!(self.told.try_recv(), Err(mpsc::TryRecvError::Empty));
        let count = i64::try_from(self.dispatched.len()).expect("not that many");
        for (what, count) in [("executions", count), ("execution_events", 3 * count)] {
            let counted = self
                .here
                .database()
                .number(&format!("select count(*) from {what}"));
            assert_eq!(counted, count, "{what}");
        }
    }
}

/// Listens as the node and runs what it is told of, until its replica is gone.
fn listen(node: SimulatedNode) -> Receiver<Uuid> {
    let (tell, told) = mpsc::channel();
    let mut events = node.events();
    std::thread::spawn(move || {
        while let Some(request) = events.action_request() {
            let id = request["execution_id"].as_str().and_then(|id| id.parse().ok());
            let id = id.expect("a request has an execution");
            if tell.send(id).is_err() {
                return;
            }
            node.succeed(id, b"out");
        }
    });
    told
}

#[test]
fn the_node_of_another_replica_is_told_by_looking_while_nats_is_away() {
    let mut nats = NatsServer::start();
    let mut pair = Pair::start(&nats);
    pair.wait_for_messages();

    nats.signal(Signal::STOP);
    pair.assert_delivered_by_looking();
    nats.signal(Signal::CONT);
    pair.wait_for_messages();

    nats.kill9();
    pair.assert_delivered_by_looking();
    nats.restart();
    pair.wait_for_messages();
    pair.assert_whole();
}
