-- Where each chain ends, sealed under a key that is not in the database: entries cut off at the end are missed.
create table audit_heads (
    -- The nil UUID for the platform.
    chain blob primary key,
    seq integer not null,
    entry_hash blob not null,
    -- Keyed MAC over the three; empty for a chain that is older than this table, until the next start.
    seal blob not null
) strict, without rowid;

insert into audit_heads
select chain, seq, entry_hash, x''
from audit_entries as entry
where seq = (select max(seq) from audit_entries where chain = entry.chain);

-- The latest occurred_at so far: it ascends along a chain even where the clock went back, so that a time is found
-- in a chain by halving it.
alter table audit_entries add column latest_at integer not null default 0;

update audit_entries
set latest_at = walked.latest_at
from (
    select chain, seq, max(occurred_at) over (partition by chain order by seq) as latest_at
    from audit_entries
) as walked
where audit_entries.chain = walked.chain and audit_entries.seq = walked.seq;

create trigger audit_entries_keep_their_time before update of latest_at on audit_entries
begin
    select raise(abort, 'audit entries are append-only');
end;

-- One index for each filter of the list that finds few among many, so that a page costs the same wherever it is.
create index audit_entries_by_subject on audit_entries (chain, subject, seq);
create index audit_entries_by_relation on audit_entries (chain, relation, seq);
create index audit_entries_by_object on audit_entries (chain, object_id, seq);
create index audit_entries_by_correlation on audit_entries (chain, correlation_id, seq);
create index audit_entries_by_denial on audit_entries (chain, reason, seq) where reason <> 'granted';
-- Those from when the clock had gone back; commonly none.
create index audit_entries_late on audit_entries (chain, seq) where occurred_at < latest_at;

-- Identities that were erased. No audit entry is written with their names again.
create table erased_identities (
    -- For example 'user:<uuid>'.
    identity text primary key,
    principal_id blob not null unique,
    erased_at integer not null,
    -- Null until no audit entry names it any more.
    cleared_at integer
) strict, without rowid;
