-- Relations of sets of subjects, and on conditions.

create table relation_tuples_next (
    id blob primary key,
    subject_kind text not null,
    subject_id blob not null,
    -- The relation to the subject, where not the subject itself is meant; else the empty text.
    subject_set text not null default '',
    relation text not null,
    object_kind text not null,
    -- The nil UUID for the platform.
    object_id blob not null,
    -- The condition's name, and the values that it fixes as a JSON object; null for none.
    caveat text,
    caveat_context text,
    created_by text not null,
    created_at integer not null,
    unique (subject_id, object_id, object_kind, relation, subject_kind, subject_set)
) strict;

insert into relation_tuples_next
select id, subject_kind, subject_id, '', relation, object_kind, object_id, null, null, created_by, created_at
from relation_tuples;

drop table relation_tuples;
alter table relation_tuples_next rename to relation_tuples;
create index relation_tuples_by_object on relation_tuples (object_kind, object_id, id);

drop table tuple_revision;

create table groups (
    id blob primary key,
    -- Whose it is; null for the platform's.
    domain_id blob references domains (id),
    slug text not null,
    name text not null,
    created_at integer not null
) strict;

create unique index groups_by_slug on groups (coalesce(domain_id, zeroblob(16)), slug);

-- Every change of who holds what and of what contains what, in commit order. The newest revision names the
-- state of all of it, so that whoever keeps it in memory knows whether that is current, and what it missed.
-- The triggers below write it: no statement can forget to.
create table relation_changes (
    revision integer primary key autoincrement,
    -- 1 for a tuple that is there from now on, 0 for one that no longer is.
    added integer not null,
    object_kind text not null,
    object_id blob not null,
    relation text not null,
    subject_kind text not null,
    subject_id blob not null,
    subject_set text not null default '',
    caveat text,
    caveat_context text
) strict;

-- What a reader in memory holds: the granted relations, and the structure.
create view relation_graph as
select object_kind, object_id, relation, subject_kind, subject_id, subject_set, caveat, caveat_context
from relation_tuples
union all
select 'domain', id, 'platform', 'platform', zeroblob(16), '', null, null from domains
union all
select 'project', id, 'domain', 'domain', domain_id, '', null, null from projects
union all
select 'node', id, 'project', 'project', project_id, '', null, null from nodes
union all
select
    'group', id,
    case when domain_id is null then 'platform' else 'domain' end,
    case when domain_id is null then 'platform' else 'domain' end,
    coalesce(domain_id, zeroblob(16)), '', null, null
from groups;

create trigger relation_tuple_added after insert on relation_tuples
begin
    insert into relation_changes
        (added, object_kind, object_id, relation, subject_kind, subject_id, subject_set, caveat, caveat_context)
    values (
        1, new.object_kind, new.object_id, new.relation, new.subject_kind, new.subject_id, new.subject_set,
        new.caveat, new.caveat_context
    );
end;

create trigger relation_tuple_removed after delete on relation_tuples
begin
    insert into relation_changes (added, object_kind, object_id, relation, subject_kind, subject_id, subject_set)
    values (
        0, old.object_kind, old.object_id, old.relation, old.subject_kind, old.subject_id, old.subject_set
    );
end;

create trigger relation_tuples_are_replaced before update on relation_tuples
begin
    select raise(abort, 'a relation tuple is removed and added, never changed');
end;

create trigger domain_added after insert on domains
begin
    insert into relation_changes (added, object_kind, object_id, relation, subject_kind, subject_id)
    values (1, 'domain', new.id, 'platform', 'platform', zeroblob(16));
end;

create trigger domain_removed after delete on domains
begin
    insert into relation_changes (added, object_kind, object_id, relation, subject_kind, subject_id)
    values (0, 'domain', old.id, 'platform', 'platform', zeroblob(16));
end;

create trigger project_added after insert on projects
begin
    insert into relation_changes (added, object_kind, object_id, relation, subject_kind, subject_id)
    values (1, 'project', new.id, 'domain', 'domain', new.domain_id);
end;

create trigger project_removed after delete on projects
begin
    insert into relation_changes (added, object_kind, object_id, relation, subject_kind, subject_id)
    values (0, 'project', old.id, 'domain', 'domain', old.domain_id);
end;

create trigger node_added after insert on nodes
begin
    insert into relation_changes (added, object_kind, object_id, relation, subject_kind, subject_id)
    values (1, 'node', new.id, 'project', 'project', new.project_id);
end;

create trigger node_removed after delete on nodes
begin
    insert into relation_changes (added, object_kind, object_id, relation, subject_kind, subject_id)
    values (0, 'node', old.id, 'project', 'project', old.project_id);
end;

create trigger group_added after insert on groups
begin
    insert into relation_changes (added, object_kind, object_id, relation, subject_kind, subject_id)
    values (
        1, 'group', new.id,
        case when new.domain_id is null then 'platform' else 'domain' end,
        case when new.domain_id is null then 'platform' else 'domain' end,
        coalesce(new.domain_id, zeroblob(16))
    );
end;

create trigger group_removed after delete on groups
begin
    insert into relation_changes (added, object_kind, object_id, relation, subject_kind, subject_id)
    values (
        0, 'group', old.id,
        case when old.domain_id is null then 'platform' else 'domain' end,
        case when old.domain_id is null then 'platform' else 'domain' end,
        coalesce(old.domain_id, zeroblob(16))
    );
end;
