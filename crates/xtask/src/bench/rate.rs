//! How many lists a second the server answers, beside the bare handler.

use super::bare::Floor;
use super::chart::thousands;
use super::connection::{Connection, Endpoint, parse};
use super::control_plane::ControlPlane;
use super::history::Ground;
use super::http::{Answer, Caller};
use super::latencies::shown;
use super::load::{CONNECTIONS, Pace, Pool, Run, Work};
use super::report::{Row, Section, Verdict};

use plex_api::limits::DEFAULT_PAGE;
use plex_api::paths;
use serde_json::Value;

/// Of the bare handler's rate.
const LEAST_SHARE: f64 = 0.7;
/// Turns of both.
const TURNS: usize = 5;
/// Requests before the first turn.
const WARM_UP: usize = 2000;

/// Measures, and makes the report's section.
///
/// # Errors
/// When one of the two cannot be asked, or they bring different pages.
pub(super) fn section(
    control_plane: &ControlPlane,
    ground: &Ground,
    requests: usize,
) -> anyhow::Result<Section> {
    let installation = &ground.place.installation;
    let floor = Floor::of_pages(installation)?;
    let bare = Endpoint::new(&floor.url, &installation.ca_file)?;
    let path = paths::executions(installation.project_id);
    let ours = Caller::new(&control_plane.endpoint.host, control_plane.token()).get(&path);
    let theirs = Caller::anonymous(&bare.host).get(&path);
    let sides = [(&control_plane.endpoint, ours), (&bare, theirs)];
    compare(&sides)?;
    let mut rates = [Vec::new(), Vec::new()];
    let mut last = Vec::new();
    for turn in 0..=TURNS {
        last.clear();
        for ((endpoint, request), rates) in sides.iter().zip(&mut rates) {
            let count = if turn == 0 { WARM_UP } else { requests };
            let run = Pool::open(endpoint)?.run(&mut Same(request), count, Pace::Closed)?;
            if turn > 0 {
                rates.push(run.rate());
            }
            last.push(run);
        }
    }
    let name = installation.engine().name();
    Ok(Section {
        title: format!("Lists a second on {name}"),
        method: format!(
            "The first page of {DEFAULT_PAGE} over {} executions, again and again on {CONNECTIONS} kept-alive TLS\n\
             connections in a closed loop, {requests} requests by turns, {TURNS} times; the medians. The bare handler is a\n\
             process of its own on the same database: the same statements and the same JSON, without authentication,\n\
             authorisation, routing, queues and limits.",
            thousands(f64::from(ground.history.stored()))
        ),
        rows: vec![row(rates, &last)],
        ..Section::default()
    })
}

fn row(rates: [Vec<f64>; 2], last: &[Run]) -> Row {
    let [ours, bare] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    let share = ours / bare;
    let slow = |run: usize| shown(last[run].latencies.percentile(99));
    Row {
        what: "lists, closed loop, beside the bare handler".to_owned(),
        figure: format!("{ours:.0}/s, p99 {}", slow(0)),
        beside: format!("{bare:.0}/s, p99 {}", slow(1)),
        ratio: format!("{:.0} %", 100.0 * share),
        budget: "≥ 70 %".to_owned(),
        verdict: Verdict::of(share >= LEAST_SHARE),
    }
}

/// Both must bring the same page.
fn compare(sides: &[(&Endpoint, Vec<u8>); 2]) -> anyhow::Result<()> {
    let mut pages = Vec::new();
    for (endpoint, request) in sides {
        let page: Value = parse(&Connection::open(endpoint)?.call(request)?)?;
        pages.push(page["items"].clone());
    }
    anyhow::ensure!(
        pages[0] == pages[1],
        "the server and the bare handler brought different pages"
    );
    Ok(())
}

/// The same request again and again.
struct Same<'r>(&'r [u8]);

impl Work for Same<'_> {
    fn request(&mut self, _: usize) -> Vec<u8> {
        self.0.to_vec()
    }

    fn answered(&mut self, _: usize, answer: &Answer) -> anyhow::Result<()> {
        anyhow::ensure!(answer.status == 200, "a list was answered {}", answer.status);
        Ok(())
    }
}
