//! Dispatches and reports that go on whatever dies, each tried at one replica after the other until it is answered.

use crate::control_plane::ControlPlane;
use crate::node::{SimulatedNode, object_key};
use crate::operator::Operator;
use crate::stream::Stream;
use crate::waiting::{LIMIT, until};
use crate::web::{Answer, Broken, Web};
use crate::{base64, sha256_base64, sha256_hex};
use http::Method;
use plex_api::paths;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How many executions a node may be told of in one stream before it goes on in another, at the next replica.
const TOLD_IN_ONE_STREAM: usize = 20;
/// What nobody reports is given up after so long.
const SHORT_SECONDS: u32 = 5;

/// What a job is to come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It succeeds; these bytes are in the log.
    Inline(Vec<u8>),
    /// It succeeds; bytes with this digest are in the object store.
    Stored(String),
    /// Nobody reports it.
    TimedOut,
}

/// Which kind of end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`End::Inline`]
    Inline,
    /// [`End::Stored`]
    Stored,
    /// [`End::TimedOut`]
    TimedOut,
}

/// Jobs by their keys: the execution that was answered, and what it is to come to.
pub type Jobs = BTreeMap<String, (Uuid, End)>;

/// What is asked, and how it goes.
#[derive(Debug)]
pub struct Load {
    kinds: &'static [Kind],
    /// How far apart a worker's jobs begin; `None` for one right after the other.
    pace: Option<Duration>,
    ended: AtomicBool,
    jobs: AtomicUsize,
    unanswered: AtomicUsize,
    longest_milliseconds: AtomicU64,
}

impl Default for Load {
    /// As many jobs with inline outputs as can be had, told of nothing.
    fn default() -> Self {
        Self::steady(&[Kind::Inline], None)
    }
}

/// Somebody's ways to each of the replicas.
#[derive(Debug)]
pub struct Doors(Vec<(Operator, Option<SimulatedNode>)>);

impl Doors {
    /// An operator's.
    pub fn of_operator(replicas: &[ControlPlane]) -> Self {
        Self(replicas.iter().map(|replica| (replica.admin(), None)).collect())
    }

    /// A node's and its operator's.
    pub fn of_node(replicas: &[ControlPlane], node: &SimulatedNode) -> Self {
        let at = |replica: &ControlPlane| (replica.admin(), Some(node.at(replica)));
        Self(replicas.iter().map(at).collect())
    }

    /// The operator's project.
    pub fn project_id(&self) -> Uuid {
        self.operator(0).project_id
    }

    fn operator(&self, door: usize) -> &Operator {
        &self.0[door % self.0.len()].0
    }

    fn node(&self, door: usize) -> &SimulatedNode {
        self.0[door % self.0.len()].1.as_ref().expect("a node's doors")
    }
}

impl Load {
    /// Jobs of these kinds in turn, each worker's so far apart.
    pub fn steady(kinds: &'static [Kind], pace: Option<Duration>) -> Self {
        Self {
            kinds,
            pace,
            ended: AtomicBool::new(false),
            jobs: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
            longest_milliseconds: AtomicU64::new(0),
        }
    }

    /// Waits until that many more jobs are done.
    pub fn go_on(&self, jobs: usize) {
        let wanted = self.jobs() + jobs;
        until("the load to go on", LIMIT, || {
            assert!(!self.has_ended(), "somebody gave up");
            (self.jobs() >= wanted).then_some(())
        });
    }

    /// How many jobs are done.
    pub fn jobs(&self) -> usize {
        self.jobs.load(Ordering::SeqCst)
    }

