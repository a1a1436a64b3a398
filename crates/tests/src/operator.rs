//! Somebody with an API token: over the wire, and with the real `plexctl`.

use crate::program::Program;
use crate::waiting::until;
use crate::web::{Answer, Broken, Web};
use http::Method;
use plex_api::paths;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

/// A principal with a home directory of its own.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The API token.
    pub token: String,
    /// The project that this operator's convenient methods are about.
    pub project_id: Uuid,
    web: Web,
    ca_file: PathBuf,
    home: Arc<TempDir>,
}

/// What a run of `plexctl` left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Its result.
    pub stdout: Vec<u8>,
    /// What it told a person.
    pub stderr: String,
}

impl Operator {
    /// Whoever holds this token.
    pub fn new(web: Web, token: &str, ca_file: &Path, project_id: Uuid) -> Self {
        let home = Arc::new(tempfile::tempdir().expect("a temporary directory"));
        Self {
            token: token.to_owned(),
            project_id,
            web,
            ca_file: ca_file.to_owned(),
            home,
        }
    }

    /// Somebody whose token no server knows, for commands that are sent elsewhere or nowhere.
    pub fn offline() -> Self {
        let token = format!("psk_prod_{}", "a".repeat(52));
        Self::new(
            Web::in_clear("http://127.0.0.1:9"),
            &token,
            Path::new("/nonexistent"),
            Uuid::now_v7(),
        )
    }

    /// The client below, without a credential.
    pub fn web(&self) -> &Web {
        &self.web
    }

    /// `HOME` and, as `.config`, `XDG_CONFIG_HOME` of this operator's commands.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The same principal, elsewhere.
    pub fn in_project(&self, project_id: Uuid) -> Self {
        Self {
            project_id,
            ..self.clone()
        }
    }

    /// Another token, with a home of its own.
    pub fn with_token(&self, token: &str) -> Self {
        Self::new(self.web.clone(), token, &self.ca_file, self.project_id)
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Answer {
        self.send(&Method::GET, path, &[], None)
    }

    /// `POST` of a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_raw(path, body.to_string().as_bytes(), &[])
    }

    /// `POST` of these very bytes as JSON.
    pub fn post_raw(&self, path: &str, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.send(&Method::POST, path, &headers, Some(body))
    }

    /// `PUT` of a JSON body.
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.send(
            &Method::PUT,
            path,
            &[("content-type", "application/json")],
            Some(body.as_bytes()),
        )
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Answer {
        self.send(&Method::DELETE, path, &[], None)
    }

    /// Any request, as this principal.
    pub fn send(&self, method: &Method, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        self.try_send(method, path, headers, body)
            .unwrap_or_else(|Broken(why)| panic!("no answer: {why}"))
    }

    /// Any request, as this principal, to a server that may be gone.
    pub fn try_send(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, Broken> {
        let bearer = format!("Bearer {}", self.token);
        self.web.try_send(
            method,
            path,
            &[&[("authorization", bearer.as_str())], headers].concat(),
            body,
        )
    }

    /// A `plexctl` command line in this operator's environment, to alter and run.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Program::Plexctl.command();
        command
            .args(arguments)
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", self.home().join(".config"))
            .env("PLEXSPHERE_URL", self.web.base())
            .env("PLEXSPHERE_CA_FILE", &self.ca_file)
            .env("PLEXSPHERE_TOKEN", &self.token);
        command
    }

    /// Runs `plexctl`.
    pub fn plexctl<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Ran {
        Ran::of(self.command(arguments), b"")
    }

    /// Runs `plexctl … --output json`, which must do what it was asked, and reads what it prints.
    pub fn plexctl_json(&self, arguments: &[&str]) -> Value {
        let ran = self.plexctl(&[arguments, &["--output", "json"]].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "plexctl {arguments:?}");
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("plexctl {arguments:?}: {error}"))
    }

    /// Runs `plexctl action output` for what a node's run left.
    pub fn output(&self, execution: Uuid, node: Uuid) -> Ran {
        let [project, id, node] = [self.project_id, execution, node].map(|id| id.to_string());
        let target = ["--project", &project, "--id", &id, "--node", &node];
        self.plexctl(&[&["action", "output"][..], &target].concat())
    }

    /// The token written to a file with these permission bits, in this operator's home.
    pub fn token_file(&self, mode: u32) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.home().join(format!("token-{mode:o}"));
        std::fs::write(&path, format!("{}\n", self.token)).expect("a home can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("one's own file");
        path
    }

    /// A new user with this relation on the project.
    pub fn with_role(&self, relation: &str) -> Self {
        self.with_role_on(relation, &format!("project:{}", self.project_id))
    }

    /// A new user with this relation on a `type:id`, both in this operator's project.
    pub fn with_role_on(&self, relation: &str, resource: &str) -> Self {
        let user = Uuid::now_v7();
        self.grant(user, relation, resource);
        self.token_of(user)
    }

    /// Grants a relation.
    pub fn grant(&self, user: Uuid, relation: &str, resource: &str) -> Value {
        let (project, subject) = (self.project_id.to_string(), format!("user:{user}"));
        let what = [
            "--subject",
            &subject,
            "--relation",
            relation,
            "--resource",
            resource,
        ];
        self.plexctl_json(&[&["rebac", "tuple", "add", "--project", &project][..], &what].concat())
    }

    /// A new token of that user.
    pub fn token_of(&self, user: Uuid) -> Self {
        let issued = self.plexctl_json(&["token", "issue", "--user", &user.to_string()]);
        self.with_token(issued["plaintext"].as_str().expect("a token's text"))
    }

    /// Dispatches a built-in to one node.
    pub fn dispatch(&self, node: Uuid, action: &str) -> Uuid {
        self.dispatched(&json!({"action": action, "node_id": node}))
    }

    /// Dispatches what the body says; it must succeed.
    pub fn dispatched(&self, body: &Value) -> Uuid {
        let answer = self.post(&paths::dispatch(self.project_id), body).expect(201);
        answer.json()["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("an execution has an id")
    }

    /// One execution as the API gives it.
    pub fn execution(&self, execution: Uuid) -> Value {
        self.get(&paths::execution(self.project_id, execution))
            .expect(200)
            .json()
    }

    /// The execution, once it is as `is_reached` wants it.
    pub fn wait_for(&self, execution: Uuid, is_reached: impl Fn(&Value) -> bool, limit: Duration) -> Value {
        let mut last = Value::Null;
        let mut look = || {
            last = self.execution(execution);
            is_reached(&last).then(|| last.clone())
        };
        until(&format!("execution {execution}"), limit, &mut look)
    }

    /// The execution, once all its targets have ended.
    pub fn ended(&self, execution: Uuid) -> Value {
        let is_over = |status: &Value| {
            matches!(
                status.as_str(),
                Some("succeeded" | "failed" | "cancelled" | "timeout")
            )
        };
        self.wait_for(execution, |json| is_over(&json["status"]), crate::LIMIT)
    }
}

impl Ran {
    /// Runs a command to its end, with these bytes as its stdin.
    pub fn of(mut command: Command, stdin: &[u8]) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        // A command that does not read its stdin closes it; that is its own affair.
        let _ = child.stdin.take().expect("stdin is piped").write_all(stdin);
        let output = child.wait_with_output().expect("a child can be waited for");
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The result as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("stdout is UTF-8")
    }

    /// The run itself, once its exit code is as expected.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            code,
            "stderr: {}\nstdout: {}",
            self.stderr,
            String::from_utf8_lossy(&self.stdout)
        );
        self
    }
}
