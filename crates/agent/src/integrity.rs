//! What this node finds changed, and how the server hears of it.
//!
//! At the start the hooks and the agent's own program are compared with what was last declared; before each run the
//! hook's bytes are. What is found lies on disk until the server has it. The server counts the same finding once, so
//! that to report it twice after a crash does no harm.

use crate::backoff::Backoff;
use crate::durable;
use crate::entropy::System;
use crate::fatal::Fatal;
use crate::hooks::Catalog;
use crate::manifest::Build;
use crate::report::retry_after;
use plex_api::integrity::{IntegrityDetector, IntegrityViolationRequest, IntegrityViolationsRequest};
use plex_client::node::NodeClient;
use plex_client::{ApiError, Error};
use plex_domain::text::printable;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Most findings that wait for the server, and most that are remembered as reported.
const KEPT: usize = 128;
/// Most findings in one report: well within the contract's 32 KiB.
const BATCH: usize = 32;
const RETRY: Duration = Duration::from_secs(1);
const RETRY_CEILING: Duration = Duration::from_secs(60);
/// What the agent's own program is called.
const PROGRAM: &str = "plexd";

/// What was last declared, as far as it is compared with at the next start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    binary_version: String,
    binary_checksum: String,
    hooks: BTreeMap<String, String>,
}

impl Declared {
    /// What a manifest declares.
    pub fn of(build: &Build, catalog: &Catalog) -> Self {
        let hooks = catalog.declared().into_iter();
        Self {
            binary_version: build.version.clone(),
            binary_checksum: build.checksum.clone(),
            hooks: hooks.map(|hook| (hook.name, hook.checksum)).collect(),
        }
    }

    /// What an earlier run left; none when there was no earlier run.
    ///
    /// # Errors
    /// When the file is there but cannot be used.
    pub fn load(path: &Path) -> io::Result<Option<Self>> {
        read(path)
    }

    /// Keeps it for the next start.
    ///
    /// # Errors
    /// When it may be lost.
    pub fn store(&self, path: &Path) -> io::Result<()> {
        write(path, self)
    }

    /// What has changed since. A program of another version was upgraded, and a hook that is gone or new can be run
    /// by nobody before it is declared; neither is a finding.
    pub fn changed(&self, now: &Self) -> Vec<IntegrityViolationRequest> {
        let hooks = now.hooks.iter().filter_map(|(name, observed)| {
            let expected = self.hooks.get(name).filter(|expected| *expected != observed)?;
            Some(finding(
                ("hook_checksum", IntegrityDetector::StartupScan, name),
                observed,
                expected,
            ))
        });
        let is_same_version = self.binary_version == now.binary_version;
        let program = (is_same_version && self.binary_checksum != now.binary_checksum).then(|| {
            finding(
                ("binary_checksum", IntegrityDetector::StartupScan, PROGRAM),
                &now.binary_checksum,
                &self.binary_checksum,
            )
        });
        hooks.chain(program).collect()
    }
}

/// A hook whose bytes are not those that were pinned or declared, found before it would have run.
pub fn before_run(hook: &str, observed: &str, expected: &str) -> IntegrityViolationRequest {
    let what = ("hook_checksum", IntegrityDetector::PreDispatch, hook);
    finding(what, observed, expected)
}

fn finding(
    (kind, detected_by, artifact): (&str, IntegrityDetector, &str),
    observed: &str,
    expected: &str,
) -> IntegrityViolationRequest {
    IntegrityViolationRequest {
        kind: kind.to_owned(),
        detected_by: detected_by.as_str().to_owned(),
        artifact_id: artifact.to_owned(),
        observed_checksum: Some(observed.to_owned()),
        expected_checksum: Some(expected.to_owned()),
        observed_fingerprint: None,
        expected_fingerprint: None,
    }
}

/// Takes findings from whoever makes them. Clones take for the same reporter.
#[derive(Debug, Clone)]
pub struct Findings(mpsc::Sender<Noted>);

/// The other end, for [`run`].
pub struct Found(mpsc::Receiver<Noted>);

#[derive(Debug)]
struct Noted {
    finding: IntegrityViolationRequest,
    /// Told whether it lies on disk, or with the server.
    kept: Option<oneshot::Sender<bool>>,
}

/// Two ends.
pub fn channel() -> (Findings, Found) {
    let (sender, receiver) = mpsc::channel(KEPT);
    (Findings(sender), Found(receiver))
}

