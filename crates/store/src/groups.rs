//! Groups of identities. Who is a member is a matter of relation tuples; here is what groups there are.

use crate::db::{Error, Row, Tx, id_list};
use crate::values;
use jiff::Timestamp;
use plex_domain::relation::{ObjectKind, ObjectRef};
use uuid::Uuid;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: Uuid,
    /// Whose it is; `None` is the platform's.
    pub domain_id: Option<Uuid>,
    /// Its handle, unique there.
    pub slug: String,
    /// Its display name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Makes a group; `None` when the handle is taken there.
pub async fn create(
    tx: &mut Tx,
    domain_id: Option<Uuid>,
    slug: &str,
    name: &str,
) -> Result<Option<Group>, Error> {
    let group = Group {
        id: tx.new_id(),
        domain_id,
        slug: slug.to_owned(),
        name: name.to_owned(),
        created_at: tx.now(),
    };
    let inserted = tx
        .execute(
            "insert into groups (id, domain_id, slug, name, created_at)
            values ($1, $2, $3, $4, $5)
            on conflict do nothing",
            &values![group.id, group.domain_id, slug, name, group.created_at],
        )
        .await?;
    Ok((inserted > 0).then_some(group))
}

/// One group.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Group>, Error> {
    tx.optional(
        "select id, domain_id, slug, name, created_at
        from groups
        where id = $1",
        &values![id],
        read,
    )
    .await
}

/// Those of the given groups that come after an id, oldest first.
pub async fn page(tx: &mut Tx, shown: &[Uuid], after: Uuid, limit: u32) -> Result<Vec<Group>, Error> {
    let ids = id_list(shown);
    tx.all(
        "select g.id, g.domain_id, g.slug, g.name, g.created_at
        from json_each($1) ids cross join groups g on g.id = unhex(ids.value)
        where g.id > $2
        order by g.id
        limit $3",
        &values![&ids, after, limit],
        read,
    )
    .await
}

/// How many groups a domain has.
pub async fn count(tx: &mut Tx, domain_id: Uuid) -> Result<u64, Error> {
    let found = tx
        .optional(
            "select count(*)
            from groups
            where domain_id = $1",
            &values![domain_id],
            |row| row.get(0),
        )
        .await?;
    Ok(found.unwrap_or(0))
}

/// Ends a group with its memberships and with all that it holds. Returns whether there was one.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool, Error> {
    let kind = ObjectKind::Group.as_str();
    tx.execute(
        "delete from relation_tuples
        where (object_kind = $1 and object_id = $2) or (subject_kind = $1 and subject_id = $2)",
        &values![kind, id],
    )
    .await?;
    let deleted = tx
        .execute(
            "delete from groups
            where id = $1",
            &values![id],
        )
        .await?;
    Ok(deleted > 0)
}

impl Group {
    /// As an object of relations.
    pub fn object(&self) -> ObjectRef {
        ObjectRef::of(ObjectKind::Group, self.id)
    }
}

fn read(row: &Row<'_>) -> Result<Group, Error> {
    Ok(Group {
        id: row.get(0)?,
        domain_id: row.get(1)?,
        slug: row.get(2)?,
        name: row.get(3)?,
        created_at: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relations::{self, Edge, NewTuple};
    use crate::testing;
    use plex_domain::relation::SubjectRef;

    #[tokio::test]
    async fn a_group_ends_with_all_that_names_it() {
        let (_dir, db) = testing::db();
        db.write(async move |tx| {
            let domain = testing::domain(tx, "acme").await?;
            let group = create(tx, Some(domain), "ops", "Operations").await?.unwrap();
            let other = create(tx, None, "ops", "Operations").await?.unwrap();
            assert_eq!(create(tx, Some(domain), "ops", "Again").await?, None);
            assert_eq!(create(tx, None, "ops", "Again").await?, None);
            let members = SubjectRef {
                object: group.object(),
                set: Some("member".to_owned()),
            };
            let anna = ObjectRef::of(ObjectKind::User, Uuid::from_u128(7));
            for (subject, relation, object) in [
                (
                    members.clone(),
                    "viewer",
                    ObjectRef::of(ObjectKind::Domain, domain),
                ),
                (members, "member", other.object()),
                (anna.into(), "member", group.object()),
                (anna.into(), "member", other.object()),
            ] {
                let new = NewTuple {
                    subject,
                    relation: relation.to_owned(),
                    object,
                    condition: None,
                    created_by: "system".to_owned(),
                };
                relations::create(tx, &new).await.unwrap();
            }
            assert_eq!(page(tx, &[other.id, group.id], Uuid::nil(), 10).await?.len(), 2);
            assert_eq!(
                page(tx, &[other.id, group.id], group.id, 10).await?,
                std::slice::from_ref(&other)
            );
            assert_eq!(count(tx, domain).await?, 1);
            assert!(delete(tx, group.id).await?);
            assert!(!delete(tx, group.id).await?);
            let (edges, _) = relations::whole(tx).await?;
            let names = |edge: &Edge| edge.object == group.object() || edge.subject.object == group.object();
            assert!(!edges.iter().any(names), "{edges:?}");
            assert_eq!(edges.iter().filter(|edge| edge.relation == "member").count(), 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
}
