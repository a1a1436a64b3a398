//! `diagnostics.ping`: whether this node reaches a host, by ICMP where `ping` is installed, else by TCP.

use super::schema::{Arguments, Kind, Need, Parameter};
use super::{Builtin, Builtins, Done, Plan, Refusal, installed, run};
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Where a host without `ping` on our side is knocked at, when no port is given.
const DEFAULT_PORT: u16 = 443;
const ATTEMPT: Duration = Duration::from_secs(5);

pub(super) const BUILTIN: Builtin = Builtin {
    name: "diagnostics.ping",
    description: "Reach a host: ICMP by ping, or TCP when a port is given or ping is not installed",
    parameters: &[
        Parameter {
            name: "host",
            kind: Kind::Text(is_host, "a host name or an address"),
            need: Need::Required,
            description: "Host name or address",
        },
        Parameter {
            name: "port",
            kind: Kind::Integer(1, 65_535),
            need: Need::Optional,
            description: "TCP port to connect to instead of ICMP",
        },
        Parameter {
            name: "count",
            kind: Kind::Integer(1, 20),
            need: Need::Default(3),
            description: "Attempts",
        },
    ],
    plan,
};

fn is_host(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_');
    (1..=253).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-')
}

fn plan(_: &Builtins, arguments: &Arguments) -> Result<Plan, Refusal> {
    let host = arguments.text("host").unwrap_or_default().to_owned();
    let count = arguments.integer("count").unwrap_or(1);
    let port = arguments
        .integer("port")
        .and_then(|port| u16::try_from(port).ok());
    match (port, installed("ping")) {
        (None, Ok(ping)) => {
            let options = [
                "-n".to_owned(),
                format!("-c{count}"),
                format!("-w{}", count + 5),
                "--".to_owned(),
                host,
            ];
            Ok(run(ping, options.to_vec()))
        }
        (port, _) => Ok(Plan::Work(Box::pin(knock(
            host,
            port.unwrap_or(DEFAULT_PORT),
            count,
        )))),
    }
}

async fn knock(host: String, port: u16, count: i64) -> Done {
    let mut output = String::new();
    let mut reached = 0;
    for attempt in 1..=count {
        let begin = Instant::now();
        let result = match timeout(ATTEMPT, TcpStream::connect((host.as_str(), port))).await {
            Ok(Ok(_)) => Ok("connected"),
            // A refusal came from the host, so the host is there.
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Ok("refused, the host is up")
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", ATTEMPT.as_secs())),
        };
        let millis = begin.elapsed().as_secs_f64() * 1000.0;
        let line = match result {
            Ok(how) => {
                reached += 1;
                format!("{attempt}: {host} port {port}: {how}, {millis:.1} ms\n")
            }
            Err(why) => format!("{attempt}: {host} port {port}: {why}\n"),
        };
        output.push_str(&line);
    }
    output.push_str(&format!("{reached} of {count} attempts reached the host\n"));
    Done {
        exit_code: i32::from(reached == 0),
        output: output.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_open_and_a_closed_port_both_show_the_host() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(knock("127.0.0.1".to_owned(), port, 1).await.exit_code, 0);
        drop(listener);
        let done = knock("127.0.0.1".to_owned(), port, 2).await;
        assert_eq!(done.exit_code, 0);
        assert!(
            String::from_utf8(done.output)
                .unwrap()
                .ends_with("2 of 2 attempts reached the host\n")
        );
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_fails() {
        assert_eq!(
            knock("no-such-host.invalid".to_owned(), 443, 1).await.exit_code,
            1
        );
    }
}