impl Findings {
    /// Hands a finding on, without waiting for anything.
    pub fn note(&self, finding: IntegrityViolationRequest) {
        tell(&finding);
        if self.0.try_send(Noted { finding, kept: None }).is_err() {
            tracing::error!("finding not reported: too many wait");
        }
    }

    /// Hands findings on and waits until they lie on disk. Returns whether all of them do.
    pub async fn keep(&self, findings: &[IntegrityViolationRequest]) -> bool {
        let mut all = true;
        for finding in findings {
            tell(finding);
            let (kept, told) = oneshot::channel();
            let noted = Noted {
                finding: finding.clone(),
                kept: Some(kept),
            };
            all &= self.0.send(noted).await.is_ok() && told.await.unwrap_or(false);
        }
        all
    }
}

fn tell(finding: &IntegrityViolationRequest) {
    tracing::error!(
        artifact = %printable(&finding.artifact_id),
        kind = finding.kind,
        detected_by = finding.detected_by,
        "not what was declared"
    );
}

/// Findings on their way to the server.
struct Outbox {
    path: PathBuf,
    waiting: VecDeque<IntegrityViolationRequest>,
    /// Reported in this run: a hook that is dispatched again and again need not be reported each time.
    reported: VecDeque<IntegrityViolationRequest>,
}

impl Outbox {
    fn open(path: PathBuf) -> Self {
        let waiting = read(&path).unwrap_or_else(|error| {
            tracing::error!(reason = %error, "kept findings cannot be read");
            None
        });
        Self {
            path,
            waiting: waiting.unwrap_or_default(),
            reported: VecDeque::new(),
        }
    }

    fn take(&mut self, noted: Noted) {
        let is_kept = self.add(noted.finding);
        if let Some(kept) = noted.kept {
            // Whoever asked may be gone.
            let _ = kept.send(is_kept);
        }
    }

    /// Returns whether it lies on disk, or did until the server had it.
    fn add(&mut self, finding: IntegrityViolationRequest) -> bool {
        if self.reported.contains(&finding) {
            return true;
        }
        if !self.waiting.contains(&finding) {
            if self.waiting.len() == KEPT {
                tracing::error!("finding not reported: too many wait");
                return false;
            }
            self.waiting.push_back(finding);
        }
        self.keep()
    }

    fn batch(&self) -> IntegrityViolationsRequest {
        IntegrityViolationsRequest {
            violations: self.waiting.iter().take(BATCH).cloned().collect(),
        }
    }

    /// The batch is done with.
    fn settle(&mut self) {
        let count = self.waiting.len().min(BATCH);
        self.reported.extend(self.waiting.drain(..count));
        let surplus = self.reported.len().saturating_sub(KEPT);
        self.reported.drain(..surplus);
        // What cannot be forgotten on disk is reported once more after a restart, and the server counts it once.
        let _ = self.keep();
    }

    fn keep(&self) -> bool {
        let written = write(&self.path, &self.waiting);
        if let Err(error) = &written {
            tracing::error!(reason = %error, "findings cannot be kept on disk; reporting them all the same");
        }
        written.is_ok()
    }
}

/// Reports findings until the server has them. Ends only when the node's key is refused.
pub async fn run(client: NodeClient, path: PathBuf, mut found: Found) -> Fatal {
    let mut outbox = Outbox::open(path);
    let mut backoff = Backoff::new(RETRY, RETRY_CEILING);
    loop {
        while let Ok(noted) = found.0.try_recv() {
            outbox.take(noted);
        }
        if outbox.waiting.is_empty() {
            match found.0.recv().await {
                Some(noted) => outbox.take(noted),
                None => return std::future::pending().await,
            }
            continue;
        }
        let error = match client.report_integrity(&outbox.batch()).await {
            Ok(answer) => {
                tracing::info!(findings = answer.violation_count, "integrity violations reported");
                backoff.reset();
                outbox.settle();
                continue;
            }
            Err(error) => error,
        };
        if let Some(fatal) = Fatal::of(&error) {
            return fatal;
        }
        let mut wait = backoff.next(&System);
        if let Error::Api(answer) = &error {
            if is_rejected(answer) {
                tracing::error!(reason = %printable(&error.to_string()), "findings rejected");
                outbox.settle();
                continue;
            }
            wait = wait.max(retry_after(answer));
        }
        tracing::warn!(reason = %printable(&error.to_string()), "findings not reported; trying again");
        let end = tokio::time::Instant::now() + wait;
        while let Ok(Some(noted)) = tokio::time::timeout_at(end, found.0.recv()).await {
            outbox.take(noted);
        }
        tokio::time::sleep_until(end).await;
    }
}

