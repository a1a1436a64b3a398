//! The load generator: one thread, kept-alive TLS connections, and `epoll`.
//!
//! It shares the cores with the server, so it does as little as it can. In a *closed* loop every connection
//! sends its next request when the answer to the last one is there: the most the server can do. In an *open*
//! loop requests fall due at a fixed rate whether or not the server keeps up, and a request's latency counts
//! from when it was due: a server that stalls cannot hide it by slowing its clients down.

use super::connection::{Endpoint, Protocol};
use super::http::{Answer, Reading};
use super::latencies::Latencies;
use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustls::ClientConnection;

/// Connections of a [`Pool`], unless it is told another number.
pub(super) const CONNECTIONS: usize = 64;
/// A server that answers nothing for this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked, and what becomes of it.
pub(super) trait Work {
    /// The request of that number; numbers come in order.
    fn request(&mut self, number: usize) -> Vec<u8>;

    /// Its answer.
    ///
    /// # Errors
    /// When going on makes no sense.
    fn answered(&mut self, number: usize, answer: &Answer) -> anyhow::Result<()>;

    /// Whether no further request is to be sent, however many there could be.
    fn is_enough(&self) -> bool {
        false
    }
}

/// When requests are sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// As soon as a connection is free.
    Closed,
    /// This many each second.
    Open {
        /// The arrival rate.
        per_second: u32,
    },
}

impl Pace {
    fn due(self, began: Instant, number: usize) -> Instant {
        match self {
            Self::Closed => began,
            Self::Open { per_second } => {
                let nanoseconds = number as u64 * 1_000_000_000 / u64::from(per_second);
                began + Duration::from_nanos(nanoseconds)
            }
        }
    }
}

/// What was measured.
#[derive(Debug)]
pub(super) struct Run {
    /// From the first request to the last answer.
    pub(super) elapsed: Duration,
    /// Of each request.
    pub(super) latencies: Latencies,
}

impl Run {
    /// Answers per second.
    pub(super) fn rate(&self) -> f64 {
        let count = self.latencies.count() as f64;
        count / self.elapsed.as_secs_f64()
    }
}

/// Open connections.
pub(super) struct Pool {
    epoll: OwnedFd,
    lanes: Vec<Lane>,
}

struct Lane {
    session: ClientConnection,
    stream: TcpStream,
    reading: Reading,
    in_flight: Option<InFlight>,
}

struct InFlight {
    number: usize,
    since: Instant,
}

impl Pool {
    /// Connects and shakes hands, on [`CONNECTIONS`].
    ///
    /// # Errors
    /// When the server does not accept.
    pub(super) fn open(endpoint: &Endpoint) -> anyhow::Result<Self> {
        Self::of(endpoint, CONNECTIONS)
    }

    /// The same on another number of connections.
    ///
    /// # Errors
    /// When the server does not accept.
    pub(super) fn of(endpoint: &Endpoint, connections: usize) -> anyhow::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut lanes = Vec::with_capacity(connections);
        for index in 0..connections {
            let lane = Lane::open(endpoint)?;
            epoll::add(
                &epoll,
                &lane.stream,
                epoll::EventData::new_u64(index as u64),
                epoll::EventFlags::IN,
            )?;
            lanes.push(lane);
        }
        Ok(Self { epoll, lanes })
    }

    /// Sends `count` requests, or fewer when the work has enough, and waits for all answers.
    ///
    /// # Errors
    /// When a connection breaks, the server falls silent, or the work says so.
    pub(super) fn run(&mut self, work: &mut dyn Work, count: usize, pace: Pace) -> anyhow::Result<Run> {
        let mut run = Run {
            elapsed: Duration::ZERO,
            latencies: Latencies::default(),
        };
        // In turn: the server closes a connection that asks nothing for ten seconds.
        let mut free: VecDeque<usize> = (0..self.lanes.len()).collect();
        let (mut sent, mut answered, mut count) = (0, 0, count);
        let mut events = Vec::with_capacity(self.lanes.len());
        let began = Instant::now();
        while answered < count {
            if work.is_enough() {
                count = sent;
            }
            while sent < count && !free.is_empty() {
                let (due, now) = (pace.due(began, sent), Instant::now());
                if due > now {
                    break;
                }
                let lane = free.pop_front().expect("it is not empty");
                let since = match pace {
                    Pace::Closed => now,
                    Pace::Open { .. } => due,
                };
                self.lanes[lane].send(&work.request(sent), InFlight { number: sent, since })?;
                sent += 1;
            }
            if answered == count {
                break;
            }
            let next_due = (sent < count && !free.is_empty()).then(|| pace.due(began, sent));
            wait(&self.epoll, next_due, &mut events)?;
            for event in &events {
                let lane = usize::try_from(event.data.u64()).expect("we gave the number ourselves");
                let Some((in_flight, answer)) = self.lanes[lane].receive()? else {
                    continue;
                };
                run.latencies.push(in_flight.since.elapsed());
                work.answered(in_flight.number, &answer)?;
                answered += 1;
                free.push_back(lane);
            }
        }
        run.elapsed = began.elapsed();
        Ok(run)
    }
}

/// Waits for answers, at most until the next request is due.
fn wait(epoll: &OwnedFd, due: Option<Instant>, events: &mut Vec<epoll::Event>) -> anyhow::Result<()> {
    let time = due.map_or(PATIENCE, |due| due.saturating_duration_since(Instant::now()));
    let time = Timespec::try_from(time).context("a time-out is short")?;
    events.clear();
    match epoll::wait(epoll, rustix::buffer::spare_capacity(events), Some(&time)) {
        Ok(0) if due.is_none() => bail!("the server answered nothing for {} s", PATIENCE.as_secs()),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error).context("cannot wait for answers"),
    }
}

impl Lane {
    fn open(endpoint: &Endpoint) -> anyhow::Result<Self> {
        let (mut session, mut stream) = endpoint.connect(Protocol::Http1)?;
        while session.is_handshaking() {
            session.complete_io(&mut stream).context("cannot shake hands")?;
        }
        stream.set_nonblocking(true)?;
        Ok(Self {
            session,
            stream,
            reading: Reading::default(),
            in_flight: None,
        })
    }

    fn send(&mut self, request: &[u8], in_flight: InFlight) -> anyhow::Result<()> {
        self.session.writer().write_all(request)?;
        self.in_flight = Some(in_flight);
        self.flush()
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    // A request fits the buffer of an idle socket, so this is rare and short.
                    poll(&mut [PollFd::new(&self.stream, PollFlags::OUT)], None)?;
                }
                Err(error) => return Err(error).context("cannot send"),
            }
        }
        Ok(())
    }

    /// Reads once; gives the answer to the request in flight once it is whole.
    fn receive(&mut self) -> anyhow::Result<Option<(InFlight, Answer)>> {
        match self.session.read_tls(&mut self.stream) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error).context("cannot read an answer"),
        }
        let state = self.session.process_new_packets()?;
        let mut plain = vec![0; state.plaintext_bytes_to_read()];
        self.session.reader().read_exact(&mut plain)?;
        self.reading.push(&plain);
        self.flush()?;
        let Some(answer) = self.reading.next()? else {
            return Ok(None);
        };
        Ok(self.in_flight.take().zip(Some(answer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_loop_is_due_at_its_rate_however_far_it_goes() {
        let began = Instant::now();
        let pace = Pace::Open { per_second: 10_000 };
        for number in [0, 1, 9_999, 10_000, 600_000] {
            let due = pace.due(began, number) - began;
            assert_eq!(due, Duration::from_micros(100 * number as u64));
        }
    }
}
