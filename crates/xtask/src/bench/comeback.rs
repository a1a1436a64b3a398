//! A replica is restarted or dies under its agents: how soon they are all back, and what the callbacks at another
//! replica feel.

use super::chart::thousands;
use super::connection::Endpoint;
use super::control_plane::{ControlPlane, Installation, Programs};
use super::crowd::Crowd;
use super::dispatch;
use super::fleet::Reach;
use super::history::Ground;
use super::http::Answer;
use super::latencies::{Latencies, shown};
use super::load::{Pace, Pool, Work};
use super::random::Random;
use super::report::{Row, Section, Verdict};
use super::reports::{Reports, Shape};
use super::{SEED, seed};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// In which all agents are back.
const BUDGET: Duration = Duration::from_secs(60);
/// How much slower the slowest callbacks may be meanwhile.
const SLOWER: f64 = 2.0;
/// Callbacks at the other replica.
const PER_SECOND: u32 = 1000;
const PACE: Pace = Pace::Open {
    per_second: PER_SECOND,
};
/// Callbacks before the end, and as many before those, until all is warm.
const BEFORE: usize = 10_000;
/// Executions of all nodes whose reports are at hand for the time meanwhile.
const WAVES: usize = 6;
/// After which the measurement has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// Measures, and makes the report's section. No server runs.
///
/// # Errors
/// When a replica does not start, or agents do not come back at all.
pub(super) fn section(programs: &Programs, ground: &Ground) -> anyhow::Result<Section> {
    let installation = &ground.place.installation;
    let other = installation.replica(&installation.beside("replica"))?;
    let address = free_address()?;
    let quiet = installation.serve(programs)?;
    let mut replica = other.serve_at(programs, &address)?;
    let fleet = ground
        .fleet
        .dealt_to(&[&quiet])
        .pop()
        .context("one replica has one share")?;
    let mut crowd = Crowd::new(&replica.endpoint, &ground.fleet.nodes, &Random::new(SEED))?;
    crowd.invite(ground.fleet.nodes.len());
    crowd.connect_all()?;
    let mut rows = Vec::new();
    for ending in [Ending::Stop, Ending::Kill] {
        let dispatched = dispatch::to_many(&quiet, &fleet, (Reach::All, 2 + WAVES))?;
        let (early, rest) = dispatched.executions.split_at(2);
        let mut before = Latencies::default();
        for execution in early.chunks(1) {
            let mut reports = Reports::new(&fleet, Shape::Wide(execution));
            let count = BEFORE.min(reports.count());
            before = Pool::open(&quiet.endpoint)?
                .run(&mut reports, count, PACE)?
                .latencies;
        }
        let restart = Restart {
            programs,
            other: &other,
            address: &address,
            ending,
        };
        let reports = Reports::new(&fleet, Shape::Wide(rest));
        let (meanwhile, back, restarted) = restart.under(&mut crowd, replica, (&quiet.endpoint, reports))?;
        replica = restarted;
        rows.extend(ending.rows(fleet.nodes.len(), back, [&before, &meanwhile]));
        seed::forget(installation, &dispatched.executions)?;
    }
    for replica in [replica, quiet] {
        replica.stop()?;
    }
    Ok(Section {
        title: "Agents after a restart of their replica".to_owned(),
        method: format!(
            "Two replicas on one PostgreSQL database. {} agents follow their event streams at one of them, which is\n\
             stopped, later killed with SIGKILL, and started again each time; they come back as `plexd` does, with its waits.\n\
             At the other replica nodes report {PER_SECOND} times a second in an open loop, before and until the last agent is\n\
             back; the first {} reports are not counted.",
            thousands(fleet.nodes.len() as f64),
            thousands(BEFORE as f64),
        ),
        rows,
        ..Section::default()
    })
}

/// How a replica ends.
#[derive(Clone, Copy)]
enum Ending {
    Stop,
    Kill,
}

