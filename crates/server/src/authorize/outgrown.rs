//! A token for another identity gives away what that identity holds (decision 27), and no more than who issued it
//! could give away. When the identity gains something, its tokens from issuers who could not have given that away
//! end, in the transaction of the gain: else whoever waits with such a token would gain with it.

use super::grant::commands;
use super::too_large;
use crate::app::App;
use crate::audit::granted;
use crate::principal::Principal;
use crate::problem::Failure;
use plex_domain::relation::{ObjectKind, ObjectRef};
use plex_store::relations::NewTuple;
use plex_store::{Tx, audit, tokens};

/// Ends the tokens that outgrow their issuers when `new` is granted by `principal`.
///
/// Call it in the work of [`super::write()`]: there the relations in memory are those of the transaction, before the
/// grant. An issuer who gains only by the same grant is none who could have made it.
pub async fn end_outgrown(
    tx: &mut Tx,
    app: &App,
    principal: &Principal,
    new: &NewTuple,
) -> Result<(), Failure> {
    let gained = gained(app, new)?;
    for identity in app.authority.identities(&new.subject).map_err(too_large)? {
        let Some(id) = identity.id else { continue };
        for token in tokens::delegated(tx, id).await? {
            if gained.iter().all(|object| commands(app, &token.issuer, object)) {
                continue;
            }
            tokens::revoke(tx, id, token.id).await?;
            let mut record = granted(principal, None, "revoke_token", &identity);
            record.details = Some(format!("api-token:{}", token.id));
            audit::append(tx, &app.keys.pseudonyms, record).await?;
        }
    }
    Ok(())
}

/// What a grant gives: a relation on its object, and by a membership all that the group's members hold.
fn gained(app: &App, new: &NewTuple) -> Result<Vec<ObjectRef>, Failure> {
    if new.object.kind == ObjectKind::Group && new.relation == "member" {
        return app.authority.bindings_of_members(&new.object).map_err(too_large);
    }
    Ok(vec![new.object])
}
