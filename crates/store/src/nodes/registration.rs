//! What registering a node takes: its place in the mesh, its nonce, its row.

use crate::db::{Error, Tx};
use crate::{projects, values};
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

/// Why a node got no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAddress {
    /// The domain's pool has no more.
    Pool,
    /// The project's reservation has no more.
    SubRange,
}

/// Where a project's nodes get their addresses.
struct Source {
    domain_id: Uuid,
    signing: (Vec<u8>, String),
    pool: Cidr,
    pool_used: u64,
    sub_range: Option<Cidr>,
    sub_range_used: u64,
}

/// Hands out the next free address: of the project's reservation, where it has one, else of the domain's pool
/// without what other projects reserved.
///
/// An address is never handed out twice, not even after its node was revoked.
pub async fn join(tx: &mut Tx, project_id: Uuid) -> Result<Result<Member, NoAddress>, Error> {
    let source = source(tx, project_id).await?;
    let (range, used, reserved) = match source.sub_range {
        Some(sub_range) => (sub_range, source.sub_range_used, Vec::new()),
        None => (
            source.pool,
            source.pool_used,
            projects::sub_ranges(tx, source.domain_id).await?,
        ),
    };
    let mut number = u128::from(used);
    let mesh_ip = loop {
        let Some(address) = range.nth_address(number) else {
            let exhausted = source.sub_range.map_or(NoAddress::Pool, |_| NoAddress::SubRange);
            return Ok(Err(exhausted));
        };
        if let Some((_, reserved)) = reserved.iter().find(|(_, reserved)| reserved.contains(address)) {
            number = range.number_after(reserved);
        } else if is_taken(tx, source.domain_id, address).await? {
            number += 1;
        } else {
            break address;
        }
    };
    let used = u64::try_from(number + 1).unwrap_or(u64::MAX);
    match source.sub_range {
        Some(_) => {
            let sql = "update projects set addresses_used = $2 where id = $1";
            tx.execute(sql, &values![project_id, used]).await?;
        }
        None => {
            let sql = "update domains set addresses_used = $2 where id = $1";
            tx.execute(sql, &values![source.domain_id, used]).await?;
        }
    }
    let (signing_public_key, signing_key_id) = source.signing;
    Ok(Ok(Member {
        domain_id: source.domain_id,
        mesh_ip,
        mesh_cidr: source.pool,
        signing_public_key,
        signing_key_id,
    }))
}

async fn source(tx: &mut Tx, project_id: Uuid) -> Result<Source, Error> {
    let cidr = |text: String| Cidr::parse(&text).ok_or_else(|| Error::Corrupt(format!("a range {text:?}")));
    let found = tx
        .optional(
            "select
                d.id, d.mesh_cidr, d.addresses_used, d.signing_public_key, d.signing_key_id,
                p.sub_range_cidr, p.addresses_used
            from projects p join domains d on d.id = p.domain_id
            where p.id = $1",
            &values![project_id],
            |row| {
                Ok(Source {
                    domain_id: row.get(0)?,
                    signing: (row.get(3)?, row.get(4)?),
                    pool: cidr(row.get(1)?)?,
                    pool_used: row.get(2)?,
                    sub_range: row.get::<Option<String>>(5)?.map(cidr).transpose()?,
                    sub_range_used: row.get(6)?,
                })
            },
        )
        .await?;
    found.ok_or_else(|| Error::Corrupt("a bootstrap token without its project".to_owned()))
}

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
