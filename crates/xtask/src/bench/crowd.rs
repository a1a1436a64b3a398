//! Thousands of connected agents in one thread: each follows its event stream, and comes back as `plexd` does when it
//! breaks off.

use super::connection::Endpoint;
use super::fleet::Node;
use super::random::Random;
use super::stream::AgentStream;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use plex_api::events::ACTION_REQUEST;
use rustix::event::{Timespec, epoll};

/// `plexd`'s first wait after a failure, which doubles up to the ceiling (`agent::stream`).
const BASE: Duration = Duration::from_secs(1);
const CEILING: Duration = Duration::from_secs(60);
/// Connections begun before those that there are get their turn again.
const AT_ONCE: usize = 32;
/// Events of one look.
const EVENTS: usize = 512;
/// Between two looks when nothing happens.
const PACE: Duration = Duration::from_millis(20);
/// For connecting all.
const PATIENCE: Duration = Duration::from_secs(180);

/// Agents.
pub(super) struct Crowd<'n> {
    endpoint: Endpoint,
    nodes: &'n [Node],
    epoll: OwnedFd,
    agents: Vec<Agent>,
    /// Who is to connect, and when.
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    random: Random,
    /// How many have set out.
    invited: usize,
    open: usize,
    told: usize,
}

#[derive(Default)]
struct Agent {
    stream: Option<AgentStream>,
    is_open: bool,
    /// Whether it has had an action since the last count began.
    was_told: bool,
    failures: u32,
    /// What the server told it to wait, if it did.
    asked: Option<Duration>,
}

impl<'n> Crowd<'n> {
    /// An agent for each node; none sets out yet.
    ///
    /// # Errors
    /// When the kernel gives no queue of events.
    pub(super) fn new(endpoint: &Endpoint, nodes: &'n [Node], random: &Random) -> anyhow::Result<Self> {
        Ok(Self {
            endpoint: endpoint.clone(),
            nodes,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            agents: nodes.iter().map(|_| Agent::default()).collect(),
            due: BinaryHeap::new(),
            invited: 0,
            random: random.clone(),
            open: 0,
            told: 0,
        })
    }

    /// Lets further agents set out, until so many have.
    pub(super) fn invite(&mut self, count: usize) {
        let now = Instant::now();
        self.due
            .extend((self.invited..count).map(|index| Reverse((now, index))));
        self.invited = self.invited.max(count);
    }

    /// Connects all that were invited.
    ///
    /// # Errors
    /// When the server refuses some.
    pub(super) fn connect_all(&mut self) -> anyhow::Result<()> {
        self.until("the agents' streams", PATIENCE, |crowd| {
            crowd.open == crowd.invited
        })
    }

    /// How many of those that were invited have no open stream.
    pub(super) fn missing(&self) -> usize {
        self.invited - self.open
    }

    /// How many have had an action since [`Crowd::count_anew`].
    pub(super) fn told(&self) -> usize {
        self.told
    }

    /// Begins to count anew who has had an action.
    pub(super) fn count_anew(&mut self) {
        self.told = 0;
        for agent in &mut self.agents {
            agent.was_told = false;
        }
    }

    /// Lives on until something holds.
    ///
    /// # Errors
    /// When it does not hold in time.
    pub(super) fn until(
        &mut self,
        what: &str,
        patience: Duration,
        holds: impl Fn(&Self) -> bool,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut events = Vec::with_capacity(EVENTS);
        while !holds(self) {
            anyhow::ensure!(
                began.elapsed() < patience,
                "waited {} s in vain for {what}: {} of {} streams are open, {} were told of an action",
                patience.as_secs(),
                self.open,
                self.agents.len(),
                self.told
            );
            self.set_out();
            self.wait(&mut events)?;
            for event in &events {
                let index = usize::try_from(event.data.u64()).expect("we gave the number ourselves");
                self.advance(index);
            }
        }
        Ok(())
    }

    /// Connects those whose time has come, not too many at once.
    fn set_out(&mut self) {
        for _ in 0..AT_ONCE {
            let Some(&Reverse((due, index))) = self.due.peek() else {
                return;
            };
            if due > Instant::now() {
                return;
            }
            self.due.pop();
            if self.connect(index).is_err() {
                self.lose(index);
            }
        }
    }

    fn connect(&mut self, index: usize) -> anyhow::Result<()> {
        let stream = AgentStream::open(&self.endpoint, &self.nodes[index])?;
        epoll::add(
            &self.epoll,
            stream.socket(),
            epoll::EventData::new_u64(index as u64),
            epoll::EventFlags::IN,
        )?;
        self.agents[index].stream = Some(stream);
        Ok(())
    }

    fn advance(&mut self, index: usize) {
        let agent = &mut self.agents[index];
        let Some(stream) = &mut agent.stream else {
            return;
        };
        // What was said before the end counts, so the end is looked at last.
        let went_on = stream.advance();
        if !agent.is_open && stream.heard(b":connected") {
            (agent.is_open, agent.failures, agent.asked) = (true, 0, None);
            self.open += 1;
        }
        if !agent.was_told && stream.heard(format!("event: {ACTION_REQUEST}\n").as_bytes()) {
            agent.was_told = true;
            self.told += 1;
        }
        if let Some(asked) = stream.heard_number(b"retry: ") {
            agent.asked = Some(Duration::from_millis(asked).min(CEILING));
        }
        stream.forget();
        if went_on.is_err() {
            self.lose(index);
        }
    }

    /// Takes note that a stream ended or was not to be had, and when the agent tries again.
    fn lose(&mut self, index: usize) {
        let agent = &mut self.agents[index];
        agent.stream = None;
        self.open -= usize::from(std::mem::take(&mut agent.is_open));
        let wait = match agent.asked.take() {
            Some(asked) => asked,
            None => backoff(&mut agent.failures),
        };
        let wait = spread(wait, &mut self.random);
        self.due.push(Reverse((Instant::now() + wait, index)));
    }

    fn wait(&self, events: &mut Vec<epoll::Event>) -> anyhow::Result<()> {
        let due = self.due.peek().map_or(PACE, |Reverse((due, _))| {
            due.saturating_duration_since(Instant::now())
        });
        let time = Timespec::try_from(due.min(PACE))?;
        events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Doubling waits up to a ceiling.
fn backoff(failures: &mut u32) -> Duration {
    let wait = BASE.saturating_mul(2_u32.saturating_pow(*failures)).min(CEILING);
    *failures = failures.saturating_add(1);
    wait
}

/// The duration, a quarter more or less.
fn spread(duration: Duration, random: &mut Random) -> Duration {
    duration.mul_f64(0.75 + random.below(1001) as f64 / 2000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_are_spread_by_a_quarter() {
        let mut failures = 0;
        let waits: Vec<u64> = (0..8).map(|_| backoff(&mut failures).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        let mut random = Random::new(1);
        let spread: Vec<f64> = (0..1000)
            .map(|_| spread(BASE, &mut random).as_secs_f64())
            .collect();
        assert!(
            spread.iter().all(|wait| (0.75..=1.25).contains(wait)),
            "{spread:?}"
        );
        assert!(spread.iter().any(|wait| *wait < 0.8) && spread.iter().any(|wait| *wait > 1.2));
    }
}
