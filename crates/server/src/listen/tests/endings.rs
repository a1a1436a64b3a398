//! How connections end: by time, by number, by shutdown.

use super::*;

#[tokio::test]
pub(crate) async fn a_head_that_dribbles_is_408() {
    let server = TestServer::start(Limits {
        head: SHORT,
        ..Limits::default()
    })
    .await;
    let mut stream = server.connect().await;
    // The patience with a silent connection ends before the patience with this head; only the latter counts now.
    tokio::time::sleep(SHORT / 2).await;
    stream
        .write_all(b"GET /peer HTTP/1.1\r\nHost: a\r\n")
        .await
        .unwrap();
    let (mut read, mut write) = stream.split();
    let dribble = async {
        // A byte now and then must not renew the patience.
        loop {
            tokio::time::sleep(SHORT / 8).await;
            if write.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        read = tokio::time::timeout(HANGS, read.read_to_end(&mut answer)) => { read.unwrap().unwrap(); }
        () = dribble => {}
    }
    assert_problem(std::str::from_utf8(&answer).unwrap(), 408, "request_timeout");
}

#[tokio::test]
async fn a_silent_connection_is_closed_without_a_word() {
    let server = TestServer::start(Limits {
        head: SHORT,
        ..Limits::default()
    })
    .await;
    assert_eq!(server.exchange(b"").await, "");
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_request() {
    let server = TestServer::start(Limits {
        idle: SHORT,
        ..Limits::default()
    })
    .await;
    let answer = server.exchange(b"GET /peer HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1);
}

#[tokio::test]
async fn a_connection_ends_with_a_body_that_nobody_reads_and_says_so() {
    let server = TestServer::start(Limits {
        idle: SHORT,
        ..Limits::default()
    })
    .await;
    let length = |path: &str| format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    let chunks = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        )
    };
    let next = "GET /peer HTTP/1.1\r\nHost: a\r\n\r\n";
    for request in [length("/echo"), chunks("/echo")] {
        let answers = server.exchange(format!("{request}{next}").as_bytes()).await;
        assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 2, "{answers}");
        assert!(!answers.contains("connection: close"), "{answers}");
    }
    for request in [length("/ignore"), chunks("/ignore")] {
        let answers = server.exchange(format!("{request}{next}").as_bytes()).await;
        assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 1, "{answers}");
        assert!(answers.contains("connection: close"), "{answers}");
    }
}

#[tokio::test]
async fn an_open_stream_is_not_idle() {
    let limits = Limits {
        idle: SHORT,
        body_idle: SHORT,
        write_stall: SHORT,
        grace: SHORT,
        ..Limits::default()
    };
    let server = TestServer::start(limits).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut stream, "open").await;
    tokio::time::sleep(SHORT * 5).await;
    server.ticks.send("still here").unwrap();
    read_until(&mut stream, "still here").await;
}

#[tokio::test]
async fn a_stalled_body_is_408() {
    let server = TestServer::start(Limits {
        body_idle: SHORT,
        ..Limits::default()
    })
    .await;
    for request in [
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    ] {
        assert_problem(&server.exchange(request.as_bytes()).await, 408, "request_timeout");
    }
}

#[tokio::test]
async fn a_stranger_stays_one_whose_body_stalls() {
    let server = TestServer::start(Limits {
        body_idle: SHORT,
        ..Limits::default()
    })
    .await;
    let request = b"POST /stranger HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";
    let answer = server.exchange(request).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_cut_off() {
    let server = TestServer::start(Limits {
        write_stall: SHORT,
        ..Limits::default()
    })
    .await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(SHORT * 5).await;
    // What the kernel had buffered can still be read; after it comes the end, which it would otherwise never.
    let mut bytes = vec![0; 1 << 20];
    let end = async { while stream.read(&mut bytes).await.is_ok_and(|length| length > 0) {} };
    let mut read = std::pin::pin!(end);
    tokio::time::timeout(HANGS, read.as_mut())
        .await
        .expect("the connection ended");
}

#[tokio::test]
async fn connections_over_the_cap_are_turned_away_until_one_ends() {
    let server = TestServer::start(Limits {
        connections_per_source: 1,
        ..Limits::default()
    })
    .await;
    let mut first = server.connect().await;
    first
        .write_all(b"GET /peer HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut first, "127.0.0.1").await;
    let mut second = server.connect().await;
    let mut byte = [0; 1];
    assert!(
        !tokio::time::timeout(HANGS, second.read(&mut byte))
            .await
            .unwrap()
            .is_ok_and(|length| length > 0)
    );
    drop(first);
    let request = b"GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    tokio::time::timeout(HANGS, async {
        loop {
            let mut stream = server.connect().await;
            let mut answer = Vec::new();
            if stream.write_all(request).await.is_ok()
                && stream
                    .read_to_end(&mut answer)
                    .await
                    .is_ok_and(|length| length > 0)
            {
                return;
            }
        }
    })
    .await
    .expect("there is room again");
}

#[tokio::test]
async fn shutdown_lets_a_request_in_progress_end_and_closes_the_rest() {
    let server = TestServer::start(Limits::default()).await;
    let mut unused = server.connect().await;
    let mut held = server.connect().await;
    held.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut kept = server.connect().await;
    kept.write_all(b"GET /peer HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut kept, "127.0.0.1").await;
    server.entered.acquire().await.unwrap().forget();
    server.shutdown.cancel();
    assert_eq!(read_to_end(&mut kept).await, "");
    assert_eq!(read_to_end(&mut unused).await, "");
    assert!(!server.task.is_finished(), "a request is in progress");
    assert!(
        TcpStream::connect(server.address).await.is_err(),
        "nobody new is let in"
    );
    server.release.add_permits(1);
    let answer = read_to_end(&mut held).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("released"),
        "{answer}"
    );
    tokio::time::timeout(HANGS, server.task)
        .await
        .expect("the listener ends")
        .unwrap();
}

#[tokio::test]
async fn shutdown_does_not_wait_longer_than_its_grace() {
    let server = TestServer::start(Limits {
        grace: SHORT,
        ..Limits::default()
    })
    .await;
    let mut held = server.connect().await;
    held.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    server.entered.acquire().await.unwrap().forget();
    server.shutdown.cancel();
    tokio::time::timeout(HANGS, server.task)
        .await
        .expect("the listener ends")
        .unwrap();
    assert_eq!(read_to_end(&mut held).await, "");
}

#[tokio::test]
async fn a_client_that_is_still_sending_when_it_is_answered_is_not_cut_off() {
    let server = TestServer::start(Limits::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc")
        .await
        .unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("ignored"));
    // A socket closed with bytes unread answers the next ones with a reset, and the write after that fails.
    for _ in 0..4 {
        stream.write_all(b"abc").await.unwrap();
        tokio::time::sleep(SHORT / 4).await;
    }
}
