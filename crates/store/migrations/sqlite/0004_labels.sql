-- Label definitions whole, labels on projects as well as on nodes, and what reservations and patches need.

alter table label_definitions add column description text not null default '';
-- JSON array of object kinds.
alter table label_definitions add column applicable_kinds text not null default '["node","project"]';
alter table label_definitions add column required integer not null default 0;
-- JSON text.
alter table label_definitions add column default_value text;
alter table label_definitions add column immutable integer not null default 0;
alter table label_definitions add column cloud_tag_propagation integer not null default 0;
alter table label_definitions add column on_delete text not null default 'block';
-- Most values on one object; 0 for no bound of its own.
alter table label_definitions add column cardinality integer not null default 1;

create table object_labels (
    -- A node's or a project's.
    object_id blob not null,
    definition_id blob not null references label_definitions (id),
    -- JSON text.
    value text not null,
    object_kind text not null check (object_kind in ('node', 'project')),
    assigned_by text not null,
    assigned_at integer not null,
    primary key (object_id, definition_id, value)
) strict, without rowid;

create index object_labels_by_definition on object_labels (definition_id, value);

insert into object_labels (object_id, definition_id, value, object_kind, assigned_by, assigned_at)
select node_id, definition_id, value, 'node', assigned_by, assigned_at
from node_labels;

drop table node_labels;

-- Labels whose definition is gone. They are shown and never selected.
create table orphaned_labels (
    object_id blob not null,
    qualified_key text not null,
    value text not null,
    object_kind text not null,
    assigned_by text not null,
    assigned_at integer not null,
    primary key (object_id, qualified_key, value)
) strict, without rowid;

-- Where the search for the next free address of its reservation begins.
alter table projects add column addresses_used integer not null default 0;

create index nodes_by_address on nodes (domain_id, mesh_ip);

create index label_definitions_with_default on label_definitions (scope_id)
where required = 1 and default_value is not null;

-- The nodes that a dispatch left out beyond the first 100, as JSON; apart, so that neither lists nor reports read them.
create table excluded_beyond (
    execution_id blob primary key references executions (id),
    nodes text not null
) strict, without rowid;

insert into excluded_beyond (execution_id, nodes)
select e.id, json_group_array(json(x.value))
from executions e cross join json_each(e.excluded) x
where json_array_length(e.excluded) > 100 and x.key >= 100
group by e.id;

update executions
set excluded = (select json_group_array(json(x.value)) from json_each(excluded) x where x.key < 100)
where json_array_length(excluded) > 100;
