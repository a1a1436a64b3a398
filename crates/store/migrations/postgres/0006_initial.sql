-- What SQLite's schema has after its sixth step. Times are whole microseconds since 1970 and truth values 0 or 1, as
-- there, so that statements are written once; text is ordered by its bytes.

-- Functions that SQLite has, for lists of ids and words that a statement takes as JSON.
create function json_each(document text) returns table (key bigint, value text)
language sql immutable strict parallel safe rows 100
as $$ select ordinality - 1, value from json_array_elements_text(document::json) with ordinality $$;

create function unhex(digits text) returns uuid
language sql immutable strict parallel safe
as $$ select digits::uuid $$;

-- One row for each connection that writes: how many commits it made. Who lost the answer to a commit looks here.
create table writer_marks (
    id uuid primary key,
    commits bigint not null,
    marked_at timestamptz not null
) with (fillfactor = 50);

create table domains (
    id uuid primary key,
    slug text collate "C" not null unique,
    name text collate "C" not null,
    description text collate "C" not null default '',
    region text collate "C",
    mesh_cidr text collate "C" not null,
    -- How nodes are judged, in seconds.
    heartbeat_interval bigint not null,
    stale_after bigint not null,
    unreachable_after bigint not null,
    -- Ed25519 seed, sealed under the master key.
    signing_key_id text collate "C" not null,
    signing_public_key bytea not null,
    signing_key_sealed bytea not null,
    -- How many mesh addresses were handed out.
    addresses_used bigint not null default 0,
    created_at bigint not null,
    updated_at bigint not null
);

create table projects (
    id uuid primary key,
    domain_id uuid not null references domains (id),
    slug text collate "C" not null,
    name text collate "C" not null,
    description text collate "C" not null default '',
    sub_range_cidr text collate "C",
    created_at bigint not null,
    updated_at bigint not null,
    addresses_used bigint not null default 0,
    unique (domain_id, slug)
);
create index projects_by_slug on projects (slug, id);

create table principals (
    id uuid primary key,
    kind text collate "C" not null check (kind in ('user', 'service')),
    email text collate "C",
    created_at bigint not null
);

create table api_tokens (
    id uuid primary key,
    principal_id uuid not null references principals (id),
    -- Keyed hash of the secret.
    hash bytea not null unique,
    env text collate "C" not null,
    created_at bigint not null,
    expires_at bigint not null,
    last_used_at bigint,
    rotated_at bigint,
    revoked_at bigint,
    previous_hash bytea,
    previous_until bigint,
    from_login bigint not null default 0,
    acr text collate "C",
    amr text collate "C",
    issued_by uuid references principals (id)
);
create index api_tokens_by_principal on api_tokens (principal_id, id);

create table bootstrap_tokens (
    id uuid primary key,
    project_id uuid not null references projects (id),
    -- Keyed hash of the secret.
    hash bytea not null unique,
    kind text collate "C" not null,
    env_prefix text collate "C" not null,
    -- JSON object: labels that a node gets on redemption.
    labels text collate "C" not null default '{}',
    max_uses bigint not null,
    uses bigint not null default 0,
    issued_by uuid not null,
    issued_at bigint not null,
    expires_at bigint not null,
    consumed_at bigint,
    revoked_at bigint
);
create index bootstrap_tokens_by_project on bootstrap_tokens (project_id, issued_at, id);

create table nodes (
    id uuid primary key,
    project_id uuid not null references projects (id),
    domain_id uuid not null references domains (id),
    name text collate "C" not null,
    kind text collate "C" not null,
    public_key text collate "C" not null,
    mesh_ip text collate "C" not null,
    -- Keyed hash of the node's secret key.
    key_hash bytea not null,
    bootstrap_token_id uuid not null,
    created_at bigint not null,
    revoked_at bigint,
    last_heartbeat_at bigint,
    -- When a heartbeat last ended a silence.
    recovered_at bigint,
    binary_version text collate "C",
    binary_checksum text collate "C",
    -- Set when the node should pull its state: the next heartbeat answers with it.
    reconcile bigint not null default 0,
    next_key_hash bytea,
    previous_key_until bigint,
    rotation_requested_at bigint,
    key_rotated_at bigint,
    keys_changed_at bigint
);
create index nodes_by_project on nodes (project_id, id);
create index nodes_by_domain on nodes (domain_id, id);

create table registration_nonces (
    project_id uuid not null,
    -- SHA-256 of the nonce.
    nonce bytea not null,
    primary key (project_id, nonce)
);

