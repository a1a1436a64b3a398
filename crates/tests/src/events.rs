//! A node's event stream, frame by frame.

use http::{HeaderMap, Response};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use ureq::{Body, BodyReader};

/// An open event stream. Reading blocks.
pub struct Events {
    /// The answer's headers.
    pub headers: HeaderMap,
    lines: BufReader<BodyReader<'static>>,
}

/// One event of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// `id:`
    pub id: String,
    /// `event:`
    pub event: String,
    /// `data:`
    pub data: String,
}

impl Events {
    pub(crate) fn new(answer: Response<Body>) -> Self {
        let (parts, body) = answer.into_parts();
        Self {
            headers: parts.headers,
            lines: BufReader::new(body.into_reader()),
        }
    }

    /// The next line without its end; `None` when the stream is over, cleanly or not.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        }
    }

    /// The next event; comments are passed over.
    pub fn frame(&mut self) -> Option<Frame> {
        let mut frame = Frame {
            id: String::new(),
            event: String::new(),
            data: String::new(),
        };
        loop {
            let line = self.line()?;
            match line.split_once(':') {
                None if line.is_empty() && !frame.data.is_empty() => return Some(frame),
                Some(("id", value)) => frame.id = value.trim_start().to_owned(),
                Some(("event", value)) => frame.event = value.trim_start().to_owned(),
                Some(("data", value)) => frame.data = value.trim_start().to_owned(),
                Some(_) | None => {}
            }
        }
    }

    /// The payload of the next action request.
    pub fn action_request(&mut self) -> Option<Value> {
        loop {
            let frame = self.frame()?;
            let envelope: Value = serde_json::from_str(&frame.data).expect("an envelope is JSON");
            if envelope["type"] == "action_request" {
                return Some(envelope["payload"].clone());
            }
        }
    }
}
