//! What is refused, and what must still pass.

use super::*;

const GOOD: &str = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd";
const LAST: &str = "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast";

#[tokio::test]
pub(crate) async fn ambiguous_requests_are_answered_with_a_problem_and_the_end() {
    let server = TestServer::start(Limits::default()).await;
    for request in [
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "GET /peer HTTP/1.1\nHost: a\n\n",
        "GET /peer HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
        "GET /peer HTTP/1.1\r\n\r\n",
        "GET /peer HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /peer HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
        "GET /peer HTTP/1.1\r\nHost: a\r\nX: \u{1}\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        let answer = server.exchange(request.as_bytes()).await;
        assert_problem(&answer, 400, "malformed_request");
    }
}

#[tokio::test]
pub(crate) async fn heads_that_are_too_large_are_431() {
    let server = TestServer::start(Limits::default()).await;
    let one = format!(
        "GET /peer HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "y".repeat(500_000)
    );
    assert_problem(
        &server.exchange(one.as_bytes()).await,
        431,
        "request_head_too_large",
    );
    let many = format!("GET /peer HTTP/1.1\r\nHost: a\r\n{}\r\n", "x: y\r\n".repeat(200));
    assert_problem(
        &server.exchange(many.as_bytes()).await,
        431,
        "request_head_too_large",
    );
    let target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "y".repeat(40_000));
    assert_problem(
        &server.exchange(target.as_bytes()).await,
        431,
        "request_head_too_large",
    );
    let fits = format!(
        "GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {}\r\n\r\n",
        "y".repeat(30_000)
    );
    assert!(
        server
            .exchange(fits.as_bytes())
            .await
            .starts_with("HTTP/1.1 200 ")
    );
}

#[tokio::test]
async fn a_refusal_waits_for_the_answers_before_it() {
    let server = TestServer::start(Limits::default()).await;
    let answers = server
        .exchange(format!("{GOOD}GET /peer HTTP/1.1\r\n\r\n{GOOD}").as_bytes())
        .await;
    let (first, second) = answers.split_once("abcd").expect("the first request is answered");
    assert!(first.starts_with("HTTP/1.1 200 "), "{answers}");
    assert_problem(second, 400, "malformed_request");
}

#[tokio::test]
async fn the_stand_in_means_nothing_when_a_client_sends_it() {
    let server = TestServer::start(Limits::default()).await;
    let answer = server
        .exchange(b"PLEX-REFUSED /peer HTTP/1.1\r\nHost: -\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_loses_its_framing_is_a_bad_request() {
    let server = TestServer::start(Limits::default()).await;
    for body in [
        "4;x=y\r\nabcd\r\n0\r\n\r\n",
        "4\r\nabcdefgh\r\n0\r\n\r\n",
        "zz\r\n",
        "4\nabcd\n0\n\n",
    ] {
        let request = format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        assert_problem(
            &server.exchange(request.as_bytes()).await,
            400,
            "malformed_request",
        );
    }
}

#[tokio::test]
async fn pipelined_requests_and_chunked_bodies_pass() {
    let server = TestServer::start(Limits::default()).await;
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nch\r\n5\r\nunked\r\n0\r\n\r\n";
    let answers = server
        .exchange(format!("{GOOD}{chunked}{GOOD}{LAST}").as_bytes())
        .await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 4, "{answers}");
    assert_eq!(answers.matches("abcd").count(), 2);
    assert!(
        answers.contains("chunked") && answers.ends_with("last"),
        "{answers}"
    );
}

#[tokio::test]
async fn a_request_passes_byte_by_byte_and_keeps_its_connection() {
    let server = TestServer::start(Limits::default()).await;
    let mut stream = server.connect().await;
    stream.set_nodelay(true).unwrap();
    for byte in GOOD.as_bytes() {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    read_until(&mut stream, "abcd").await;
    stream.write_all(LAST.as_bytes()).await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("last"));
}

#[tokio::test]
async fn a_large_body_passes_whole() {
    let server = TestServer::start(Limits::default()).await;
    let body = "0123456789abcdef".repeat(80_000);
    let head = format!(
        "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = server.exchange(format!("{head}{}{LAST}", &body).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let body = &body[..1_000_000];
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = server.exchange(format!("{head}{body}").as_bytes()).await;
    assert!(
        answer.split_once("\r\n\r\n").unwrap().1 == body,
        "the body came back changed"
    );
}

#[tokio::test]
async fn routes_see_the_peer() {
    let server = TestServer::start(Limits::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(
        answer.ends_with(&stream.local_addr().unwrap().to_string()),
        "{answer}"
    );
}
