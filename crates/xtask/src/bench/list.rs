//! Pages of a long list: the first one and one deep inside, for every filter.

use super::chart::thousands;
use super::connection::{Connection, parse};
use super::control_plane::ControlPlane;
use super::dispatch;
use super::engine::Engine;
use super::fleet::{ACTION, Fleet, Reach};
use super::history::Ground;
use super::http::Caller;
use super::latencies::{Latencies, milliseconds, shown};
use super::own_time::OwnTime;
use super::report::{Row, Section, Verdict};
use super::seed::{self, History, RARE_ACTION};
use std::time::{Duration, Instant};

use plex_api::limits::{DEFAULT_PAGE, MAX_PAGE};
use plex_api::paths;
use serde::Deserialize;
use serde::de::IgnoredAny;

const BUDGET: Duration = Duration::from_micros(500);
const BUDGET_ON_POSTGRESQL: Duration = Duration::from_millis(1);
/// Of a page whose executions have a hundred targets each.
const WIDE_BUDGET: Duration = Duration::from_millis(10);
/// Targets of each of those.
const WIDE: usize = 100;
/// How much slower a deep page may be than the first.
const DEEPER: f64 = 1.1;
/// Requests one after the other between two looks at the server's own account of them.
const GROUP: usize = 10;

/// What a list is asked for.
pub(super) struct Filter {
    name: &'static str,
    query: Vec<(&'static str, String)>,
    /// How many executions pass it.
    matches: u64,
}

/// The lists that are measured.
fn filters(history: &History) -> [Filter; 8] {
    let day = history.middle_day();
    let day = Filter {
        name: "a day of thirty",
        query: vec![
            ("created_from", instant(day.began)),
            ("created_before", instant(day.ended)),
        ],
        matches: day.count,
    };
    let of = |name, query: &[(&'static str, &str)]| Filter::of(name, query, history);
    [
        Filter::none(history),
        of("no filter, the oldest first", &[("order", "asc")]),
        of("a common status", &[("status", "succeeded")]),
        of("a rare status", &[("status", "cancelled")]),
        of("a common action", &[("action_name", ACTION)]),
        of("a rare action", &[("action_name", RARE_ACTION)]),
        of(
            "action and status",
            &[("action_name", ACTION), ("status", "failed")],
        ),
        day,
    ]
}

fn instant(microseconds: i64) -> String {
    let instant = jiff::Timestamp::from_microsecond(microseconds).expect("it is a time of the last month");
    instant.to_string()
}

impl Filter {
    /// Everything, the newest first.
    pub(super) fn none(history: &History) -> Self {
        Self::of("no filter", &[], history)
    }

    fn of(name: &'static str, query: &[(&'static str, &str)], history: &History) -> Self {
        let matches = history.count(|action, status| {
            query.iter().all(|(name, value)| match *name {
                "status" => *value == status.as_str(),
                "action_name" => *value == action,
                _ => true,
            })
        });
        let query = query.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Self {
            name,
            query: query.collect(),
            matches,
        }
    }

    fn path(&self, fleet: &Fleet, limit: u32, cursor: Option<&str>) -> String {
        let pairs = self.query.iter().map(|(name, value)| format!("&{name}={value}"));
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}"));
        let query: String = pairs.chain(cursor).collect();
        format!("{}?limit={limit}{query}", paths::executions(fleet.project_id))
    }
}

#[derive(Deserialize)]
struct Page {
    items: Vec<IgnoredAny>,
    next_cursor: Option<String>,
}

/// Times of one request, again and again.
#[derive(Default)]
pub(super) struct Taken {
    /// From the first byte sent to the last of the answer.
    pub(super) whole: Latencies,
    /// By the server's own account: the means of groups.
    pub(super) inside: Latencies,
}

impl Taken {
    fn append(&mut self, others: Self) {
        self.whole.append(others.whole);
        self.inside.append(others.inside);
    }
}

/// Times of the same connection, by turns.
#[derive(Default)]
pub(super) struct Times {
    /// Of the first page.
    pub(super) first: Taken,
    /// Of one deep inside.
    pub(super) deep: Taken,
    nothing: Taken,
}

impl Times {
    /// All of others.
    pub(super) fn append(&mut self, others: Self) {
        self.nothing.append(others.nothing);
        self.first.append(others.first);
        self.deep.append(others.deep);
    }
}

