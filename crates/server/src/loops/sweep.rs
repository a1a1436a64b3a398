//! Clears away what nothing needs any more: lapsed idempotency keys, sessions, sign-ins, device codes and tokens, names
//! of erased identities, old changes of relations, and objects that no output refers to.

use crate::app::App;
use crate::http::identities;
use plex_store::{Error, Tx, device_codes, idempotency, outputs, relations, sessions, sign_ins, tokens};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use uuid::Uuid;

/// Objects younger than this are left alone: longer than an upload URL holds.
const AGE: Duration = Duration::from_secs(30 * 60);

/// Changes of relations that stay for those who are behind; who is further behind reads all relations.
const KEPT_CHANGES: u64 = 100_000;

/// One round.
pub(super) async fn run(app: &App) {
    while let Ok(1..) = app.db.write(async |tx| idempotency::sweep(tx).await).await {}
    if let Err(error) = app.db.write(logins).await {
        tracing::warn!(error.cause = ?error, "lapsed sessions and logins could not be cleared away");
    }
    if let Err(error) = app
        .db
        .write(async |tx| relations::prune(tx, KEPT_CHANGES).await)
        .await
    {
        tracing::warn!(error.cause = ?error, "old changes of relations could not be forgotten");
    }
    if let Err(error) = identities::clear(app).await {
        tracing::warn!(error.cause = ?error, "names of erased identities are left in the audit chain; trying again later");
    }
    let root = app.objects.root().to_owned();
    for path in old_uploads(root.join("uploads")).await {
        if let Ok(false) = is_needed(app, &root, &path).await {
            remove(&path, &root).await;
        }
    }
}

async fn logins(tx: &mut Tx) -> Result<(), Error> {
    sessions::sweep(tx).await?;
    sign_ins::sweep(tx).await?;
    device_codes::sweep(tx).await?;
    tokens::sweep(tx).await?;
    Ok(())
}

/// Files below `uploads/` that have been there for a while.
async fn old_uploads(root: PathBuf) -> Vec<PathBuf> {
    let walk = move || {
        let mut found = Vec::new();
        let mut folders = vec![root];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(metadata) = entry.metadata() else { continue };
                let age = metadata
                    .modified()
                    .ok()
                    .and_then(|time| SystemTime::now().duration_since(time).ok());
                if metadata.is_dir() {
                    folders.push(entry.path());
                } else if age.is_some_and(|age| age > AGE) {
                    found.push(entry.path());
                }
            }
        }
        found
    };
    tokio::task::spawn_blocking(walk).await.unwrap_or_default()
}

/// Whether the invocation that an upload belongs to has not ended. `uploads/<project>/<execution>/<node>/…`.
async fn is_needed(app: &App, root: &Path, path: &Path) -> Result<bool, Error> {
    let key = path
        .strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned();
    let mut parts = key.split('/').skip(2).map(|part| Uuid::try_parse(part).ok());
    let (Some(Some(execution_id)), Some(Some(node_id))) = (parts.next(), parts.next()) else {
        return Ok(false);
    };
    app.db
        .read(async move |tx| outputs::is_needed(tx, execution_id, node_id, &key).await)
        .await
}

/// Removes a file, and the folders that it leaves empty.
async fn remove(path: &Path, root: &Path) {
    if let Err(error) = tokio::fs::remove_file(path).await {
        tracing::warn!(error.cause = %error, "an orphaned upload could not be removed");
    }
    let below = |folder: &&Path| folder.starts_with(root.join("uploads")) && *folder != root.join("uploads");
    for folder in path.ancestors().skip(1).take_while(below) {
        if tokio::fs::remove_dir(folder).await.is_err() {
            return;
        }
    }
}
