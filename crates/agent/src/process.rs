//! Runs one program under a [`supervisor`] and gathers what it prints, up to a limit and until a deadline.
//!
//! Standard output and standard error share one pipe, so that the output keeps the order in which it was written.
//! What exceeds the limit is read and thrown away: a program is never blocked by what we do not keep.

use crate::supervisor::{self, Order, Word};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// How long a killed tree may take to be gone.
const KILL_GRACE: Duration = Duration::from_secs(4);
/// How long the last output may take once everybody who could write it is dead.
const DRAIN: Duration = Duration::from_secs(1);
/// How long a supervisor may take to read its order.
const HANDOVER: Duration = Duration::from_secs(10);

/// What to run.
pub struct Command {
    /// The program.
    pub program: Program,
    /// Its arguments, as they are; there is no shell.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// Variables that each name a file with the given content.
    pub secrets: Vec<(String, String)>,
}

/// A program to run.
pub enum Program {
    /// A sealed copy in memory, and its name.
    Sealed(File, String),
    /// A program of this machine.
    Installed(PathBuf),
}

/// What a run may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// When it is killed.
    pub deadline: Instant,
    /// How many bytes of output are kept.
    pub output_bytes: usize,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal, not ours.
    Signalled(i32),
    /// Killed at the deadline.
    TimedOut,
    /// Killed because the agent stops.
    Interrupted,
    /// It could not be run, for this reason.
    Unstartable(String),
}

/// A run that is over; nothing of it is left.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub end: End,
    /// What it printed.
    pub output: Captured,
}

/// The beginning of an output.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Captured {
    /// At most as many bytes as the limit allowed.
    pub bytes: Vec<u8>,
    /// Whether there was more.
    pub truncated: bool,
}

impl Captured {
    /// The beginning of what is there already.
    pub(crate) fn of(output: &[u8], limit: usize) -> Self {
        let mut captured = Self::default();
        captured.add(output, limit);
        captured
    }

    fn add(&mut self, chunk: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.bytes.len()).min(chunk.len());
        self.bytes.extend_from_slice(&chunk[..room]);
        self.truncated |= room < chunk.len();
    }
}

/// Starts supervisors.
#[derive(Debug, Clone)]
pub struct Launcher {
    program: PathBuf,
    directory: PathBuf,
}

impl Launcher {
    /// `program` is this very executable; runs have `directory` as their working directory.
    pub fn new(program: PathBuf, directory: PathBuf) -> Self {
        Self { program, directory }
    }

    /// Runs a command to its end, its deadline, or until `stop`.
    pub async fn run(&self, command: Command, limits: Limits, stop: &CancellationToken) -> Finished {
        match self.launch(command).await {
            Ok(run) => run.follow(limits, stop).await,
            Err(error) => Finished {
                end: End::Unstartable(error.to_string()),
                output: Captured::default(),
            },
        }
    }

    async fn launch(&self, command: Command) -> io::Result<Run> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let (reader, writer) = io::pipe()?;
        let (program, name, sealed) = match command.program {
            Program::Sealed(image, name) => (None, name, Stdio::from(image)),
            Program::Installed(path) => {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                (Some(path), name, Stdio::null())
            }
        };
        // The builder holds our copies of the child's descriptors, so it must not outlive this statement.
        let supervisor = tokio::process::Command::new(&self.program)
            .arg(supervisor::ARGUMENT)
            .env_clear()
            .stdin(sealed)
            .stdout(Stdio::from(OwnedFd::from(writer)))
            .stderr(Stdio::from(OwnedFd::from(theirs)))
            .spawn()?;
        ours.set_nonblocking(true)?;
        let mut control = UnixStream::from_std(ours)?;
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let order = Order {
            program,
            name,
            arguments: command.arguments,
            environment: command.environment,
            secrets: command.secrets,
            directory: self.directory.clone(),
        };
        hand_over(&order, &mut control).await?;
        Ok(Run {
            supervisor,
            control,
            output,
        })
    }
}

async fn hand_over(order: &Order, control: &mut UnixStream) -> io::Result<()> {
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    timeout(HANDOVER, control.write_all(&line))
        .await
        .map_err(|_| io::ErrorKind::TimedOut)?
}

struct Run {
    supervisor: Child,
    control: UnixStream,
    output: pipe::Receiver,
}

impl Run {
    async fn follow(mut self, limits: Limits, stop: &CancellationToken) -> Finished {
        let (reader, mut kill) = self.control.into_split();
        let word = word(reader);
        tokio::pin!(word);
        let mut captured = Captured::default();
        let mut open = true;
        let mut asked = None;
        let mut give_up = None;
        let mut chunk = vec![0; 64 * 1024];
        let word = loop {
            tokio::select! {
                word = &mut word => break Some(word),
                read = self.output.read(&mut chunk), if open => match read {
                    Ok(n) if n > 0 => captured.add(&chunk[..n], limits.output_bytes),
                    Ok(_) | Err(_) => open = false,
                },
                () = sleep_until(limits.deadline), if asked.is_none() => asked = Some(End::TimedOut),
                () = stop.cancelled(), if asked.is_none() => asked = Some(End::Interrupted),
                () = sleep_until(give_up.unwrap_or(limits.deadline)), if give_up.is_some() => break None,
            }
            if asked.is_some() && give_up.is_none() {
                give_up = Some(Instant::now() + KILL_GRACE);
                // A supervisor that is gone needs no telling.
                let _ = kill.shutdown().await;
            }
        };
        if open
            && timeout(DRAIN, drain(&mut self.output, &mut captured, limits.output_bytes))
                .await
                .is_err()
        {
            tracing::warn!("a process outlived the kill and holds the output open");
        }
        reap(self.supervisor, word.is_some()).await;
        let end = asked.unwrap_or_else(|| word.unwrap_or(None).map_or_else(lost, End::from));
        Finished {
            end,
            output: captured,
        }
    }
}

impl From<Word> for End {
    fn from(word: Word) -> Self {
        match word {
            Word::Exited(code) => Self::Exited(code),
            Word::Signalled(signal) => Self::Signalled(signal),
            Word::Unstartable(reason) => Self::Unstartable(reason),
        }
    }
}

fn lost() -> End {
    End::Unstartable("the supervising process was lost".to_owned())
}

async fn word(control: OwnedReadHalf) -> Option<Word> {
    let mut line = String::new();
    BufReader::new(control).read_line(&mut line).await.ok()?;
    serde_json::from_str(&line).ok()
}

async fn drain(output: &mut pipe::Receiver, captured: &mut Captured, limit: usize) {
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(n) = output.read(&mut chunk).await {
        if n == 0 {
            return;
        }
        captured.add(&chunk[..n], limit);
    }
}

async fn reap(mut supervisor: Child, ended: bool) {
    if !ended {
        let _ = supervisor.start_kill();
    }
    // It has said its last word or was killed, so this does not take long; the runtime reaps a late one.
    let _ = timeout(DRAIN, supervisor.wait()).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_captured_output_is_the_beginning_and_says_when_there_was_more(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20),
            limit in 0_usize..300,
        ) {
            let mut captured = Captured::default();
            for chunk in &chunks {
                captured.add(chunk, limit);
            }
            let whole = chunks.concat();
            prop_assert_eq!(&captured.bytes, &whole[..whole.len().min(limit)]);
            prop_assert_eq!(captured.truncated, whole.len() > limit);
        }
    }
}
