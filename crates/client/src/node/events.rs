//! The event stream: frames as they come, with a limit to silence and to size.

use super::answer::transport;
use crate::Error;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use sse_stream::SseStream;
use std::time::Duration;

/// After this long without a byte, keep-alives included, the stream counts as dead.
const IDLE: Duration = Duration::from_secs(90);
/// The longest line read, in bytes: a dispatch's parameters and what surrounds them, with room to spare.
const LINE_BYTES: usize = 2 * 1024 * 1024;

/// One frame of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The signed envelope's text; a frame may carry none.
    pub data: Option<String>,
    /// How long the server asks to wait before the next connection.
    pub retry: Option<Duration>,
}

/// An open event stream.
pub struct Events {
    frames: BoxStream<'static, Result<Frame, Error>>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// The frames of an accepted answer.
    pub(super) fn of(response: Response) -> Result<Self, Error> {
        let kind = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(Error::Contract(
                "the event stream is not text/event-stream".to_owned(),
            ));
        }
        Ok(Self::from_chunks(
            response.bytes_stream().map(|chunk| chunk.map_err(transport)),
        ))
    }

    fn from_chunks(chunks: impl Stream<Item = Result<Bytes, Error>> + Send + 'static) -> Self {
        let frames = SseStream::from_bytes_stream(guarded(chunks)).map(|frame| match frame {
            Ok(frame) => Ok(Frame {
                data: frame.data,
                retry: frame.retry.map(Duration::from_millis),
            }),
            Err(sse_stream::Error::Body(error)) => Err(Error::Transport(error.to_string())),
            Err(error) => Err(Error::Contract(format!("the event stream: {error}"))),
        });
        Self {
            frames: frames.boxed(),
        }
    }

    /// The next frame; `None` when the server has ended the stream.
    ///
    /// # Errors
    /// When the stream broke, fell silent or is not an event stream. It is over then.
    pub async fn next(&mut self) -> Option<Result<Frame, Error>> {
        self.frames.next().await
    }
}

/// Ends the stream with an error when it is silent for too long or a line does not end.
fn guarded(
    chunks: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
) -> BoxStream<'static, Result<Bytes, Error>> {
    let start = Some((chunks.boxed(), 0));
    stream::unfold(start, |state| async move {
        let (mut chunks, line) = state?;
        let chunk = match tokio::time::timeout(IDLE, chunks.next()).await {
            Err(_) => Err(Error::Transport("the event stream fell silent".to_owned())),
            Ok(None) => return None,
            Ok(Some(chunk)) => chunk,
        };
        let line = chunk
            .as_ref()
            .map_or(0, |chunk| match chunk.iter().rposition(|byte| *byte == b'\n') {
                Some(end) => chunk.len() - end - 1,
                None => line + chunk.len(),
            });
        match chunk {
            Err(error) => Some((Err(error), None)),
            Ok(_) if line > LINE_BYTES => Some((
                Err(Error::Contract("the event stream has an endless line".to_owned())),
                None,
            )),
            Ok(chunk) => Some((Ok(chunk), Some((chunks, line)))),
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: Vec<&'static [u8]>) -> Events {
        Events::from_chunks(stream::iter(
            chunks.into_iter().map(|chunk| Ok(Bytes::from_static(chunk))),
        ))
    }

    #[tokio::test]
    async fn frames_are_put_together_from_chunks() {
        let mut events = events(vec![
            b":keep-alive\n\nretry: 1500\n\nid: 1\neve",
            b"nt: x\ndata: {\"a\"",
            b":1}\n\n",
        ]);
        let retry = events.next().await.unwrap().unwrap();
        assert_eq!(
            retry,
            Frame {
                data: None,
                retry: Some(Duration::from_millis(1500))
            }
        );
        let frame = events.next().await.unwrap().unwrap();
        assert_eq!(frame.data.as_deref(), Some(r#"{"a":1}"#));
        assert!(events.next().await.is_none());
    }

    #[tokio::test]
    async fn an_endless_line_is_refused() {
        let chunk: &'static [u8] = vec![b'x'; 1024 * 1024].leak();
        let mut events = events(vec![chunk, chunk, chunk]);
        assert!(matches!(events.next().await, Some(Err(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_the_stream() {
        let mut events = Events::from_chunks(stream::pending());
        assert!(matches!(events.next().await, Some(Err(Error::Transport(_)))));
    }
}
