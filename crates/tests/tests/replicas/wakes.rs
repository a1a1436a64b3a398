//! The wake-ups of two replicas, over one NATS.

use crate::eavesdropper;
use futures_util::StreamExt as _;
use plex_server::wakes::settings::{NatsArgs, NatsConfig};
use plex_server::wakes::{Signal, Subscription, Wake, Wakes, nats};
use plex_tests::{LIMIT, NatsServer};
use rustix::process::Signal as ToProcess;
use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const INSTALLATION: [u8; 32] = [1; 32];

/// One replica's end.
struct Replica {
    wakes: Arc<Wakes>,
    ended: CancellationToken,
    carrying: JoinHandle<()>,
}

impl Replica {
    fn start(url: &str) -> Self {
        Self::of(INSTALLATION, args(url))
    }

    fn of(installation: [u8; 32], args: NatsArgs) -> Self {
        let config = NatsConfig::from_args(args)
            .expect("sensible flags")
            .expect("a URL");
        let settings = config.read().expect("readable files");
        let (wakes, ended) = (Arc::new(Wakes::new(true)), CancellationToken::new());
        let (to_carry, until) = (Arc::clone(&wakes), ended.clone());
        let carrying = tokio::spawn(async move {
            nats::carry(&to_carry, settings, &installation, &until).await;
        });
        Self {
            wakes,
            ended,
            carrying,
        }
    }

    async fn stop(self) {
        self.ended.cancel();
        within(self.carrying).await.expect("it does not panic");
    }
}

fn args(url: &str) -> NatsArgs {
    NatsArgs {
        nats_urls: vec![url.to_owned()],
        ..NatsArgs::default()
    }
}

fn node(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(LIMIT, what).await.expect("it happens in time")
}

/// Waits until the stream was told something else.
async fn told(stream: &mut Subscription) -> Signal {
    within(stream.signal.changed())
        .await
        .expect("the wakes are there");
    *stream.signal.borrow_and_update()
}

