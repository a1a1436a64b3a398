//! Capability manifests: what each node says it can run.
//!
//! The manifest is kept as the node sent it; beside it stands what a dispatch looks up: the actions by
//! name, and for each hook the digest pinned when its name was first declared (decision 12).

use crate::db::{Error, Row, Tx, Value};
use crate::{discovered_hooks, values};
use plex_api::executions::ActionKind;
use plex_api::nodes::{BuiltinActionParameter, CapabilityManifestRequest, CapabilityRow, CapabilityStatus};
use plex_domain::manifest::{fields_changed, fingerprint};
use uuid::Uuid;

/// A page ends early once its manifests have this many bytes together.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// What a manifest changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Whether it differs from the manifest before in anything.
    pub changed: bool,
    /// The published fields in which it differs, sorted.
    pub fields: Vec<String>,
    /// Whether the host key's fingerprint differs, also to or from none.
    pub host_key_changed: bool,
}

/// Replaces a node's manifest, which must be valid. `None` when the node is not there or its key is revoked.
pub async fn put(
    tx: &mut Tx,
    node_id: Uuid,
    manifest: &CapabilityManifestRequest,
) -> Result<Option<Stored>, Error> {
    let now = tx.now();
    let valid = tx
        .execute(
            "update nodes
            set binary_version = $2, binary_checksum = $3
            where id = $1 and revoked_at is null",
            &values![node_id, &manifest.binary_version, &manifest.binary_checksum],
        )
        .await?;
    if valid == 0 {
        return Ok(None);
    }
    let before = find(tx, node_id).await?;
    let text = serde_json::to_string(manifest).expect("a manifest is JSON");
    tx.execute(
        "insert into capabilities (node_id, reported_at, manifest, binary_checksum)
        values ($1, $2, $3, $4)
        on conflict (node_id) do update
        set reported_at = excluded.reported_at, manifest = excluded.manifest,
            binary_checksum = excluded.binary_checksum",
        &values![node_id, now, &text, &manifest.binary_checksum],
    )
    .await?;
    let changed = before.as_deref() != Some(text.as_str());
    if changed {
        replace_actions(tx, node_id, manifest).await?;
        pin_new_hooks(tx, node_id, manifest).await?;
        discovered_hooks::replace(tx, node_id, &manifest.plexd_hooks).await?;
    }
    let before = before.as_deref().map(parse).transpose()?;
    Ok(Some(Stored {
        changed,
        fields: fields_changed(before.as_ref(), manifest),
        host_key_changed: before.as_ref().and_then(fingerprint) != fingerprint(manifest),
    }))
}

async fn find(tx: &mut Tx, node_id: Uuid) -> Result<Option<String>, Error> {
    tx.optional(
        "select manifest from capabilities where node_id = $1",
        &values![node_id],
        |row| row.get(0),
    )
    .await
}

fn parse(text: &str) -> Result<CapabilityManifestRequest, Error> {
    serde_json::from_str(text).map_err(|error| Error::Corrupt(error.to_string()))
}

async fn replace_actions(
    tx: &mut Tx,
    node_id: Uuid,
    manifest: &CapabilityManifestRequest,
) -> Result<(), Error> {
    tx.execute("delete from node_actions where node_id = $1", &values![node_id])
        .await?;
    let secrets: Vec<Option<String>> = manifest
        .declared_hooks
        .iter()
        .map(|hook| &hook.parameters)
        .chain(manifest.builtin_actions.iter().map(|action| &action.parameters))
        .map(|parameters| secret_names(parameters))
        .collect();
    let hooks = manifest.declared_hooks.iter().map(|hook| {
        (
            ActionKind::Hook,
            &hook.name,
            Some(hook.checksum.as_str()),
            hook.description.as_deref(),
        )
    });
    let builtins = manifest
        .builtin_actions
        .iter()
        .map(|action| (ActionKind::Builtin, &action.name, None, None));
    let rows = hooks
        .chain(builtins)
        .zip(&secrets)
        .map(|((kind, name, checksum, description), secrets)| {
            values![node_id, kind, name, checksum, secrets.as_deref(), description]
        });
    tx.execute_each(
        "insert into node_actions (node_id, kind, name, checksum, secrets, description)
        values ($1, $2, $3, $4, $5, $6)",
        rows,
    )
    .await
}

