//! An execution on each line, as the API gives it but without outputs.

use super::Writer;
use crate::document::{Members, own, with_controls_spelled_out};
use crate::error::Error;
use crate::execution_stream::Visit;
use crate::view::{Head, Target};
use serde_json::value::RawValue;

/// Writes lines.
#[derive(Default)]
pub(super) struct Lines {
    line: String,
    /// Members of the execution that are written.
    members: usize,
    targets: usize,
    /// Whether something stands before the next member.
    has_begun: bool,
}

impl Lines {
    fn push_members(&mut self, members: &Members) {
        for (name, value) in &members.0[self.members..] {
            if self.has_begun {
                self.line.push(',');
            }
            self.has_begun = true;
            self.push(own(name).get());
            self.line.push(':');
            self.push(value.get());
        }
        self.members = members.0.len();
    }

    /// JSON on one line, of which no character steers a terminal: a line end can stand only between its tokens.
    fn push(&mut self, json: &str) {
        let line = json.replace(['\n', '\r'], " ");
        self.line.push_str(&with_controls_spelled_out(&line));
    }
}

impl Visit for Lines {
    fn begin(&mut self, members: &Members) -> Result<(), Error> {
        (self.members, self.targets, self.has_begun) = (0, 0, false);
        self.line.push('{');
        self.push_members(members);
        self.line.push_str(if self.has_begun {
            ",\"targets\":["
        } else {
            "\"targets\":["
        });
        self.has_begun = true;
        Ok(())
    }

    fn target(&mut self, raw: &RawValue, _: &Target) -> Result<(), Error> {
        if self.targets > 0 {
            self.line.push(',');
        }
        self.targets += 1;
        let mut members: Members =
            serde_json::from_str(raw.get()).map_err(|cause| Error::Contract(cause.to_string()))?;
        members.0.retain(|(name, _)| name != "output_ref");
        self.push(own(&members).get());
        Ok(())
    }

    fn end(&mut self, _: &Head, members: &Members) -> Result<(), Error> {
        self.line.push(']');
        self.push_members(members);
        self.line.push_str("}\n");
        Ok(())
    }
}

impl Writer for Lines {
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.line).into_bytes()
    }

    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
