//! Stands between an HTTP/1 connection's bytes and the HTTP library, and lets through only what [`Framing`] releases.
//!
//! A head that is refused, or does not arrive in time, never reaches the library. In its place the library reads
//! a small well-formed request with the method [`STAND_IN`], which the connection's service answers with the
//! [`Refusal`]. So the refusal keeps its turn behind the answers to requests sent before it, and the library itself
//! writes it and closes the connection. A peer that sends that method of its own accord gains nothing: without a
//! refusal it is a method like any other.
//!
//! A connection that ends with unread bytes lingers for a moment and discards them: closing a socket that has
//! unread bytes makes the kernel cut the connection, and the peer would lose the answer it is about to read.

use super::activity::{Activity, HeadBegun};
use super::framing::Framing;
use super::limits::Limits;
use super::refusal::Refusal;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// The method of the request that stands in for one that was refused.
pub(super) const STAND_IN: &str = "PLEX-REFUSED";
const STAND_IN_REQUEST: &[u8] = b"PLEX-REFUSED / HTTP/1.1\r\nHost: -\r\nConnection: close\r\n\r\n";

const READ_BYTES: usize = 8 * 1024;
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

/// An HTTP/1 connection that reads strictly.
#[derive(Debug)]
pub(super) struct Guard<IO> {
    io: IO,
    framing: Framing,
    activity: Arc<Activity>,
    head_patience: Duration,
    head_timer: Option<Pin<Box<Sleep>>>,
    /// Read and not yet handed on.
    held: BytesMut,
    /// How many of `held` may be handed on.
    released: usize,
    closing: Closing,
}

#[derive(Debug)]
enum Closing {
    No,
    Lingering {
        timer: Pin<Box<Sleep>>,
        discarded: usize,
    },
}

impl<IO: AsyncRead + Unpin> Guard<IO> {
    pub(super) fn new(io: IO, limits: &Limits, activity: Arc<Activity>) -> Self {
        Self {
            io,
            framing: Framing::new(limits.head_bytes, limits.headers),
            activity,
            head_patience: limits.head,
            head_timer: None,
            held: BytesMut::new(),
            released: 0,
            closing: Closing::No,
        }
    }

    /// Reads once from the socket. Zero is the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [0; READ_BYTES];
        let mut read = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut read))?;
        self.held.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Hands on what was released.
    fn hand_over(&mut self, out: &mut ReadBuf<'_>) {
        let length = self.released.min(out.remaining());
        out.put_slice(&self.held[..length]);
        self.held.advance(length);
        self.released -= length;
        if self.held.is_empty() {
            // Ten thousand idle connections should not each keep the buffer of their largest request.
            self.held = BytesMut::new();
        }
    }

    /// Ends the requests of this connection: by the stand-in where a head was expected, else by an error, which
    /// whoever reads the body sees.
    fn refuse(&mut self, refusal: Refusal) -> io::Result<()> {
        self.activity.refuse(refusal);
        self.held.clear();
        if !self.framing.in_head() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the request's body is not framed as it should be",
            ));
        }
        self.held.extend_from_slice(STAND_IN_REQUEST);
        self.released = STAND_IN_REQUEST.len();
        Ok(())
    }

    /// Ready once the head that has begun is late.
    fn poll_head_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.held.is_empty() || !self.framing.in_head() {
            return Poll::Pending;
        }
        let (patience, activity) = (self.head_patience, &self.activity);
        let timer = self.head_timer.get_or_insert_with(|| {
            activity.set_head_begun(HeadBegun::Yes);
            Box::pin(tokio::time::sleep(patience))
        });
        timer.as_mut().poll(cx)
    }

    fn has_unread(&self) -> bool {
        self.activity.refusal().is_some() || !self.framing.in_head() || !self.held.is_empty()
    }

    /// Discards what still comes, until the peer closes, or it took too long or was too much.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.held.clear();
            let filled = self.poll_fill(cx);
            let Closing::Lingering { timer, discarded } = &mut self.closing else {
                return Poll::Ready(Ok(()));
            };
            match filled {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(length)) => *discarded += length,
                Poll::Pending => return timer.as_mut().poll(cx).map(Ok),
            }
            if *discarded > LINGER_BYTES {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Guard<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.released > 0 {
                this.hand_over(out);
                return Poll::Ready(Ok(()));
            }
            if this.activity.refusal().is_some() {
                // The stand-in asked for the connection's end; there is nothing more to read.
                return Poll::Pending;
            }
            if let Some(refusal) = this.framing.refusal() {
                this.refuse(refusal)?;
                continue;
            }
            match this.poll_fill(cx)? {
                Poll::Ready(0) => return Poll::Ready(Ok(())),
                Poll::Ready(_) => {
                    this.released = this.framing.release(&this.held);
                    if this.released > 0 && this.head_timer.take().is_some() {
                        this.activity.set_head_begun(HeadBegun::No);
                    }
                }
                Poll::Pending => {
                    ready!(this.poll_head_timer(cx));
                    this.refuse(Refusal::HeadTimeout)?;
                }
            }
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if matches!(this.closing, Closing::No) {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            if !this.has_unread() {
                return Poll::Ready(Ok(()));
            }
            this.closing = Closing::Lingering {
                timer: Box::pin(tokio::time::sleep(LINGER)),
                discarded: 0,
            };
        }
        this.poll_linger(cx)
    }
}
