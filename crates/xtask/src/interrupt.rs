//! Ctrl-C and SIGTERM, turned into an ordinary error, so that whatever was started is stopped by being dropped.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often a wait looks again.
const PACE: Duration = Duration::from_millis(100);

/// Knows whether somebody asked this process to end.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes the signals over from now on.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
        let signals = {
            let _context = runtime.enter();
            let kinds = [
                SignalKind::interrupt(),
                SignalKind::terminate(),
                SignalKind::hangup(),
            ];
            kinds.map(signal)
        };
        let [interrupt, terminate, hangup] = signals;
        let signals = [interrupt?, terminate?, hangup?];
        let came = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&came);
        thread::spawn(move || {
            runtime.block_on(first(signals));
            told.store(true, Ordering::Relaxed);
        });
        Ok(Self(came))
    }

    /// Looks again and again until `look` finds something, it fails, `patience` ends or a signal comes.
    ///
    /// # Errors
    /// What `look` fails with; else one that names `what` was waited for.
    pub(crate) fn wait_for<T>(
        &self,
        what: &str,
        patience: Duration,
        mut look: impl FnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let began = Instant::now();
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            if self.0.load(Ordering::Relaxed) {
                bail!("interrupted while waiting for {what}");
            }
            if began.elapsed() >= patience {
                bail!("waited {} s in vain for {what}", patience.as_secs());
            }
            thread::sleep(PACE);
        }
    }

    /// Ends the chore between two steps when a signal came.
    ///
    /// # Errors
    /// When one came.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        Ok(())
    }
}

async fn first([mut interrupt, mut terminate, mut hangup]: [Signal; 3]) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

#[cfg(test)]
impl Interrupt {
    /// One that no signal reaches.
    pub(crate) fn quiet() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    /// As if a signal came.
    pub(crate) fn come(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_gives_what_it_finds() {
        let mut looks = 0;
        let found = Interrupt::quiet().wait_for("the third look", Duration::from_secs(60), || {
            looks += 1;
            Ok((looks == 3).then_some("found"))
        });
        assert_eq!(found.expect("it is there at the third look"), "found");
    }

    #[test]
    fn a_wait_ends_with_its_patience_and_names_what_it_waited_for() {
        let result = Interrupt::quiet().wait_for("snow", Duration::ZERO, || Ok(None::<()>));
        assert_eq!(result.unwrap_err().to_string(), "waited 0 s in vain for snow");
    }

    #[test]
    fn a_signal_ends_every_wait() {
        let interrupt = Interrupt::quiet();
        interrupt.come();
        let result = interrupt.wait_for("snow", Duration::from_secs(3600), || Ok(None::<()>));
        assert!(result.unwrap_err().to_string().starts_with("interrupted"));
        assert!(interrupt.check().is_err());
    }
}
