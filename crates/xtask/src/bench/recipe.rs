//! Commands that are run again and again, and timed from start to exit.

use super::latencies::Latencies;
use crate::workspace;
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

/// What starts a program and says how much memory it took at most; with `wait4`, from a process that is small itself.
const TIME: &str = "/usr/bin/time";

/// A command that can be run again and again.
pub(super) struct Recipe {
    command: Command,
    /// Where its output goes: a terminal or a pipe would take part in what is measured.
    sink: File,
}

impl Recipe {
    /// Of a command whose program, arguments, environment and directory count.
    ///
    /// # Errors
    /// When there is no room for its output.
    pub(super) fn new(command: Command) -> anyhow::Result<Self> {
        let sink = tempfile::tempfile()?;
        Ok(Self { command, sink })
    }

    /// Runs it; what it prints is thrown away.
    ///
    /// # Errors
    /// When it does not end well.
    pub(super) fn run(&self) -> anyhow::Result<()> {
        self.sink.set_len(0)?;
        let mut command = self.again(Command::new(self.command.get_program()));
        command.stdout(self.sink.try_clone()?).stderr(Stdio::null());
        let status = command
            .status()
            .with_context(|| format!("cannot run {}", self.line()))?;
        ensure!(status.success(), "{} failed: {status}", self.line());
        Ok(())
    }

    /// Runs it and reads what it prints.
    ///
    /// # Errors
    /// When it does not end well.
    pub(super) fn output(&self) -> anyhow::Result<Vec<u8>> {
        let output = self
            .again(Command::new(self.command.get_program()))
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run {}", self.line()))?;
        ensure!(
            output.status.success(),
            "{} failed: {}",
            self.line(),
            output.status
        );
        Ok(output.stdout)
    }

    /// Runs it once more; returns the most memory, in KiB, that it or one of its children held at a time.
    ///
    /// # Errors
    /// When it does not end well, or nothing can measure that.
    pub(super) fn peak(&self) -> anyhow::Result<u64> {
        let said = tempfile::NamedTempFile::new()?;
        let mut time = Command::new(TIME);
        time.args(["--quiet", "--format", "%M", "--output"])
            .arg(said.path());
        time.arg("--").arg(self.command.get_program());
        let status = self
            .again(time)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .with_context(|| format!("cannot run {TIME}, of Debian's package time"))?;
        ensure!(status.success(), "{} failed: {status}", self.line());
        let text = fs::read_to_string(said.path())?;
        text.trim()
            .parse()
            .with_context(|| format!("{TIME} said {text:?}"))
    }

    /// The command as a person would type it.
    pub(super) fn line(&self) -> String {
        workspace::line(&self.command)
    }

    fn again(&self, mut command: Command) -> Command {
        command.args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(directory) = self.command.get_current_dir() {
            command.current_dir(directory);
        }
        command.stdin(Stdio::null());
        command
    }
}

/// Does the works in turn, so that what else happens on the machine falls on all alike.
///
/// # Errors
/// When one fails.
pub(super) fn by_turns<const N: usize>(
    mut works: [&mut dyn FnMut() -> anyhow::Result<()>; N],
    rounds: usize,
) -> anyhow::Result<[Latencies; N]> {
    let mut all = [const { Vec::new() }; N].map(|_: Vec<()>| Latencies::default());
    for _ in 0..rounds {
        for (work, latencies) in works.iter_mut().zip(&mut all) {
            let began = Instant::now();
            work()?;
            latencies.push(began.elapsed());
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Recipe {
        let mut command = Command::new("sh");
        command.env("WORD", "hi").args(["-c", script]);
        Recipe::new(command).unwrap()
    }

    #[test]
    fn a_recipe_can_be_followed_again_and_its_failure_is_told() {
        let recipe = shell("echo $WORD");
        recipe.run().unwrap();
        assert_eq!(recipe.output().unwrap(), b"hi\n");
        assert_eq!(recipe.output().unwrap(), b"hi\n");
        for result in [shell("exit 3").run(), shell("exit 3").peak().map(drop)] {
            assert!(result.unwrap_err().to_string().contains("sh -c exit 3 failed"));
        }
    }

    #[test]
    fn the_peak_is_of_the_program_and_not_of_who_starts_it() {
        let held = vec![1u8; 256 << 20];
        let peak = shell("true").peak().unwrap();
        assert!(peak > 100 && peak < (100 << 10), "{peak} KiB");
        drop(held);
    }

    #[test]
    fn turns_alternate() {
        let order = std::cell::RefCell::new(String::new());
        let note = |name| {
            order.borrow_mut().push(name);
            Ok(())
        };
        let [a, b] = by_turns([&mut || note('a'), &mut || note('b')], 3).unwrap();
        assert_eq!((a.count(), b.count()), (3, 3));
        assert_eq!(order.into_inner(), "ababab");
    }
}