fn secret_names(parameters: &[BuiltinActionParameter]) -> Option<String> {
    let names: Vec<&str> = parameters
        .iter()
        .filter(|parameter| parameter.secret)
        .map(|parameter| parameter.name.as_str())
        .collect();
    (!names.is_empty()).then(|| serde_json::to_string(&names).expect("names are JSON"))
}

async fn pin_new_hooks(
    tx: &mut Tx,
    node_id: Uuid,
    manifest: &CapabilityManifestRequest,
) -> Result<(), Error> {
    let now = tx.now();
    tx.execute_each(
        "insert into hook_pins (node_id, name, checksum, pinned_at)
        values ($1, $2, $3, $4)
        on conflict (node_id, name) do nothing",
        manifest
            .declared_hooks
            .iter()
            .map(|hook| values![node_id, &hook.name, &hook.checksum, now]),
    )
    .await
}

/// Which manifests a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this node.
    pub node_id: Option<Uuid>,
    /// Only with this verdict.
    pub status: Option<CapabilityStatus>,
}

/// Drift comes before all else; a node without a single reference is unknown.
macro_rules! page_sql {
    ($only:literal) => {
        concat!(
            "select id, domain_id, reported_at, manifest, status
            from (
                select n.id, n.domain_id, c.reported_at, c.manifest,
                    case
                        when n.binary_checksum <> c.binary_checksum
                            or exists (
                                select 1
                                from node_actions a join hook_pins p on p.node_id = a.node_id and p.name = a.name
                                where a.node_id = n.id and a.kind = 'hook' and a.checksum <> p.checksum
                            )
                            or exists (
                                select 1
                                from discovered_hooks h
                                where h.node_id = n.id and h.image_digest <> h.pinned_digest
                            )
                        then 'drift'
                        when exists (select 1 from node_actions a where a.node_id = n.id and a.kind = 'hook')
                            or exists (
                                select 1
                                from discovered_hooks h
                                where h.node_id = n.id and h.image_digest is not null
                            )
                        then 'match'
                        else 'unknown'
                    end as status
                from nodes n cross join capabilities c on c.node_id = n.id
                where n.project_id = $1 and n.id > $2 and n.revoked_at is null",
            $only,
            ") judged
            where status = $4 or $4 is null
            order by id
            limit $3"
        )
    };
}

/// A page of a project's manifests by node id, and whether there are more. Revoked nodes are left out.
pub async fn page(
    tx: &mut Tx,
    project_id: Uuid,
    filter: Filter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<(Vec<CapabilityRow>, bool), Error> {
    let sql = if filter.node_id.is_some() {
        page_sql!(" and n.id = $5")
    } else {
        page_sql!("")
    };
    let status = filter.status.map(status_word);
    let mut values = values![
        project_id,
        after.unwrap_or(Uuid::nil()),
        u64::from(limit) + 1,
        status
    ]
    .to_vec();
    values.extend(filter.node_id.map(Value::from));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut rows, mut bytes, mut more) = (Vec::new(), 0, false);
    tx.each(sql, &values, |row| {
        more = more || rows.len() == limit || bytes >= PAGE_BYTES;
        if !more {
            let manifest: String = row.get(3)?;
            bytes += manifest.len();
            rows.push(read(row, parse(&manifest)?)?);
        }
        Ok(())
    })
    .await?;
    Ok((rows, more))
}

fn read(row: &Row<'_>, manifest: CapabilityManifestRequest) -> Result<CapabilityRow, Error> {
    let status: String = row.get(4)?;
    Ok(CapabilityRow {
        node_id: row.get(0)?,
        domain_id: row.get(1)?,
        binary_version: manifest.binary_version,
        binary_checksum: Some(manifest.binary_checksum),
        status: parse_status(&status).ok_or_else(|| Error::Corrupt(format!("a verdict {status:?}")))?,
        reported_at: row.get(2)?,
        builtin_actions: manifest.builtin_actions,
        declared_hooks: manifest.declared_hooks,
    })
}

fn status_word(status: CapabilityStatus) -> &'static str {
    match status {
        CapabilityStatus::Match => "match",
        CapabilityStatus::Drift => "drift",
        CapabilityStatus::Unknown => "unknown",
    }
}

fn parse_status(word: &str) -> Option<CapabilityStatus> {
    [
        CapabilityStatus::Match,
        CapabilityStatus::Drift,
        CapabilityStatus::Unknown,
    ]
    .into_iter()
    .find(|status| status_word(*status) == word)
}

#[cfg(test)]
mod tests;
