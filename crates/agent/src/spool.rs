//! Results on their way to the server: on disk before the first attempt to report them, until it has them.
//!
//! One JSON file per execution, and beside it the output's bytes where there are any. The JSON file is written last
//! and removed first, so a result that is there is complete.

use crate::durable;
use plex_api::executions::ExecutionStatus;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What became of an execution here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// `succeeded` or `failed`.
    pub status: ExecutionStatus,
    /// The process's exit code, where it ended by itself.
    pub exit_code: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether `output` is only the beginning.
    pub truncated: bool,
}

impl Outcome {
    /// A failure without exit code and output.
    pub fn failed(error: impl Into<String>) -> Self {
        Self {
            status: ExecutionStatus::Failed,
            exit_code: None,
            error: Some(error.into()),
            truncated: false,
        }
    }
}

/// A result that waits to be reported. Its `Debug` shows no output.
#[derive(Clone, PartialEq, Eq)]
pub struct Spooled {
    /// The execution.
    pub execution_id: Uuid,
    /// What became of it.
    pub outcome: Outcome,
    /// What it printed.
    pub output: Vec<u8>,
}

impl std::fmt::Debug for Spooled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spooled")
            .field("execution_id", &self.execution_id)
            .field("outcome", &self.outcome)
            .field("output_bytes", &self.output.len())
            .finish()
    }
}

/// The directory of results.
#[derive(Debug, Clone)]
pub struct Spool {
    directory: PathBuf,
}

impl Spool {
    /// The spool in `directory`, which is made when it is not there.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn open(directory: &Path) -> io::Result<Self> {
        durable::private_directory(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// Keeps a result until [`Self::remove`]. It returns only when the result would survive power loss.
    ///
    /// # Errors
    /// When the result may be lost. Then nothing of it is kept.
    pub fn put(&self, result: &Spooled) -> io::Result<()> {
        let json = serde_json::to_vec(&result.outcome).expect("an outcome has only string keys");
        let kept = if result.output.is_empty() {
            Ok(())
        } else {
            durable::replace(&self.output_path(result.execution_id), &result.output)
        };
        let kept = kept.and_then(|()| durable::replace(&self.path(result.execution_id), &json));
        if kept.is_err() {
            let _ = self.remove(result.execution_id);
        }
        kept
    }

    /// The result of that execution; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn get(&self, execution_id: Uuid) -> io::Result<Option<Spooled>> {
        let Some(json) = read(&self.path(execution_id))? else {
            return Ok(None);
        };
        let outcome = serde_json::from_slice(&json)?;
        let output = read(&self.output_path(execution_id))?.unwrap_or_default();
        Ok(Some(Spooled {
            execution_id,
            outcome,
            output,
        }))
    }

    /// Forgets a result.
    ///
    /// # Errors
    /// When it may still be there.
    pub fn remove(&self, execution_id: Uuid) -> io::Result<()> {
        durable::remove(&self.path(execution_id))?;
        durable::remove(&self.output_path(execution_id))
    }

    /// Every execution with a result here; takes away what an interrupted write left behind.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self) -> io::Result<Vec<Uuid>> {
        let mut waiting = Vec::new();
        let mut outputs = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let id = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .and_then(|stem| stem.parse::<Uuid>().ok());
            match (id, path.extension().and_then(|extension| extension.to_str())) {
                (Some(id), Some("json")) => waiting.push(id),
                (Some(id), Some("out")) => outputs.push(id),
                (_, Some("new")) => std::fs::remove_file(&path)?,
                _ => {}
            }
        }
        for orphan in outputs.into_iter().filter(|id| !waiting.contains(id)) {
            std::fs::remove_file(self.output_path(orphan))?;
        }
        Ok(waiting)
    }

    fn path(&self, execution_id: Uuid) -> PathBuf {
        self.directory.join(format!("{execution_id}.json"))
    }

    fn output_path(&self, execution_id: Uuid) -> PathBuf {
        self.directory.join(format!("{execution_id}.out"))
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    fn result(n: u128, output: &[u8]) -> Spooled {
        let outcome = Outcome {
            status: ExecutionStatus::Failed,
            exit_code: Some(3),
            error: Some("exit code 3".to_owned()),
            truncated: true,
        };
        Spooled {
            execution_id: Uuid::from_u128(n),
            outcome,
            output: output.to_vec(),
        }
    }

    #[test]
    fn a_result_is_there_until_it_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path()).unwrap();
        let (with, without) = (result(1, b"\0\xff\n"), result(2, b""));
        spool.put(&with).unwrap();
        spool.put(&without).unwrap();
        let again = Spool::open(directory.path()).unwrap();
        assert_eq!(again.get(with.execution_id).unwrap().as_ref(), Some(&with));
        assert_eq!(again.get(without.execution_id).unwrap().as_ref(), Some(&without));
        again.remove(with.execution_id).unwrap();
        assert_eq!(again.get(with.execution_id).unwrap(), None);
        assert_eq!(again.list().unwrap(), [without.execution_id]);
    }

    #[test]
    fn results_are_private() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path()).unwrap();
        spool.put(&result(1, b"secret")).unwrap();
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn leftovers_of_an_interrupted_write_are_swept() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path()).unwrap();
        spool.put(&result(1, b"x")).unwrap();
        std::fs::write(
            directory.path().join(format!("{}.out", Uuid::from_u128(2))),
            b"orphan",
        )
        .unwrap();
        std::fs::write(
            directory.path().join(format!("{}.json.new", Uuid::from_u128(3))),
            b"{",
        )
        .unwrap();
        assert_eq!(spool.list().unwrap(), [Uuid::from_u128(1)]);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
    }
}
