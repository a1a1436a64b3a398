//! How what a callback, a dispatch and a page cost grows with the history.
//!
//! A machine is not the same from one quarter of an hour to the next. So two installations are measured by turns at
//! each size: the one whose history grows, and one that stays at 10,000 executions. What is compared is always of the
//! same minutes.

use super::chart::{Chart, thousands};
use super::control_plane::{ControlPlane, Programs};
use super::dispatch;
use super::engine::Engine;
use super::fleet::{Fleet, Reach};
use super::history::Ground;
use super::list::{Filter, Reader, Times};
use super::load::{Pace, Pool};
use super::report::{Curve, Row, Section, Verdict};
use super::reports::{Reports, Shape};
use super::seed;
use std::fmt::Write as _;
use std::time::Duration;

use uuid::Uuid;

/// Executions of the installation that the other one is compared with.
pub(super) const REFERENCE: u32 = 10_000;
/// How much more may be called flat.
const FLAT: f64 = 0.2;
/// Dispatches of each narrower reach in one turn.
const DISPATCHES: usize = 8;
/// Dispatches to all in one turn; the first finds the caches as the other side left them.
const WIDE_DISPATCHES: usize = 3;
/// Turns of pages: they are so short that a moment's load would fall on one side alone.
const PAGE_TURNS: usize = 20;
/// Nodes of the narrower dispatches.
const REACHES: [usize; 3] = [10, 100, 1000];

/// What is measured, in this order.
const NAMES: [&str; 8] = [
    "callback, time",
    "callback, CPU",
    "first page",
    "deep page",
    "target, of 10",
    "target, of 100",
    "target, of 1,000",
    "target, of all",
];
const COUNT: usize = NAMES.len();

/// Costs in microseconds, in the order of [`NAMES`].
type Costs = [f64; COUNT];

/// The costs at one size of the history.
#[derive(Debug, Clone)]
struct Point {
    stored: u32,
    grown: Costs,
    reference: Costs,
}

/// What was measured so far.
#[derive(Default)]
pub(super) struct Growth {
    points: Vec<Point>,
    nodes: usize,
}

/// How much is measured at each size.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    /// Turns of everything but pages.
    pub(super) turns: usize,
    /// Requests for each page, in all.
    pub(super) pages: usize,
}

impl Growth {
    /// Measures at the present size. Both servers are stopped before and afterwards, and what was dispatched is
    /// forgotten.
    ///
    /// # Errors
    /// When something could not be measured.
    pub(super) fn measure(
        &mut self,
        programs: &Programs,
        grounds: [&Ground; 2],
        effort: Effort,
    ) -> anyhow::Result<()> {
        let mut sides = Vec::new();
        for ground in grounds {
            sides.push(Side::start(ground, programs)?);
        }
        for turn in 0..PAGE_TURNS {
            for side in in_turn(&mut sides, turn) {
                side.read_pages(effort.pages.div_ceil(PAGE_TURNS))?;
            }
        }
        for turn in 0..effort.turns {
            for side in in_turn(&mut sides, turn) {
                side.work()?;
            }
        }
        let mut costs = Vec::new();
        for side in sides {
            costs.push(side.finish()?);
        }
        self.nodes = grounds[0].fleet.nodes.len();
        self.points.push(Point {
            stored: grounds[0].history.stored(),
            grown: costs[0],
            reference: costs[1],
        });
        Ok(())
    }

