//! Which executions this node ever took on: the memory that keeps one from running twice.
//!
//! An append-only file of JSON lines, flushed to disk before the step that a line announces is taken. The end of
//! the file may be torn by power loss: what follows the last whole line is cut off, because the step it announced
//! was then never taken. A broken line *before* a whole one is damage of another kind; the agent refuses to
//! guess and says so. Entries outlive every deadline they could belong to, then they are dropped.

use crate::durable;
use jiff::{SignedDuration, Timestamp};
use rustix::fs::{FallocateFlags, OFlags};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// How long an entry is kept: the longest time-out, a day of grace for clocks, and a day for good measure.
const RETENTION: SignedDuration = SignedDuration::from_hours(72);
/// Room that is set aside, so that a disk that others fill does not stop the journal at once.
const RESERVE_BYTES: u64 = 256 * 1024;
/// The file is written anew when it has grown by this much.
const COMPACT_BYTES: u64 = 4 * 1024 * 1024;

/// How far an execution got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Taken on; nothing has run.
    Accepted,
    /// The body runs, ran, or may have run.
    Started,
    /// The server has its result or does not want it.
    Settled,
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("journal {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A line before the last is not one of ours.
    #[error(
        "journal {path} is damaged at line {line}; without it an execution could run twice, so decide by hand what to do with it"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Line {
    id: Uuid,
    stage: Stage,
    at: Timestamp,
}

/// The journal, open for the one agent that owns the directory.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    length: u64,
    compacted: u64,
    entries: HashMap<Uuid, Line>,
}

impl Journal {
    /// Opens the journal at `path`, creates it where there is none, and drops what is older than 72 hours at `now`.
    ///
    /// # Errors
    /// When the file is damaged or cannot be read or written.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Io {
            path: path.to_owned(),
            source,
        };
        let content = match std::fs::read(path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        let mut entries = HashMap::new();
        for line in lines(&content).map_err(|line| JournalError::Damaged {
            path: path.to_owned(),
            line,
        })? {
            if entries
                .get(&line.id)
                .is_none_or(|known: &Line| known.stage != Stage::Settled)
            {
                entries.insert(line.id, line);
            }
        }
        let (file, length) = rewrite(path, &mut entries, now).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            compacted: length,
            entries,
        })
    }

    /// How far that execution got here; `None` when it was never taken on.
    pub fn stage(&self, id: Uuid) -> Option<Stage> {
        self.entries.get(&id).map(|line| line.stage)
    }

    /// Every execution at that stage.
    pub fn at(&self, stage: Stage) -> Vec<Uuid> {
        self.entries
            .values()
            .filter(|line| line.stage == stage)
            .map(|line| line.id)
            .collect()
    }

    /// Notes that an execution has reached a stage. It returns only when the note would survive power loss, but for
    /// [`Stage::Settled`], whose loss only costs one more report.
    ///
    /// # Errors
    /// When the note may be lost; then the step must not be taken.
    pub fn note(&mut self, id: Uuid, stage: Stage, now: Timestamp) -> Result<(), JournalError> {
        let line = Line { id, stage, at: now };
        self.append(&line).map_err(|source| JournalError::Io {
            path: self.path.clone(),
            source,
        })?;
        self.entries.insert(id, line);
        Ok(())
    }

    fn append(&mut self, line: &Line) -> io::Result<()> {
        if self.length > self.compacted + COMPACT_BYTES {
            (self.file, self.length) = rewrite(&self.path, &mut self.entries, line.at)?;
            self.compacted = self.length;
        }
        let text = render(line);
        let written = self
            .file
            .write_all_at(text.as_bytes(), self.length)
            .and_then(|()| match line.stage {
                Stage::Accepted | Stage::Started => self.file.sync_data(),
                Stage::Settled => Ok(()),
            });
        if let Err(error) = written {
            // A torn line must not stand before the next whole one.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += text.len() as u64;
        Ok(())
    }
}

fn render(line: &Line) -> String {
    let mut text = serde_json::to_string(line).expect("a line has only string keys");
    text.push('\n');
    text
}

/// The whole lines; the number of the first broken one when a whole one follows it.
fn lines(content: &[u8]) -> Result<Vec<Line>, usize> {
    let mut whole = Vec::new();
    let mut broken = None;
    for (index, text) in content.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match text
            .strip_suffix(b"\n")
            .and_then(|text| serde_json::from_slice(text).ok())
        {
            Some(_) if broken.is_some() => return Err(broken.unwrap_or(index) + 1),
            Some(line) => whole.push(line),
            None => broken = broken.or(Some(index)),
        }
    }
    Ok(whole)
}

