//! Against a real S3 server. `cargo xtask test --only object-store` installs it and runs these.

use super::*;
use jiff::{SignedDuration, ToSpan as _};
use rustix::process::{Pid, Signal, kill_process};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

const FINAL: &str = "executions/p/e/n";

/// A server with one bucket, `outputs`.
struct Server {
    child: Child,
    port: u16,
    root: TempDir,
}

impl Server {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test binary has no command line of its own"
    )]
    fn start() -> Self {
        let tools = std::env::var_os("PLEX_TOOLS").map(PathBuf::from);
        let program = tools.expect("`cargo xtask test --only object-store` says where the server is");
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("outputs")).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let child = Command::new(program.join("bin/s3s-fs"))
            .args([
                "--host",
                "127.0.0.1",
                "--access-key",
                "id",
                "--secret-key",
                "secret",
            ])
            .args(["--port", &port.to_string()])
            .arg(root.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "the S3 server does not listen"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, port, root }
    }

    fn store_with(&self, bucket: &str, secret: &str) -> (Bucket, Credentials) {
        let bucket = Bucket {
            name: bucket.to_owned(),
            scheme: "http".to_owned(),
            authority: format!("127.0.0.1:{}", self.port),
            region: "us-east-1".to_owned(),
            path_style: true,
        };
        let credentials = Credentials {
            access_key_id: "id".to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: None,
        };
        (bucket, credentials)
    }

    fn store(&self) -> S3Store {
        let (bucket, credentials) = self.store_with("outputs", "secret");
        S3Store::new(bucket, credentials, Vec::new()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn object(&self, key: &str) -> Option<Vec<u8>> {
        std::fs::read(self.root.path().join("outputs").join(key)).ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(ring::digest::digest(&SHA256, bytes).as_ref())
}

fn upload(key: &str, bytes: &[u8], is_announced: bool) -> Upload {
    Upload {
        key: key.to_owned(),
        bytes: bytes.len() as u64,
        sha256: is_announced.then(|| hex(bytes)),
    }
}

/// What a node does with a URL; one that knows of digests sends its own.
async fn put(url: &str, bytes: &[u8], sha256: Option<&str>) -> u16 {
    let mut call = reqwest::Client::builder()
        .tls_backend_preconfigured(trust::client_config(Vec::new()).unwrap())
        .build()
        .unwrap()
        .put(url)
        .body(bytes.to_vec());
    if let Some(sha256) = sha256 {
        call = call.header(CHECKSUM, in_base64(sha256).unwrap());
    }
    call.send().await.unwrap().status().as_u16()
}

async fn gone(server: &Server, key: &str) {
    let began = Instant::now();
    while server.object(key).is_some() {
        assert!(began.elapsed() < Duration::from_secs(10), "{key} is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
#[ignore = "needs an S3 server"]
async fn a_url_takes_the_declared_bytes_for_its_time_and_nothing_else() {
    let (server, output) = (Server::start(), vec![7; 20_000]);
    let (store, now) = (server.store(), Timestamp::now());
    let declared = upload("uploads/k", &output, false);
    let url = store.presign_upload(now, &declared);
    assert!(url.contains("/outputs/uploads/k?"), "{url}");
    assert_eq!(put(&url, &output[1..], None).await, 403, "shorter");
    assert_eq!(put(&url, &[7; 20_001], None).await, 403, "longer");
    assert_eq!(
        put(&url.replace("uploads/k", "executions/k"), &output, None).await,
        403
    );
    let late = store.presign_upload(now - 16.minutes(), &declared);
    assert_eq!(put(&late, &output, None).await, 403, "late");
    assert_eq!(put(&url, &output, None).await, 200);
    assert_eq!(server.object("uploads/k"), Some(output));
}

#[tokio::test]
#[ignore = "needs an S3 server"]
async fn a_url_for_a_declared_digest_takes_no_other_bytes() {
    let (server, output) = (Server::start(), vec![7; 20_000]);
    let store = server.store();
    let url = store.presign_upload(Timestamp::now(), &upload("uploads/k", &output, true));
    let other = vec![8; 20_000];
    assert_eq!(put(&url, &output, None).await, 403, "without its digest");
    assert_eq!(
        put(&url, &other, Some(&hex(&other))).await,
        403,
        "with another digest"
    );
    assert_eq!(
        put(&url, &other, Some(&hex(&output))).await,
        400,
        "with a digest that is not its own"
    );
    assert_eq!(put(&url, &output, Some(&hex(&output))).await, 200);
}

#[tokio::test]
#[ignore = "needs an S3 server"]
async fn an_upload_is_moved_checked_and_can_be_moved_again() {
    let (server, output) = (Server::start(), vec![7; 20_000]);
    let (store, now) = (server.store(), Timestamp::now());
    // With a digest the store reports the checksum; without one the object is read.
    for is_announced in [true, false] {
        let declared = upload("uploads/k", &output, is_announced);
        let url = store.presign_upload(now, &declared);
        assert_eq!(put(&url, &output, declared.sha256.as_deref()).await, 200);
        let to = (FINAL, &*hex(&output));
        store.settle(now, &declared, to).await.unwrap();
        assert_eq!(server.object(FINAL).as_ref(), Some(&output));
        gone(&server, "uploads/k").await;
        store.settle(now, &declared, to).await.unwrap();
        let answer = reqwest::Client::builder()
            .tls_backend_preconfigured(trust::client_config(Vec::new()).unwrap())
            .build()
            .unwrap()
            .get(store.presign_download(now, FINAL))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.bytes().await.unwrap(), output);
        store.remove(FINAL).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs an S3 server"]
async fn what_is_not_what_was_reported_is_not_kept() {
    let (server, output) = (Server::start(), vec![7; 20_000]);
    let (store, now) = (server.store(), Timestamp::now());
    let declared = upload("uploads/k", &output, false);
    let refused = |failure: Failure| failure.status().as_u16();
    let to = (FINAL, &*hex(&output));
    let failure = store.settle(now, &declared, to).await.unwrap_err();
    assert_eq!(refused(failure), 422, "nothing is there");
    let url = store.presign_upload(now, &declared);
    assert_eq!(put(&url, &[8; 20_000], None).await, 200);
    let failure = store.settle(now, &declared, to).await.unwrap_err();
    assert_eq!(refused(failure), 422, "other bytes");
    assert_eq!(server.object(FINAL), None);
    let longer = Upload {
        bytes: 20_001,
        ..declared.clone()
    };
    let failure = store
        .settle(now, &longer, (FINAL, &hex(&[8; 20_000])))
        .await
        .unwrap_err();
    assert_eq!(refused(failure), 422, "another length");
    // What an attempt that broke off, or another file system's bad day, left under the final key counts for nothing.
    assert_eq!(put(&url, &output, None).await, 200);
    std::fs::create_dir_all(server.root.path().join("outputs/executions/p/e")).unwrap();
    std::fs::write(server.root.path().join("outputs").join(FINAL), [9; 20_000]).unwrap();
    store.settle(now, &declared, to).await.unwrap();
    assert_eq!(server.object(FINAL), Some(output));
}

#[tokio::test]
#[ignore = "needs an S3 server"]
async fn a_store_that_cannot_answer_makes_a_move_wait() {
    let (mut server, output) = (Server::start(), vec![7; 20_000]);
    let (store, now) = (server.store(), Timestamp::now());
    let declared = upload("uploads/k", &output, false);
    let to = (FINAL, &*hex(&output));
    assert_eq!(
        put(&store.presign_upload(now, &declared), &output, None).await,
        200
    );
    let refused = |failure: Failure| failure.status().as_u16();
    let unavailable = 503;

    server.signal(Signal::STOP);
    let began = Instant::now();
    assert_eq!(
        refused(store.settle(now, &declared, to).await.unwrap_err()),
        unavailable
    );
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "a node waits no longer"
    );
    assert!(store.probe().await.is_err());
    server.signal(Signal::CONT);
    store.probe().await.unwrap();
    store.settle(now, &declared, to).await.unwrap();

    // The bucket is gone, but nothing is said of the object: it may come back with the bucket.
    std::fs::rename(
        server.root.path().join("outputs"),
        server.root.path().join("away"),
    )
    .unwrap();
    assert_eq!(
        refused(store.settle(now, &declared, to).await.unwrap_err()),
        unavailable
    );
    server.child.kill().unwrap();
    assert_eq!(
        refused(store.settle(now, &declared, to).await.unwrap_err()),
        unavailable
    );
}

#[tokio::test]
#[ignore = "needs an S3 server"]
async fn only_old_uploads_are_orphans() {
    let server = Server::start();
    let (store, now) = (server.store(), Timestamp::now());
    for key in ["uploads/p/e/n/a", "uploads/p/e/n/b"] {
        let url = store.presign_upload(now, &upload(key, &[7; 20_000], false));
        assert_eq!(put(&url, &[7; 20_000], None).await, 200);
    }
    assert!(
        store
            .old_uploads(now - SignedDuration::from_mins(1))
            .await
            .is_empty()
    );
    let mut found = store.old_uploads(now + SignedDuration::from_mins(1)).await;
    found.sort();
    assert_eq!(found, ["uploads/p/e/n/a", "uploads/p/e/n/b"]);
    store.remove(&found[0]).await.unwrap();
    assert_eq!(
        store.old_uploads(now + SignedDuration::from_mins(1)).await,
        found[1..]
    );
}

#[tokio::test]
#[ignore = "needs an S3 server"]
async fn a_bucket_that_says_no_is_not_begun_with_and_one_that_is_silent_is() {
    let mut server = Server::start();
    for (bucket, secret) in [("nowhere", "secret"), ("outputs", "another")] {
        let (bucket, credentials) = server.store_with(bucket, secret);
        let refused = S3Store::open(bucket, credentials, Vec::new()).await.err();
        assert!(refused.expect("refused").is_final());
    }
    let (bucket, credentials) = server.store_with("outputs", "secret");
    server.child.kill().unwrap();
    S3Store::open(bucket, credentials, Vec::new()).await.unwrap();
}

/// What a move costs, for those who want to know: `--nocapture`.
#[tokio::test]
#[ignore = "needs an S3 server"]
async fn moves_of_outputs_are_quick() {
    let (server, output) = (Server::start(), vec![7; 64 * 1024]);
    let (store, now) = (server.store(), Timestamp::now());
    for is_announced in [true, false] {
        let (mut uploads, mut moves) = (Vec::new(), Vec::new());
        for run in 0..50 {
            let declared = upload(&format!("uploads/{run}"), &output, is_announced);
            let url = store.presign_upload(now, &declared);
            let began = Instant::now();
            assert_eq!(put(&url, &output, declared.sha256.as_deref()).await, 200);
            uploads.push(began.elapsed());
            let began = Instant::now();
            let to = format!("executions/{is_announced}/{run}");
            store.settle(now, &declared, (&to, &hex(&output))).await.unwrap();
            moves.push(began.elapsed());
        }
        uploads.sort();
        moves.sort();
        println!(
            "digest announced: {is_announced}; upload {:?}, move {:?}",
            uploads[25], moves[25]
        );
        assert!(moves[25] < Duration::from_secs(1));
    }
}
