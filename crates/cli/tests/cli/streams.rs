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

/// The most memory that a process has used so far, in KiB.
fn peak_kibibytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("Linux tells");
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

#[test]
fn memory_stays_flat_however_long_the_log() {
    let output = inline(&[b'x'; 16_384]);
    let targets = vec![target(NODE, output); 2_000];
    let mut body = execution(&targets);
    let counted = Server::always(Answer::json(&body));
    body.as_object_mut().expect("an object").remove("target_counts");
    let uncounted = Server::always(Answer::json(&body));
    for (server, format) in [(&counted, "text"), (&uncounted, "text"), (&counted, "json")] {
        let operator = Operator::of(server);
        let mut command = operator.command(get(format));
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdout = child.stdout.take().expect("piped");
        // Nearly all of the 32 MiB; while it waits to write the rest, it can be looked at.
        let read =
            std::io::copy(&mut (&mut stdout).take(31 << 20), &mut std::io::sink()).expect("most of it");
        assert_eq!(read, 31 << 20, "{format}");
        let peak = peak_kibibytes(child.id());
        assert!(peak < 24 << 10, "{format}: {peak} KiB");
        drop(stdout);
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
    }
}
