//! stdout that goes away, or that cannot be written.

use crate::actors::{Answer, EXECUTION, NODE, Operator, PROJECT, Ran, Server, execution, inline, target};
use std::fs::OpenOptions;
use std::io::Read;
use std::process::Stdio;

fn large() -> Server {
    let targets: Vec<_> = (0..500).map(|_| target(NODE, inline(&[b'x'; 4096]))).collect();
    Server::always(Answer::json(&execution(&targets)))
}

fn get(format: &str) -> Vec<String> {
    let line = format!("exec-log get --project {PROJECT} --id {EXECUTION} --output {format}");
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let server = large();
    let operator = Operator::of(&server);
    for format in ["text", "json", "yaml"] {
        let mut command = operator.command(get(format));
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdout = child.stdout.take().expect("piped");
        stdout.read_exact(&mut [0; 8]).expect("a beginning");
        drop(stdout);
        let ran = Ran::from(child.wait_with_output().expect("it ends"));
        assert!(ran.is_fine(), "{format}: {ran:?}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_1() {
    let server = large();
    let operator = Operator::of(&server);
    for words in [get("text"), get("yaml"), vec!["--help".to_owned()]] {
        let full = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("Linux has it");
        let ran = Ran::from(
            operator
                .command(words)
                .stdout(full)
                .stderr(Stdio::piped())
                .output()
                .expect("it starts"),
        );
        ran.assert_failed(1);
    }
}