/// Wakes a node of its own again and again until the other hears it: until then something may be lost.
async fn meet(one: &Replica, other: &Replica) {
    let node = node(u128::MAX);
    let mut stream = other.wakes.subscribe(node);
    within(async {
        loop {
            one.wakes.tell(Wake::Pending, &[node]);
            if timeout(Duration::from_millis(50), stream.signal.changed())
                .await
                .is_ok()
            {
                return;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_up_reaches_the_other_replica_and_does_not_come_back() {
    let server = NatsServer::start();
    let (one, other) = (Replica::start(&server.url()), Replica::start(&server.url()));
    meet(&one, &other).await;
    meet(&other, &one).await;
    let (mut here, mut there) = (one.wakes.subscribe(node(1)), other.wakes.subscribe(node(1)));
    let mut elsewhere = other.wakes.subscribe(node(2));
    one.wakes.tell(Wake::Pending, &[node(1)]);
    assert_eq!(told(&mut there).await, Signal { pending: 1, keys: 0 });
    one.wakes.tell(Wake::Keys, &[node(1), node(2)]);
    assert_eq!(told(&mut there).await, Signal { pending: 1, keys: 1 });
    assert_eq!(told(&mut elsewhere).await, Signal { pending: 0, keys: 1 });
    // What the other says now comes after everything that could have come back.
    other.wakes.tell(Wake::Keys, &[node(1)]);
    let both = within(here.signal.wait_for(|signal| signal.keys == 2)).await;
    assert_eq!(*both.unwrap(), Signal { pending: 1, keys: 2 });
    // The last wake-ups of a replica that stops are sent.
    one.wakes.tell(Wake::Pending, &[node(2)]);
    one.stop().await;
    assert_eq!(told(&mut elsewhere).await, Signal { pending: 1, keys: 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_up_is_fast() {
    let server = NatsServer::start();
    let (one, other) = (Replica::start(&server.url()), Replica::start(&server.url()));
    meet(&one, &other).await;
    let mut stream = other.wakes.subscribe(node(1));
    let mut took = Vec::new();
    for _ in 0..1000 {
        let began = Instant::now();
        one.wakes.tell(Wake::Pending, &[node(1)]);
        told(&mut stream).await;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    println!(
        "one node: median {:?}, 99th percentile {:?}, longest {:?}",
        took[500], took[990], took[999]
    );

    let nodes: Vec<Uuid> = (0..10_000).map(node).collect();
    let mut streams: Vec<_> = nodes.iter().map(|node| other.wakes.subscribe(*node)).collect();
    let began = Instant::now();
    one.wakes.tell(Wake::Pending, &nodes);
    let handed_over = began.elapsed();
    for stream in &mut streams {
        told(stream).await;
    }
    println!(
        "ten thousand nodes: handed over in {handed_over:?}, all told in {:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn installations_do_not_wake_each_other_and_what_is_unreadable_is_ignored() {
    let server = NatsServer::start();
    let (one, other) = (Replica::start(&server.url()), Replica::start(&server.url()));
    let foreign = Replica::of([2; 32], args(&server.url()));
    let relative = Replica::of([2; 32], args(&server.url()));
    meet(&one, &other).await;
    meet(&relative, &foreign).await;
    let (client, mut heard) = eavesdropper(&server.url()).await;
    let (mut ours, mut theirs) = (other.wakes.subscribe(node(1)), foreign.wakes.subscribe(node(1)));

    one.wakes.tell(Wake::Pending, &[node(1)]);
    let message = within(heard.next()).await.unwrap();
    assert_eq!(message.payload[..], node(1).into_bytes());
    for payload in [
        vec![],
        vec![1; 15],
        [&node(1).into_bytes()[..], b"x"].concat(),
        vec![1; 65_536 + 16],
    ] {
        client
            .publish(message.subject.clone(), payload.into())
            .await
            .unwrap();
    }
    let unknown = message.subject.replace("pending", "reboot");
    client.publish(unknown, message.payload).await.unwrap();
    client.flush().await.unwrap();
    one.wakes.tell(Wake::Keys, &[node(1)]);
    let after_all = within(ours.signal.wait_for(|signal| signal.keys == 1)).await;
    assert_eq!(*after_all.unwrap(), Signal { pending: 1, keys: 1 });

    relative.wakes.tell(Wake::Keys, &[node(1)]);
    assert_eq!(told(&mut theirs).await, Signal { pending: 0, keys: 1 });
}

/// Wakes far more than is kept, and never waits: that this returns is the assertion.
fn flood(replica: &Replica) {
    let nodes: Vec<Uuid> = (0..10_000).map(node).collect();
    for _ in 0..50 {
        replica.wakes.tell(Wake::Pending, &nodes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_dead_server_and_both_come_back_to_it() {
    let mut server = NatsServer::start();
    let (one, other) = (Replica::start(&server.url()), Replica::start(&server.url()));
    meet(&one, &other).await;
    server.kill9();
    flood(&one);
    // Streams in the same process are told all the same.
    let mut here = one.wakes.subscribe(node(1));
    one.wakes.tell(Wake::Keys, &[node(1)]);
    assert_eq!(told(&mut here).await.keys, 1);
    server.restart();
    meet(&one, &other).await;
    meet(&other, &one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_frozen_server() {
    let mut server = NatsServer::start();
    let (one, other) = (Replica::start(&server.url()), Replica::start(&server.url()));
    meet(&one, &other).await;
    server.signal(ToProcess::STOP);
    flood(&one);
    // Long enough for the clients to give the connection up.
    tokio::time::sleep(Duration::from_secs(10)).await;
    flood(&one);
    server.signal(ToProcess::CONT);
    meet(&one, &other).await;
    // A replica that stops does not wait for it either.
    server.signal(ToProcess::STOP);
    flood(&one);
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_come_later() {
    let mut server = NatsServer::start();
    server.kill9();
    let (one, other) = (Replica::start(&server.url()), Replica::start(&server.url()));
    flood(&one);
    server.restart();
    meet(&one, &other).await;
}

fn private(path: &Path, content: &str) {
    fs::write(path, content).expect("a temporary file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("one's own file");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_a_file() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("credentials");
    let with = |url: &str, content: &str| {
        private(&file, content);
        let args = NatsArgs {
            nats_credentials_file: Some(file.clone()),
            ..args(url)
        };
        Replica::of(INSTALLATION, args)
    };
    let pair = NatsServer::start_with(&["--user", "plex", "--pass", "hush"]);
    let token = NatsServer::start_with(&["--auth", "hush"]);
    for (server, good, bad) in [(&pair, "plex:hush\n", "plex:hash"), (&token, "hush", "hash")] {
        let url = server.url();
        let (one, other, stranger) = (with(&url, good), with(&url, good), with(&url, bad));
        let unheard = stranger.wakes.subscribe(node(1));
        meet(&one, &other).await;
        one.wakes.tell(Wake::Pending, &[node(1)]);
        meet(&one, &other).await;
        assert!(!unheard.signal.has_changed().unwrap());
        stranger.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_believed_by_its_certificate() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).to_string_lossy().into_owned();
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(at("cert"), own.cert.pem()).unwrap();
    fs::write(at("key"), own.signing_key.serialize_pem()).unwrap();
    fs::write(at("other"), stranger.cert.pem()).unwrap();
    let server = NatsServer::start_with(&["--tls", "--tlscert", &at("cert"), "--tlskey", &at("key")]);
    let believing = |name: &str| {
        let args = NatsArgs {
            nats_ca_file: Some(at(name).into()),
            ..args(&format!("tls://{}", server.address()))
        };
        Replica::of(INSTALLATION, args)
    };
    let (one, other, wary) = (believing("cert"), believing("cert"), believing("other"));
    let unheard = wary.wakes.subscribe(node(1));
    meet(&one, &other).await;
    one.wakes.tell(Wake::Pending, &[node(1)]);
    meet(&one, &other).await;
    assert!(!unheard.signal.has_changed().unwrap());
}
