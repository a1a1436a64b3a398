//! TLS with a private CA.

use crate::actors::{NODE, Operator, PROJECT, TOKEN};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A TLS server with a CA of its own, which answers every request with an empty page.
struct TlsServer {
    url: String,
    ca: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl TlsServer {
    fn start() -> Self {
        let (config, ca) = configuration();
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!(
            "https://localhost:{}",
            listener.local_addr().expect("bound").port()
        );
        let (connections, requests) = (Arc::default(), Arc::default());
        let server = Self {
            url,
            ca,
            connections: Arc::clone(&connections),
            requests: Arc::clone(&requests),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::SeqCst);
                if answer(&config, stream).is_some() {
                    requests.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        server
    }

    fn seen(&self) -> (usize, usize) {
        (
            self.connections.load(Ordering::SeqCst),
            self.requests.load(Ordering::SeqCst),
        )
    }
}

fn configuration() -> (Arc<ServerConfig>, String) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).expect("signed");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).expect("signed");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("PKCS 8");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("a pair");
    (Arc::new(config), ca_certificate.pem())
}

fn answer(config: &Arc<ServerConfig>, stream: TcpStream) -> Option<()> {
    let connection = ServerConnection::new(Arc::clone(config)).expect("a configuration");
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    let body = r#"{"items":[]}"#;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let stream = reader.get_mut();
    stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()
}

#[test]
fn a_private_ca_is_trusted_when_it_is_named() {
    let server = TlsServer::start();
    let operator = Operator::bare()
        .with("PLEXSPHERE_URL", &server.url)
        .with("PLEXSPHERE_TOKEN", TOKEN);
    let ca = operator.file("ca.pem", 0o644, &server.ca);
    let ca = ca.to_str().expect("UTF-8");
    let list = format!("exec-log list --project {PROJECT}");
    let ran = operator.run(&format!("{list} --ca-file {ca}"));
    assert!(ran.is_fine(), "{ran:?}");
    let by_variable = operator.with("PLEXSPHERE_CA_FILE", ca);
    assert!(by_variable.run(&list).is_fine());
    assert_eq!(server.seen(), (2, 2));
}

#[test]
fn an_unknown_ca_is_1_at_once_and_sees_no_request() {
    let server = TlsServer::start();
    let other = TlsServer::start();
    let operator = Operator::bare()
        .with("PLEXSPHERE_URL", &server.url)
        .with("PLEXSPHERE_TOKEN", TOKEN);
    operator.file("other.pem", 0o644, &other.ca);
    let ran = operator.run(&format!(
        "action dispatch --project {PROJECT} --action a --node {NODE} --ca-file other.pem"
    ));
    ran.assert_failed(1);
    assert!(
        ran.stderr.contains("certificate") && ran.stderr.contains("--ca-file"),
        "{ran:?}"
    );
    assert_eq!(server.seen(), (1, 0), "it is neither asked nor asked again");
}

#[test]
fn a_file_without_a_certificate_is_2() {
    let server = TlsServer::start();
    let operator = Operator::bare()
        .with("PLEXSPHERE_URL", &server.url)
        .with("PLEXSPHERE_TOKEN", TOKEN);
    operator.file("empty.pem", 0o644, "no certificate\n");
    operator
        .run(&format!("exec-log list --project {PROJECT} --ca-file empty.pem"))
        .assert_failed(2);
    assert_eq!(server.seen(), (0, 0));
}
