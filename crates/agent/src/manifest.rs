//! Tells the server what this node can run, at the start and whenever it changes.

use crate::backoff::Backoff;
use crate::builtins::Builtins;
use crate::entropy::System;
use crate::fatal::Fatal;
use crate::hooks::{Catalog, Hooks};
use crate::integrity::{Declared, Findings};
use plex_api::integrity::IntegrityViolationRequest;
use plex_api::limits::CAPABILITIES_BODY_BYTES;
use plex_api::nodes::{CapabilityManifestRequest, DeclaredHook};
use plex_client::node::NodeClient;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Between two looks at the hooks directory.
const RESCAN: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_secs(1);
const RETRY_CEILING: Duration = Duration::from_secs(60);

/// The agent's own build.
#[derive(Debug, Clone)]
pub struct Build {
    /// Its version.
    pub version: String,
    /// SHA-256 of the executable, base64.
    pub checksum: String,
}

/// Watches the hooks and keeps the server's picture of this node right; what it last declared is in `catalog`, for
/// those who run hooks. Ends only when the node's key is refused.
#[expect(
    clippy::too_many_arguments,
    reason = "what it watches, what it tells, and where it keeps it"
)]
pub async fn run(
    client: NodeClient,
    build: Build,
    builtins: Arc<Builtins>,
    hooks: Hooks,
    catalog: watch::Sender<Arc<Catalog>>,
    mut record: Record,
) -> Fatal {
    let mut backoff = Backoff::new(RETRY, RETRY_CEILING);
    let mut declared = None;
    loop {
        let signature = hooks.signature();
        if declared.as_ref() == Some(&signature) {
            tokio::time::sleep(RESCAN).await;
            continue;
        }
        let looking = hooks.clone();
        let found = tokio::task::spawn_blocking(move || looking.scan())
            .await
            .unwrap_or_default();
        let manifest = manifest(&build, &builtins, &found);
        let now = Declared::of(&build, &found);
        record.compare(&now);
        catalog.send_replace(Arc::new(found));
        match client.put_capabilities(&manifest).await {
            Ok(answer) => {
                tracing::info!(hooks = manifest.declared_hooks.len(), changed = ?answer.fields_changed, "manifest declared");
                backoff.reset();
                record.keep(&now).await;
                declared = Some(signature);
            }
            Err(error) => {
                if let Some(fatal) = Fatal::of(&error) {
                    return fatal;
                }
                tracing::warn!(reason = %plex_domain::text::printable(&error.to_string()), "manifest not declared; trying again");
                tokio::time::sleep(backoff.next(&System)).await;
            }
        }
    }
}

/// What an earlier run declared, and where this run's is kept.
pub struct Record {
    /// The file.
    pub path: PathBuf,
    /// What an earlier run left in it, until it was compared with.
    pub earlier: Option<Declared>,
    /// Takes what has changed since.
    pub findings: Findings,
    /// What has changed, until it lies on disk.
    unsettled: Vec<IntegrityViolationRequest>,
}

impl Record {
    /// Reads what an earlier run left.
    pub fn open(path: PathBuf, findings: Findings) -> Self {
        let earlier = Declared::load(&path).unwrap_or_else(|error| {
            tracing::error!(reason = %error, "what was last declared cannot be read; nothing is compared with it");
            None
        });
        Self {
            path,
            earlier,
            findings,
            unsettled: Vec::new(),
        }
    }

    /// Compares once: later changes are declared as they happen.
    fn compare(&mut self, now: &Declared) {
        let earlier = self.earlier.take();
        self.unsettled
            .extend(earlier.iter().flat_map(|earlier| earlier.changed(now)));
    }

    /// Keeps what was declared for the next start, but not before what was found by comparing with the declaration
    /// before lies on disk: a crash in between must not make the change look declared.
    async fn keep(&mut self, declared: &Declared) {
        if !self.findings.keep(&self.unsettled).await {
            tracing::error!("findings are not kept; the next start compares with the declaration before");
            return;
        }
        self.unsettled.clear();
        if let Err(error) = declared.store(&self.path) {
            tracing::error!(reason = %error, "what was declared cannot be kept for the next start");
        }
    }
}

