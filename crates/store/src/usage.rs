//! What takes the room: how large each table is, and whose the history is.

use crate::db::{Error, Sql, Tx};
use crate::values;
use jiff::Timestamp;
use uuid::Uuid;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableUsage {
    /// Its name.
    pub name: String,
    /// How many rows it has; on PostgreSQL as the server last counted.
    pub rows: u64,
    /// How many bytes it takes, with its indexes.
    pub bytes: u64,
}

/// The history of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectUsage {
    /// The project.
    pub project_id: Uuid,
    /// Its handle.
    pub slug: String,
    /// How many executions it has.
    pub executions: u64,
    /// When the first of them was dispatched.
    pub oldest: Timestamp,
    /// When the last of them was dispatched.
    pub newest: Timestamp,
}

/// Every table, the largest first.
pub async fn tables(tx: &mut Tx) -> Result<Vec<TableUsage>, Error> {
    let mut tables = tx
        .all(
            Sql::Each {
                // From the pages themselves. A row is a cell of a leaf or, in a table without row ids, any cell.
                sqlite: "select
                        l.name,
                        sum(p.pgsize),
                        sum(case when p.name = l.name and (p.pagetype = 'leaf' or l.wr) then p.ncell else 0 end)
                    from pragma_table_list l
                        join sqlite_schema s on s.tbl_name = l.name
                        join dbstat p on p.name = s.name
                    where l.schema = 'main' and l.type = 'table'
                    group by l.name",
                postgres: "select
                        coalesce(i.inhparent, c.oid)::regclass::text,
                        cast(sum(pg_total_relation_size(c.oid)) as bigint),
                        cast(sum(coalesce(pg_stat_get_live_tuples(c.oid), 0)) as bigint)
                    from pg_class c left join pg_inherits i on i.inhrelid = c.oid
                    where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
                    group by 1",
            },
            &[],
            |row| {
                Ok(TableUsage {
                    name: row.get(0)?,
                    bytes: row.get(1)?,
                    rows: row.get(2)?,
                })
            },
        )
        .await?;
    tables.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    Ok(tables)
}

/// The projects with most executions, at most `limit` of them.
pub async fn projects(tx: &mut Tx, limit: u32) -> Result<Vec<ProjectUsage>, Error> {
    tx.all(
        "select p.id, p.slug, e.executions, e.oldest, e.newest
        from (
                select project_id, count(*) as executions, min(created_at) as oldest, max(created_at) as newest
                from executions
                group by project_id
            ) e
            join projects p on p.id = e.project_id
        order by e.executions desc, p.id
        limit $1",
        &values![limit],
        |row| {
            Ok(ProjectUsage {
                project_id: row.get(0)?,
                slug: row.get(1)?,
                executions: row.get(2)?,
                oldest: row.get(3)?,
                newest: row.get(4)?,
            })
        },
    )
    .await
}

/// Bytes of the database that hold nothing and are there to be used again; `None` where that is the server's affair.
pub async fn free(tx: &mut Tx) -> Result<Option<u64>, Error> {
    let sql = Sql::Each {
        sqlite: "select freelist_count * page_size from pragma_freelist_count, pragma_page_size",
        postgres: "select null::bigint",
    };
    let found = tx.optional(sql, &[], |row| row.get(0)).await?;
    Ok(found.flatten())
}

#[cfg(test)]
mod tests;
