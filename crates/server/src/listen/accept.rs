//! The accept loop: whom to let in, and how to stop.

use super::Peer;
use super::connection::{self, Shared};
use super::limits::Limits;
use crate::metrics::Gauge;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use rustix::io::Errno;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pause after the process or the machine ran out of what a connection needs.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// Between two lines in the log that say so.
const EXHAUSTED_WARNING: Duration = Duration::from_secs(10);

/// Serves `router` on `listener` until `shutdown`, then lets requests in progress end within the grace of `limits`, and
/// keeps count of open connections.
///
/// Without `tls` it speaks HTTP/1.1 in clear, which is for tests and for the metrics, and for nothing else. It returns when the last
/// connection is closed.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    (router, connections): (Router, Arc<Gauge>),
    shutdown: CancellationToken,
    limits: Limits,
) {
    let admission = Admission::new((limits.connections, limits.connections_per_source), connections);
    let admission = Arc::new(admission);
    let shared = Arc::new(Shared {
        tls: tls.map(TlsAcceptor::from),
        router,
        limits,
        shutdown,
    });
    let connections = TaskTracker::new();
    let mut exhaustion = Exhaustion::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, address)) => {
                let Some(admitted) = Admission::admit(&admission, address.ip()) else {
                    tracing::debug!(peer.address = %address, "too many connections; one was turned away");
                    continue;
                };
                prepare(&stream);
                let served = connection::serve(stream, Peer(address), Arc::clone(&shared));
                connections.spawn(async move {
                    served.await;
                    drop(admitted);
                });
            }
            Err(error) => exhaustion.pause_after(&error, &shared.shutdown).await,
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

fn prepare(stream: &TcpStream) {
    // Answers are small and complete; waiting to fill a segment would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not set TCP_NODELAY");
    }
}

/// What to do when accepting fails.
#[derive(Debug, Default)]
struct Exhaustion {
    warned: Option<Instant>,
}

impl Exhaustion {
    /// Waits where another attempt would fail at once in the same way.
    async fn pause_after(&mut self, error: &io::Error, shutdown: &CancellationToken) {
        if !is_exhaustion(error) {
            tracing::debug!(%error, "a connection ended before it was accepted");
            return;
        }
        if self
            .warned
            .is_none_or(|warned| warned.elapsed() > EXHAUSTED_WARNING)
        {
            tracing::warn!(%error, "cannot accept connections for now");
            self.warned = Some(Instant::now());
        }
        tokio::select! {
            () = tokio::time::sleep(EXHAUSTED_PAUSE) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

fn is_exhaustion(error: &io::Error) -> bool {
    let aborted = [
        Errno::CONNABORTED,
        Errno::CONNRESET,
        Errno::INTR,
        Errno::PERM,
        Errno::PROTO,
    ];
    !Errno::from_io_error(error).is_some_and(|errno| aborted.contains(&errno))
}

/// Counts open connections.
#[derive(Debug)]
struct Admission {
    total: usize,
    per_source: usize,
    open: Mutex<Open>,
    gauge: Arc<Gauge>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    sources: HashMap<IpAddr, usize>,
}

/// One admitted connection; dropping it makes room.
#[derive(Debug)]
struct Admitted {
    admission: Arc<Admission>,
    source: IpAddr,
}

impl Admission {
    fn new((total, per_source): (usize, usize), gauge: Arc<Gauge>) -> Self {
        Self {
            total,
            per_source,
            open: Mutex::default(),
            gauge,
        }
    }

    fn admit(admission: &Arc<Self>, address: IpAddr) -> Option<Admitted> {
        let source = source(address);
        let mut open = admission.open();
        if open.total >= admission.total {
            return None;
        }
        let of_source = open.sources.entry(source).or_insert(0);
        if *of_source >= admission.per_source {
            return None;
        }
        *of_source += 1;
        open.total += 1;
        admission.gauge.set(open.total);
        drop(open);
        Some(Admitted {
            admission: Arc::clone(admission),
            source,
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // The counts are whole between any two statements that could panic.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.total -= 1;
        self.admission.gauge.set(open.total);
        let Some(of_source) = open.sources.get_mut(&self.source) else {
            return;
        };
        *of_source -= 1;
        if *of_source == 0 {
            open.sources.remove(&self.source);
        }
    }
}

/// What counts as one source: an IPv4 address, or the /64 that one IPv6 host can fill by itself.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("a literal address")
    }

    #[test]
    fn connections_are_bounded_per_source_and_in_all_and_make_room_again() {
        let gauge = Arc::<Gauge>::default();
        let admission = Arc::new(Admission::new((3, 2), gauge.clone()));
        let first = Admission::admit(&admission, address("192.0.2.1"));
        let second = Admission::admit(&admission, address("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(
            Admission::admit(&admission, address("192.0.2.1")).is_none(),
            "third of one source"
        );
        let other = Admission::admit(&admission, address("2001:db8::1"));
        assert!(other.is_some());
        assert!(
            Admission::admit(&admission, address("192.0.2.9")).is_none(),
            "fourth in all"
        );
        drop(first);
        assert!(Admission::admit(&admission, address("192.0.2.1")).is_some());
        assert_eq!(gauge.get(), 2);
        drop((second, other));
        assert!(
            admission.open().sources.is_empty(),
            "sources without connections are forgotten"
        );
        assert_eq!(admission.open().total, 0);
    }

    #[test]
    fn a_slash_64_is_one_source() {
        assert_eq!(
            source(address("2001:db8::1")),
            source(address("2001:db8::ffff:1"))
        );
        assert_ne!(source(address("2001:db8::1")), source(address("2001:db8:0:1::1")));
    }

    #[test]
    fn running_out_of_descriptors_pauses_and_an_aborted_connection_does_not() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            assert!(is_exhaustion(&io::Error::from(errno)));
        }
        assert!(!is_exhaustion(&io::Error::from(Errno::CONNABORTED)));
    }
}
