//! Clears away what nothing needs any more: lapsed idempotency keys, sessions, sign-ins, device codes and tokens, names
//! of erased identities, old changes of relations, and objects that no output refers to.

use crate::app::App;
use crate::http::identities;
use plex_store::{Error, Tx, device_codes, idempotency, outputs, relations, sessions, sign_ins, tokens};
use std::time::Duration;
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
    for key in app.objects.old_uploads(app, AGE).await {
        if let Ok(false) = is_needed(app, &key).await {
            app.objects.remove_upload(&key).await;
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

/// Whether the invocation that an upload belongs to has not ended. `uploads/<project>/<execution>/<node>/…`.
async fn is_needed(app: &App, key: &str) -> Result<bool, Error> {
    let mut parts = key.split('/').skip(2).map(|part| Uuid::try_parse(part).ok());
    let (Some(Some(execution_id)), Some(Some(node_id))) = (parts.next(), parts.next()) else {
        return Ok(false);
    };
    let key = key.to_owned();
    app.db
        .read(async move |tx| outputs::is_needed(tx, execution_id, node_id, &key).await)
        .await
}
