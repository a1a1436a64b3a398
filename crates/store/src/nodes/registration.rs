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

/// Hands out the next address of the project's domain; `None` when the pool has no more, and then the
/// transaction must be given up.
///
/// An address is never handed out twice, not even after its node was revoked.
pub async fn join(tx: &mut Tx, project_id: Uuid) -> Result<Option<Member>, Error> {
    let row = tx
        .optional(
            "update domains
            set addresses_used = addresses_used + 1
            where id = (select domain_id from projects where id = $1)
            returning id, mesh_cidr, addresses_used, signing_public_key, signing_key_id",
            &values![project_id],
            |row| {
                Ok((
                    row.get(0)?,
                    row.get::<String>(1)?,
                    row.get::<u64>(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            },
        )
        .await?;
    let (domain_id, cidr, used, signing_public_key, signing_key_id) =
        row.ok_or_else(|| Error::Corrupt("a bootstrap token without its project".to_owned()))?;
    let mesh_cidr: Cidr = Cidr::parse(&cidr).ok_or_else(|| Error::Corrupt(format!("mesh pool {cidr}")))?;
    let mesh_ip = mesh_cidr.nth_address(u128::from(used - 1));
    Ok(mesh_ip.map(|mesh_ip| Member {
        domain_id,
        mesh_ip,
        mesh_cidr,
        signing_public_key,
        signing_key_id,
    }))
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