    /// The report's section.
    pub(super) fn section(&self, engine: Engine, left_out: &str) -> Section {
        let name = engine.name();
        let title = format!("Growth on {name}");
        let lines: Vec<_> = NAMES
            .iter()
            .enumerate()
            .map(|(index, what)| ((*what).to_owned(), self.line(index)))
            .collect();
        let chart = Chart {
            title: &format!("{title}: cost beside that of 10,000 executions, in the same minutes"),
            sizes: "executions stored",
            band: FLAT,
            lines: &lines,
        };
        let method = format!(
            "Two installations with {} nodes each are measured by turns: one whose history grows, and one that stays at\n\
             {} executions; medians of all turns. A callback is one of 30,000 or less in a closed loop as above, its time\n\
             one over the rate, its CPU that of the servers (database included). A page is of {} as below, the time inside\n\
             the server. A target is a dispatch's whole request divided by the nodes that it reaches. What is dispatched\n\
             here is taken out of the log again before the history grows further. The band in the drawing is 20 % to both\n\
             sides.{left_out}",
            thousands(self.nodes as f64),
            thousands(f64::from(REFERENCE)),
            plex_api::limits::DEFAULT_PAGE,
        );
        Section {
            title,
            method,
            rows: self.verdicts(),
            curve: Some(Curve {
                file: format!("growth-{}.svg", name.to_lowercase()),
                svg: chart.svg(),
                table: self.table(),
            }),
            ..Section::default()
        }
    }

    fn line(&self, index: usize) -> Vec<(f64, f64)> {
        let point = |point: &Point| {
            (
                f64::from(point.stored),
                point.grown[index] / point.reference[index],
            )
        };
        self.points.iter().map(point).collect()
    }

    /// Each cost at the largest size beside the one at the reference's.
    fn verdicts(&self) -> Vec<Row> {
        let Some(last) = self.points.last() else {
            return Vec::new();
        };
        let row = |(index, what): (usize, &&str)| {
            let (grown, reference) = (last.grown[index], last.reference[index]);
            let ratio = grown / reference;
            Row {
                what: format!("{what}, {} stored", thousands(f64::from(last.stored))),
                figure: format!("{grown:.1} µs"),
                beside: format!("{reference:.1} µs with {}", thousands(f64::from(REFERENCE))),
                ratio: format!("{ratio:.2} ×"),
                budget: format!("≤ {:.1} ×", 1.0 + FLAT),
                verdict: Verdict::of(ratio <= 1.0 + FLAT),
            }
        };
        NAMES.iter().enumerate().map(row).collect()
    }

    fn table(&self) -> String {
        let mut text = format!(
            "| executions stored (beside 10,000), µs | {} |\n",
            NAMES.join(" | ")
        );
        text.push_str(&"|---".repeat(COUNT + 1));
        text.push_str("|\n");
        for point in &self.points {
            let _ = write!(text, "| {} |", thousands(f64::from(point.stored)));
            for (grown, reference) in point.grown.iter().zip(&point.reference) {
                let _ = write!(text, " {grown:.1} ({reference:.1}) |");
            }
            text.push('\n');
        }
        text
    }
}

/// One after the other, and in the next turn the other way round.
fn in_turn<'s, 'g>(sides: &'s mut [Side<'g>], turn: usize) -> Vec<&'s mut Side<'g>> {
    let mut order: Vec<_> = sides.iter_mut().collect();
    if turn % 2 == 1 {
        order.reverse();
    }
    order
}

/// One of the two installations while it is measured.
struct Side<'g> {
    ground: &'g Ground,
    control_plane: ControlPlane,
    fleet: Fleet,
    reader: Reader,
    everything: Filter,
    deep: String,
    pages: Times,
    /// The costs of each turn, but for those of pages.
    turns: [Vec<f64>; COUNT],
    made: Vec<Uuid>,
}

impl<'g> Side<'g> {
    fn start(ground: &'g Ground, programs: &Programs) -> anyhow::Result<Self> {
        let control_plane = ground.place.installation.serve(programs)?;
        let fleet = ground
            .fleet
            .dealt_to(&[&control_plane])
            .pop()
            .expect("one replica has one share");
        let mut reader = Reader::new(&control_plane)?;
        let everything = Filter::none(&ground.history);
        let deep = reader.walk_half_way(&everything, &fleet)?;
        Ok(Self {
            ground,
            control_plane,
            fleet,
            reader,
            everything,
            deep,
            pages: Times::default(),
            turns: Default::default(),
            made: Vec::new(),
        })
    }