fn manifest(build: &Build, builtins: &Builtins, catalog: &Catalog) -> CapabilityManifestRequest {
    let mut manifest = CapabilityManifestRequest {
        binary_version: build.version.clone(),
        binary_checksum: build.checksum.clone(),
        ssh_host_key_fingerprint: None,
        declared_hooks: declared_hooks(builtins, catalog),
        plexd_hooks: Vec::new(),
        builtin_actions: builtins.declared(),
    };
    if size(&manifest) > CAPABILITIES_BODY_BYTES {
        // Names, digests and which parameters are secret matter; prose does not.
        for hook in &mut manifest.declared_hooks {
            hook.description = None;
            hook.parameters
                .iter_mut()
                .for_each(|parameter| parameter.description = None);
        }
    }
    while size(&manifest) > CAPABILITIES_BODY_BYTES {
        let Some(hook) = manifest.declared_hooks.pop() else {
            break;
        };
        tracing::warn!(hook.name = %hook.name, "hook not offered: the manifest would be too large");
    }
    manifest
}

fn declared_hooks(builtins: &Builtins, catalog: &Catalog) -> Vec<DeclaredHook> {
    catalog
        .declared()
        .into_iter()
        .filter(|hook| !builtins.is_disabled(&hook.name))
        .collect()
}

fn size(manifest: &CapabilityManifestRequest) -> usize {
    serde_json::to_vec(manifest).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn build() -> Build {
        Build {
            version: "0.1.0".to_owned(),
            checksum: "c".to_owned(),
        }
    }

    fn directory_with(hooks: usize, description: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for n in 0..hooks {
            let path = directory.path().join(format!("hook-{n:03}"));
            std::fs::write(&path, "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            let sidecar = serde_json::json!({"description": description, "parameters": [{"name": "k", "secret": true}]});
            std::fs::write(path.with_extension("json"), sidecar.to_string()).unwrap();
        }
        directory
    }

    #[test]
    fn the_manifest_names_builtins_and_hooks() {
        let directory = directory_with(2, "d");
        let catalog = Hooks::new(directory.path().to_owned()).scan();
        let manifest = manifest(&build(), &Builtins::new(Vec::new(), Vec::new()), &catalog);
        assert_eq!(manifest.declared_hooks.len(), 2);
        assert_eq!(manifest.declared_hooks[0].description.as_deref(), Some("d"));
        let names: Vec<_> = manifest
            .builtin_actions
            .iter()
            .map(|action| action.name.as_str())
            .collect();
        assert!(
            names.contains(&"system.info") && names.contains(&"logs.snapshot"),
            "{names:?}"
        );
    }

    #[tokio::test]
    async fn a_declaration_is_not_kept_before_what_it_changed_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("declared.json");
        let none = Catalog::default();
        let before = Declared::of(&build(), &none);
        before.store(&path).unwrap();
        let changed = Build {
            checksum: "another".to_owned(),
            ..build()
        };
        let now = Declared::of(&changed, &none);
        // Nobody is there who would keep a finding.
        let (findings, found) = crate::integrity::channel();
        drop(found);
        let mut record = Record::open(path.clone(), findings);
        record.compare(&now);
        record.keep(&now).await;
        assert_eq!(Declared::load(&path).unwrap(), Some(before));
    }

    #[test]
    fn a_manifest_too_large_loses_its_prose_and_keeps_what_is_secret() {
        let directory = directory_with(128, &"x".repeat(4000));
        let catalog = Hooks::new(directory.path().to_owned()).scan();
        let manifest = manifest(&build(), &Builtins::new(Vec::new(), Vec::new()), &catalog);
        assert!(size(&manifest) <= CAPABILITIES_BODY_BYTES);
        assert_eq!(manifest.declared_hooks.len(), 128);
        assert!(
            manifest
                .declared_hooks
                .iter()
                .all(|hook| hook.parameters[0].secret)
        );
    }
}
