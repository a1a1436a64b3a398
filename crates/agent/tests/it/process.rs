//! Runs under a supervisor: order, limits, deadlines, and that nothing is left behind or passed on.

use crate::agent::until_gone;
use plex_agent::hooks::Hooks;
use plex_agent::process::{Command, End, Finished, Launcher, Limits, Program};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

struct Run {
    command: Command,
    seconds: u64,
    output_bytes: usize,
    stop: CancellationToken,
}

fn launcher() -> Launcher {
    Launcher::new(env!("CARGO_BIN_EXE_plexd").into(), "/".into())
}

fn shell(script: &str) -> Run {
    let command = Command {
        program: Program::Installed("/bin/sh".into()),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        environment: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        secrets: Vec::new(),
    };
    Run {
        command,
        seconds: 30,
        output_bytes: 1024 * 1024,
        stop: CancellationToken::new(),
    }
}

impl Run {
    async fn finish(self) -> Finished {
        let limits = Limits {
            deadline: Instant::now() + Duration::from_secs(self.seconds),
            output_bytes: self.output_bytes,
        };
        launcher().run(self.command, limits, &self.stop).await
    }

    async fn output(self) -> String {
        let finished = self.finish().await;
        assert_eq!(finished.end, End::Exited(0));
        String::from_utf8(finished.output.bytes).unwrap()
    }
}

fn marker(name: &str) -> String {
    format!("300.{name}{}", std::process::id())
}

#[tokio::test]
async fn both_outputs_keep_the_order_in_which_they_were_written() {
    let script = "for i in 1 2 3 4 5 6 7 8 9; do echo out$i; echo err$i >&2; done";
    let expected: String = (1..=9).map(|i| format!("out{i}\nerr{i}\n")).collect();
    assert_eq!(shell(script).output().await, expected);
}

#[tokio::test]
async fn ends_are_told_apart() {
    assert_eq!(shell("exit 7").finish().await.end, End::Exited(7));
    assert_eq!(shell("kill -TERM $$").finish().await.end, End::Signalled(15));
    let mut run = shell("");
    run.command.program = Program::Installed("/no/such/program".into());
    assert!(matches!(run.finish().await.end, End::Unstartable(_)));
    let mut run = shell("");
    run.command
        .environment
        .push(("BIG".to_owned(), "x".repeat(3 * 1024 * 1024)));
    assert!(matches!(run.finish().await.end, End::Unstartable(reason) if reason.contains("too long")));
}

#[tokio::test]
async fn endless_output_is_cut_and_does_not_block() {
    let mut run = shell("head -c 20000000 /dev/zero; echo done > /dev/null");
    run.output_bytes = 1000;
    let finished = run.finish().await;
    assert_eq!(finished.end, End::Exited(0));
    assert_eq!(
        (finished.output.bytes, finished.output.truncated),
        (vec![0; 1000], true)
    );
    let mut run = shell("head -c 1000 /dev/zero");
    run.output_bytes = 1000;
    assert!(!run.finish().await.output.truncated);
}

#[tokio::test]
async fn the_deadline_kills_the_whole_tree_even_what_fled_its_session() {
    let marker = marker("1");
    let script = format!(
        "echo begun; sleep {marker} & setsid sleep {marker} & setsid sh -c 'setsid sleep {marker} & :'; trap '' TERM; sleep {marker}"
    );
    let mut run = shell(&script);
    run.seconds = 1;
    let finished = run.finish().await;
    assert_eq!(finished.end, End::TimedOut);
    assert_eq!(finished.output.bytes, b"begun\n");
    until_gone(&marker).await;
}

#[tokio::test]
async fn a_stop_kills_the_tree() {
    let marker = marker("2");
    let run = shell(&format!("setsid sleep {marker} & sleep {marker}"));
    let stop = run.stop.clone();
    let running = tokio::spawn(run.finish());
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.cancel();
    assert_eq!(running.await.unwrap().end, End::Interrupted);
    until_gone(&marker).await;
}

#[tokio::test]
async fn an_agent_that_is_gone_takes_its_runs_along() {
    let marker = marker("3");
    let running = tokio::spawn(shell(&format!("setsid sleep {marker} & sleep {marker}")).finish());
    tokio::time::sleep(Duration::from_millis(200)).await;
    // As when the process dies: nobody is told, the sockets just close.
    running.abort();
    until_gone(&marker).await;
}

#[tokio::test]
async fn a_grandchild_that_holds_the_output_does_not_delay_the_end() {
    let marker = marker("4");
    let begin = Instant::now();
    let output = shell(&format!("setsid sleep {marker} & echo over"))
        .output()
        .await;
    assert_eq!(output, "over\n");
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "it waited for the grandchild"
    );
    until_gone(&marker).await;
}

#[tokio::test]
async fn nothing_of_the_agent_is_passed_on() {
    // One that was left open in us, as a careless parent would leave it in the agent.
    let _careless = rustix::io::dup(std::io::stderr()).unwrap();
    assert_eq!(
        shell("ls /proc/self/fd | wc -l").output().await.trim(),
        "4",
        "0, 1, 2 and ls's own"
    );
    let environment = shell("env | sort").output().await;
    let names: Vec<&str> = environment
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    // The shell adds the last two.
    assert!(
        names
            .iter()
            .all(|name| ["PATH", "PWD", "SHLVL", "_", "OLDPWD"].contains(name)),
        "{names:?}"
    );
    let facts = "pwd; umask; ulimit -c; readlink /proc/self/fd/0; ps -o pgid= -p $$ | tr -d ' '; echo $$";
    let facts = shell(facts).output().await;
    let facts: Vec<&str> = facts.lines().collect();
    assert_eq!(facts[..4], ["/", "0077", "0", "/dev/null"]);
    if facts.len() == 6 {
        assert_eq!(facts[4], facts[5], "it leads its own process group");
    }
}

#[tokio::test]
async fn a_secret_is_in_a_file_and_nowhere_else() {
    let mut run = shell(
        "cat $KEY; cat $KEY; echo; tr '\\0' '\\n' < /proc/$$/environ; tr '\\0' '\\n' < /proc/$$/cmdline; (echo x > $KEY) 2>/dev/null || echo sealed",
    );
    run.command.secrets.push(("KEY".to_owned(), "hunter2".to_owned()));
    let output = run.output().await;
    assert!(output.starts_with("hunter2hunter2\n"), "{output}");
    assert!(output.ends_with("sealed\n"), "{output}");
    assert_eq!(output.matches("hunter2").count(), 2, "{output}");
}

#[tokio::test]
async fn a_sealed_binary_and_a_sealed_script_run_from_memory() {
    let directory = tempfile::tempdir().unwrap();
    let install = |name: &str, source: &Path| {
        let path = directory.path().join(name);
        std::fs::copy(source, &path).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    install("binary", Path::new("/usr/bin/env"));
    let script = directory.path().join("text");
    std::fs::write(&script, "#!/bin/sh\necho \"script $A\"\n").unwrap();
    install("script", &script);
    let hooks = Hooks::new(directory.path().to_owned());
    for (name, expected) in [("binary", "A=1\n"), ("script", "script 1\n")] {
        let (sealed, _) = hooks.seal(name).unwrap();
        std::fs::remove_file(directory.path().join(name)).unwrap();
        let mut run = shell("");
        run.command = Command {
            program: Program::Sealed(sealed.image, name.to_owned()),
            arguments: Vec::new(),
            environment: vec![("A".to_owned(), "1".to_owned())],
            secrets: Vec::new(),
        };
        assert_eq!(run.output().await, expected);
    }
}
