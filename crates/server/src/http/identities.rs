//! `POST /v1/identities/{identity_id}/erase`: making an identity nobody's (*beyond*).

use crate::app::App;
use crate::audit::granted;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::path_id;
use axum::Json;
use axum::extract::{Path, State};
use plex_api::audit::ErasedIdentity;
use plex_api::codes;
use plex_domain::audit::pseudonym;
use plex_domain::relation::Permission;
use plex_store::audit::{self, ERASURE, Record};
use plex_store::erasure::{self, Erased};
use plex_store::{Error, Tx, principals};
use uuid::Uuid;

/// Audit entries that lose a name in one transaction.
const BATCH: u32 = 1000;

/// Erase an identity
///
/// Its e-mail address, its relations and its name in the audit chains go, its tokens end; for good. What it did stays
/// under its pseudonyms, and the chains still verify. Doing it again changes nothing and answers the same.
#[utoipa::path(
    post,
    path = "/v1/identities/{identity_id}/erase",
    operation_id = "EraseIdentity",
    tag = "audit",
    params(("identity_id" = Uuid, Path, description = "The user or service identity")),
    responses((status = 200, description = "Erased", body = ErasedIdentity), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn erase(
    State(app): State<App>,
    principal: Principal,
    Path(identity_id): Path<String>,
) -> Result<Json<ErasedIdentity>, Failure> {
    let id = path_id(&identity_id, codes::INVALID_ID)?;
    authorize::platform(&app, &principal, Permission::ManagePlatform)?;
    if id == principal.id {
        let detail = "you cannot erase yourself; another platform admin can";
        return Err(Failure::conflict(codes::IDENTITY_IS_CALLER, detail));
    }
    let key = app.keys.pseudonyms;
    let by = principal.clone();
    let work = async move |tx: &mut Tx| {
        let missing = || Failure::not_found(codes::IDENTITY_NOT_FOUND, "identity");
        let erased = erasure::erase(tx, id).await?.ok_or_else(missing)?;
        if !erased.is_repeated {
            audit::append(tx, &key, record(&by, &key, id, &erased)).await?;
        }
        Ok(erased)
    };
    let erased = authorize::write(&app, &principal, work).await?;
    clear(&app).await?;
    let erased_at = erased.erased_at;
    Ok(Json(ErasedIdentity { id, erased_at }))
}

/// The entry names whom it is about as the chain names them: by pseudonym.
fn record(principal: &Principal, key: &[u8; 32], id: Uuid, erased: &Erased) -> Record {
    let subject = principals::subject(erased.kind, id);
    let name = pseudonym(key, None, &subject.to_string());
    Record {
        object_id: data_encoding::HEXLOWER.encode(&name),
        ..granted(principal, None, ERASURE, &subject)
    }
}

/// Takes the names of erased identities off the audit entries, a few in each transaction. Nothing shows them any
/// more when this begins, so it may be cut short and go on later.
pub async fn clear(app: &App) -> Result<(), Error> {
    let key = app.keys.pseudonyms;
    let mut cleared = None;
    loop {
        let step = async move |tx: &mut Tx| erasure::clear_some(tx, &key, cleared, BATCH).await;
        cleared = app.db.write(step).await?;
        if cleared.is_none() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
