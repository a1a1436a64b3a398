//! Domains: the outer level of tenancy, each with its mesh pool and its signing key.

mod change;
mod delete;

pub use change::{Change, ChangeError, change};
pub use delete::{DeleteError, children, delete};

use crate::db::{Error, Row, Tx, id_list};
use crate::values;
use plex_api::domains::DomainResponse;
use plex_domain::cidr::{self, Cidr};
use plex_domain::env::Rng;
use plex_domain::envelope::SigningKey;
use plex_domain::reachability::Policy;
use std::net::IpAddr;
use std::time::Duration;
use uuid::Uuid;

/// A domain about to be made.
#[derive(Debug, Clone)]
pub struct NewDomain {
    /// Globally unique handle.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Where its data belongs.
    pub region: Option<String>,
    /// Pool of mesh addresses; the next free `10.n.0.0/16` when absent.
    pub mesh_cidr: Option<Cidr>,
    /// How nodes are judged.
    pub reachability: Policy,
}

/// Why a domain was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Another domain has that slug.
    #[error("the slug is taken")]
    SlugTaken,
    /// Another domain's mesh pool has addresses in common with it.
    #[error("the mesh pool overlaps another domain's")]
    MeshOverlap,
    /// No pool was named, and no `10.n.0.0/16` is free.
    #[error("no mesh pool is free")]
    NoFreePool,
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Makes a domain with a fresh signing key. `seal` closes the key's seed before it is stored.
pub async fn create(
    tx: &mut Tx,
    new: &NewDomain,
    seal: impl FnOnce(&[u8; 32], &dyn Rng) -> Vec<u8>,
) -> Result<DomainResponse, CreateError> {
    let mesh_cidr = free_pool(tx, new.mesh_cidr).await?.to_string();
    let (id, now, rng) = (tx.new_id(), tx.now(), tx.rng());
    let mut seed = [0; 32];
    rng.fill(&mut seed);
    let key = SigningKey::from_seed(&seed);
    let inserted = tx
        .execute(
            "insert into domains (
                id, slug, name, description, region, mesh_cidr, heartbeat_interval, stale_after,
                unreachable_after, signing_key_id, signing_public_key, signing_key_sealed, created_at, updated_at
            ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
            on conflict (slug) do nothing",
            &values![
                id,
                &new.slug,
                &new.name,
                &new.description,
                new.region.as_deref(),
                &mesh_cidr,
                new.reachability.heartbeat_interval.as_secs(),
                new.reachability.stale_after.as_secs(),
                new.reachability.unreachable_after.as_secs(),
                &key.key_id(),
                &key.public_key(),
                &seal(&seed, &*rng),
                now,
            ],
        )
        .await?;
    if inserted == 0 {
        return Err(CreateError::SlugTaken);
    }
    let made = find(tx, id).await?;
    Ok(made.ok_or_else(|| Error::Corrupt("a domain just stored is missing".to_owned()))?)
}

/// The wanted pool, or the next free one; neither overlaps another domain's.
async fn free_pool(tx: &mut Tx, wanted: Option<Cidr>) -> Result<Cidr, CreateError> {
    let taken = mesh_cidrs(tx, Uuid::nil()).await?;
    match wanted {
        Some(pool) if taken.iter().any(|other| other.overlaps(&pool)) => Err(CreateError::MeshOverlap),
        Some(pool) => Ok(pool),
        None => cidr::next_free_16(&taken).ok_or(CreateError::NoFreePool),
    }
}

/// The mesh pools of all domains but one.
async fn mesh_cidrs(tx: &mut Tx, but: Uuid) -> Result<Vec<Cidr>, Error> {
    tx.all(
        "select mesh_cidr
        from domains
        where id <> $1",
        &values![but],
        |row| pool(row, 0),
    )
    .await
}

/// An address that a node of the domain has, or had until it was revoked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allocation {
    /// The node's project.
    pub(crate) project_id: Uuid,
    /// The address.
    pub(crate) address: IpAddr,
}

