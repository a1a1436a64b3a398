//! Projects: the inner level of tenancy.

mod change;
mod delete;

pub use change::{Change, ChangeError, SubRange, change};
pub use delete::{DeleteError, children, delete};

use crate::db::{Error, Row, Tx, id_list};
use crate::{domains, values};
use plex_api::projects::ProjectResponse;
use plex_domain::cidr::Cidr;
use uuid::Uuid;

/// A project about to be made.
#[derive(Debug, Clone)]
pub struct NewProject {
    /// The parent.
    pub domain_id: Uuid,
    /// Handle, unique within the domain.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Reservation inside the domain's pool.
    pub sub_range: Option<Cidr>,
}

/// Why a project was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is no such domain.
    #[error("the parent domain is missing")]
    ParentMissing,
    /// Another project of the domain has that slug.
    #[error("the slug is taken")]
    SlugTaken,
    /// The reservation does not lie in the domain's mesh pool.
    #[error("the reservation is outside the domain's pool")]
    OutsidePool,
    /// The reservation has addresses in common with another project's.
    #[error("the reservation overlaps another project's")]
    SubRangeOverlap,
    /// A node of another project has an address in the reservation.
    #[error("an address in the reservation is taken")]
    AddressTaken,
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Which projects a list may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// Every one.
    All,
    /// Those of some domains, and some by themselves.
    Some {
        /// All projects of these.
        domains: Vec<Uuid>,
        /// These too.
        projects: Vec<Uuid>,
    },
}

/// Where a page starts: after this slug and, within it, after this id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// The slug of the project before.
    pub slug: String,
    /// Its id; slugs repeat from domain to domain.
    pub id: Uuid,
}

/// Makes a project.
pub async fn create(tx: &mut Tx, new: &NewProject) -> Result<ProjectResponse, CreateError> {
    let pool = domains::mesh_cidr(tx, new.domain_id)
        .await?
        .ok_or(CreateError::ParentMissing)?;
    if let Some(sub_range) = new.sub_range {
        check_sub_range(tx, new.domain_id, pool, sub_range).await?;
    }
    let (id, now) = (tx.new_id(), tx.now());
    let sub_range = new.sub_range.map(|range| range.to_string());
    let inserted = tx
        .execute(
            "insert into projects (id, domain_id, slug, name, description, sub_range_cidr, created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, $7, $7)
            on conflict (domain_id, slug) do nothing",
            &values![
                id,
                new.domain_id,
                &new.slug,
                &new.name,
                &new.description,
                sub_range.as_deref(),
                now,
            ],
        )
        .await?;
    if inserted == 0 {
        return Err(CreateError::SlugTaken);
    }
    let made = find(tx, id).await?;
    Ok(made.ok_or_else(|| Error::Corrupt("a project just stored is missing".to_owned()))?)
}

async fn check_sub_range(tx: &mut Tx, domain_id: Uuid, pool: Cidr, wanted: Cidr) -> Result<(), CreateError> {
    if !pool.covers(&wanted) {
        return Err(CreateError::OutsidePool);
    }
    if sub_ranges(tx, domain_id)
        .await?
        .iter()
        .any(|(_, other)| other.overlaps(&wanted))
    {
        return Err(CreateError::SubRangeOverlap);
    }
    let held = domains::allocations(tx, domain_id).await?;
    if held.iter().any(|held| wanted.contains(held.address)) {
        return Err(CreateError::AddressTaken);
    }
    Ok(())
}

/// The reservations in a domain, by project.
pub(crate) async fn sub_ranges(tx: &mut Tx, domain_id: Uuid) -> Result<Vec<(Uuid, Cidr)>, Error> {
    tx.all(
        "select id, sub_range_cidr
        from projects
        where domain_id = $1 and sub_range_cidr is not null",
        &values![domain_id],
        |row| {
            let text: String = row.get(1)?;
            let range = Cidr::parse(&text).ok_or_else(|| Error::Corrupt(format!("a sub-range {text:?}")));
            Ok((row.get(0)?, range?))
        },
    )
    .await
}