impl Ending {
    fn rows(self, agents: usize, back: Duration, [before, meanwhile]: [&Latencies; 2]) -> [Row; 2] {
        let when = match self {
            Self::Stop => "after a restart",
            Self::Kill => "after a SIGKILL and a start",
        };
        let slow = [before, meanwhile].map(|latencies| latencies.percentile(99));
        let ratio = slow[1].as_secs_f64() / slow[0].as_secs_f64();
        [
            Row {
                what: format!("{} agents back {when}", thousands(agents as f64)),
                figure: shown(back),
                beside: String::new(),
                ratio: String::new(),
                budget: format!("≤ {} s", BUDGET.as_secs()),
                verdict: Verdict::of(back <= BUDGET),
            },
            Row {
                what: format!("callbacks at the other replica meanwhile, {when}"),
                figure: format!(
                    "p50 {}, p99 {}, {} of them",
                    shown(meanwhile.median()),
                    shown(slow[1]),
                    meanwhile.count()
                ),
                beside: format!("p50 {}, p99 {} before", shown(before.median()), shown(slow[0])),
                ratio: format!("{ratio:.2} × at p99"),
                budget: format!("p99 ≤ {SLOWER} ×"),
                verdict: Verdict::of(ratio <= SLOWER),
            },
        ]
    }

    fn end(self, replica: ControlPlane) -> anyhow::Result<()> {
        match self {
            Self::Stop => replica.stop(),
            // What is dropped is killed.
            Self::Kill => {
                drop(replica);
                Ok(())
            }
        }
    }
}

struct Restart<'r> {
    programs: &'r Programs,
    other: &'r Installation,
    address: &'r str,
    ending: Ending,
}

impl Restart<'_> {
    /// Ends the replica and starts it while the crowd lives on and reports go to the other one: their latencies, and
    /// how long it took from the signal until the last agent was back.
    fn under(
        &self,
        crowd: &mut Crowd<'_>,
        replica: ControlPlane,
        (endpoint, reports): (&Endpoint, Reports<'_>),
    ) -> anyhow::Result<(Latencies, Duration, ControlPlane)> {
        let (is_over, began) = (AtomicBool::new(false), Instant::now());
        let over = &is_over;
        let mut work = Until {
            reports,
            is_over: over,
        };
        let count = work.reports.count();
        let mut pool = Pool::open(endpoint)?;
        std::thread::scope(|scope| {
            let restarting = scope.spawn(move || {
                self.ending.end(replica)?;
                self.other.serve_at(self.programs, self.address)
            });
            let coming_back = scope.spawn(move || {
                let ended = crowd
                    .until("the restart", PATIENCE, |crowd| crowd.missing() > 0)
                    .and_then(|()| crowd.until("the agents' return", PATIENCE, |crowd| crowd.missing() == 0));
                over.store(true, Ordering::Relaxed);
                ended.map(|()| began.elapsed())
            });
            let run = pool.run(&mut work, count, PACE);
            let replica = restarting.join().expect("a restart does not panic")?;
            let back = coming_back.join().expect("a crowd does not panic")?;
            let refused = &work.reports.refused;
            anyhow::ensure!(refused.is_empty(), "callbacks were refused: {refused:?}");
            Ok((run?.latencies, back, replica))
        })
    }
}

/// Reports until something is over.
struct Until<'a> {
    reports: Reports<'a>,
    is_over: &'a AtomicBool,
}

impl Work for Until<'_> {
    fn request(&mut self, number: usize) -> Vec<u8> {
        self.reports.request(number)
    }

    fn answered(&mut self, number: usize, answer: &Answer) -> anyhow::Result<()> {
        self.reports.answered(number, answer)
    }

    fn is_enough(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

/// An address that the replica can have again after its restart.
fn free_address() -> anyhow::Result<String> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    Ok(format!("127.0.0.1:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_is_judged_by_its_time_and_by_what_others_feel() {
        let verdicts = |back, meanwhile| {
            let back = Duration::from_secs(back);
            let rows = Ending::Kill.rows(10_000, back, [&Latencies::of(10), &Latencies::of(meanwhile)]);
            rows.map(|row| row.verdict)
        };
        assert_eq!(verdicts(60, 20), [Verdict::Met, Verdict::Met]);
        assert_eq!(verdicts(61, 21), [Verdict::Missed, Verdict::Missed]);
    }
}
