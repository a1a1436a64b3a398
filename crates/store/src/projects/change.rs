//! Changing a project.

use super::{find, sub_ranges};
use crate::db::{Error, Tx};
use crate::{domains, values};
use plex_api::projects::ProjectResponse;
use plex_domain::cidr::Cidr;
use uuid::Uuid;

/// What becomes of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubRange {
    /// It stays as it is.
    #[default]
    Keep,
    /// There is none any more; addresses handed out from it stay with their nodes.
    Release,
    /// It is another.
    Set(Cidr),
}

/// A change; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Display name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Reservation inside the domain's pool.
    pub sub_range: SubRange,
}

/// Why a project was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The reservation does not lie in the domain's mesh pool.
    #[error("the reservation is outside the domain's pool")]
    OutsidePool,
    /// The reservation has addresses in common with another project's.
    #[error("the reservation overlaps another project's")]
    SubRangeOverlap,
    /// A node of the project has an address outside the reservation.
    #[error("an address of the project is outside the reservation")]
    AddressOutside,
    /// A node of another project has an address in the reservation.
    #[error("an address in the reservation is taken")]
    AddressTaken,
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Changes a project. `None` when there is none.
pub async fn change(tx: &mut Tx, id: Uuid, change: &Change) -> Result<Option<ProjectResponse>, ChangeError> {
    let Some(old) = find(tx, id).await? else {
        return Ok(None);
    };
    let sub_range = match change.sub_range {
        SubRange::Keep => old.sub_range_cidr.clone(),
        SubRange::Release => None,
        SubRange::Set(range) => Some(range.to_string()),
    };
    if sub_range != old.sub_range_cidr {
        if let SubRange::Set(range) = change.sub_range {
            check(tx, &old, range).await?;
        }
        // Both searches begin anew: what was passed over may be free.
        tx.execute(
            "update projects set addresses_used = 0 where id = $1",
            &values![id],
        )
        .await?;
        domains::search_again(tx, old.domain_id).await?;
    }
    tx.execute(
        "update projects
        set name = coalesce($2, name),
            description = coalesce($3, description),
            sub_range_cidr = $4,
            updated_at = $5
        where id = $1",
        &values![
            id,
            change.name.as_deref(),
            change.description.as_deref(),
            sub_range.as_deref(),
            tx.now(),
        ],
    )
    .await?;
    Ok(find(tx, id).await?)
}

/// The reservation lies in the pool, overlaps no sibling's, and holds every address of the project and no other.
async fn check(tx: &mut Tx, project: &ProjectResponse, wanted: Cidr) -> Result<(), ChangeError> {
    let pool = domains::mesh_cidr(tx, project.domain_id).await?;
    if !pool.is_some_and(|pool| pool.covers(&wanted)) {
        return Err(ChangeError::OutsidePool);
    }
    let siblings = sub_ranges(tx, project.domain_id).await?;
    let overlaps = |(id, range): &(Uuid, Cidr)| *id != project.id && range.overlaps(&wanted);
    if siblings.iter().any(overlaps) {
        return Err(ChangeError::SubRangeOverlap);
    }
    for held in domains::allocations(tx, project.domain_id).await? {
        match (held.project_id == project.id, wanted.contains(held.address)) {
            (true, false) => return Err(ChangeError::AddressOutside),
            (false, true) => return Err(ChangeError::AddressTaken),
            (true, true) | (false, false) => {}
        }
    }
    Ok(())
}
