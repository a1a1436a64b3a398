use super::*;
use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }
}

impl Rng for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn start(address: std::net::SocketAddr) -> Traces {
    let origin = Origin {
        service: "plexsphere",
        version: "1.2.3",
        instance: "here".to_owned(),
        clock: Arc::new(Fixed),
        rng: Arc::new(Fixed),
    };
    Traces::start(origin, format!("http://{address}").parse().unwrap())
}

/// Takes one request and gives head and body.
async fn take_one(listener: &TcpListener, status: &str) -> (String, Value) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut received = Vec::new();
    let (head, length) = loop {
        stream.read_buf(&mut received).await.unwrap();
        let text = String::from_utf8_lossy(&received);
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        break (head.to_owned(), length.unwrap().parse::<usize>().unwrap());
    };
    while received.len() < head.len() + 4 + length {
        stream.read_buf(&mut received).await.unwrap();
    }
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
    stream.write_all(answer.as_bytes()).await.unwrap();
    let body = serde_json::from_slice(&received[head.len() + 4..]).unwrap();
    (head, body)
}

const ROOT: SpanContext = SpanContext {
    trace_id: 0xabc,
    span_id: 0xdef,
    is_sampled: true,
};

#[tokio::test]
async fn a_span_arrives_as_the_protocol_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let traces = start(listener.local_addr().unwrap());
    let link = SpanContext {
        trace_id: 1,
        span_id: 2,
        is_sampled: true,
    };
    let mut span = traces
        .begin(ROOT, "report", Kind::Client)
        .linked_to(Some(link))
        .with("node.id", "n\"\u{1}");
    span.fail();
    drop(span);
    let stopping = tokio::spawn({
        let traces = traces.clone();
        async move { traces.stop().await }
    });
    let (head, mut body) = take_one(&listener, "200 OK").await;
    stopping.await.unwrap();
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    let span = body["resourceSpans"][0]["scopeSpans"][0]["spans"][0].take();
    assert_eq!(span["traceId"], "00000000000000000000000000000abc");
    assert_eq!(span["spanId"], "0707070707070707");
    assert_eq!(span["parentSpanId"], "0000000000000def");
    assert_eq!((&span["name"], &span["kind"]), (&"report".into(), &3.into()));
    assert_eq!(span["startTimeUnixNano"], "1800000000000000000");
    assert_eq!(span["links"][0]["traceId"], "00000000000000000000000000000001");
    assert_eq!(span["status"]["code"], 2);
    let attribute = serde_json::json!({"key": "node.id", "value": {"stringValue": "n\"\u{1}"}});
    assert_eq!(span["attributes"], Value::from(vec![attribute]));
    let resource = &body["resourceSpans"][0]["resource"]["attributes"];
    assert_eq!(resource[0]["value"]["stringValue"], "plexsphere");
    assert_eq!(traces.dropped(), 0);
}

#[tokio::test]
async fn what_does_not_fit_is_dropped_and_counted_and_nobody_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let traces = start(listener.local_addr().unwrap());
    for _ in 0..QUEUE + 10 {
        drop(traces.begin(ROOT, "run", Kind::Internal));
    }
    assert_eq!(traces.dropped(), 10);
    // A refused batch is gone as well; the next one is not.
    take_one(&listener, "503 X").await;
    let (_, body) = take_one(&listener, "200 OK").await;
    assert_eq!(
        body["resourceSpans"][0]["scopeSpans"][0]["spans"]
            .as_array()
            .unwrap()
            .len(),
        BATCH
    );
    assert_eq!(traces.dropped(), 10 + BATCH as u64);
}

#[test]
fn where_nothing_is_traced_a_span_is_nothing() {
    let traces = Traces::default();
    let span = traces.begin(ROOT, "run", Kind::Internal).with("a", 1);
    assert!(!traces.is_on() && span.context().is_none());
}
