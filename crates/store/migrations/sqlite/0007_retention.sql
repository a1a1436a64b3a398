-- How long a project's history is kept; null, and a project without a row, for ever.
create table retention (
    project_id blob primary key references projects (id),
    max_age_days integer,
    max_count integer
) strict, without rowid;

-- Executions that are gone, whose invocations and outputs are still to be removed, part by part.
create table removals (
    execution_id blob primary key
) strict, without rowid;
