//! A server that always gives the same answers, for a command line whose real server cannot be had here.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use serde_json::Value;

/// Serves each path's JSON over plain HTTP/1.1 for as long as this process lives. Returns the port.
///
/// # Errors
/// When it cannot listen.
pub(super) fn serve(answers: Vec<(&'static str, Value)>) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let answers: Vec<(&str, String)> = answers
        .into_iter()
        .map(|(path, answer)| (path, answer.to_string()))
        .collect();
    let answers = Arc::new(answers);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            // A client that goes away has what it wanted.
            thread::spawn(move || answer_all(&stream, &answers));
        }
    });
    Ok(port)
}

fn answer_all(stream: &TcpStream, answers: &[(&str, String)]) -> io::Result<()> {
    let mut requests = BufReader::new(stream);
    while let Some(path) = read_path(&mut requests)? {
        let found = answers.iter().find(|(known, _)| *known == path);
        let (status, body) = found.map_or(("404 Not Found", "{}"), |(_, body)| ("200 OK", body));
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        (&mut &*stream).write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// The path of the next request, which has no body.
fn read_path(requests: &mut BufReader<&TcpStream>) -> io::Result<Option<String>> {
    let mut first = String::new();
    requests.read_line(&mut first)?;
    let mut line = String::from("-");
    while !line.trim_end().is_empty() {
        line.clear();
        requests.read_line(&mut line)?;
    }
    let target = first.split(' ').nth(1);
    Ok(target.map(|target| target.split('?').next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io::Read as _;

    #[test]
    fn one_connection_is_answered_again_and_again() {
        let port = serve(vec![("/a", json!({"a": 1}))]).unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream
            .write_all(b"GET /b HTTP/1.1\r\nHost: x\r\n\r\nGET /a?limit=5 HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 404 "), "{said}");
        assert!(said.ends_with("Content-Length: 7\r\n\r\n{\"a\":1}"), "{said}");
    }
}
