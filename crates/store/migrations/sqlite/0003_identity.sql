-- Rotation: the secret before goes on for a while beside the new one.
alter table api_tokens add column previous_hash blob;
alter table api_tokens add column previous_until integer;
-- What a login made: its life is never lengthened by a rotation.
alter table api_tokens add column from_login integer not null default 0;
-- How its person had proved who they are: assurance class, and a JSON array of methods.
alter table api_tokens add column acr text;
alter table api_tokens add column amr text;
-- Who stands behind it; null for its own identity.
alter table api_tokens add column issued_by blob references principals (id);

-- Those that ended long ago are forgotten.
create index api_tokens_by_end on api_tokens (coalesce(revoked_at, expires_at));
create unique index api_tokens_by_previous_hash on api_tokens (previous_hash) where previous_hash is not null;

-- Browser sessions. The cookie is no token (decision 27).
create table sessions (
    id blob primary key,
    -- Keyed hashes of the two cookies.
    hash blob not null unique,
    csrf_hash blob not null,
    principal_id blob not null references principals (id),
    created_at integer not null,
    expires_at integer not null,
    -- When its person signed out.
    ended_at integer,
    acr text,
    amr text
) strict;

create index sessions_by_expiry on sessions (expires_at);
create index sessions_by_principal on sessions (principal_id);

-- Who the identity provider's people are here.
create table provider_identities (
    issuer text not null,
    subject text not null,
    principal_id blob not null unique references principals (id),
    created_at integer not null,
    primary key (issuer, subject)
) strict, without rowid;

-- People on their way to the identity provider. What the provider must not see derives from the state, of which
-- a keyed hash is kept.
create table sign_ins (
    id blob primary key,
    state_hash blob not null unique,
    -- Keyed hash of the cookie of the browser that set out.
    browser_hash blob not null,
    -- Keyed hash of the session that the browser had; it ends when another begins.
    session_hash blob,
    return_to text not null,
    expires_at integer not null
) strict;

create index sign_ins_by_expiry on sign_ins (expires_at);

-- Logins of devices: a program asks, a person decides, the program fetches its token.
create table device_codes (
    id blob primary key,
    -- Keyed hashes.
    hash blob not null unique,
    user_code_hash blob not null unique,
    client_ip text,
    user_agent text,
    created_at integer not null,
    expires_at integer not null,
    -- Seconds that the program leaves between two questions.
    poll_interval integer not null,
    polled_at integer,
    -- Whether that question came too early.
    was_early integer not null default 0,
    -- 'approved', 'denied', 'redeemed'; null until somebody decides.
    outcome text check (outcome in ('approved', 'denied', 'redeemed')),
    decided_by blob references principals (id),
    -- The token or the session by which they decided. What it allowed ends with it.
    decided_with blob,
    acr text,
    amr text
) strict;

create index device_codes_by_expiry on device_codes (expires_at);
