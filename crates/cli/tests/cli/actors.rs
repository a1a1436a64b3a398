//! Who plays in these tests: a scripted [`Server`] and an [`Operator`] at a shell of their own.

use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

pub(crate) const PROJECT: &str = "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0";
pub(crate) const EXECUTION: &str = "0190a8b8-c2d2-7c2c-8c2c-c2c2c2c2c2c2";
pub(crate) const NODE: &str = "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3";
pub(crate) const TOKEN: &str = "psk_dev_canary";

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// An answer to give.
#[derive(Debug, Clone)]
pub(crate) struct Answer(Vec<u8>);

impl Answer {
    pub(crate) fn new(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut bytes = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len()).into_bytes();
        for (name, value) in headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"Connection: close\r\n\r\n");
        bytes.extend_from_slice(body);
        Self(bytes)
    }

    pub(crate) fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::new("200 OK", &[("Content-Type", "application/json")], body)
    }

    pub(crate) fn json(value: &Value) -> Self {
        Self::ok(value.to_string())
    }

    pub(crate) fn problem(status: &str, code: &str) -> Self {
        let number: u16 = status[..3].parse().expect("a status");
        let body = json!({"type": "about:blank", "title": "No", "status": number, "detail": "it was refused",
            "instance": "/v1", "code": code, "reason": "insufficient_relation", "relation_path": [],
            "correlation_id": "c-42"});
        Self::new(
            status,
            &[("Content-Type", "application/problem+json")],
            body.to_string(),
        )
    }

    /// The same answer, cut so many bytes before its end.
    pub(crate) fn cut(mut self, missing: usize) -> Self {
        self.0.truncate(self.0.len() - missing);
        self
    }

    /// No answer: the connection is closed.
    pub(crate) fn nothing() -> Self {
        Self(Vec::new())
    }
}

/// A server that answers by a script.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers each request by `script`, which is also told how many came before.
    pub(crate) fn answering(script: impl Fn(&Asked, usize) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = read_request(&stream) else {
                    continue;
                };
                let before = {
                    let mut log = log.lock().expect("nobody panics with it");
                    log.push(request.clone());
                    log.len() - 1
                };
                write_answer(&stream, &script(&request, before));
            }
        });
        Self { url, asked }
    }

    /// Answers every request the same.
    pub(crate) fn always(answer: Answer) -> Self {
        Self::answering(move |_, _| answer.clone())
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("nobody panics with it").clone()
    }

    /// The request lines, without the version.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

fn read_request(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().expect("a length"))];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    Some(Asked {
        line,
        headers,
        body: String::from_utf8(body).ok()?,
    })
}

fn write_answer(mut stream: &TcpStream, answer: &Answer) {
    // A client that has seen enough may be gone; that is its right.
    let _ = stream.write_all(&answer.0);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read(&mut [0; 1024]);
}

/// A person, or a script, at a shell with nothing in its environment but what a test puts there.
pub(crate) struct Operator {
    home: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Operator {
    /// With neither server nor token.
    pub(crate) fn bare() -> Self {
        Self {
            home: tempfile::tempdir().expect("a directory"),
            variables: Vec::new(),
        }
    }

    /// With a server and a token in the environment.
    pub(crate) fn of(server: &Server) -> Self {
        Self::bare()
            .with("PLEXSPHERE_URL", &server.url)
            .with("PLEXSPHERE_TOKEN", TOKEN)
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file of that mode.
    pub(crate) fn file(&self, name: &str, mode: u32, content: &str) -> PathBuf {
        let path = self.home().join(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&path)
            .expect("a new file");
        file.write_all(content.as_bytes()).expect("written");
        path
    }

    /// The process, not yet started.
    pub(crate) fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plexctl"));
        command
            .env_clear()
            .env("HOME", self.home())
            .envs(self.variables.iter().map(|(k, v)| (k, v)));
        command
            .args(arguments)
            .stdin(Stdio::null())
            .current_dir(self.home());
        command
    }

    /// Runs a line of words.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.run_words(line.split_whitespace())
    }

    /// Runs words that may contain blanks.
    pub(crate) fn run_words<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, words: I) -> Ran {
        Ran::from(self.command(words).output().expect("it starts"))
    }
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let stderr = String::from_utf8(output.stderr).expect("stderr is text");
        assert!(!stderr.contains("panicked"), "{stderr}");
        assert!(!stderr.contains(TOKEN), "the token leaks: {stderr}");
        Self {
            code: output.status.code(),
            stdout: output.stdout,
            stderr,
        }
    }
}

impl Ran {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout is text")
    }

    /// stdout as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Nothing went wrong, and nothing was said.
    pub(crate) fn is_fine(&self) -> bool {
        self.code == Some(0) && self.stderr.is_empty()
    }

    /// It ended with this code, an `error:` line, perhaps a `hint:` line, and nothing on stdout.
    pub(crate) fn assert_failed(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        let lines: Vec<_> = self.stderr.lines().collect();
        assert!(lines[0].starts_with("error: "), "{self:?}");
        assert!(
            lines[1..].iter().all(|line| line.starts_with("hint: ")) && lines.len() <= 2,
            "{self:?}"
        );
    }
}

/// An execution with these targets.
pub(crate) fn execution(targets: &[Value]) -> Value {
    json!({"id": EXECUTION, "project_id": PROJECT, "domain_id": PROJECT, "action": "rotate-keys",
        "type": "hook", "status": "succeeded", "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:05Z", "target_counts": {"succeeded": targets.len()},
        "targets": targets})
}

/// A target on `node`.
pub(crate) fn target(node: &str, output: Value) -> Value {
    json!({"node_id": node, "status": "succeeded", "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:05Z", "exit_code": 0, "output_ref": output})
}

/// An inline output.
pub(crate) fn inline(bytes: &[u8]) -> Value {
    json!({"kind": "inline", "inline_bytes": plex_api::Base64Bytes(bytes.to_vec())})
}

/// Runs a line against one answer; gives what was asked, body included, and what came out.
pub(crate) fn exchange(line: &str, answer: &Value) -> (Vec<String>, Ran) {
    let server = Server::always(Answer::json(answer));
    let ran = Operator::of(&server).run(line);
    let asked = server
        .asked()
        .into_iter()
        .map(|asked| format!("{} {}", asked.line, asked.body).trim_end().to_owned());
    (asked.collect(), ran)
}