/// Writes the file anew with what is still worth keeping, and opens it for appending.
fn rewrite(path: &Path, entries: &mut HashMap<Uuid, Line>, now: Timestamp) -> io::Result<(File, u64)> {
    entries.retain(|_, line| now.duration_since(line.at) < RETENTION);
    let mut content = Vec::new();
    for line in entries.values() {
        content.write_all(render(line).as_bytes())?;
    }
    durable::replace(path, &content)?;
    let file = durable::private_file(path, OFlags::WRONLY)?;
    let length = content.len() as u64;
    // Not every file system can set room aside; the journal works without.
    let _ = rustix::fs::fallocate(&file, FallocateFlags::KEEP_SIZE, length, RESERVE_BYTES);
    Ok((file, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn stages_survive_reopening() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let mut journal = Journal::open(&path, now()).unwrap();
        journal.note(id(1), Stage::Accepted, now()).unwrap();
        journal.note(id(2), Stage::Accepted, now()).unwrap();
        journal.note(id(1), Stage::Started, now()).unwrap();
        for _ in 0..2 {
            let journal = Journal::open(&path, now()).unwrap();
            assert_eq!(journal.stage(id(1)), Some(Stage::Started));
            assert_eq!(journal.stage(id(2)), Some(Stage::Accepted));
            assert_eq!(journal.stage(id(3)), None);
            assert_eq!(journal.at(Stage::Started), [id(1)]);
        }
    }

    proptest! {
        #[test]
        fn a_tail_torn_anywhere_loses_only_the_last_note(cut in 1_usize..90, zeros in 0_usize..600) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("journal");
            let mut journal = Journal::open(&path, now()).unwrap();
            journal.note(id(1), Stage::Started, now()).unwrap();
            journal.note(id(2), Stage::Accepted, now()).unwrap();
            drop(journal);
            let mut content = std::fs::read(&path).unwrap();
            content.truncate(content.len() - cut);
            content.extend(std::iter::repeat_n(0, zeros));
            std::fs::write(&path, content).unwrap();
            let mut journal = Journal::open(&path, now()).unwrap();
            prop_assert_eq!(journal.stage(id(1)), Some(Stage::Started));
            prop_assert_eq!(journal.stage(id(2)), None);
            journal.note(id(3), Stage::Accepted, now()).unwrap();
            let journal = Journal::open(&path, now()).unwrap();
            prop_assert_eq!(journal.stage(id(3)), Some(Stage::Accepted));
            prop_assert_eq!(journal.stage(id(1)), Some(Stage::Started));
        }
    }

    #[test]
    fn damage_in_the_middle_is_not_guessed_away() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let mut journal = Journal::open(&path, now()).unwrap();
        journal.note(id(1), Stage::Started, now()).unwrap();
        journal.note(id(2), Stage::Started, now()).unwrap();
        let mut content = std::fs::read(&path).unwrap();
        content[3] = b'#';
        std::fs::write(&path, content).unwrap();
        assert!(matches!(
            Journal::open(&path, now()),
            Err(JournalError::Damaged { line: 1, .. })
        ));
    }

    #[test]
    fn only_old_entries_are_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let mut journal = Journal::open(&path, now()).unwrap();
        journal.note(id(1), Stage::Settled, now()).unwrap();
        let before = now() + SignedDuration::from_hours(71);
        assert_eq!(
            Journal::open(&path, before).unwrap().stage(id(1)),
            Some(Stage::Settled)
        );
        let after = now() + SignedDuration::from_hours(73);
        assert_eq!(Journal::open(&path, after).unwrap().stage(id(1)), None);
    }

    #[test]
    fn nothing_follows_settled() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let mut journal = Journal::open(&path, now()).unwrap();
        journal.note(id(1), Stage::Settled, now()).unwrap();
        drop(journal);
        let mut content = std::fs::read(&path).unwrap();
        content.extend(
            render(&Line {
                id: id(1),
                stage: Stage::Accepted,
                at: now(),
            })
            .bytes(),
        );
        std::fs::write(&path, content).unwrap();
        assert_eq!(
            Journal::open(&path, now()).unwrap().stage(id(1)),
            Some(Stage::Settled)
        );
    }
}
