-- A node's next key: handed in by the node when it was asked, and the only one once it was used or
-- previous_key_until is over. Keyed hash, as key_hash.
alter table nodes add column next_key_hash blob;
alter table nodes add column previous_key_until integer;
-- When an operator asked for a new key; null again once it was used.
alter table nodes add column rotation_requested_at integer;
alter table nodes add column key_rotated_at integer;
-- When anything about its keys last changed: what open streams, on every replica, are checked for.
alter table nodes add column keys_changed_at integer;

update nodes set keys_changed_at = revoked_at where revoked_at is not null;

create index nodes_by_key_change on nodes (keys_changed_at) where keys_changed_at is not null;
create index nodes_by_key_end on nodes (previous_key_until) where previous_key_until is not null;

-- The executable that the manifest declares, base64 SHA-256.
alter table capabilities add column binary_checksum text;

update capabilities set binary_checksum = json_extract(manifest, '$.binary_checksum');

-- Kubernetes hooks, with the image digest that was first catalogued for each (node, name). The row outlives the
-- declaration, as a pin must.
create table discovered_hooks (
    node_id blob not null references nodes (id),
    name text not null,
    project_id blob not null,
    domain_id blob not null,
    -- Null when the last manifest does not declare it.
    image_digest text,
    pinned_digest text not null,
    pinned_at integer not null,
    -- Who accepted it; null for the first.
    accepted_by text,
    primary key (node_id, name)
) strict, without rowid;

create index discovered_hooks_by_domain on discovered_hooks (domain_id, node_id, name);
create index discovered_hooks_by_project on discovered_hooks (project_id, node_id, name);

insert into discovered_hooks (node_id, name, project_id, domain_id, image_digest, pinned_digest, pinned_at)
select n.id, h.value ->> 'name', n.project_id, n.domain_id, h.value ->> 'image_digest', h.value ->> 'image_digest',
    c.reported_at
from capabilities c
    join nodes n on n.id = c.node_id
    join json_each(c.manifest, '$.plexd_hooks') h
where true
on conflict (node_id, name) do nothing;

create table integrity_violations (
    id blob primary key,
    node_id blob not null references nodes (id),
    project_id blob not null,
    domain_id blob not null,
    kind text not null,
    detected_by text not null,
    artifact_id text not null,
    -- Checksum or fingerprint, as the kind has it.
    observed text not null,
    expected text,
    status text not null default 'open',
    detected_at integer not null,
    acknowledged_at integer,
    acknowledged_by text,
    acknowledge_reason text
) strict;

create index integrity_violations_by_domain on integrity_violations (domain_id, id);
create index integrity_violations_by_project on integrity_violations (project_id, id);
create index integrity_violations_by_node on integrity_violations (node_id, id);
-- Open ones are few among many, and what operators look for.
create index integrity_violations_open_by_id on integrity_violations (id) where status = 'open';
create index integrity_violations_open_by_domain on integrity_violations (domain_id, id) where status = 'open';
create index integrity_violations_open_by_project on integrity_violations (project_id, id) where status = 'open';
-- The same finding is one violation while it is open, however often it is reported.
create unique index integrity_violations_open
on integrity_violations (node_id, kind, artifact_id, observed, coalesce(expected, ''))
where status = 'open';

-- How many executions of a domain have not ended, kept by the triggers below so that a dispatch need not count.
-- Spread over 16 rows by the execution's id: on a database with many writers, one row would make them queue.
create table live_executions (
    domain_id blob not null,
    shard integer not null,
    live integer not null,
    primary key (domain_id, shard)
) strict, without rowid;

insert into live_executions (domain_id, shard, live)
select domain_id, instr('0123456789ABCDEF', substr(hex(id), -1)) - 1, count(*)
from executions
where status in ('pending', 'ack', 'started')
group by 1, 2;

create trigger executions_begin
after insert on executions
when new.status in ('pending', 'ack', 'started')
begin
    insert into live_executions (domain_id, shard, live)
    values (new.domain_id, instr('0123456789ABCDEF', substr(hex(new.id), -1)) - 1, 1)
    on conflict (domain_id, shard) do update set live = live + 1;
end;

create trigger executions_end
after update of status on executions
when old.status in ('pending', 'ack', 'started') and new.status not in ('pending', 'ack', 'started')
begin
    update live_executions
    set live = live - 1
    where domain_id = new.domain_id and shard = instr('0123456789ABCDEF', substr(hex(new.id), -1)) - 1;
end;
