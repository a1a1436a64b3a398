//! How long requests take by the server's own account: what its metrics add up between two looks.
//!
//! A client cannot tell that from its own times. What a request costs besides depends on which cores the two keep to,
//! and so on what was asked before.

use super::http::{Caller, Reading};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// From a request's head to that of its answer, whose body is ready by then.
const FAMILY: &str = "plexsphere_http_request_duration_seconds";
/// A look at the metrics takes no longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The metrics of one server.
pub(super) struct OwnTime {
    /// Host and port of their listener.
    host: String,
    path: String,
    last: Total,
}

/// All requests that were ever answered.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Total {
    seconds: f64,
    count: u64,
}

impl OwnTime {
    /// Those at `url`.
    ///
    /// # Errors
    /// When that is not what the server should have written.
    pub(super) fn new(url: &str) -> anyhow::Result<Self> {
        let place = url
            .strip_prefix("http://")
            .context("the metrics' URL is not http")?;
        let (host, path) = place.split_once('/').context("the metrics' URL has no path")?;
        Ok(Self {
            host: host.to_owned(),
            path: format!("/{path}"),
            last: Total::default(),
        })
    }

    /// Passes over all requests so far.
    ///
    /// # Errors
    /// When the metrics cannot be read.
    pub(super) fn skip(&mut self) -> anyhow::Result<()> {
        self.last = self.look()?;
        Ok(())
    }

    /// The mean of the `count` requests since the last look.
    ///
    /// # Errors
    /// When the server was asked for something else as well.
    pub(super) fn mean(&mut self, count: usize) -> anyhow::Result<Duration> {
        let now = self.look()?;
        let before = std::mem::replace(&mut self.last, now);
        let counted = now.count - before.count;
        anyhow::ensure!(
            counted == count as u64,
            "the server counted {counted} requests instead of {count}"
        );
        Ok(Duration::from_secs_f64(
            (now.seconds - before.seconds) / count as f64,
        ))
    }

    fn look(&self) -> anyhow::Result<Total> {
        let mut stream = TcpStream::connect(&self.host).context("cannot connect to the metrics' listener")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&Caller::anonymous(&self.host).get(&self.path))?;
        let (mut reading, mut bytes) = (Reading::default(), vec![0; 64 * 1024]);
        let answer = loop {
            match stream.read(&mut bytes).context("cannot read the metrics")? {
                0 => bail!("the metrics' listener closed the connection"),
                length => reading.push(&bytes[..length]),
            }
            if let Some(answer) = reading.next()? {
                break answer;
            }
        };
        anyhow::ensure!(
            answer.status == 200,
            "the metrics were answered {}",
            answer.status
        );
        Total::read(std::str::from_utf8(&answer.body).context("the metrics are not text")?)
    }
}

impl Total {
    /// Adds up the family's series.
    fn read(text: &str) -> anyhow::Result<Self> {
        let mut total = Self::default();
        let samples = text.lines().filter_map(|line| line.strip_prefix(FAMILY));
        for sample in samples {
            let value = sample.rsplit(' ').next().unwrap_or_default();
            let unreadable = || format!("{FAMILY} has no number: {sample}");
            if sample.starts_with("_sum") {
                total.seconds += value.parse::<f64>().with_context(unreadable)?;
            } else if sample.starts_with("_count") {
                total.count += value.parse::<u64>().with_context(unreadable)?;
            }
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// Answers so many looks, one after the other, and ends.
    fn metrics(texts: Vec<String>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        thread::spawn(move || {
            for text in texts {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                let length = stream.read(&mut request).unwrap();
                assert!(request[..length].starts_with(b"GET /metrics HTTP/1.1\r\n"));
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        url
    }

    fn total(lists: (f64, u64), others: (f64, u64)) -> String {
        let of = |route: &str, (seconds, count): (f64, u64)| {
            format!(
                "{FAMILY}_bucket{{route=\"{route}\",le=\"0.0001\"}} 77\n\
                 {FAMILY}_sum{{route=\"{route}\"}} {seconds}\n{FAMILY}_count{{route=\"{route}\"}} {count}\n"
            )
        };
        let others = of("/v1/version", others);
        format!(
            "# TYPE {FAMILY} histogram\n{}{others}up_count 5\n",
            of("/v1/a", lists)
        )
    }

    #[test]
    fn the_mean_is_that_of_the_requests_between_two_looks() {
        let url = metrics(vec![
            total((2.5, 100), (1.0, 10)),
            total((2.51, 110), (1.0, 10)),
            total((3.0, 120), (1.5, 500)),
            total((3.0, 120), (1.5004, 502)),
        ]);
        let mut own_time = OwnTime::new(&url).unwrap();
        own_time.skip().unwrap();
        let near = |mean: Duration, microseconds: u64| mean.abs_diff(Duration::from_micros(microseconds));
        assert!(near(own_time.mean(10).unwrap(), 1000) < Duration::from_nanos(10));
        own_time.skip().unwrap();
        assert!(near(own_time.mean(2).unwrap(), 200) < Duration::from_nanos(10));
    }

    #[test]
    fn requests_of_somebody_else_are_noticed() {
        let url = metrics(vec![total((1.0, 1), (1.0, 1)), total((1.5, 11), (1.0, 2))]);
        let mut own_time = OwnTime::new(&url).unwrap();
        own_time.skip().unwrap();
        let error = own_time.mean(10).unwrap_err();
        assert_eq!(error.to_string(), "the server counted 11 requests instead of 10");
    }
}
