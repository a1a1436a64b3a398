//! Reading a chain.

use super::head;
use super::stored_entry::{StoredEntry, read};
use crate::db::{Error, Tx, Value};
use crate::values;
use jiff::Timestamp;
use plex_api::audit::AuditReason;
use uuid::Uuid;

/// Which entries; all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The subject's pseudonym.
    pub subject: Option<[u8; 32]>,
    /// The relation or permission.
    pub relation: Option<String>,
    /// The object's type.
    pub object_type: Option<String>,
    /// The object's id.
    pub object_id: Option<String>,
    /// The reason.
    pub reason: Option<AuditReason>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not after.
    pub to: Option<Timestamp>,
    /// The request.
    pub correlation_id: Option<String>,
}

/// How much a page takes at most.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// Entries on it.
    pub rows: u32,
    /// Entries that are looked at for it.
    pub looked_at: u32,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its entries.
    pub rows: Vec<StoredEntry>,
    /// The place after which the next page begins; `None` on the last.
    pub next: Option<u64>,
}

/// No place is behind this one.
const END: u64 = i64::MAX as u64;

/// The statements of a page: which index leads, what it finds, and always the same filters behind it.
macro_rules! page_sql {
    ($index:literal, $found:literal) => {
        concat!(
            "select
                seq, occurred_at, reason, subject,
                case when identity in (select identity from erased_identities) then null else identity end,
                relation, object_type, object_id, correlation_id, canonical, prev_hash, entry_hash, latest_at
            from audit_entries ",
            $index,
            " where chain = $1 and seq > $2 and seq < $3",
            $found,
            " and (subject = $5 or $5 is null)
                and (relation = $6 or $6 is null)
                and (object_type = $7 or $7 is null)
                and (object_id = $8 or $8 is null)
                and (reason = $9 or $9 is null)
                and (occurred_at >= $10 or $10 is null)
                and (occurred_at <= $11 or $11 is null)
                and (correlation_id = $12 or $12 is null)
            order by seq
            limit $4"
        )
    };
}

/// A way through a chain: its page, and how far a page may look, for which an index is enough.
#[derive(Clone, Copy)]
struct Way {
    rows: &'static str,
    bound: &'static str,
}

macro_rules! way {
    ($index:literal, $found:literal) => {
        Way {
            rows: page_sql!($index, $found),
            bound: concat!(
                "select count(*), max(seq)
                from (
                    select seq
                    from audit_entries ",
                $index,
                " where chain = $1 and seq > $2 and seq < $3",
                $found,
                "   order by seq
                    limit $4
                ) looked_at"
            ),
        }
    };
}

/// Places have no gap, so that many places on is that many entries on; where somebody made a gap, it is skipped.
const BY_PLACE: Way = Way {
    rows: page_sql!("", ""),
    bound: "select cast($4 as bigint), (
            select seq - 1
            from audit_entries
            where chain = $1 and seq > cast($2 as bigint) + $4 and seq < $3
            order by seq
            limit 1
        )",
};
const LATE: Way = way!("indexed by audit_entries_late", " and occurred_at < latest_at");

/// The way that finds fewest.
fn leading(filter: &Filter) -> Way {
    let is_denial = filter.reason.is_some_and(|reason| reason != AuditReason::Granted);
    if filter.correlation_id.is_some() {
        way!(
            "indexed by audit_entries_by_correlation",
            " and correlation_id = $12"
        )
    } else if filter.object_id.is_some() {
        way!("indexed by audit_entries_by_object", " and object_id = $8")
    } else if is_denial {
        way!(
            "indexed by audit_entries_by_denial",
            " and reason = $9 and reason <> 'granted'"
        )
    } else if filter.subject.is_some() {
        way!("indexed by audit_entries_by_subject", " and subject = $5")
    } else if filter.relation.is_some() {
        way!("indexed by audit_entries_by_relation", " and relation = $6")
    } else {
        BY_PLACE
    }
}

/// The entries of a chain that the filter lets through, after a place, in their order. A page may be short, or empty,
/// and the list go on all the same: where many entries are looked at for a few.
pub async fn page(
    tx: &mut Tx,
    chain: Option<Uuid>,
    filter: &Filter,
    after: u64,
    most: Most,
) -> Result<Page, Error> {
    let mut after = after;
    if let Some(from) = filter.from {
        let first = place_of(tx, chain, from.as_microsecond()).await?;
        after = after.max(first.saturating_sub(1));
    }
    // From `later` on everything is later, but for what was written when the clock had gone back.
    let later = match filter.to {
        Some(to) => place_of(tx, chain, to.as_microsecond().saturating_add(1)).await?,
        None => END,
    };
    let mut page = walk(tx, leading(filter), (chain, filter), (after, later, most)).await?;
    if page.next.is_none() && filter.to.is_some() {
        let found = u32::try_from(page.rows.len()).unwrap_or(most.rows);
        let left = Most {
            rows: most.rows.saturating_sub(found),
            ..most
        };
        let after = after.max(later.saturating_sub(1));
        let late = walk(tx, LATE, (chain, filter), (after, END, left)).await?;
        page.rows.extend(late.rows);
        page.next = late.next;
    }
    Ok(page)
}

