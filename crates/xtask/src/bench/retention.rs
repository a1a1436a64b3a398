//! What callbacks feel while old executions are removed.

use super::chart::thousands;
use super::control_plane::{ControlPlane, Programs};
use super::dispatch;
use super::fleet::Reach;
use super::history::Ground;
use super::latencies::{Latencies, shown};
use super::load::{Pace, Pool, Run};
use super::report::{Row, Section};
use super::reports::{Reports, Shape};

use anyhow::{Context as _, ensure};
use plex_api::audit::AuditEntryList;
use plex_api::limits::MAX_PAGE;
use plex_api::paths;
use plex_api::projects::ProjectRetention;

/// Callbacks of the open loops, for 20 seconds each.
const PER_SECOND: u32 = 2000;
const CALLBACKS: usize = 40_000;
/// What is older goes: nine tenths of a history of 30 days, so that there is something left to remove until the end.
const MAX_AGE_DAYS: u32 = 3;

/// Measures, and makes the report's section. No server runs; the history is no longer whole afterwards.
///
/// # Errors
/// When a callback is refused, or nothing is removed meanwhile.
pub(super) fn section(programs: &Programs, ground: &Ground) -> anyhow::Result<Section> {
    let installation = &ground.place.installation;
    let control_plane = installation.serve(programs)?;
    let alone = report(&control_plane, ground)?;
    let bounds = ProjectRetention {
        max_age_days: Some(MAX_AGE_DAYS),
        max_count: None,
    };
    let path = paths::project_retention(installation.project_id);
    let _: ProjectRetention = control_plane.operator()?.put(&path, &bounds)?;
    control_plane.stop()?;
    // A round begins when the server does.
    let control_plane = installation.serve(programs)?;
    let meanwhile = report(&control_plane, ground)?;
    control_plane.stop()?;
    ensure!(meanwhile.removed > 0, "nothing was removed meanwhile");
    let (name, stored) = (installation.engine().name(), f64::from(ground.history.stored()));
    Ok(Section {
        title: format!("Retention under callbacks on {name}"),
        method: format!(
            "{} nodes report {PER_SECOND} times a second in an open loop, {CALLBACKS} times, at a server that was just\n\
             started and to which each of them has reported once: first alone, then after the project was given\n\
             `max_age_days` {MAX_AGE_DAYS}, which nine tenths of the {} executions stored are beyond. A round of the\n\
             retention begins with the server and removes the oldest first: executions with their one invocation each\n\
             and its output, on PostgreSQL with its events, which on SQLite come last. How many went is what the audit\n\
             chain says before and after the loop.",
            thousands(ground.fleet.nodes.len() as f64),
            thousands(stored),
        ),
        rows: rows(&alone.run.latencies, &meanwhile),
        ..Section::default()
    })
}

fn rows(alone: &Latencies, meanwhile: &Reported) -> Vec<Row> {
    let latencies = &meanwhile.run.latencies;
    let figure = |latencies: &Latencies| {
        let (median, slow) = (latencies.median(), latencies.percentile(99));
        format!("p50 {}, p99 {}", shown(median), shown(slow))
    };
    let ratio = latencies.percentile(99).as_secs_f64() / alone.percentile(99).as_secs_f64();
    let rate = meanwhile.removed as f64 / meanwhile.run.elapsed.as_secs_f64();
    vec![
        Row {
            beside: format!("{} alone", figure(alone)),
            ratio: format!("{ratio:.2} × at p99"),
            ..Row::plain("callbacks while executions are removed", figure(latencies))
        },
        Row::plain(
            "executions removed meanwhile",
            format!("{}, {rate:.0}/s", thousands(meanwhile.removed as f64)),
        ),
    ]
}

/// A loop of callbacks.
struct Reported {
    run: Run,
    /// Executions that went while it ran.
    removed: u64,
}

fn report(control_plane: &ControlPlane, ground: &Ground) -> anyhow::Result<Reported> {
    let fleet = ground
        .fleet
        .dealt_to(&[control_plane])
        .pop()
        .context("one replica has one share")?;
    let nodes = fleet.nodes.len();
    let waves = (nodes + CALLBACKS).div_ceil(nodes * Reports::STEPS);
    let executions = dispatch::to_many(control_plane, &fleet, (Reach::All, waves))?.executions;
    let mut reports = Reports::new(&fleet, Shape::Wide(&executions));
    let pace = Pace::Open {
        per_second: PER_SECOND,
    };
    let mut pool = Pool::open(&control_plane.endpoint)?;
    // So that no connection is new, and closed because nothing comes: an open loop does not need them all.
    pool.run(&mut reports, nodes, Pace::Closed)?;
    reports.skip_step();
    let before = removed(control_plane, ground)?;
    let run = pool.run(&mut reports, CALLBACKS, pace)?;
    let removed = removed(control_plane, ground)? - before;
    ensure!(
        reports.refused.is_empty(),
        "callbacks were refused: {:?}",
        reports.refused
    );
    Ok(Reported { run, removed })
}

/// How many executions the retention has removed so far: each of its transactions has an entry in the audit chain.
fn removed(control_plane: &ControlPlane, ground: &Ground) -> anyhow::Result<u64> {
    let domain = Some(ground.place.installation.domain_id);
    let list = format!(
        "{}?relation=retention&limit={MAX_PAGE}",
        paths::audit_entries(domain)
    );
    let mut operator = control_plane.operator()?;
    let (mut count, mut path) = (0, list.clone());
    loop {
        let page: AuditEntryList = operator.get(&path)?;
        // An entry without a count stands for one.
        let counts = page.items.iter().map(|entry| entry.count.unwrap_or(1));
        count += counts.map(u64::from).sum::<u64>();
        let Some(cursor) = page.next_cursor else {
            return Ok(count);
        };
        path = format!("{list}&cursor={cursor}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn both_latencies_stand_side_by_side_with_what_went() {
        let meanwhile = Reported {
            run: Run {
                elapsed: Duration::from_secs(20),
                latencies: Latencies::of(6),
            },
            removed: 30_000,
        };
        let rows = rows(&Latencies::of(4), &meanwhile);
        assert_eq!(rows[0].figure, "p50 6.00 ms, p99 6.00 ms");
        assert_eq!(rows[0].beside, "p50 4.00 ms, p99 4.00 ms alone");
        assert_eq!(rows[0].ratio, "1.50 × at p99");
        assert_eq!(rows[1].figure, "30,000, 1500/s");
    }
}
