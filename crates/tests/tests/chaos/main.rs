//! Everything that a control plane stands on fails under a steady load, several things at once, for a minute or for
//! an hour: nothing answered is lost, every invocation ends, nothing runs twice, and no process grows.
//!
//! `cargo xtask test --only chaos` provides PostgreSQL, NATS and S3 and runs it for a minute;
//! `cargo xtask bench --only soak` runs it for an hour and writes a report. `PLEX_SOAK_SECONDS` and
//! `PLEX_SOAK_SEED` say otherwise.

mod agents;
mod faults;
mod report;
mod setting;
mod watch;

use agents::Fleet;
use faults::{Ground, LONGEST_OUTAGE, Schedule};
use plex_api::paths;
use plex_tests::{
    ControlPlane, Doors, End, Jobs, Kind, LIMIT, Load, NatsServer, S3Store, Site, sha256_hex, until,
};
use setting::{Setting, say};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;
use watch::Watch;

/// The kinds of a node's jobs, in turn.
const KINDS: [Kind; 8] = [
    Kind::Inline,
    Kind::Stored,
    Kind::Inline,
    Kind::TimedOut,
    Kind::Inline,
    Kind::Stored,
    Kind::Inline,
    Kind::Inline,
];
const REPLICAS: usize = 3;
const NODES: usize = 6;
/// How far apart the jobs of one node begin.
const PACE: Duration = Duration::from_millis(400);
/// How far apart somebody reads lists.
const READING: Duration = Duration::from_millis(500);
/// How many jobs have to be done for the load to count as going on again.
const RECOVERED: usize = 2 * NODES;

#[test]
fn whatever_fails_nothing_answered_is_lost_and_no_process_grows() {
    let setting = Setting::read();
    say(&setting.to_string());
    let mut ground = Ground {
        nats: NatsServer::start(),
        store: S3Store::start(),
    };
    let mut site = Site::start_prepared(|data_dir| flags(&ground, data_dir), (REPLICAS, NODES));
    let fleet = Fleet::start(&site.replicas);
    let load = Load::steady(&KINDS, Some(PACE));
    let doors = Doors::of_operator(&site.replicas);
    let mut watch = Watch::begin(&site.replicas, &fleet);
    let jobs = std::thread::scope(|scope| {
        let ran = scope.spawn(|| fleet.work(&load, &doors));
        let reader = scope.spawn(|| read_lists(&load, &doors));
        let mut jobs = site.under_load(&load, |replicas| {
            rage(&setting, (replicas, &mut ground), (&load, &mut watch));
        });
        reader.join().expect("every list is answered");
        jobs.extend(ran.join().expect("every run is answered"));
        jobs
    });
    say(&format!("{} jobs; looking for each of them", jobs.len()));
    assert!(load.unanswered() > 0, "nobody noticed any fault");
    assert_nothing_is_lost(&site, &ground.store, &jobs);
    fleet.assert_each_ran_once(&jobs);
    let report = report::markdown(&setting, &watch, (&load, &jobs));
    setting.write(&report);
    let grown = watch.grown(setting.warm_up());
    assert!(grown.is_empty(), "{}\n{report}", grown.join("\n"));
}

fn flags(ground: &Ground, data_dir: &Path) -> Vec<String> {
    let mut flags = ground.store.flags(data_dir);
    flags.extend(["--nats-url".to_owned(), ground.nats.url()]);
    flags
}

/// One storm after the other, and calm in between.
fn rage(
    setting: &Setting,
    (replicas, ground): (&mut [ControlPlane], &mut Ground),
    (load, watch): (&Load, &mut Watch),
) {
    let mut schedule = Schedule::new(setting.seed, setting.longest_fault());
    load.go_on(RECOVERED);
    watch.calm(load, setting.calm());
    // On a slow machine a storm takes longer.
    while watch.elapsed() < setting.length || !watch.can_tell(setting.warm_up()) {
        let storm = schedule.storm();
        watch.note_storm(&storm.to_string());
        storm.rage((replicas, ground), |replicas| watch.look(replicas, false));
        load.go_on(RECOVERED);
        watch.look(replicas, false);
        watch.calm(load, setting.calm());
        say(&watch.progress(load));
    }
}

/// Lists go on as well, a few pages at a time.
fn read_lists(load: &Load, doors: &Doors) {
    let list = format!("{}?limit=50", paths::executions(doors.project_id()));
    load.repeat(Some(READING), |number| {
        let mut path = list.clone();
        for page in 0..3 {
            let read = load.read(doors, number + page, &path);
            let Some(cursor) = read["next_cursor"].as_str() else {
                return;
            };
            path = format!("{list}&cursor={cursor}");
        }
    });
}

fn assert_nothing_is_lost(site: &Site, store: &S3Store, jobs: &Jobs) {
    let database = site.replicas[0].database();
    until("every invocation to end", LIMIT, || {
        (database.number("select count(*) from invocations where live = 1") == 0).then_some(())
    });
    site.assert_whole(jobs, LONGEST_OUTAGE);
    // All at once: to ask for each would take minutes after an hour.
    let keys = database.rows("select execution_id, output_key from invocations where output_key is not null");
    let keys: HashMap<Uuid, &str> = keys
        .iter()
        .map(|row| (row[0].parse().expect("an id"), row[1].as_str()))
        .collect();
    for (id, end) in jobs.values() {
        let End::Stored(sha256) = end else {
            continue;
        };
        let key = keys.get(id).unwrap_or_else(|| panic!("{id} has no key"));
        let bytes = store.object(key).unwrap_or_else(|| panic!("{key} is gone"));
        assert_eq!(&sha256_hex(&bytes), sha256, "{key}");
    }
}
