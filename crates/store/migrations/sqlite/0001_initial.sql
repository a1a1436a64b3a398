-- Ids are the 16 bytes of a UUIDv7, times whole microseconds since 1970, words those of the wire contract.

create table domains (
    id blob primary key,
    slug text not null unique,
    name text not null,
    description text not null default '',
    region text,
    mesh_cidr text not null,
    -- How nodes are judged, in seconds.
    heartbeat_interval integer not null,
    stale_after integer not null,
    unreachable_after integer not null,
    -- Ed25519 seed, sealed under the master key.
    signing_key_id text not null,
    signing_public_key blob not null,
    signing_key_sealed blob not null,
    -- How many mesh addresses were handed out.
    addresses_used integer not null default 0,
    created_at integer not null,
    updated_at integer not null
) strict;

create table projects (
    id blob primary key,
    domain_id blob not null references domains (id),
    slug text not null,
    name text not null,
    description text not null default '',
    sub_range_cidr text,
    created_at integer not null,
    updated_at integer not null,
    unique (domain_id, slug)
) strict;

create index projects_by_slug on projects (slug, id);

create table principals (
    id blob primary key,
    kind text not null check (kind in ('user', 'service')),
    email text,
    created_at integer not null
) strict;

create table api_tokens (
    id blob primary key,
    principal_id blob not null references principals (id),
    -- Keyed hash of the secret.
    hash blob not null unique,
    env text not null,
    created_at integer not null,
    expires_at integer not null,
    last_used_at integer,
    rotated_at integer,
    revoked_at integer
) strict;

create index api_tokens_by_principal on api_tokens (principal_id, id);

create table relation_tuples (
    id blob primary key,
    -- 'user' or 'service-identity'.
    subject_kind text not null,
    subject_id blob not null,
    relation text not null,
    object_kind text not null,
    -- The nil UUID for the platform.
    object_id blob not null,
    created_by text not null,
    created_at integer not null,
    unique (subject_id, object_id, object_kind, relation, subject_kind)
) strict;

create index relation_tuples_by_object on relation_tuples (object_kind, object_id, id);

-- One row: it counts every change of relation_tuples.
create table tuple_revision (
    revision integer not null
) strict;

insert into tuple_revision values (0);

create table bootstrap_tokens (
    id blob primary key,
    project_id blob not null references projects (id),
    -- Keyed hash of the secret.
    hash blob not null unique,
    kind text not null,
    env_prefix text not null,
    -- JSON object: labels that a node gets on redemption.
    labels text not null default '{}',
    max_uses integer not null,
    uses integer not null default 0,
    issued_by blob not null,
    issued_at integer not null,
    expires_at integer not null,
    consumed_at integer,
    revoked_at integer
) strict;

create index bootstrap_tokens_by_project on bootstrap_tokens (project_id, issued_at, id);

create table nodes (
    id blob primary key,
    project_id blob not null references projects (id),
    domain_id blob not null references domains (id),
    name text not null,
    kind text not null,
    public_key text not null,
    mesh_ip text not null,
    -- Keyed hash of the node's secret key.
    key_hash blob not null,
    bootstrap_token_id blob not null,
    created_at integer not null,
    revoked_at integer,
    last_heartbeat_at integer,
    -- When a heartbeat last ended a silence.
    recovered_at integer,
    binary_version text,
    binary_checksum text,
    -- Set when the node should pull its state: the next heartbeat answers with it.
    reconcile integer not null default 0
) strict;

create index nodes_by_project on nodes (project_id, id);
create index nodes_by_domain on nodes (domain_id, id);

create table registration_nonces (
    project_id blob not null,
    -- SHA-256 of the nonce.
    nonce blob not null,
    primary key (project_id, nonce)
) strict, without rowid;

create table label_definitions (
    id blob primary key,
    scope text not null check (scope in ('platform', 'domain', 'project')),
    -- The nil UUID for the platform.
    scope_id blob not null,
    local_key text not null,
    qualified_key text not null unique,
    -- JSON, as on the wire.
    value_schema text not null,
    created_by text not null,
    created_at integer not null,
    updated_at integer not null,
    unique (scope_id, local_key)
) strict;

create table node_labels (
    node_id blob not null references nodes (id),
    definition_id blob not null references label_definitions (id),
    -- JSON text.
    value text not null,
    assigned_by text not null,
    assigned_at integer not null,
    primary key (node_id, definition_id)
) strict, without rowid;

-- The manifest as the node sent it, and below it what a dispatch looks up.
create table capabilities (
    node_id blob primary key references nodes (id),
    reported_at integer not null,
    manifest text not null
) strict;