    /// How often there was no answer, or one that said to try again.
    pub fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::SeqCst)
    }

    /// The longest time from the first try to the answer.
    pub fn longest(&self) -> Duration {
        Duration::from_millis(self.longest_milliseconds.load(Ordering::SeqCst))
    }

    /// Whether it is over.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// No further job begins.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// One job after the other until the end.
    pub fn repeat(&self, pace: Option<Duration>, mut job: impl FnMut(usize)) {
        let _ended = EndInPanic(self);
        for number in 0.. {
            if self.has_ended() {
                return;
            }
            let began = Instant::now();
            job(number);
            if let Some(pace) = pace {
                std::thread::sleep(pace.saturating_sub(began.elapsed()));
            }
        }
    }

    /// A node's jobs until the end. With a `pace` the node is told of each before it reports.
    pub(crate) fn work(&self, doors: &Doors) -> Jobs {
        let mut done = Jobs::new();
        let stream = self.pace.is_some().then(|| {
            let nodes = (0..doors.0.len()).map(|door| doors.node(door).clone()).collect();
            Stream::follow(nodes, TOLD_IN_ONE_STREAM)
        });
        self.repeat(self.pace, |number| {
            let key = Uuid::now_v7().to_string();
            let job = Job {
                load: self,
                doors,
                stream: stream.as_ref(),
                key: &key,
                first: number,
            };
            let ended = job.run(self.kinds[number % self.kinds.len()]);
            done.insert(key, ended);
            self.jobs.fetch_add(1, Ordering::SeqCst);
        });
        done
    }

    /// Dispatches once, however often that has to be tried.
    pub fn dispatch(&self, doors: &Doors, (key, first): (&str, usize), order: &Value) -> Uuid {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let order = order.to_string();
        let answer = self.persist((first, 201), |door| {
            let operator = doors.operator(door);
            let path = paths::dispatch(operator.project_id);
            operator.try_send(&Method::POST, &path, &headers, Some(order.as_bytes()))
        });
        let id = answer["id"].as_str().and_then(|id| id.parse().ok());
        id.expect("an execution has an id")
    }

    /// Reads as the operator.
    pub fn read(&self, doors: &Doors, first: usize, path: &str) -> Value {
        self.persist((first, 200), |door| {
            doors.operator(door).try_send(&Method::GET, path, &[], None)
        })
    }

    fn report(&self, doors: &Doors, first: usize, (execution, report): (Uuid, &Value)) -> Value {
        let (path, body) = (paths::callback(doors.node(0).id, execution), report.to_string());
        self.persist((first, 200), |door| {
            doors
                .node(door)
                .try_send(&Method::POST, &path, Some(body.as_bytes()))
        })
    }

    /// Tries at one door after the other. Nothing but "try again" may come instead of what is wanted.
    fn persist(
        &self,
        (first, wanted): (usize, u16),
        send: impl Fn(usize) -> Result<Answer, Broken>,
    ) -> Value {
        self.until_answered(first, |door| match send(door)? {
            answer if answer.status == 503 => {
                assert!(answer.header("retry-after").is_some());
                Err(Broken(answer.text()))
            }
            answer => Ok(answer.expect(wanted).json()),
        })
    }

    fn until_answered<T>(&self, first: usize, send: impl Fn(usize) -> Result<T, Broken>) -> T {
        let began = Instant::now();
        for door in first.. {
            let answer = send(door);
            let waited = began.elapsed();
            match answer {
                Ok(answer) => {
                    let waited = u64::try_from(waited.as_millis()).expect("a short time");
                    self.longest_milliseconds.fetch_max(waited, Ordering::SeqCst);
                    return answer;
                }
                Err(Broken(why)) => assert!(waited < LIMIT, "no answer for {LIMIT:?}: {why}"),
            }
            self.unanswered.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
        }
        unreachable!("it goes on without end")
    }
}

/// Where one fails, all end: nobody works for an hour on what has failed already.
struct EndInPanic<'a>(&'a Load);

impl Drop for EndInPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end();
        }
    }
}

/// One execution from its dispatch to its end, each step at another replica.
struct Job<'a> {
    load: &'a Load,
    doors: &'a Doors,
    stream: Option<&'a Stream>,
    key: &'a str,
    first: usize,
}

impl Job<'_> {
    fn run(&self, kind: Kind) -> (Uuid, End) {
        let mut order = json!({"action": "probe", "node_id": self.doors.node(0).id});
        if kind == Kind::TimedOut {
            order["timeout_seconds"] = json!(SHORT_SECONDS);
        }
        let id = self.load.dispatch(self.doors, (self.key, self.first), &order);
        // A short one may be over before a frozen replica comes to tell of it.
        if let Some(stream) = self.stream.filter(|_| kind != Kind::TimedOut) {
            stream.wait_for(id);
        }
        (id, self.finish(id, kind))
    }

    fn finish(&self, id: Uuid, kind: Kind) -> End {
        if kind == Kind::TimedOut {
            return End::TimedOut;
        }
        self.step(1, id, &json!({"status": "ack"}));
        self.step(2, id, &json!({"status": "started"}));
        let (end, output) = if kind == Kind::Inline {
            let bytes = self.key.as_bytes();
            (End::Inline(bytes.to_vec()), json!({"inline": base64(bytes)}))
        } else {
            self.upload(id)
        };
        self.step(
            3,
            id,
            &json!({"status": "succeeded", "exit_code": 0, "output": output}),
        );
        let operator = self.doors.operator(0);
        let path = paths::execution(operator.project_id, id);
        let seen = self.load.read(self.doors, self.first + 4, &path);
        assert_eq!(
            seen["status"], "succeeded",
            "what one replica answered, another knows: {seen}"
        );
        end
    }

    fn step(&self, step: usize, id: Uuid, report: &Value) -> Value {
        self.load.report(self.doors, self.first + step, (id, report))
    }

    /// An output that is too large for a report.
    fn upload(&self, id: Uuid) -> (End, Value) {
        let bytes = self.key.repeat(600).into_bytes();
        let (sha256, checksum) = (sha256_hex(&bytes), sha256_base64(&bytes));
        let declared =
            json!({"status": "started", "declared_output_bytes": bytes.len(), "output_sha256": sha256});
        let answer = self.step(3, id, &declared);
        let url = answer["output_upload_url"].as_str().expect("an upload URL");
        self.load.until_answered(self.first, |door| {
            let web: &Web = self.doors.operator(door).web();
            let headers = [
                ("content-type", "application/octet-stream"),
                ("x-amz-checksum-sha256", &checksum),
            ];
            let stored = web.try_send(&Method::PUT, url, &headers, Some(&bytes))?;
            // What a server says that is being killed.
            if stored.status >= 500 {
                return Err(Broken(stored.text()));
            }
            assert!((200..300).contains(&stored.status), "{}", stored.text());
            Ok(())
        });
        let output = json!({"object_key": object_key(url), "sha256": sha256});
        (End::Stored(sha256), output)
    }
}