/// All addresses that were ever handed out in a domain.
pub(crate) async fn allocations(tx: &mut Tx, id: Uuid) -> Result<Vec<Allocation>, Error> {
    tx.all(
        "select project_id, mesh_ip
        from nodes
        where domain_id = $1",
        &values![id],
        |row| {
            let text: String = row.get(1)?;
            let address = text
                .parse()
                .map_err(|_| Error::Corrupt(format!("a mesh address {text:?}")))?;
            Ok(Allocation {
                project_id: row.get(0)?,
                address,
            })
        },
    )
    .await
}

/// Looks for the next free address from the beginning of the pool again: some that were passed over may be free.
pub(crate) async fn search_again(tx: &mut Tx, id: Uuid) -> Result<(), Error> {
    tx.execute(
        "update domains set addresses_used = 0 where id = $1",
        &values![id],
    )
    .await?;
    Ok(())
}

/// The mesh pool of one domain.
pub async fn mesh_cidr(tx: &mut Tx, id: Uuid) -> Result<Option<Cidr>, Error> {
    tx.optional(
        "select mesh_cidr
        from domains
        where id = $1",
        &values![id],
        |row| pool(row, 0),
    )
    .await
}

/// One domain.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<DomainResponse>, Error> {
    tx.optional(
        "select
            id, slug, name, description, region, mesh_cidr, heartbeat_interval, stale_after, unreachable_after,
            created_at, updated_at
        from domains
        where id = $1",
        &values![id],
        read,
    )
    .await
}

/// Whether there is a domain of that id.
pub async fn exists(tx: &mut Tx, id: Uuid) -> Result<bool, Error> {
    let found = tx
        .optional(
            "select 1
            from domains
            where id = $1",
            &values![id],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

/// Whether there is any domain.
pub async fn any(tx: &mut Tx) -> Result<bool, Error> {
    Ok(tx
        .optional("select 1 from domains limit 1", &[], |_| Ok(()))
        .await?
        .is_some())
}

/// The domains whose slug comes after one, by slug; `only` some, where it says so.
pub async fn page(
    tx: &mut Tx,
    only: Option<&[Uuid]>,
    after: &str,
    limit: u32,
) -> Result<Vec<DomainResponse>, Error> {
    let Some(only) = only else {
        return tx
            .all(
                "select
                    id, slug, name, description, region, mesh_cidr, heartbeat_interval, stale_after,
                    unreachable_after, created_at, updated_at
                from domains
                where slug > $1
                order by slug
                limit $2",
                &values![after, limit],
                read,
            )
            .await;
    };
    tx.all(
        "select
            id, slug, name, description, region, mesh_cidr, heartbeat_interval, stale_after, unreachable_after,
            created_at, updated_at
        from domains
        where id in (select unhex(value) from json_each($1)) and +slug > $2
        order by +slug
        limit $3",
        &values![&id_list(only), after, limit],
        read,
    )
    .await
}

/// A domain's signing key as it was sealed.
pub async fn sealed_signing_key(tx: &mut Tx, id: Uuid) -> Result<Option<Vec<u8>>, Error> {
    tx.optional(
        "select signing_key_sealed
        from domains
        where id = $1",
        &values![id],
        |row| row.get(0),
    )
    .await
}

/// The first domain's signing key as it is stored. `None` while there is no domain.
pub async fn first_sealed_signing_key(tx: &mut Tx) -> Result<Option<Vec<u8>>, Error> {
    tx.optional(
        "select signing_key_sealed
        from domains
        order by id
        limit 1",
        &values![],
        |row| row.get(0),
    )
    .await
}

fn pool(row: &Row<'_>, column: usize) -> Result<Cidr, Error> {
    let text: String = row.get(column)?;
    Cidr::parse(&text).ok_or_else(|| Error::Corrupt(format!("a mesh pool {text:?}")))
}

/// The order of the columns in the statements above.
fn read(row: &Row<'_>) -> Result<DomainResponse, Error> {
    let seconds = |column| row.get(column).map(Duration::from_secs);
    let reachability = Policy {
        heartbeat_interval: seconds(6)?,
        stale_after: seconds(7)?,
        unreachable_after: seconds(8)?,
    };
    Ok(DomainResponse {
        id: row.get(0)?,
        slug: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        region: row.get(4)?,
        mesh_cidr: row.get(5)?,
        reachability: reachability.to_api(),
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
    })
}

#[cfg(test)]
mod tests;
