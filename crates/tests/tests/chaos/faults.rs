//! What fails, when, and for how long: drawn from a seed.

use plex_tests::{ControlPlane, Database, Dice, NatsServer, S3Store};
use rustix::process::Signal;
use std::fmt;
use std::time::{Duration, Instant};

/// How often somebody looks while a storm rages.
const LOOK: Duration = Duration::from_secs(1);
/// The faults of one storm begin within so many milliseconds.
const TOGETHER: u64 = 3000;
/// How long every request to a slow store waits.
const SLOW: Duration = Duration::from_millis(1500);
/// Seconds for which nobody may have looked after deadlines: a frozen replica that holds the lock of those who report,
/// a database that starts again right afterwards, and a machine with other things to do.
pub(crate) const LONGEST_OUTAGE: u32 = 45;
/// How often, in decks, the replicas are killed; never is 0. One lives on, so that it is seen whether it grows.
const KILLED_EVERY: [u64; 3] = [0, 6, 2];

/// What the replicas stand on, apart from the database.
pub(crate) struct Ground {
    pub(crate) nats: NatsServer,
    pub(crate) store: S3Store,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Kill(usize),
    Freeze(usize),
    RestartDatabase,
    StopNats,
    FreezeNats,
    StopStore,
    FreezeStore,
    SlowStore,
    RefuseMoves,
}

/// When it goes wrong, and for how long.
#[derive(Debug, Clone, Copy)]
struct Fault {
    what: What,
    begins: Duration,
    lasts: Duration,
}

/// Several faults that overlap.
#[derive(Debug)]
pub(crate) struct Storm(Vec<Fault>);

/// Storms without end. All kinds of faults come before one comes again.
#[derive(Debug)]
pub(crate) struct Schedule {
    dice: Dice,
    longest: Duration,
    decks: u64,
    deck: Vec<What>,
}

impl What {
    /// What of two that have the same cannot be at once.
    fn subject(self) -> usize {
        match self {
            Self::Kill(replica) | Self::Freeze(replica) => replica,
            Self::RestartDatabase => 10,
            Self::StopNats | Self::FreezeNats => 11,
            Self::StopStore | Self::FreezeStore | Self::SlowStore | Self::RefuseMoves => 12,
        }
    }

    /// The most seconds that it lasts.
    fn longest(self) -> u64 {
        match self {
            Self::RestartDatabase => 0,
            Self::Kill(_) => 10,
            Self::Freeze(_) => 8,
            Self::StopNats => 60,
            Self::FreezeNats | Self::SlowStore => 20,
            Self::StopStore | Self::FreezeStore | Self::RefuseMoves => 15,
        }
    }

    fn begin(self, replicas: &mut [ControlPlane], ground: &mut Ground) {
        match self {
            Self::Kill(replica) => replicas[replica].kill9(),
            Self::Freeze(replica) => replicas[replica].signal(Signal::STOP),
            Self::RestartDatabase => Database::restart_the_server(),
            Self::StopNats => ground.nats.kill9(),
            Self::FreezeNats => ground.nats.signal(Signal::STOP),
            Self::StopStore => ground.store.kill9(),
            Self::FreezeStore => ground.store.signal(Signal::STOP),
            Self::SlowStore => ground.store.slow_down(SLOW),
            Self::RefuseMoves => ground.store.refuse_moves(true),
        }
    }

    fn end(self, replicas: &mut [ControlPlane], ground: &mut Ground) {
        match self {
            Self::Kill(replica) => replicas[replica].restart(),
            Self::Freeze(replica) => replicas[replica].signal(Signal::CONT),
            Self::RestartDatabase => {}
            Self::StopNats => ground.nats.restart(),
            Self::FreezeNats => ground.nats.signal(Signal::CONT),
            Self::StopStore => ground.store.restart(),
            Self::FreezeStore => ground.store.signal(Signal::CONT),
            Self::SlowStore => ground.store.slow_down(Duration::ZERO),
            Self::RefuseMoves => ground.store.refuse_moves(false),
        }
    }
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Fault { what, lasts, .. }) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{what:?} {:.1} s", lasts.as_secs_f32())?;
        }
        Ok(())
    }
}

impl Storm {
    /// Lets it all happen; `look` looks meanwhile.
    pub(crate) fn rage(
        &self,
        (replicas, ground): (&mut [ControlPlane], &mut Ground),
        mut look: impl FnMut(&[ControlPlane]),
    ) {
        let moments = |fault: &Fault| {
            [
                (fault.begins, fault.what, true),
                (fault.begins + fault.lasts, fault.what, false),
            ]
        };
        let mut moments: Vec<_> = self.0.iter().flat_map(moments).collect();
        // Of what begins and ends in the same moment, the begin stays before the end.
        moments.sort_by_key(|moment| moment.0);
        let began = Instant::now();
        for (at, what, begins) in moments {
            while let Some(left) = at.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
                look(replicas);
                std::thread::sleep(left.min(LOOK));
            }
            if begins {
                what.begin(replicas, ground);
            } else {
                what.end(replicas, ground);
            }
        }
    }
}

impl Schedule {
    /// The schedule of that seed; nothing lasts longer than `longest`.
    pub(crate) fn new(seed: u64, longest: Duration) -> Self {
        Self {
            dice: Dice::new(seed),
            longest,
            decks: 0,
            deck: Vec::new(),
        }
    }

    /// The next two or three faults.
    pub(crate) fn storm(&mut self) -> Storm {
        let count = 2 + self.dice.below(2);
        let mut faults: Vec<Fault> = Vec::new();
        for _ in 0..count {
            if self.deck.is_empty() {
                self.fill();
            }
            let is_free = |what: &What| faults.iter().all(|had| had.what.subject() != what.subject());
            let Some(at) = self.deck.iter().position(is_free) else {
                break;
            };
            let fault = Fault {
                what: self.deck.remove(at),
                begins: Duration::from_millis(self.dice.below(TOGETHER)),
                lasts: Duration::ZERO,
            };
            faults.push(fault);
        }
        for fault in &mut faults {
            let longest = Duration::from_secs(fault.what.longest()).min(self.longest);
            let longest = u64::try_from(longest.as_millis()).expect("a short time");
            fault.lasts = Duration::from_millis(self.dice.below(longest.max(1)));
        }
        Storm(faults)
    }

    /// One of each, shuffled.
    fn fill(&mut self) {
        let killed = (0..KILLED_EVERY.len())
            .filter(|&replica| KILLED_EVERY[replica] > 0 && self.decks.is_multiple_of(KILLED_EVERY[replica]));
        let frozen = (0..KILLED_EVERY.len()).map(What::Freeze);
        self.deck = killed.map(What::Kill).chain(frozen).collect();
        self.deck.extend([
            What::RestartDatabase,
            What::StopNats,
            What::FreezeNats,
            What::StopStore,
            What::FreezeStore,
            What::SlowStore,
            What::RefuseMoves,
        ]);
        for last in (1..self.deck.len()).rev() {
            let other = self.dice.index(last + 1);
            self.deck.swap(last, other);
        }
        self.decks += 1;
    }
}