create table label_definitions (
    id uuid primary key,
    scope text collate "C" not null check (scope in ('platform', 'domain', 'project')),
    -- The nil UUID for the platform.
    scope_id uuid not null,
    local_key text collate "C" not null,
    qualified_key text collate "C" not null unique,
    -- JSON, as on the wire.
    value_schema text collate "C" not null,
    created_by text collate "C" not null,
    created_at bigint not null,
    updated_at bigint not null,
    description text collate "C" not null default '',
    applicable_kinds text collate "C" not null default '["node","project"]',
    required bigint not null default 0,
    default_value text collate "C",
    immutable bigint not null default 0,
    cloud_tag_propagation bigint not null default 0,
    on_delete text collate "C" not null default 'block',
    cardinality bigint not null default 1,
    unique (scope_id, local_key)
);

create table capabilities (
    node_id uuid primary key references nodes (id),
    reported_at bigint not null,
    manifest text collate "C" not null,
    binary_checksum text collate "C"
);

create table node_actions (
    node_id uuid not null references nodes (id),
    kind text collate "C" not null,
    name text collate "C" not null,
    -- Base64 SHA-256, for hooks.
    checksum text collate "C",
    -- JSON array of the names of secret parameters; null when there are none.
    secrets text collate "C",
    -- From a hook's sidecar.
    description text collate "C",
    primary key (node_id, kind, name)
);

create table hook_pins (
    node_id uuid not null references nodes (id),
    name text collate "C" not null,
    -- Base64 SHA-256 that dispatches rely on.
    checksum text collate "C" not null,
    pinned_at bigint not null,
    -- Null for the first digest ever declared.
    accepted_by text collate "C",
    primary key (node_id, name)
);

-- The history lies in months, so that what nobody keeps any more is dropped whole. Ids are UUIDv7: they begin with the
-- time, in milliseconds, and so a month is a range of ids.

create table executions (
    id uuid primary key,
    project_id uuid not null references projects (id),
    domain_id uuid not null,
    action text collate "C" not null,
    kind text collate "C" not null,
    -- The aggregate over the counts below.
    status text collate "C" not null,
    created_at bigint not null,
    updated_at bigint not null,
    expires_at bigint not null,
    timeout_seconds bigint not null,
    -- JSON text, token by token as sent.
    parameters text collate "C",
    -- The same with secret values masked; null when there are none.
    parameters_shown text collate "C",
    selector text collate "C",
    node_id uuid,
    dispatched_by text collate "C" not null,
    -- JSON array; null when no node was left out.
    excluded text collate "C",
    pending bigint not null,
    ack bigint not null default 0,
    started bigint not null default 0,
    succeeded bigint not null default 0,
    failed bigint not null default 0,
    cancelled bigint not null default 0,
    timeout bigint not null default 0
) partition by range (id);
create index executions_by_time on executions (project_id, created_at, id);
create index executions_by_status on executions (project_id, status, created_at, id);
create index executions_by_action on executions (project_id, action, created_at, id);
create index executions_by_action_status on executions (project_id, action, status, created_at, id);
create index executions_live on executions (expires_at, id) where status in ('pending', 'ack', 'started');

create table invocations (
    -- No reference: an execution is stored with its invocations, in one transaction, and checks cost more than that.
    execution_id uuid not null,
    node_id uuid not null,
    status text collate "C" not null,
    updated_at bigint not null,
    started_at bigint,
    finished_at bigint,
    exit_code bigint,
    error text collate "C",
    -- 'inline' (bytes in outputs) or 'object_store'; null when nothing was collected.
    output_kind text collate "C",
    output_bytes bigint,
    output_truncated bigint,
    output_key text collate "C",
    -- Lowercase hex.
    output_sha256 text collate "C",
    declared_bytes bigint,
    declared_sha256 text collate "C",
    -- The minted upload key of the last declaration.
    upload_key text collate "C",
    -- SHA-256 of the last callback accepted; null once the server set timeout.
    last_report bytea,
    -- 1 until it ends, then null. A column of its own, so that a report on the way leaves the index alone.
    live bigint default 1,
    primary key (execution_id, node_id)
) partition by range (execution_id);
create index invocations_live on invocations (node_id, execution_id) where live = 1;

-- Inline outputs, apart, so that neither lists nor reports read them.
create table outputs (
    execution_id uuid not null,
    node_id uuid not null,
    bytes bytea not null,
    primary key (execution_id, node_id)
) partition by range (execution_id);