/// One project.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<ProjectResponse>, Error> {
    tx.optional(
        "select id, domain_id, slug, name, description, sub_range_cidr, created_at, updated_at
        from projects
        where id = $1",
        &values![id],
        read,
    )
    .await
}

/// The domain of a project; `None` when there is no such project.
pub async fn domain_of(tx: &mut Tx, id: Uuid) -> Result<Option<Uuid>, Error> {
    tx.optional(
        "select domain_id
        from projects
        where id = $1",
        &values![id],
        |row| row.get(0),
    )
    .await
}

/// Whether there is any project.
pub async fn any(tx: &mut Tx) -> Result<bool, Error> {
    Ok(tx
        .optional("select 1 from projects limit 1", &[], |_| Ok(()))
        .await?
        .is_some())
}

/// The projects after a position, by slug; with `domain_id`, only of that domain.
pub async fn page(
    tx: &mut Tx,
    shown: &Shown,
    domain_id: Option<Uuid>,
    after: &Position,
    limit: u32,
) -> Result<Vec<ProjectResponse>, Error> {
    let (domains, projects) = match (shown, domain_id) {
        (Shown::All, None) => return page_of_all(tx, after, limit).await,
        (Shown::All, Some(domain_id)) => return page_of_domain(tx, domain_id, after, limit).await,
        (Shown::Some { domains, projects }, _) => (domains, projects),
    };
    let wanted = |domain: &&Uuid| domain_id.is_none_or(|wanted| wanted == **domain);
    let mut found = Vec::new();
    for domain in domains.iter().filter(wanted) {
        found.extend(page_of_domain(tx, *domain, after, limit).await?);
    }
    found.extend(page_of_these(tx, (projects, domain_id), after, limit).await?);
    found.sort_unstable_by(|a, b| (&a.slug, a.id).cmp(&(&b.slug, b.id)));
    found.dedup_by(|a, b| a.id == b.id);
    found.truncate(limit as usize);
    Ok(found)
}

async fn page_of_these(
    tx: &mut Tx,
    (ids, domain_id): (&[Uuid], Option<Uuid>),
    after: &Position,
    limit: u32,
) -> Result<Vec<ProjectResponse>, Error> {
    tx.all(
        "select id, domain_id, slug, name, description, sub_range_cidr, created_at, updated_at
        from projects
        where id in (select unhex(value) from json_each($1)) and (+domain_id = $2 or $2 is null)
            and (+slug, id) > ($3, $4)
        order by +slug, id
        limit $5",
        &values![&id_list(ids), domain_id, &after.slug, after.id, limit],
        read,
    )
    .await
}

async fn page_of_all(tx: &mut Tx, after: &Position, limit: u32) -> Result<Vec<ProjectResponse>, Error> {
    tx.all(
        "select id, domain_id, slug, name, description, sub_range_cidr, created_at, updated_at
        from projects
        where (slug, id) > ($1, $2)
        order by slug, id
        limit $3",
        &values![&after.slug, after.id, limit],
        read,
    )
    .await
}

async fn page_of_domain(
    tx: &mut Tx,
    domain_id: Uuid,
    after: &Position,
    limit: u32,
) -> Result<Vec<ProjectResponse>, Error> {
    tx.all(
        "select id, domain_id, slug, name, description, sub_range_cidr, created_at, updated_at
        from projects
        where domain_id = $1 and slug >= $2 and (slug, id) > ($2, $3)
        order by slug
        limit $4",
        &values![domain_id, &after.slug, after.id, limit],
        read,
    )
    .await
}

/// The order of the columns in the statements above.
fn read(row: &Row<'_>) -> Result<ProjectResponse, Error> {
    Ok(ProjectResponse {
        id: row.get(0)?,
        domain_id: row.get(1)?,
        slug: row.get(2)?,
        name: row.get(3)?,
        description: row.get(4)?,
        sub_range_cidr: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

#[cfg(test)]
mod tests;
