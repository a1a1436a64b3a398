//! What the report says of callbacks.

use super::super::engine::Engine;
use super::super::latencies::shown;
use super::super::report::{Row, Verdict};
use super::{MANY, Measured, PER_SECOND, Turn};
use std::time::Duration;

const SLOWEST: Duration = Duration::from_millis(50);
/// Callbacks per second that the embedded database is to reach.
const LEAST: f64 = 25_000.0;
/// The same for PostgreSQL.
const LEAST_ON_POSTGRESQL: f64 = 10_000.0;
/// Of the bare handler's rate.
const LEAST_SHARE: f64 = 0.4;

/// Of the open loop.
pub(super) fn steady(steady: &Measured) -> Row {
    let run = &steady.run;
    let (median, slow) = (run.latencies.median(), run.latencies.percentile(99));
    let refused: usize = steady.refused.values().sum();
    let told = if refused == 0 {
        String::new()
    } else {
        format!("; not answered 200: {:?}", steady.refused)
    };
    // The last answer comes a little after the last request was due, so the rate is never quite reached.
    let is_sustained = run.rate() >= f64::from(PER_SECOND) * 0.995;
    Row {
        what: format!(
            "callbacks sustained for {:.0} s, open loop",
            run.elapsed.as_secs_f64()
        ),
        figure: format!(
            "{:.0}/s, p50 {}, p99 {}{}{told}",
            run.rate(),
            shown(median),
            shown(slow),
            steady.cost()
        ),
        beside: format!("{PER_SECOND}/s offered"),
        ratio: format!("{:.1} %", 100.0 * run.rate() / f64::from(PER_SECOND)),
        budget: "10,000/s, p99 ≤ 50 ms".to_owned(),
        verdict: Verdict::of(is_sustained && refused == 0 && slow <= SLOWEST),
    }
}

/// Of the closed loops: beside the bare handler, beside the no-op POST, and by itself.
pub(super) fn closed(turns: &[Turn], engine: Engine) -> [Row; 3] {
    let ours = Side::of(turns, |turn| &turn.ours);
    let bare = Side::of(turns, |turn| &turn.bare);
    let nothing = Side::of(turns, |turn| &turn.nothing);
    let refused: usize = turns.iter().flat_map(|turn| turn.ours.refused.values()).sum();
    let least = match engine {
        Engine::Sqlite => LEAST,
        Engine::Postgresql => LEAST_ON_POSTGRESQL,
    };
    let beside = |what: &str, floor: &Side, budget: &str, verdict| Row {
        what: format!("callbacks, closed loop, beside the {what}"),
        figure: ours.figure(),
        beside: floor.figure(),
        ratio: format!("{:.0} %", 100.0 * ours.rate / floor.rate),
        budget: budget.to_owned(),
        verdict,
    };
    let is_share = ours.rate / bare.rate >= LEAST_SHARE && refused == 0;
    [
        beside("bare handler", &bare, "≥ 40 %", Verdict::of(is_share)),
        beside("no-op POST", &nothing, "", Verdict::NoBudget),
        Row {
            what: "callbacks, closed loop".to_owned(),
            figure: format!("{:.0}/s, p99 {}", ours.rate, shown(ours.slow)),
            beside: String::new(),
            ratio: String::new(),
            budget: format!("≥ {least:.0}/s, p99 ≤ 50 ms"),
            verdict: Verdict::of(ours.rate >= least && ours.slow <= SLOWEST && refused == 0),
        },
    ]
}

/// Of the closed loop over many connections: beside the bare handler, and beside the no-op POST.
pub(super) fn crowded(turn: &Turn) -> [Row; 2] {
    let of = |side: &Measured| {
        let slow = side.run.latencies.percentile(99);
        format!("{:.0}/s, p99 {}{}", side.run.rate(), shown(slow), side.cost())
    };
    let share = |floor: &Measured| turn.ours.run.rate() / floor.run.rate();
    let beside = |what: &str, floor: &Measured, budget: &str, verdict| Row {
        what: format!("callbacks, closed loop of {MANY} connections, beside the {what}"),
        figure: of(&turn.ours),
        beside: of(floor),
        ratio: format!("{:.0} %", 100.0 * share(floor)),
        budget: budget.to_owned(),
        verdict,
    };
    let is_share = share(&turn.bare) >= LEAST_SHARE && turn.ours.refused.is_empty();
    [
        beside("bare handler", &turn.bare, "≥ 40 %", Verdict::of(is_share)),
        beside("no-op POST", &turn.nothing, "", Verdict::NoBudget),
    ]
}

/// One of those that are measured by turns.
struct Side {
    /// The mean of its turns.
    rate: f64,
    /// The largest p99 of its turns.
    slow: Duration,
    /// What the last turn cost.
    cost: String,
}

impl Side {
    fn of(turns: &[Turn], side: impl Fn(&Turn) -> &Measured) -> Self {
        let runs = || turns.iter().map(|turn| &side(turn).run);
        let slow = runs().map(|run| run.latencies.percentile(99)).max();
        Self {
            rate: runs().map(|run| run.rate()).sum::<f64>() / turns.len() as f64,
            slow: slow.unwrap_or_default(),
            cost: turns.last().map(|turn| side(turn).cost()).unwrap_or_default(),
        }
    }

    fn figure(&self) -> String {
        format!("{:.0}/s{}", self.rate, self.cost)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::latencies::Latencies;
    use super::super::super::load::Run;
    use super::*;
    use std::collections::BTreeMap;

    fn measured(per_second: u32) -> Measured {
        let mut latencies = Latencies::default();
        for _ in 0..per_second {
            latencies.push(Duration::from_millis(2));
        }
        Measured {
            run: Run {
                elapsed: Duration::from_secs(1),
                latencies,
            },
            processor_time: Duration::ZERO,
            refused: BTreeMap::new(),
        }
    }

    fn turn(bare: u32, ours: u32) -> Turn {
        Turn {
            nothing: measured(100_000),
            bare: measured(bare),
            ours: measured(ours),
        }
    }

    #[test]
    fn the_bare_handler_is_the_measure_and_the_no_op_is_not() {
        for (bare, verdict) in [(62_500, Verdict::Met), (65_000, Verdict::Missed)] {
            let rows = closed(&[turn(bare, 24_000), turn(bare, 26_000)], Engine::Sqlite);
            assert_eq!(rows[0].verdict, verdict, "{rows:?}");
            assert_eq!(rows[1].verdict, Verdict::NoBudget);
            assert_eq!((rows[1].ratio.as_str(), rows[2].verdict), ("25 %", Verdict::Met));
        }
    }

    #[test]
    fn many_connections_have_the_same_measure() {
        for (bare, verdict) in [(65_000, Verdict::Met), (66_000, Verdict::Missed)] {
            assert_eq!(crowded(&turn(bare, 26_000))[0].verdict, verdict);
        }
    }

    #[test]
    fn a_report_that_is_refused_misses_every_budget() {
        let mut refused = turn(30_000, 26_000);
        refused.ours.refused.insert(503, 1);
        assert_eq!(crowded(&refused)[0].verdict, Verdict::Missed);
        let verdicts = closed(&[refused], Engine::Postgresql).map(|row| row.verdict);
        assert_eq!(verdicts, [Verdict::Missed, Verdict::NoBudget, Verdict::Missed]);
    }
}
