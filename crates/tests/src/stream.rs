//! A node that listens, at one replica after the other.

use crate::node::SimulatedNode;
use crate::waiting::{LIMIT, until};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

/// A node's event streams. Its thread ends with the first thing that it hears after this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    ended: AtomicBool,
    told: Mutex<HashSet<Uuid>>,
}

impl Stream {
    /// Listens as the node at each replica in turn, for so many executions at a time.
    pub(crate) fn follow(nodes: Vec<SimulatedNode>, executions: usize) -> Self {
        let stream = Self::default();
        let shared = Arc::clone(&stream.shared);
        std::thread::spawn(move || {
            for node in nodes.iter().cycle() {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                shared.listen(node, executions);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        stream
    }

    /// Waits until the node was told of it.
    pub(crate) fn wait_for(&self, execution: Uuid) {
        until("a node to be told of an execution", LIMIT, || {
            let mut told = self.shared.told.lock().expect("nobody panics with it");
            told.remove(&execution).then_some(())
        });
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn listen(&self, node: &SimulatedNode, executions: usize) {
        let Ok(mut events) = node.try_events() else {
            return;
        };
        for _ in 0..executions {
            let Some(request) = events.action_request() else {
                return;
            };
            let id = request["execution_id"].as_str().and_then(|id| id.parse().ok());
            let id = id.unwrap_or_else(|| panic!("no execution: {}", Value::to_string(&request)));
            self.told.lock().expect("nobody panics with it").insert(id);
        }
    }
}
