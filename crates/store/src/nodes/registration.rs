//! What registering a node takes: its place in the mesh, its nonce, its row.

use crate::db::{Error, Tx};
use crate::values;
use plex_api::bootstrap_tokens::NodeKind;
use plex_domain::cidr::Cidr;
use std::net::IpAddr;
use uuid::Uuid;

/// A node about to be stored.
pub struct NewNode<'n> {
    /// The project it joins.
    pub project_id: Uuid,
    /// The name it asked for.
    pub name: &'n str,
    /// Ordinary or bridge.
    pub kind: NodeKind,
    /// X25519 public key, base64.
    pub public_key: &'n str,
    /// Keyed hash of its secret key.
    pub key_hash: [u8; 32],
    /// The token it redeemed.
    pub bootstrap_token_id: Uuid,
}

/// A node's place in its domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The domain.
    pub domain_id: Uuid,
    /// The node's address.
    pub mesh_ip: IpAddr,
    /// The domain's pool.
    pub mesh_cidr: Cidr,
    /// The domain's Ed25519 public key.
    pub signing_public_key: Vec<u8>,
    /// The name of that key.
    pub signing_key_id: String,
}

/// What became of a request for a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// Here it is.
    Member(Member),
    /// The domain's pool has no more addresses, and the transaction must be given up.
    PoolExhausted,
    /// The project has a range of its own, which has no more, and the transaction must be given up.
    SubRangeExhausted,
    /// There is no such project.
    NoProject,
}

/// A project and its domain, as far as addresses are concerned.
struct Place {
    domain_id: Uuid,
    mesh_cidr: Cidr,
    sub_range: Option<Cidr>,
    used: u64,
    signing_public_key: Vec<u8>,
    signing_key_id: String,
}

/// Hands out the next address: of the project's own range where it has one, else of what no project has reserved
/// of the domain's pool.
///
/// An address is never handed out twice, not even after its node was revoked.
pub async fn join(tx: &mut Tx, project_id: Uuid) -> Result<Joined, Error> {
    let Some(place) = place(tx, project_id).await? else {
        return Ok(Joined::NoProject);
    };
    let reserved = match place.sub_range {
        Some(_) => Vec::new(),
        None => reserved(tx, place.domain_id).await?,
    };
    let pool = place.sub_range.unwrap_or(place.mesh_cidr);
    let mut next = u128::from(place.used);
    let mesh_ip = loop {
        let Some(address) = pool.nth_address(next) else {
            return Ok(match place.sub_range {
                Some(_) => Joined::SubRangeExhausted,
                None => Joined::PoolExhausted,
            });
        };
        if let Some(range) = reserved.iter().find(|range| range.contains(address)) {
            next = pool.index_past(range).max(next + 1);
        } else if is_taken(tx, place.domain_id, address).await? {
            next += 1;
        } else {
            break address;
        }
    };
    note_used(tx, &place, project_id, next + 1).await?;
    Ok(Joined::Member(Member {
        domain_id: place.domain_id,
        mesh_ip,
        mesh_cidr: place.mesh_cidr,
        signing_public_key: place.signing_public_key,
        signing_key_id: place.signing_key_id,
    }))
}

async fn place(tx: &mut Tx, project_id: Uuid) -> Result<Option<Place>, Error> {
    tx.optional(
        "select
            d.id, d.mesh_cidr, p.sub_range_cidr,
            case when p.sub_range_cidr is null then d.addresses_used else p.addresses_used end,
            d.signing_public_key, d.signing_key_id
        from projects p join domains d on d.id = p.domain_id
        where p.id = $1",
        &values![project_id],
        |row| {
            Ok(Place {
                domain_id: row.get(0)?,
                mesh_cidr: range(&row.get::<String>(1)?)?,
                sub_range: row
                    .get::<Option<String>>(2)?
                    .map(|text| range(&text))
                    .transpose()?,
                used: row.get(3)?,
                signing_public_key: row.get(4)?,
                signing_key_id: row.get(5)?,
            })
        },
    )
    .await
}

fn range(text: &str) -> Result<Cidr, Error> {
    Cidr::parse(text).ok_or_else(|| Error::Corrupt(format!("address range {text:?}")))
}

/// The ranges that projects of the domain have for themselves.
async fn reserved(tx: &mut Tx, domain_id: Uuid) -> Result<Vec<Cidr>, Error> {
    tx.all(
        "select sub_range_cidr
        from projects
        where domain_id = $1 and sub_range_cidr is not null",
        &values![domain_id],
        |row| range(&row.get::<String>(0)?),
    )
    .await
}

/// Whether a node has that address: one that registered before its project, or another, reserved a range.
async fn is_taken(tx: &mut Tx, domain_id: Uuid, address: IpAddr) -> Result<bool, Error> {
    let found = tx
        .optional(
            "select 1
            from nodes
            where domain_id = $1 and mesh_ip = $2
            limit 1",
            &values![domain_id, &address.to_string()],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

async fn note_used(tx: &mut Tx, place: &Place, project_id: Uuid, used: u128) -> Result<(), Error> {
    let used = u64::try_from(used).unwrap_or(u64::MAX);
    let (sql, id) = match place.sub_range {
        Some(_) => (
            "update projects set addresses_used = $2 where id = $1",
            project_id,
        ),
        None => (
            "update domains set addresses_used = $2 where id = $1",
            place.domain_id,
        ),
    };
    tx.execute(sql, &values![id, used]).await?;
    Ok(())
}

/// Remembers the SHA-256 of a nonce for ever; false when the project has seen it before.
pub async fn note_nonce(tx: &mut Tx, project_id: Uuid, digest: &[u8; 32]) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "insert into registration_nonces (project_id, nonce)
            values ($1, $2)
            on conflict (project_id, nonce) do nothing",
            &values![project_id, digest],
        )
        .await?;
    Ok(changed > 0)
}

/// Stores a node; returns its id.
pub async fn register(tx: &mut Tx, node: &NewNode<'_>, member: &Member) -> Result<Uuid, Error> {
    let id = tx.new_id();
    let mesh_ip = member.mesh_ip.to_string();
    tx.execute(
        "insert into nodes (
            id, project_id, domain_id, name, kind, public_key, mesh_ip, key_hash, bootstrap_token_id, created_at
        ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &values![
            id,
            node.project_id,
            member.domain_id,
            node.name,
            node.kind.as_str(),
            node.public_key,
            &mesh_ip,
            &node.key_hash,
            node.bootstrap_token_id,
            tx.now(),
        ],
    )
    .await?;
    Ok(id)
}