    fn read_pages(&mut self, rounds: usize) -> anyhow::Result<()> {
        let times = self
            .reader
            .measure(&self.everything, &self.fleet, &self.deep, rounds)?;
        self.pages.append(times);
        Ok(())
    }

    /// A dispatch to all, every node's reports on it, and narrower dispatches.
    fn work(&mut self) -> anyhow::Result<()> {
        let id = self.dispatch(7, (Reach::All, WIDE_DISPATCHES))?;
        let executions = [id];
        let mut reports = Reports::new(&self.fleet, Shape::Wide(&executions));
        let count = reports.count();
        let before = self.control_plane.processor_time()?;
        let run = Pool::open(&self.control_plane.endpoint)?.run(&mut reports, count, Pace::Closed)?;
        let spent = self.control_plane.processor_time()?.saturating_sub(before);
        anyhow::ensure!(
            reports.refused.is_empty(),
            "callbacks were refused: {:?}",
            reports.refused
        );
        self.turns[0].push(1e6 / run.rate());
        self.turns[1].push(microseconds(spent) / count as f64);
        for (index, reach) in REACHES.into_iter().enumerate() {
            self.dispatch(4 + index, (Reach::First(reach), DISPATCHES))?;
        }
        Ok(())
    }

    /// Dispatches, and notes what each target cost; the last execution's id.
    fn dispatch(&mut self, index: usize, (reach, count): (Reach, usize)) -> anyhow::Result<Uuid> {
        let dispatched = dispatch::to_many(&self.control_plane, &self.fleet, (reach, count))?;
        let targets = self.fleet.count(reach) as f64;
        self.turns[index].push(microseconds(dispatched.latencies.median()) / targets);
        self.made.extend(&dispatched.executions);
        Ok(*self.made.last().expect("it was dispatched once"))
    }

    fn finish(mut self) -> anyhow::Result<Costs> {
        self.control_plane.stop()?;
        seed::forget(&self.ground.place.installation, &self.made)?;
        let mut costs = self.turns.each_mut().map(|turns| median(turns));
        costs[2] = microseconds(self.pages.first.inside.median());
        costs[3] = microseconds(self.pages.deep.inside.median());
        Ok(costs)
    }
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// The one in the middle, the lower of two; nought of none.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(last: f64) -> Growth {
        let point = |stored, grown| Point {
            stored,
            grown: [grown; COUNT],
            reference: [10.0; COUNT],
        };
        Growth {
            points: vec![point(1000, 9.0), point(10_000_000, last)],
            nodes: 10,
        }
    }

    #[test]
    fn a_fifth_more_is_flat_and_what_is_above_it_is_not() {
        for (last, verdict) in [(11.9, Verdict::Met), (12.1, Verdict::Missed)] {
            let rows = growth(last).verdicts();
            assert_eq!(rows.len(), COUNT);
            assert!(rows.iter().all(|row| row.verdict == verdict), "{rows:?}");
        }
    }

    #[test]
    fn the_section_shows_every_size_as_a_figure_and_as_a_ratio() {
        let growth = growth(15.0);
        let section = growth.section(Engine::Sqlite, "");
        let curve = section.curve.expect("it has a curve");
        assert_eq!(curve.file, "growth-sqlite.svg");
        let row = curve.table.lines().last().unwrap();
        assert!(row.starts_with("| 10,000,000 | 15.0 (10.0) |"), "{row}");
        assert_eq!(growth.line(3), [(1e3, 0.9), (1e7, 1.5)]);
        assert_eq!(curve.svg.matches("<polyline").count(), COUNT);
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((median(&mut [9.0, 1.0, 5.0]) - 5.0).abs() < 1e-9);
        assert!((median(&mut [9.0, 1.0]) - 1.0).abs() < 1e-9);
        assert!(median(&mut []).abs() < 1e-9);
    }
}