/// Measures, and makes the report's section.
///
/// # Errors
/// When a page is not what it should be.
pub(super) fn section(
    control_plane: &ControlPlane,
    ground: &Ground,
    rounds: usize,
) -> anyhow::Result<Section> {
    let installation = &ground.place.installation;
    let mut reader = Reader::new(control_plane)?;
    let mut rows = Vec::new();
    for filter in &filters(&ground.history) {
        let deep = reader.walk_half_way(filter, &ground.fleet)?;
        let times = reader.measure(filter, &ground.fleet, &deep, rounds)?;
        rows.extend(filter_rows(filter, &times, installation.engine()));
    }
    // These become the first page, so they come last.
    let wide = dispatch::to_many(
        control_plane,
        &ground.fleet,
        (Reach::First(WIDE), DEFAULT_PAGE as usize),
    )?;
    let everything = Filter::none(&ground.history);
    rows.push(wide_row(&reader.measure_first(
        &everything,
        &ground.fleet,
        rounds,
    )?));
    seed::forget(installation, &wide.executions)?;
    Ok(Section {
        title: format!("Lists on {}", installation.engine().name()),
        method: format!(
            "A page of {DEFAULT_PAGE} over {} executions with one target each, authenticated and authorised, on\n\
             one kept-alive TLS connection, {rounds} times by turns with the others of its kind and with a `GET /v1/version`,\n\
             {GROUP} of each at a time. The time inside the server is by its own account, from a request's head to that of\n\
             its answer, which has its whole body by then: what its metrics add up over {GROUP} requests, the median of their\n\
             means. A whole request has encryption, transfer and the wakes of both sides in it as well; its median and its\n\
             p99 are beside. The deep page starts half-way down the executions that pass the filter.",
            thousands(f64::from(ground.history.stored())),
        ),
        rows,
        ..Section::default()
    })
}

fn wide_row([nothing, first]: &[Taken; 2]) -> Row {
    let inside = first.inside.median();
    Row {
        what: format!("first page, {DEFAULT_PAGE} executions with {WIDE} targets each"),
        figure: figure(first),
        beside: beside(nothing),
        ratio: ratio(first, nothing),
        budget: format!("p50 ≤ {}", shown(WIDE_BUDGET)),
        verdict: Verdict::of(inside <= WIDE_BUDGET),
    }
}

fn filter_rows(filter: &Filter, times: &Times, engine: Engine) -> [Row; 2] {
    let budget = match engine {
        Engine::Sqlite => BUDGET,
        Engine::Postgresql => BUDGET_ON_POSTGRESQL,
    };
    let promised = format!("p50 ≤ {} ms", milliseconds(budget));
    let (first, deep) = (times.first.inside.median(), times.deep.inside.median());
    let deeper = deep.as_secs_f64() / first.as_secs_f64();
    let at_start = Row {
        what: format!(
            "first page, {} ({})",
            filter.name,
            thousands(filter.matches as f64)
        ),
        figure: figure(&times.first),
        beside: beside(&times.nothing),
        ratio: ratio(&times.first, &times.nothing),
        budget: promised.clone(),
        verdict: Verdict::of(first <= budget),
    };
    let further = Row {
        what: format!("deep page, {}", filter.name),
        figure: figure(&times.deep),
        beside: format!("{} for the first page", shown(first)),
        ratio: format!("{deeper:.2} ×"),
        budget: format!("{promised}, ≤ {DEEPER} × first"),
        verdict: Verdict::of(deep <= budget && deeper <= DEEPER),
    };
    [at_start, further]
}

fn figure(taken: &Taken) -> String {
    format!(
        "p50 {} (whole request {}, p99 {})",
        shown(taken.inside.median()),
        shown(taken.whole.median()),
        shown(taken.whole.percentile(99))
    )
}

fn beside(nothing: &Taken) -> String {
    format!("whole GET /v1/version {}", shown(nothing.whole.median()))
}

/// Of the whole requests.
fn ratio(page: &Taken, nothing: &Taken) -> String {
    let of = |taken: &Taken| taken.whole.median().as_secs_f64();
    format!("{:.1} ×", of(page) / of(nothing))
}

/// Who reads lists.
pub(super) struct Reader {
    connection: Connection,
    caller: Caller,
    own_time: OwnTime,
}

impl Reader {
    /// Connects.
    ///
    /// # Errors
    /// When the server does not accept.
    pub(super) fn new(control_plane: &ControlPlane) -> anyhow::Result<Self> {
        let endpoint = &control_plane.endpoint;
        Ok(Self {
            connection: Connection::open(endpoint)?,
            caller: Caller::new(&endpoint.host, control_plane.token()),
            own_time: OwnTime::new(&control_plane.metrics_url)?,
        })
    }