create table executions_other partition of executions default;
create table invocations_other partition of invocations default;
create table outputs_other partition of outputs default;

create table execution_events (
    execution_id uuid not null,
    node_id uuid not null,
    status text collate "C" not null,
    occurred_at bigint not null,
    detail text collate "C"
) partition by range (execution_id);

create table execution_events_other partition of execution_events default;

create table idempotency_keys (
    principal text collate "C" not null,
    project_id uuid not null,
    key text collate "C" not null,
    -- SHA-256 of the request's body.
    body_digest bytea not null,
    execution_id uuid not null,
    created_at bigint not null,
    primary key (principal, project_id, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

create table audit_entries (
    chain uuid not null,
    seq bigint not null,
    occurred_at bigint not null,
    reason text collate "C" not null,
    -- Keyed pseudonym of the identity, and the identity itself until it is erased.
    subject bytea not null,
    identity text collate "C",
    relation text collate "C" not null,
    object_type text collate "C" not null,
    object_id text collate "C" not null,
    correlation_id text collate "C" not null,
    canonical bytea not null,
    prev_hash bytea not null,
    entry_hash bytea not null,
    -- The latest occurred_at so far: it ascends along a chain even where the clock went back.
    latest_at bigint not null default 0,
    primary key (chain, seq)
);

create table relation_tuples (
    id uuid primary key,
    subject_kind text collate "C" not null,
    subject_id uuid not null,
    -- The relation to the subject, where not the subject itself is meant; else the empty text.
    subject_set text collate "C" not null default '',
    relation text collate "C" not null,
    object_kind text collate "C" not null,
    -- The nil UUID for the platform.
    object_id uuid not null,
    -- The condition's name, and the values that it fixes as a JSON object; null for none.
    caveat text collate "C",
    caveat_context text collate "C",
    created_by text collate "C" not null,
    created_at bigint not null,
    unique (subject_id, object_id, object_kind, relation, subject_kind, subject_set)
);
create index relation_tuples_by_object on relation_tuples (object_kind, object_id, id);

create table groups (
    id uuid primary key,
    -- Whose it is; null for the platform's.
    domain_id uuid references domains (id),
    slug text collate "C" not null,
    name text collate "C" not null,
    created_at bigint not null
);
create unique index groups_by_slug on groups (coalesce(domain_id, '00000000-0000-0000-0000-000000000000'), slug);

create table relation_changes (
    revision bigint generated by default as identity primary key,
    -- 1 for a tuple that is there from now on, 0 for one that no longer is.
    added bigint not null,
    object_kind text collate "C" not null,
    object_id uuid not null,
    relation text collate "C" not null,
    subject_kind text collate "C" not null,
    subject_id uuid not null,
    subject_set text collate "C" not null default '',
    caveat text collate "C",
    caveat_context text collate "C"
);
create index api_tokens_by_end on api_tokens (coalesce(revoked_at, expires_at));
create unique index api_tokens_by_previous_hash on api_tokens (previous_hash) where previous_hash is not null;

create table sessions (
    id uuid primary key,
    -- Keyed hashes of the two cookies.
    hash bytea not null unique,
    csrf_hash bytea not null,
    principal_id uuid not null references principals (id),
    created_at bigint not null,
    expires_at bigint not null,
    -- When its person signed out.
    ended_at bigint,
    acr text collate "C",
    amr text collate "C"
);
create index sessions_by_expiry on sessions (expires_at);
create index sessions_by_principal on sessions (principal_id);

create table provider_identities (
    issuer text collate "C" not null,
    subject text collate "C" not null,
    principal_id uuid not null unique references principals (id),
    created_at bigint not null,
    primary key (issuer, subject)
);

create table sign_ins (
    id uuid primary key,
    state_hash bytea not null unique,
    -- Keyed hash of the cookie of the browser that set out.
    browser_hash bytea not null,
    -- Keyed hash of the session that the browser had; it ends when another begins.
    session_hash bytea,
    return_to text collate "C" not null,
    expires_at bigint not null
);
create index sign_ins_by_expiry on sign_ins (expires_at);

create table device_codes (
    id uuid primary key,
    -- Keyed hashes.
    hash bytea not null unique,
    user_code_hash bytea not null unique,
    client_ip text collate "C",
    user_agent text collate "C",
    created_at bigint not null,
    expires_at bigint not null,
    -- Seconds that the program leaves between two questions.
    poll_interval bigint not null,
    polled_at bigint,
    -- Whether that question came too early.
    was_early bigint not null default 0,
    -- 'approved', 'denied', 'redeemed'; null until somebody decides.
    outcome text collate "C" check (outcome in ('approved', 'denied', 'redeemed')),
    decided_by uuid references principals (id),
    -- The token or the session by which they decided. What it allowed ends with it.
    decided_with uuid,
    acr text collate "C",
    amr text collate "C"
);
create index device_codes_by_expiry on device_codes (expires_at);

create table object_labels (
    -- A node's or a project's.
    object_id uuid not null,
    definition_id uuid not null references label_definitions (id),
    -- JSON text.
    value text collate "C" not null,
    object_kind text collate "C" not null check (object_kind in ('node', 'project')),
    assigned_by text collate "C" not null,
    assigned_at bigint not null,
    primary key (object_id, definition_id, value)
);
create index object_labels_by_definition on object_labels (definition_id, value);

create table orphaned_labels (
    object_id uuid not null,
    qualified_key text collate "C" not null,
    value text collate "C" not null,
    object_kind text collate "C" not null,
    assigned_by text collate "C" not null,
    assigned_at bigint not null,
    primary key (object_id, qualified_key, value)
);
create index nodes_by_address on nodes (domain_id, mesh_ip);
create index label_definitions_with_default on label_definitions (scope_id)
where required = 1 and default_value is not null;

create table excluded_beyond (
    execution_id uuid primary key,
    nodes text collate "C" not null
);
create index nodes_by_key_change on nodes (keys_changed_at) where keys_changed_at is not null;
create index nodes_by_key_end on nodes (previous_key_until) where previous_key_until is not null;

create table discovered_hooks (
    node_id uuid not null references nodes (id),
    name text collate "C" not null,
    project_id uuid not null,
    domain_id uuid not null,
    -- Null when the last manifest does not declare it.
    image_digest text collate "C",
    pinned_digest text collate "C" not null,
    pinned_at bigint not null,
    -- Who accepted it; null for the first.
    accepted_by text collate "C",
    primary key (node_id, name)
);
create index discovered_hooks_by_domain on discovered_hooks (domain_id, node_id, name);
create index discovered_hooks_by_project on discovered_hooks (project_id, node_id, name);

create table integrity_violations (
    id uuid primary key,
    node_id uuid not null references nodes (id),
    project_id uuid not null,
    domain_id uuid not null,
    kind text collate "C" not null,
    detected_by text collate "C" not null,
    artifact_id text collate "C" not null,
    -- Checksum or fingerprint, as the kind has it.
    observed text collate "C" not null,
    expected text collate "C",
    status text collate "C" not null default 'open',
    detected_at bigint not null,
    acknowledged_at bigint,
    acknowledged_by text collate "C",
    acknowledge_reason text collate "C"
);
create index integrity_violations_by_domain on integrity_violations (domain_id, id);
create index integrity_violations_by_project on integrity_violations (project_id, id);
create index integrity_violations_by_node on integrity_violations (node_id, id);
create index integrity_violations_open_by_id on integrity_violations (id) where status = 'open';
create index integrity_violations_open_by_domain on integrity_violations (domain_id, id) where status = 'open';
create index integrity_violations_open_by_project on integrity_violations (project_id, id) where status = 'open';
create unique index integrity_violations_open
on integrity_violations (node_id, kind, artifact_id, observed, coalesce(expected, ''))
where status = 'open';

-- How many executions of a domain have not ended, as a sum: what was dispatched in the first row, what ended, negative,
-- in the second. So those who dispatch and those who report never wait for each other.
create table live_executions (
    domain_id uuid not null,
    shard bigint not null,
    live bigint not null,
    primary key (domain_id, shard)
);

create table audit_heads (
    -- The nil UUID for the platform.
    chain uuid primary key,
    seq bigint not null,
    entry_hash bytea not null,
    -- Keyed MAC over the three; empty for a chain that is older than this table, until the next start.
    seal bytea not null
);
create index audit_entries_by_subject on audit_entries (chain, subject, seq);
create index audit_entries_by_relation on audit_entries (chain, relation, seq);
create index audit_entries_by_object on audit_entries (chain, object_id, seq);
create index audit_entries_by_correlation on audit_entries (chain, correlation_id, seq);
create index audit_entries_by_denial on audit_entries (chain, reason, seq) where reason <> 'granted';
create index audit_entries_late on audit_entries (chain, seq) where occurred_at < latest_at;

create table erased_identities (
    -- For example 'user:<uuid>'.
    identity text collate "C" primary key,
    principal_id uuid not null unique,
    erased_at bigint not null,
    -- Null until no audit entry names it any more.
    cleared_at bigint
);

create function refuse() returns trigger language plpgsql as $$
begin
    raise exception using errcode = 'integrity_constraint_violation', message = tg_argv[0];
end
$$;

create trigger audit_entries_are_kept before delete on audit_entries
for each row execute function refuse('audit entries are append-only');

-- All but the identity, which may be erased (the hash does not cover it).
create trigger audit_entries_are_final
before update of
    chain, seq, occurred_at, reason, subject, relation, object_type, object_id, correlation_id,
    canonical, prev_hash, entry_hash, latest_at
on audit_entries
for each row execute function refuse('audit entries are append-only');

create trigger execution_events_are_final before update on execution_events
for each row execute function refuse('execution events are append-only');

create trigger relation_tuples_are_replaced before update on relation_tuples
for each row execute function refuse('a relation tuple is removed and added, never changed');

-- What a reader in memory holds: the granted relations, and the structure.
create view relation_graph as
select object_kind, object_id, relation, subject_kind, subject_id, subject_set, caveat, caveat_context
from relation_tuples
union all
select 'domain', id, 'platform', 'platform', '00000000-0000-0000-0000-000000000000'::uuid, '', null, null from domains
union all
select 'project', id, 'domain', 'domain', domain_id, '', null, null from projects
union all
select 'node', id, 'project', 'project', project_id, '', null, null from nodes
union all
select
    'group', id,
    case when domain_id is null then 'platform' else 'domain' end,
    case when domain_id is null then 'platform' else 'domain' end,
    coalesce(domain_id, '00000000-0000-0000-0000-000000000000'), '', null, null
from groups;

create function tuple_changed() returns trigger language plpgsql as $$
declare
    it record := coalesce(new, old);
begin
    insert into relation_changes
        (added, object_kind, object_id, relation, subject_kind, subject_id, subject_set, caveat, caveat_context)
    values (
        (tg_op = 'INSERT')::int, it.object_kind, it.object_id, it.relation, it.subject_kind, it.subject_id,
        it.subject_set,
        case when tg_op = 'INSERT' then it.caveat end,
        case when tg_op = 'INSERT' then it.caveat_context end
    );
    return null;
end
$$;

create trigger relation_tuple_changed after insert or delete on relation_tuples
for each row execute function tuple_changed();

create function structure_changed() returns trigger language plpgsql as $$
declare
    it jsonb := to_jsonb(coalesce(new, old));
    kind text := tg_argv[0];
    above text := tg_argv[1];
begin
    -- What is above: the object that the row names, or the platform.
    if above = 'platform' or it ->> (above || '_id') is null then
        above := 'platform';
    end if;
    insert into relation_changes (added, object_kind, object_id, relation, subject_kind, subject_id)
    values (
        (tg_op = 'INSERT')::int, kind, (it ->> 'id')::uuid, above, above,
        coalesce((it ->> (above || '_id'))::uuid, '00000000-0000-0000-0000-000000000000')
    );
    return null;
end
$$;

create trigger domain_changed after insert or delete on domains
for each row execute function structure_changed('domain', 'platform');
create trigger project_changed after insert or delete on projects
for each row execute function structure_changed('project', 'domain');
create trigger node_changed after insert or delete on nodes
for each row execute function structure_changed('node', 'project');
create trigger group_changed after insert or delete on groups
for each row execute function structure_changed('group', 'domain');

create function executions_counted() returns trigger language plpgsql as $$
begin
    insert into live_executions as counted (domain_id, shard, live)
    values (
        new.domain_id,
        case tg_op when 'INSERT' then 0 else 1 end,
        case tg_op when 'INSERT' then 1 else -1 end
    )
    on conflict (domain_id, shard) do update set live = counted.live + excluded.live;
    return null;
end
$$;

create trigger executions_begin after insert on executions
for each row when (new.status in ('pending', 'ack', 'started')) execute function executions_counted();
create trigger executions_end after update of status on executions
for each row when (
    old.status in ('pending', 'ack', 'started') and new.status not in ('pending', 'ack', 'started')
) execute function executions_counted();