/// Whether the server will never take it in this form. Everything without a code may be a proxy's word.
fn is_rejected(answer: &ApiError) -> bool {
    matches!(answer.status, 400 | 413 | 415 | 422) && answer.code.is_some()
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match std::fs::read(path) {
        Ok(json) => Ok(Some(serde_json::from_slice(&json)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    durable::replace(path, &serde_json::to_vec(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(version: &str, binary: &str, hooks: &[(&str, &str)]) -> Declared {
        let text = |(name, sum): &(&str, &str)| ((*name).to_owned(), (*sum).to_owned());
        Declared {
            binary_version: version.to_owned(),
            binary_checksum: binary.to_owned(),
            hooks: hooks.iter().map(text).collect(),
        }
    }

    #[test]
    fn a_changed_hook_and_a_changed_program_of_the_same_version_are_found() {
        let before = declared("1", "p", &[("a", "1"), ("b", "1"), ("gone", "1")]);
        let now = declared("1", "q", &[("a", "1"), ("b", "2"), ("new", "9")]);
        let found = before.changed(&now);
        let told: Vec<_> = found
            .iter()
            .map(|f| {
                (
                    f.kind.as_str(),
                    f.artifact_id.as_str(),
                    f.observed_checksum.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("hook_checksum", "b", Some("2")),
                ("binary_checksum", "plexd", Some("q"))
            ]
        );
        assert!(before.changed(&declared("2", "q", &[])).is_empty(), "an upgrade");
        assert!(before.changed(&before).is_empty());
    }

    #[test]
    fn what_was_declared_survives_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("declared.json");
        assert_eq!(Declared::load(&path).unwrap(), None);
        let one = declared("1", "p", &[("a", "1")]);
        one.store(&path).unwrap();
        assert_eq!(Declared::load(&path).unwrap(), Some(one));
        std::fs::write(&path, "{").unwrap();
        assert!(Declared::load(&path).is_err());
    }

    #[test]
    fn findings_wait_on_disk_once_each_and_never_without_bound() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("findings.json");
        let mut outbox = Outbox::open(path.clone());
        for n in 0..KEPT + 10 {
            for _ in 0..2 {
                outbox.add(before_run(&format!("hook-{n}"), "1", "2"));
            }
        }
        assert_eq!(outbox.waiting.len(), KEPT);
        let mut outbox = Outbox::open(path.clone());
        assert_eq!(outbox.waiting.len(), KEPT, "a crash loses none");
        assert_eq!(outbox.batch().violations.len(), BATCH);
        outbox.settle();
        assert_eq!(outbox.waiting.len(), KEPT - BATCH);
        outbox.add(before_run("hook-0", "1", "2"));
        assert_eq!(outbox.waiting.len(), KEPT - BATCH, "reported already");
        for _ in 0..10 {
            outbox.settle();
        }
        assert!(Outbox::open(path).waiting.is_empty());
    }

    #[tokio::test]
    async fn whoever_waits_hears_of_a_finding_that_lies_on_disk_and_of_one_that_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("findings.json");
        for (path, is_kept) in [(path, true), (directory.path().join("none/findings.json"), false)] {
            let (findings, mut found) = channel();
            let mut outbox = Outbox::open(path.clone());
            let asked = [before_run("a", "1", "2")];
            let keeping = tokio::spawn(async move { findings.keep(&asked).await });
            let noted = found.0.recv().await.unwrap();
            assert!(!keeping.is_finished());
            outbox.take(noted);
            assert_eq!(keeping.await.unwrap(), is_kept);
            assert_eq!(Outbox::open(path).waiting.len(), usize::from(is_kept));
        }
    }

    #[test]
    fn a_full_batch_fits_into_a_body() {
        let directory = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::open(directory.path().join("findings.json"));
        for n in 0..BATCH {
            let name = format!("{n:03}{}", "x".repeat(125));
            outbox.add(before_run(&name, &"s".repeat(44), &"s".repeat(44)));
        }
        let bytes = serde_json::to_vec(&outbox.batch()).unwrap().len();
        assert!(bytes < plex_api::limits::INTEGRITY_BODY_BYTES, "{bytes}");
    }
}
