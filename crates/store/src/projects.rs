//! Projects: the inner level of tenancy.

use crate::db::{Error, Row, Tx};
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
    let taken = tx
        .all(
            "select sub_range_cidr
            from projects
            where domain_id = $1 and sub_range_cidr is not null",
            &values![domain_id],
            |row| {
                let text: String = row.get(0)?;
                Cidr::parse(&text).ok_or_else(|| Error::Corrupt(format!("a sub-range {text:?}")))
            },
        )
        .await?;
    if taken.iter().any(|other| other.overlaps(&wanted)) {
        return Err(CreateError::SubRangeOverlap);
    }
    Ok(())
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
    for id in projects {
        let project = find(tx, *id).await?;
        found.extend(project.filter(|project| wanted(&&project.domain_id) && is_after(project, after)));
    }
    found.sort_unstable_by(|a, b| (&a.slug, a.id).cmp(&(&b.slug, b.id)));
    found.dedup_by(|a, b| a.id == b.id);
    found.truncate(limit as usize);
    Ok(found)
}

fn is_after(project: &ProjectResponse, after: &Position) -> bool {
    (&project.slug, project.id) > (&after.slug, after.id)
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
mod tests {
    use super::*;
    use crate::testing;

    fn new(domain_id: Uuid, slug: &str, sub_range: Option<&str>) -> NewProject {
        NewProject {
            domain_id,
            slug: slug.to_owned(),
            name: "Shop".to_owned(),
            description: "sells".to_owned(),
            sub_range: sub_range.map(|text| Cidr::parse(text).unwrap()),
        }
    }

    #[tokio::test]
    async fn a_project_reads_back_and_knows_its_domain() {
        let (_dir, db) = testing::db();
        db.write(async move |tx| {
            let domain_id = testing::domain(tx, "acme").await?;
            assert!(!any(tx).await?);
            let made = create(tx, &new(domain_id, "shop", Some("10.0.0.64/26")))
                .await
                .unwrap();
            assert_eq!(
                (made.domain_id, made.slug.as_str(), made.name.as_str()),
                (domain_id, "shop", "Shop")
            );
            assert_eq!(made.description, "sells");
            assert_eq!(made.sub_range_cidr.as_deref(), Some("10.0.0.64/26"));
            assert_eq!((made.created_at, made.updated_at), (tx.now(), tx.now()));
            assert_eq!(domain_of(tx, made.id).await?, Some(domain_id));
            assert!(any(tx).await?);
            assert_eq!(domain_of(tx, domain_id).await?, None);
            assert!(find(tx, domain_id).await?.is_none());
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn what_a_domain_forbids() {
        let (_dir, db) = testing::db();
        db.write(async move |tx| {
            let (acme, other) = (
                testing::domain(tx, "acme").await?,
                testing::domain(tx, "other").await?,
            );
            create(tx, &new(acme, "shop", Some("10.0.0.0/25"))).await.unwrap();
            create(tx, &new(other, "shop", Some("10.0.0.0/25")))
                .await
                .unwrap();
            let missing = create(tx, &new(Uuid::from_u128(1), "x", None)).await;
            assert!(matches!(missing, Err(CreateError::ParentMissing)));
            let taken = create(tx, &new(acme, "shop", None)).await;
            assert!(matches!(taken, Err(CreateError::SlugTaken)));
            for outside in ["10.0.1.0/24", "10.0.0.0/23", "fd00::/64"] {
                let refused = create(tx, &new(acme, "x", Some(outside))).await;
                assert!(matches!(refused, Err(CreateError::OutsidePool)), "{outside}");
            }
            let overlap = create(tx, &new(acme, "x", Some("10.0.0.127/32"))).await;
            assert!(matches!(overlap, Err(CreateError::SubRangeOverlap)));
            create(tx, &new(acme, "x", Some("10.0.0.128/32"))).await.unwrap();
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    /// Walks the whole list in pages of `limit`, as domain/slug.
    async fn walk(tx: &mut Tx, shown: &Shown, domain_id: Option<Uuid>, limit: u32) -> Vec<String> {
        let (mut after, mut seen) = (Position::default(), Vec::new());
        loop {
            let found = page(tx, shown, domain_id, &after, limit).await.unwrap();
            let Some(last) = found.last() else { return seen };
            assert!(found.len() <= limit as usize);
            after = Position {
                slug: last.slug.clone(),
                id: last.id,
            };
            seen.extend(found.into_iter().map(|project| project.slug));
        }
    }

    #[tokio::test]
    async fn pages_neither_skip_nor_repeat_though_slugs_repeat() {
        let (_dir, db) = testing::db();
        db.write(async move |tx| {
            let (acme, other) = (
                testing::domain(tx, "acme").await?,
                testing::domain(tx, "other").await?,
            );
            let mut ids = Vec::new();
            for (domain, slug) in [(acme, "b"), (other, "b"), (acme, "a"), (other, "c"), (other, "d")] {
                ids.push(testing::project(tx, domain, slug).await?);
            }
            let mine = Shown::Some {
                domains: vec![acme],
                projects: vec![ids[3], ids[1], ids[2]],
            };
            let nothing = Shown::Some {
                domains: Vec::new(),
                projects: Vec::new(),
            };
            for limit in [1, 2, 9] {
                assert_eq!(
                    walk(tx, &Shown::All, None, limit).await,
                    ["a", "b", "b", "c", "d"]
                );
                assert_eq!(walk(tx, &Shown::All, Some(other), limit).await, ["b", "c", "d"]);
                assert_eq!(walk(tx, &mine, None, limit).await, ["a", "b", "b", "c"]);
                assert_eq!(walk(tx, &mine, Some(other), limit).await, ["b", "c"]);
                assert_eq!(walk(tx, &mine, Some(acme), limit).await, ["a", "b"]);
                assert!(walk(tx, &nothing, None, limit).await.is_empty());
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
}
