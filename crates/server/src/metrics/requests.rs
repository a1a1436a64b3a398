//! How long requests take, by method, route and class of status.
//!
//! The route is the template, such as `/v1/nodes/{id}`, never the path: there are as many of these as the API has
//! operations, whatever is asked for.

use super::exposition::Exposition;
use super::instruments::{Histogram, SHORT};
use axum::http::{Method, StatusCode};
use std::collections::BTreeMap;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

const NAME: &str = "plexsphere_http_request_duration_seconds";
/// The last stands for all others.
const METHODS: [&str; 8] = [
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "other",
];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// The route of what has none.
const NOWHERE: &str = "none";

/// The durations of requests.
#[derive(Debug, Default)]
pub struct Requests(RwLock<BTreeMap<Box<str>, Box<Route>>>);

type Route = [[OnceLock<Histogram>; CLASSES.len()]; METHODS.len()];

impl Requests {
    /// Counts a request that was answered.
    pub fn observe(&self, method: &Method, route: Option<&str>, (status, took): (StatusCode, Duration)) {
        let route = route.unwrap_or(NOWHERE);
        let named = METHODS.iter().position(|name| *name == method.as_str());
        let method = named.unwrap_or(METHODS.len() - 1);
        let class = usize::from(status.as_u16() / 100 - 1).min(CLASSES.len() - 1);
        let count = |of: &Route| {
            of[method][class]
                .get_or_init(|| Histogram::of_time(SHORT))
                .observe_time(took);
        };
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(route) {
            return count(known);
        }
        drop(known);
        let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        count(routes.entry(route.into()).or_default());
    }

    pub(super) fn write(&self, exposition: &mut Exposition) {
        exposition.histograms(
            NAME,
            "From a request's head to that of its answer, by route; of event streams only that.",
        );
        let routes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for (route, of) in routes.iter() {
            for (method, of) in METHODS.iter().zip(of.iter()) {
                for (class, histogram) in CLASSES.iter().zip(of) {
                    let Some(histogram) = histogram.get() else {
                        continue;
                    };
                    let labels = [("method", *method), ("route", route), ("status", *class)];
                    exposition.histogram_of(NAME, &labels, &histogram.read());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(requests: &Requests) -> String {
        let mut exposition = Exposition::default();
        requests.write(&mut exposition);
        exposition.into_text()
    }

    #[test]
    fn labels_are_bounded_whatever_is_asked_for() {
        let requests = Requests::default();
        for method in ["BREW", "PROPFIND", "get"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            for status in [404, 405] {
                let answer = (StatusCode::from_u16(status).unwrap(), Duration::from_millis(2));
                requests.observe(&method, None, answer);
            }
        }
        let text = text(&requests);
        let counts: Vec<&str> = text.lines().filter(|line| line.contains("_count")).collect();
        let only = format!("{NAME}_count{{method=\"other\",route=\"none\",status=\"4xx\"}} 6");
        assert_eq!(counts, [only]);
    }

    #[test]
    fn routes_methods_and_classes_are_told_apart() {
        let requests = Requests::default();
        for (method, route, status) in [
            (Method::GET, "/v1/a", 200),
            (Method::GET, "/v1/a", 204),
            (Method::GET, "/v1/a", 999),
            (Method::POST, "/v1/a", 200),
            (Method::GET, "/v1/b/{id}", 200),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            requests.observe(&method, Some(route), (status, Duration::from_secs(1)));
        }
        let text = text(&requests);
        for (labels, count) in [
            (r#"method="GET",route="/v1/a",status="2xx""#, 2),
            (r#"method="GET",route="/v1/a",status="5xx""#, 1),
            (r#"method="POST",route="/v1/a",status="2xx""#, 1),
            (r#"method="GET",route="/v1/b/{id}",status="2xx""#, 1),
        ] {
            assert!(
                text.contains(&format!("{NAME}_count{{{labels}}} {count}\n")),
                "{text}"
            );
        }
    }
}