    /// Goes half-way down what passes; the cursor of what follows.
    ///
    /// # Errors
    /// When the list ends before.
    pub(super) fn walk_half_way(&mut self, filter: &Filter, fleet: &Fleet) -> anyhow::Result<String> {
        let depth = filter.matches / 2;
        let mut cursor: Option<String> = None;
        let mut passed = 0;
        while passed < depth {
            let limit = u32::try_from(depth - passed).unwrap_or(MAX_PAGE).min(MAX_PAGE);
            let request = self.caller.get(&filter.path(fleet, limit, cursor.as_deref()));
            let page: Page = parse(&self.connection.call(&request)?)?;
            passed += page.items.len() as u64;
            cursor = page.next_cursor;
            anyhow::ensure!(
                cursor.is_some(),
                "the list of {} ended after {passed}",
                filter.name
            );
        }
        cursor.ok_or_else(|| anyhow::anyhow!("too few executions pass the filter {}", filter.name))
    }

    /// Measures the first page and the one that a cursor leads to.
    ///
    /// # Errors
    /// When one of them is not full.
    pub(super) fn measure(
        &mut self,
        filter: &Filter,
        fleet: &Fleet,
        deep: &str,
        rounds: usize,
    ) -> anyhow::Result<Times> {
        let nothing = self.caller.get(paths::VERSION);
        let first = self.caller.get(&filter.path(fleet, DEFAULT_PAGE, None));
        let deep = self.caller.get(&filter.path(fleet, DEFAULT_PAGE, Some(deep)));
        for request in [&first, &deep] {
            let page: Page = parse(&self.connection.call(request)?)?;
            anyhow::ensure!(
                page.items.len() == DEFAULT_PAGE as usize,
                "a page of {} is short",
                filter.name
            );
        }
        let [nothing, first, deep] = self.by_turns([&nothing, &first, &deep], rounds)?;
        Ok(Times { nothing, first, deep })
    }

    /// Measures a request that does nothing, and the first page of everything.
    fn measure_first(
        &mut self,
        everything: &Filter,
        fleet: &Fleet,
        rounds: usize,
    ) -> anyhow::Result<[Taken; 2]> {
        let nothing = self.caller.get(paths::VERSION);
        let first = self.caller.get(&everything.path(fleet, DEFAULT_PAGE, None));
        self.by_turns([&nothing, &first], rounds)
    }

    /// Each request `rounds` times, or a few more that make a group whole.
    fn by_turns<const N: usize>(
        &mut self,
        requests: [&Vec<u8>; N],
        rounds: usize,
    ) -> anyhow::Result<[Taken; N]> {
        let mut taken = requests.map(|_| Taken::default());
        let mut order: [usize; N] = std::array::from_fn(|index| index);
        self.own_time.skip()?;
        for _ in 0..rounds.div_ceil(GROUP) {
            for index in order {
                let taken = &mut taken[index];
                for _ in 0..GROUP {
                    let began = Instant::now();
                    let answer = self.connection.call(requests[index])?;
                    taken.whole.push(began.elapsed());
                    anyhow::ensure!(answer.status == 200, "a list was answered {}", answer.status);
                }
                taken.inside.push(self.own_time.mean(GROUP)?);
            }
            // A request meets what is left to do of the one before it, so each comes after each.
            order.reverse();
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(whole: u64, inside: Duration) -> Taken {
        let mut taken = Taken {
            whole: Latencies::of(whole),
            ..Taken::default()
        };
        taken.inside.push(inside);
        taken
    }

    #[test]
    fn a_page_is_judged_by_the_servers_own_time_of_it() {
        let verdicts = |first, deep| {
            let times = Times {
                first: taken(7, Duration::from_micros(first)),
                deep: taken(9, Duration::from_micros(deep)),
                nothing: taken(2, Duration::from_micros(20)),
            };
            let filter = Filter {
                name: "no filter",
                query: Vec::new(),
                matches: 5,
            };
            filter_rows(&filter, &times, Engine::Sqlite)
        };
        let [first, deep] = verdicts(400, 430);
        assert_eq!(first.figure, "p50 0.400 ms (whole request 7.00 ms, p99 7.00 ms)");
        assert_eq!(
            (first.beside.as_str(), first.ratio.as_str()),
            ("whole GET /v1/version 2.00 ms", "3.5 ×")
        );
        assert_eq!(
            (deep.beside.as_str(), deep.ratio.as_str()),
            ("0.400 ms for the first page", "1.07 ×")
        );
        assert_eq!((first.verdict, deep.verdict), (Verdict::Met, Verdict::Met));
        let judged = |first, deep| verdicts(first, deep).map(|row| row.verdict);
        assert_eq!(judged(510, 490), [Verdict::Missed, Verdict::Met]);
        assert_eq!(
            judged(400, 450),
            [Verdict::Met, Verdict::Missed],
            "too much deeper"
        );
        assert_eq!(
            judged(490, 510),
            [Verdict::Met, Verdict::Missed],
            "longer than the budget"
        );
    }
}
