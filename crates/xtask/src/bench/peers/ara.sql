-- One playbook with one play, 100 tasks on 10 hosts, and results of them, half a second apart. The blobs are
-- compressed JSON: {}, [] and {"changed": true, "rc": 0, "stdout": "hi"}.
insert into playbooks (
    id, created, updated, started, ended, name, ansible_version, status, arguments, path, duration, server_version
)
values (
    1, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-02 00:00:00', 'seeded',
    '2.19.0', 'completed', x'789cabae0500017500f9', '/srv/site.yml', 86400000000, '1.8.0'
);
insert into plays (id, created, updated, started, ended, name, status, playbook_id, duration, uuid)
values (
    1, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-02 00:00:00', 'all',
    'completed', 1, 86400000000, '0190a8b8a0c07a0a8a0aa0a0a0a0a0a1'
);
insert into file_contents (id, created, updated, sha1, contents)
values (
    1, '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f',
    x'789cabae0500017500f9'
);
insert into files (id, created, updated, path, content_id, playbook_id)
values (1, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '/srv/site.yml', 1, 1);
with recursive number (n) as (select 1 union all select n + 1 from number where n < 10)
insert into hosts (
    id, created, updated, name, facts, changed, failed, ok, skipped, unreachable, playbook_id
)
select
    n, '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'node-' || n, x'789cabae0500017500f9', 0, 0, 0, 0, 0, 1
from number;
with recursive number (n) as (select 1 union all select n + 1 from number where n < 100)
insert into tasks (
    id, created, updated, started, ended, name, action, lineno, tags, handler, status, file_id, play_id, playbook_id,
    duration, deprecations, exceptions, warnings
)
select
    n, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:01', 'say hi ' || n,
    'command', n, x'789c8b8e0500011500b9', 0, 'completed', 1, 1, 1, 1000000, '[]', '[]', '[]'
from number;
with recursive number (n) as (select 1 union all select n + 1 from number where n < :size)
insert into results (
    id, created, updated, started, ended, status, content, host_id, play_id, playbook_id, task_id, changed,
    ignore_errors, duration
)
select
    n, at, at, at, at, 'ok',
    x'789cab564ace48cc4b4f4d51b25228292a4dd551502a4a06b20d808ce29294fcd2122047292353a9160019f80cb2',
    1 + n % 10, 1, 1, 1 + n % 100, 1, 0, 500000
from (select n, datetime('2026-01-01', (n / 2) || ' seconds') as at from number);
