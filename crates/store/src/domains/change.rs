//! Changing a domain.

use super::{allocations, find, mesh_cidrs, search_again};
use crate::db::{Error, Tx};
use crate::{projects, values};
use plex_api::domains::DomainResponse;
use plex_domain::cidr::Cidr;
use plex_domain::reachability::Policy;
use uuid::Uuid;

/// A change; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Display name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Where its data belongs; inside, `None` for nowhere in particular.
    pub region: Option<Option<String>>,
    /// Pool of mesh addresses.
    pub mesh_cidr: Option<Cidr>,
    /// How nodes are judged.
    pub reachability: Option<Policy>,
}

/// Why a domain was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Another domain's mesh pool has addresses in common with the new one.
    #[error("the mesh pool overlaps another domain's")]
    MeshOverlap,
    /// The reservation of a project does not lie in the new pool.
    #[error("a project's reservation is outside the pool")]
    SubRangeOutside(Uuid),
    /// An address that a node of a project got does not lie in the new pool.
    #[error("an address of a project's node is outside the pool")]
    AddressOutside(Uuid),
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Changes a domain. `None` when there is none.
pub async fn change(tx: &mut Tx, id: Uuid, change: &Change) -> Result<Option<DomainResponse>, ChangeError> {
    let Some(old) = find(tx, id).await? else {
        return Ok(None);
    };
    let pool = change.mesh_cidr.map(|pool| pool.to_string());
    let pool = pool.filter(|pool| *pool != old.mesh_cidr);
    if let Some(pool) = change.mesh_cidr.filter(|_| pool.is_some()) {
        check_pool(tx, id, pool).await?;
        search_again(tx, id).await?;
    }
    let region = change.region.clone().unwrap_or(old.region);
    let patience = change.reachability;
    tx.execute(
        "update domains
        set name = coalesce($2, name),
            description = coalesce($3, description),
            region = $4,
            mesh_cidr = coalesce($5, mesh_cidr),
            heartbeat_interval = coalesce($6, heartbeat_interval),
            stale_after = coalesce($7, stale_after),
            unreachable_after = coalesce($8, unreachable_after),
            updated_at = $9
        where id = $1",
        &values![
            id,
            change.name.as_deref(),
            change.description.as_deref(),
            region.as_deref(),
            pool.as_deref(),
            patience.map(|policy| policy.heartbeat_interval.as_secs()),
            patience.map(|policy| policy.stale_after.as_secs()),
            patience.map(|policy| policy.unreachable_after.as_secs()),
            tx.now(),
        ],
    )
    .await?;
    Ok(find(tx, id).await?)
}

/// The new pool overlaps no other domain's, and holds every reservation and every address handed out.
async fn check_pool(tx: &mut Tx, id: Uuid, pool: Cidr) -> Result<(), ChangeError> {
    if mesh_cidrs(tx, id)
        .await?
        .iter()
        .any(|other| other.overlaps(&pool))
    {
        return Err(ChangeError::MeshOverlap);
    }
    for (project_id, sub_range) in projects::sub_ranges(tx, id).await? {
        if !pool.covers(&sub_range) {
            return Err(ChangeError::SubRangeOutside(project_id));
        }
    }
    let held = allocations(tx, id).await?;
    match held.iter().find(|held| !pool.contains(held.address)) {
        Some(outside) => Err(ChangeError::AddressOutside(outside.project_id)),
        None => Ok(()),
    }
}
