//! Pages of a long list: the first one and one deep inside, for every filter.

use super::connection::{Connection, Endpoint, parse};
use super::control_plane::ControlPlane;
use super::fleet::{ACTION, Fleet};
use super::http::Caller;
use super::latencies::{Latencies, shown};
use super::report::{Row, Section, Verdict};
use super::seed::RARE_ACTION;
use std::path::Path;
use std::time::{Duration, Instant};

use plex_api::limits::{DEFAULT_PAGE, MAX_PAGE};
use plex_api::paths;
use rusqlite::types::Value;
use serde::Deserialize;
use serde::de::IgnoredAny;

const BUDGET: Duration = Duration::from_micros(500);
/// How much slower a deep page may be than the first.
const DEEPER: f64 = 1.1;

/// What a list is asked for.
struct Filter {
    name: &'static str,
    query: &'static [(&'static str, &'static str)],
}

const FILTERS: [Filter; 6] = [
    Filter {
        name: "no filter",
        query: &[],
    },
    Filter {
        name: "a common status",
        query: &[("status", "succeeded")],
    },
    Filter {
        name: "a rare status",
        query: &[("status", "cancelled")],
    },
    Filter {
        name: "a common action",
        query: &[("action_name", ACTION)],
    },
    Filter {
        name: "a rare action",
        query: &[("action_name", RARE_ACTION)],
    },
    Filter {
        name: "action and status",
        query: &[("action_name", ACTION), ("status", "failed")],
    },
];

impl Filter {
    fn path(&self, fleet: &Fleet, limit: u32, cursor: Option<&str>) -> String {
        let pairs = self.query.iter().map(|(name, value)| format!("&{name}={value}"));
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}"));
        let query: String = pairs.chain(cursor).collect();
        format!("{}?limit={limit}{query}", paths::executions(fleet.project_id))
    }

    /// How many executions of the project pass it.
    fn matches(&self, database: &rusqlite::Connection, fleet: &Fleet) -> anyhow::Result<u64> {
        let mut sql = "select count(*) from executions where project_id = ?".to_owned();
        let mut values = vec![Value::Blob(fleet.project_id.as_bytes().to_vec())];
        for (name, value) in self.query {
            sql.push_str(if *name == "status" {
                " and status = ?"
            } else {
                " and action = ?"
            });
            values.push(Value::Text((*value).to_owned()));
        }
        let matches: i64 = database.query_row(&sql, rusqlite::params_from_iter(values), |row| row.get(0))?;
        Ok(u64::try_from(matches)?)
    }
}

/// How many executions pass each filter.
///
/// # Errors
/// When the database cannot be read. The server must be stopped.
pub(super) fn matches(path: &Path, fleet: &Fleet) -> anyhow::Result<Vec<u64>> {
    let database = rusqlite::Connection::open(path)?;
    FILTERS
        .iter()
        .map(|filter| filter.matches(&database, fleet))
        .collect()
}

#[derive(Deserialize)]
struct Page {
    items: Vec<IgnoredAny>,
    next_cursor: Option<String>,
}

/// Times of the same connection, by turns.
#[derive(Default)]
struct Times {
    nothing: Latencies,
    first: Latencies,
    deep: Latencies,
}

/// Measures, and makes the report's section. `matches` says how many executions pass each filter.
///
/// # Errors
/// When a page is not what it should be.
pub(super) fn section(
    control_plane: &ControlPlane,
    fleet: &Fleet,
    matches: &[u64],
    rounds: usize,
) -> anyhow::Result<Section> {
    let mut reader = Reader::new(&control_plane.endpoint, control_plane.token())?;
    let mut rows = Vec::new();
    for (filter, matches) in FILTERS.iter().zip(matches) {
        let deep = reader.walk(filter, fleet, matches / 2)?;
        let times = reader.measure(filter, fleet, &deep, rounds)?;
        rows.extend(filter_rows(filter, *matches, &times));
    }
    let total = matches.first().copied().unwrap_or_default();
    Ok(Section {
        title: "Lists",
        method: format!(
            "A page of {DEFAULT_PAGE} over {total} executions with one target each, authenticated and authorised, on\n\
             one kept-alive TLS connection. The time inside the server is the whole request minus a `GET /v1/version`\n\
             on the same connection, taken by turns, {rounds} of each; encryption and transfer of the page are in it.\n\
             The deep page starts half-way down the executions that pass the filter."
        ),
        rows,
    })
}

fn filter_rows(filter: &Filter, matches: u64, times: &Times) -> [Row; 2] {
    let nothing = times.nothing.median();
    let first = times.first.median().saturating_sub(nothing);
    let deep = times.deep.median().saturating_sub(nothing);
    let ratio = deep.as_secs_f64() / first.as_secs_f64();
    let whole = |latencies: &Latencies, inside: Duration| {
        format!(
            "p50 {} (whole request {})",
            shown(inside),
            shown(latencies.median())
        )
    };
    let at_start = Row {
        what: format!("first page, {} ({matches})", filter.name),
        figure: whole(&times.first, first),
        beside: format!("{} for GET /v1/version", shown(nothing)),
        ratio: format!(
            "{:.1} ×",
            times.first.median().as_secs_f64() / nothing.as_secs_f64()
        ),
        budget: "p50 ≤ 0.5 ms".to_owned(),
        verdict: Verdict::of(first <= BUDGET),
    };
    let further = Row {
        what: format!("deep page, {}", filter.name),
        figure: whole(&times.deep, deep),
        beside: format!("{} for the first page", shown(first)),
        ratio: format!("{ratio:.2} ×"),
        budget: "p50 ≤ 0.5 ms, ≤ 1.1 × first".to_owned(),
        verdict: Verdict::of(deep <= BUDGET && ratio <= DEEPER),
    };
    [at_start, further]
}

struct Reader {
    connection: Connection,
    caller: Caller,
}

impl Reader {
    fn new(endpoint: &Endpoint, token: &str) -> anyhow::Result<Self> {
        Ok(Self {
            connection: Connection::open(endpoint)?,
            caller: Caller::new(&endpoint.host, token),
        })
    }

    /// Goes `depth` executions down; the cursor of what follows.
    fn walk(&mut self, filter: &Filter, fleet: &Fleet, depth: u64) -> anyhow::Result<String> {
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

    fn measure(
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
        let mut times = Times::default();
        for _ in 0..rounds {
            for (request, latencies) in [
                (&nothing, &mut times.nothing),
                (&first, &mut times.first),
                (&deep, &mut times.deep),
            ] {
                let began = Instant::now();
                let answer = self.connection.call(request)?;
                latencies.push(began.elapsed());
                anyhow::ensure!(answer.status == 200, "a list was answered {}", answer.status);
            }
        }
        Ok(times)
    }
}