create table node_actions (
    node_id blob not null references nodes (id),
    kind text not null,
    name text not null,
    -- Base64 SHA-256, for hooks.
    checksum text,
    -- JSON array of the names of secret parameters; null when there are none.
    secrets text,
    -- From a hook's sidecar.
    description text,
    primary key (node_id, kind, name)
) strict, without rowid;

create table hook_pins (
    node_id blob not null references nodes (id),
    name text not null,
    -- Base64 SHA-256 that dispatches rely on.
    checksum text not null,
    pinned_at integer not null,
    -- Null for the first digest ever declared.
    accepted_by text,
    primary key (node_id, name)
) strict, without rowid;

create table executions (
    id blob primary key,
    project_id blob not null references projects (id),
    domain_id blob not null,
    action text not null,
    kind text not null,
    -- The aggregate over the counts below.
    status text not null,
    created_at integer not null,
    updated_at integer not null,
    expires_at integer not null,
    timeout_seconds integer not null,
    -- JSON text, token by token as sent.
    parameters text,
    -- The same with secret values masked; null when there are none.
    parameters_shown text,
    selector text,
    node_id blob,
    dispatched_by text not null,
    -- JSON array; null when no node was left out.
    excluded text,
    pending integer not null,
    ack integer not null default 0,
    started integer not null default 0,
    succeeded integer not null default 0,
    failed integer not null default 0,
    cancelled integer not null default 0,
    timeout integer not null default 0
) strict;

-- One index for each filter of the list, so that a page costs the same wherever it is.
create index executions_by_time on executions (project_id, created_at, id);
create index executions_by_status on executions (project_id, status, created_at, id);
create index executions_by_action on executions (project_id, action, created_at, id);
create index executions_by_action_status on executions (project_id, action, status, created_at, id);
create index executions_live on executions (expires_at, id) where status in ('pending', 'ack', 'started');

-- One row for each (execution, node). It is its own outbox: delivered until the node acknowledges.
create table invocations (
    -- No reference: an execution is stored with its invocations, in one transaction, and goes before they do.
    execution_id blob not null,
    node_id blob not null,
    status text not null,
    updated_at integer not null,
    started_at integer,
    finished_at integer,
    exit_code integer,
    error text,
    -- 'inline' (bytes in outputs) or 'object_store'; null when nothing was collected.
    output_kind text,
    output_bytes integer,
    output_truncated integer,
    output_key text,
    -- Lowercase hex.
    output_sha256 text,
    declared_bytes integer,
    declared_sha256 text,
    -- The minted upload key of the last declaration.
    upload_key text,
    -- SHA-256 of the last callback accepted; null once the server set timeout.
    last_report blob,
    -- The inline output's bytes.
    output_id integer,
    -- 1 until it ends, then null. A column of its own, so that a report on the way leaves the index alone.
    live integer default 1,
    primary key (execution_id, node_id)
) strict, without rowid;

create index invocations_live on invocations (node_id, execution_id) where live = 1;

-- Appended to, and found through the invocation: an index of its own would cost every report a page.
create table outputs (
    id integer primary key,
    bytes blob not null
) strict;

-- Append-only, in commit order. That a status is reached at most once is decided on the invocation's row; the
-- dispatch is the execution's row. No index, for the same reason as above.
create table execution_events (
    execution_id blob not null,
    node_id blob not null,
    status text not null,
    occurred_at integer not null,
    detail text
) strict;

create table idempotency_keys (
    principal text not null,
    project_id blob not null,
    key text not null,
    -- SHA-256 of the request's body.
    body_digest blob not null,
    execution_id blob not null,
    created_at integer not null,
    primary key (principal, project_id, key)
) strict, without rowid;

create index idempotency_keys_by_age on idempotency_keys (created_at);

-- One hash chain for each domain, and one for the platform (the nil UUID). Append-only.
create table audit_entries (
    chain blob not null,
    seq integer not null,
    occurred_at integer not null,
    reason text not null,
    -- Keyed pseudonym of the identity, and the identity itself until it is erased.
    subject blob not null,
    identity text,
    relation text not null,
    object_type text not null,
    object_id text not null,
    correlation_id text not null,
    canonical blob not null,
    prev_hash blob not null,
    entry_hash blob not null,
    primary key (chain, seq)
) strict, without rowid;

create trigger audit_entries_are_kept before delete on audit_entries
begin
    select raise(abort, 'audit entries are append-only');
end;

-- All but the identity, which may be erased (the hash does not cover it).
create trigger audit_entries_are_final
before update of
    chain, seq, occurred_at, reason, subject, relation, object_type, object_id, correlation_id,
    canonical, prev_hash, entry_hash
on audit_entries
begin
    select raise(abort, 'audit entries are append-only');
end;

create trigger execution_events_are_final before update on execution_events
begin
    select raise(abort, 'execution events are append-only');
end;
