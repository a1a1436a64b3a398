-- How long a project's history is kept; null, and a project without a row, for ever.
create table retention (
    project_id uuid primary key references projects (id),
    max_age_days bigint,
    max_count bigint
);

-- Executions that are gone, whose invocations and outputs are still to be removed, part by part.
create table removals (
    execution_id uuid primary key
);

-- Says only which pages hold the events of about that time, so a report pays nothing for it.
create index execution_events_by_execution on execution_events using brin (execution_id) with (autosummarize = on);