/// A part of a page, between two places.
async fn walk(
    tx: &mut Tx,
    way: Way,
    (chain, filter): (Option<Uuid>, &Filter),
    (after, before, most): (u64, u64, Most),
) -> Result<Page, Error> {
    let bound = last_looked_at(tx, way.bound, chain, (filter, after, before, most.looked_at)).await?;
    let end = bound.map_or(before, |last| last + 1);
    let mut rows = select(tx, way.rows, (chain, filter), (after, end, most.rows + 1)).await?;
    let is_full = rows.len() > most.rows as usize;
    rows.truncate(most.rows as usize);
    let next = if is_full {
        let last = rows.last().and_then(|last| u64::try_from(last.seq).ok());
        Some(last.unwrap_or(after))
    } else {
        bound
    };
    Ok(Page { rows, next })
}

/// The place of the last entry that is looked at; `None` when all up to the end are.
async fn last_looked_at(
    tx: &mut Tx,
    sql: &'static str,
    chain: Option<Uuid>,
    (filter, after, before, most): (&Filter, u64, u64, u32),
) -> Result<Option<u64>, Error> {
    let values = in_order(chain, filter, (after, before, most));
    let found = tx
        .optional(sql, &values, |row| {
            Ok((row.get::<u32>(0)?, row.get::<Option<u64>>(1)?))
        })
        .await?;
    Ok(found.and_then(|(count, last)| last.filter(|_| count >= most)))
}

async fn select(
    tx: &mut Tx,
    sql: &'static str,
    (chain, filter): (Option<Uuid>, &Filter),
    places: (u64, u64, u32),
) -> Result<Vec<StoredEntry>, Error> {
    tx.all(sql, &in_order(chain, filter, places), read).await
}

/// What the statements of a page call `$1` to `$12`.
fn in_order(
    chain: Option<Uuid>,
    filter: &Filter,
    (after, before, limit): (u64, u64, u32),
) -> [Value<'_>; 12] {
    values![
        chain.unwrap_or(Uuid::nil()),
        after,
        before,
        limit,
        filter.subject.as_ref(),
        filter.relation.as_deref(),
        filter.object_type.as_deref(),
        filter.object_id.as_deref(),
        filter.reason.map(AuditReason::as_str),
        filter.from,
        filter.to,
        filter.correlation_id.as_deref(),
    ]
}

/// The place of the first entry by which that time had come; one after the last when it has not.
async fn place_of(tx: &mut Tx, chain: Option<Uuid>, time: i64) -> Result<u64, Error> {
    let end = head::last(tx, chain).await?.map_or(0, |last| last.seq) + 1;
    let (mut low, mut high) = (1, end);
    while low < high {
        let middle = low + (high - low) / 2;
        let found = tx
            .optional(
                "select seq, latest_at
                from audit_entries
                where chain = $1 and seq >= $2
                order by seq
                limit 1",
                &values![chain.unwrap_or(Uuid::nil()), middle],
                |row| Ok((row.get::<u64>(0)?, row.get::<i64>(1)?)),
            )
            .await?;
        match found {
            Some((seq, latest_at)) if latest_at < time => low = seq + 1,
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

/// The place of the last entry; 0 when there is none.
pub async fn last_seq(tx: &mut Tx, chain: Option<Uuid>) -> Result<u64, Error> {
    Ok(head::last(tx, chain).await?.map_or(0, |last| last.seq))
}

/// One entry.
pub async fn find(tx: &mut Tx, chain: Option<Uuid>, seq: u64) -> Result<Option<StoredEntry>, Error> {
    Ok(range(tx, chain, (seq, seq), 1).await?.pop())
}

/// Rows from one place to another, in their order, at most so many.
pub async fn range(
    tx: &mut Tx,
    chain: Option<Uuid>,
    (from, to): (u64, u64),
    limit: u32,
) -> Result<Vec<StoredEntry>, Error> {
    let (after, before) = (from.saturating_sub(1), to.saturating_add(1));
    select(
        tx,
        BY_PLACE.rows,
        (chain, &Filter::default()),
        (after, before, limit),
    )
    .await
}

/// Every statement of a page, with what must find its rows.
#[cfg(test)]
pub(super) fn statements() -> Vec<(&'static str, String)> {
    let text = || Some(String::new());
    let filters = [
        (
            Filter {
                correlation_id: text(),
                ..Filter::default()
            },
            "by_correlation",
            "correlation_id",
        ),
        (
            Filter {
                object_id: text(),
                ..Filter::default()
            },
            "by_object",
            "object_id",
        ),
        (
            Filter {
                reason: Some(AuditReason::Unknown),
                ..Filter::default()
            },
            "by_denial",
            "reason",
        ),
        (
            Filter {
                subject: Some([0; 32]),
                ..Filter::default()
            },
            "by_subject",
            "subject",
        ),
        (
            Filter {
                relation: text(),
                ..Filter::default()
            },
            "by_relation",
            "relation",
        ),
    ];
    let mut all = Vec::new();
    for (filter, index, column) in filters {
        let Way { rows, bound } = leading(&filter);
        let found = format!("INDEX audit_entries_{index} (chain=? AND {column}=? AND seq>? AND seq<?)");
        all.push((bound, format!("COVERING {found}")));
        all.push((rows, found));
    }
    let by_place = "(chain=? AND seq>? AND seq<?)";
    let late = format!("INDEX audit_entries_late {by_place}");
    for sql in [BY_PLACE.rows, BY_PLACE.bound] {
        all.push((sql, format!("PRIMARY KEY {by_place}")));
    }
    for sql in [LATE.rows, LATE.bound] {
        all.push((sql, late.clone()));
    }
    all
}
