-- One flow, and runs of it that are all completed, half a second apart.
insert into flow (id, name) values ('11111111-1111-4111-8111-111111111111', 'seeded');
with recursive number (n) as (select 1 union all select n + 1 from number where n < :size)
insert into flow_run (
    id, created, updated, name, state_type, state_name, run_count, expected_start_time, start_time, end_time,
    total_run_time, flow_id, state_id, state_timestamp
)
select
    printf('22222222-2222-4222-8222-%012d', n), at, at, 'run-' || n, 'COMPLETED', 'Completed', 1, at, at, at,
    '1970-01-01 00:00:01.000000', '11111111-1111-4111-8111-111111111111',
    printf('33333333-3333-4333-8333-%012d', n), at
from (select n, datetime('2026-01-01', (n / 2) || ' seconds') || '.000000' as at from number);
insert into flow_run_state (id, created, updated, type, timestamp, name, flow_run_id)
select state_id, created, updated, state_type, state_timestamp, state_name, id
from flow_run;
