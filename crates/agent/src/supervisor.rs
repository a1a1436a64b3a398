//! The small process between the agent and each thing it runs.
//!
//! It exists for what one process per run can do and the agent cannot. It is the *subreaper* of its run, so a
//! daemonised grandchild ends up below it and nowhere else, and the run's whole tree can be found and killed. It
//! notices when the agent dies, because its control socket closes, and kills the tree then too: what the agent's
//! successor reports as interrupted does not go on running. And being single-threaded while it prepares, it may hold
//! inheritable descriptors that no other run's child can catch.
//!
//! Its three standard descriptors are its whole interface: standard input is the sealed program, standard output
//! the run's output, standard error the control socket. One JSON line comes in ([`Order`]), one goes out
//! ([`Word`]); when the peer closes its sending side, the run is to be killed.

mod descendants;
mod secrets;

use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, WaitOptions, getpid, set_child_subreaper, set_dumpable_behavior,
    setrlimit, setsid, umask, wait,
};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The argument that makes `plexd` a supervisor.
pub const ARGUMENT: &str = "supervise";

/// How long the remains of a tree are hunted before they are left to the kernel.
const SWEEP: Duration = Duration::from_secs(2);
/// Between two rounds of killing.
const ROUND: Duration = Duration::from_millis(2);

/// What to run. It travels over a socket, never in arguments or environment, because it holds secrets.
#[derive(Serialize, Deserialize)]
pub struct Order {
    /// The program's path; none when it is the sealed file on standard input.
    pub program: Option<PathBuf>,
    /// The program's name for itself.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// Variables that name a file each, and that file's content.
    pub secrets: Vec<(String, String)>,
    /// Where it runs.
    pub directory: PathBuf,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It could not be started, for this reason.
    Unstartable(String),
}

/// Runs one order to its end.
pub fn main() -> ExitCode {
    match supervise() {
        Ok(()) => ExitCode::SUCCESS,
        // The agent sees the control socket close without a word.
        Err(_) => ExitCode::FAILURE,
    }
}

fn supervise() -> io::Result<()> {
    confine()?;
    let mut control = UnixStream::from(io::stderr().as_fd().try_clone_to_owned()?);
    let mut line = String::new();
    BufReader::new(control.try_clone()?).read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    let word = match start(&order) {
        Ok(child) => follow(child, control.try_clone()?)?,
        Err(error) => Word::Unstartable(error.to_string()),
    };
    let mut word = serde_json::to_string(&word)?;
    word.push('\n');
    control.write_all(word.as_bytes())
}

fn confine() -> io::Result<()> {
    // When memory runs out, the run is to go before the agent. Writing needs a dumpable process.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    set_child_subreaper(Some(getpid()))?;
    // Already being a session leader is as good.
    let _ = setsid();
    // Whoever started the agent may have left descriptors open in it; no run is to inherit them.
    close_fds::set_fds_cloexec(3, &[]);
    umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    Ok(())
}

/// Starts the ordered program in its own process group, with nothing of ours but what the order names.
fn start(order: &Order) -> io::Result<Pid> {
    let mut inherited: Vec<OwnedFd> = Vec::new();
    let program = match &order.program {
        Some(path) => path.clone(),
        None => {
            // An interpreter opens the script by this name, so the descriptor stays open across exec.
            let sealed = rustix::io::dup(io::stdin())?;
            let path = PathBuf::from(format!("/proc/self/fd/{}", sealed.as_raw_fd()));
            inherited.push(sealed);
            path
        }
    };
    let mut command = Command::new(program);
    command
        .arg0(&order.name)
        .args(&order.arguments)
        .env_clear()
        .envs(order.environment.iter().cloned());
    for (variable, secret) in &order.secrets {
        let file = secrets::file(secret.as_bytes())?;
        command.env(variable, format!("/dev/fd/{}", file.as_raw_fd()));
        inherited.push(file);
    }
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    command
        .stdin(Stdio::null())
        .stderr(Stdio::from(output.try_clone()?))
        .stdout(Stdio::from(output))
        .current_dir(&order.directory)
        .process_group(0);
    let child = command.spawn()?;
    Ok(Pid::from_child(&child))
}

/// Waits for the run's own process, then for the end of everything it left behind.
fn follow(child: Pid, control: UnixStream) -> io::Result<Word> {
    std::thread::spawn(move || kill_when_told(child, control));
    let status = loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == child => break status,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    sweep(child);
    let signal = status.terminating_signal().unwrap_or_default();
    Ok(status.exit_status().map_or(Word::Signalled(signal), Word::Exited))
}

fn kill_when_told(child: Pid, mut control: UnixStream) {
    // Whatever comes, the agent's going included, means the same.
    let _ = control.read(&mut [0]);
    loop {
        descendants::kill(child);
        std::thread::sleep(ROUND);
    }
}

/// Kills and reaps until there is nobody left.
fn sweep(group: Pid) {
    let begin = Instant::now();
    while begin.elapsed() < SWEEP {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => {
                descendants::kill(group);
                std::thread::sleep(ROUND);
            }
            Err(_) => return,
        }
    }
}
