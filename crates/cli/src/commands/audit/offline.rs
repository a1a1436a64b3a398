//! `plexctl audit verify --offline`: an exported segment, without a server, a credential or a profile.
//!
//! One line is in memory at a time. What a file cannot tell by itself is said: on what its first entry hangs, and
//! whether the chain goes on after its last.

use super::LINE_BYTES;
use crate::context::Context;
use crate::error::Error;
use crate::table::block;
use plex_api::audit::{AuditEntryProof, AuditFinding};
use plex_domain::audit::{Divergence, Walk, hash_text, shows, stored};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use uuid::Uuid;

/// What is known of the segment beforehand.
pub(super) struct Wanted {
    /// Its first entry.
    pub(super) from: Option<u64>,
    /// Its last entry.
    pub(super) to: Option<u64>,
    /// Its last entry's hash.
    pub(super) last_hash: Option<String>,
}

/// What a file came to.
struct Verdict {
    segment: Segment,
    fault: Option<Fault>,
}

/// What was walked over.
struct Segment {
    chain: Option<Uuid>,
    first: u64,
    walk: Walk,
}

/// The first line that is not what it was.
struct Fault {
    line: u64,
    what: String,
    divergence: Option<Divergence>,
}

/// Verifies the file and prints what it found.
pub(super) fn run(file: &Path, wanted: &Wanted, ctx: &mut Context) -> Result<(), Error> {
    let verdict = if file.as_os_str() == "-" {
        walk(io::stdin().lock(), wanted)?
    } else {
        let opened = File::open(file)
            .map_err(|cause| Error::usage(format!("cannot read {}: {cause}", file.display())))?;
        walk(BufReader::with_capacity(256 * 1024, opened), wanted)?
    };
    ctx.report(&verdict.document(), |ui| ui.text(&block(&verdict.lines())))?;
    match verdict.fault {
        None => Ok(()),
        Some(fault) => Err(Error::Unmet {
            detail: format!("the export diverges at line {}: {}", fault.line, fault.what),
            hint: None,
        }),
    }
}

fn walk(mut file: impl BufRead, wanted: &Wanted) -> Result<Verdict, Error> {
    let mut segment: Option<Segment> = None;
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let mut limited = file.by_ref().take(LINE_BYTES + 1);
        let read = limited.read_until(b'\n', &mut text);
        if read.map_err(|cause| Error::local("cannot read the export", cause))? == 0 {
            break;
        }
        let fault = match read_line(&text) {
            None => Some(Fault::at(line, "it is no exported audit entry")),
            Some(entry) => {
                let segment = segment.get_or_insert_with(|| Segment::starting(&entry, wanted));
                segment
                    .step(&entry)
                    .err()
                    .map(|divergence| segment.fault(divergence))
            }
        };
        if let Some(fault) = fault {
            let segment = segment.unwrap_or_else(|| Segment::nothing(wanted));
            return Ok(Verdict {
                segment,
                fault: Some(fault),
            });
        }
    }
    let segment = segment.ok_or_else(|| Error::Unmet {
        detail: "there is no entry in the export".to_owned(),
        hint: None,
    })?;
    let fault = segment.end(wanted);
    Ok(Verdict { segment, fault })
}

fn read_line(text: &[u8]) -> Option<AuditEntryProof> {
    // The parser takes an array of the members for the object as well.
    let is_object = text.trim_ascii_start().first() == Some(&b'{');
    (is_object && text.len() as u64 <= LINE_BYTES)
        .then(|| serde_json::from_slice(text).ok())
        .flatten()
}

impl Segment {
    fn starting(entry: &AuditEntryProof, wanted: &Wanted) -> Self {
        let chain = (!entry.entry.domain_id.is_nil()).then_some(entry.entry.domain_id);
        let first = wanted.from.unwrap_or(entry.entry.seq);
        Self {
            chain,
            first,
            walk: Walk::starting(chain, first, None),
        }
    }

    fn nothing(wanted: &Wanted) -> Self {
        let first = wanted.from.unwrap_or(1);
        Self {
            chain: None,
            first,
            walk: Walk::starting(None, first, None),
        }
    }

    fn step(&mut self, entry: &AuditEntryProof) -> Result<(), Divergence> {
        self.walk.step(&stored(entry), |told| shows(entry, told))
    }

    fn last(&self) -> u64 {
        self.walk.next() - 1
    }

    /// Lines follow one another as their entries do.
    fn fault(&self, divergence: Divergence) -> Fault {
        Fault {
            line: divergence.seq.saturating_sub(self.first) + 1,
            what: format!("entry {} {}", divergence.seq, divergence.finding.as_text()),
            divergence: Some(divergence),
        }
    }

    /// Whether the segment ends as it must.
    fn end(&self, wanted: &Wanted) -> Option<Fault> {
        let line = self.last() - self.first + 1;
        let last = wanted.to.unwrap_or(self.last());
        if self.last() < last {
            return Some(self.fault(Divergence {
                seq: self.walk.next(),
                finding: AuditFinding::Missing,
                expected: None,
                observed: None,
            }));
        }
        if self.last() > last {
            return Some(Fault::at(line, "the export goes on after --to-seq"));
        }
        let hash = self.walk.hash().map(|hash| hash_text(&hash));
        match &wanted.last_hash {
            Some(wanted) if Some(wanted) != hash.as_ref() => Some(Fault::at(
                line,
                "the last entry has another hash than --last-hash",
            )),
            Some(_) | None => None,
        }
    }
}

impl Fault {
    fn at(line: u64, what: &str) -> Self {
        Self {
            line,
            what: what.to_owned(),
            divergence: None,
        }
    }
}

impl Verdict {
    fn document(&self) -> Value {
        let segment = &self.segment;
        let hash = |hash: Option<[u8; 32]>| hash.map(|hash| hash_text(&hash));
        let divergence = self.fault.as_ref().and_then(|fault| fault.divergence);
        let mut document = json!({
            "ok": self.fault.is_none(),
            "domain_id": segment.chain.unwrap_or(Uuid::nil()),
            "segment_from": segment.first,
            "segment_to": segment.last(),
            "segment_hash": hash(segment.walk.hash()).filter(|_| self.fault.is_none()),
            "divergent_line": self.fault.as_ref().map(|fault| fault.line),
            "divergent_seq": divergence.map(|divergence| divergence.seq),
            "finding": divergence.map(|divergence| divergence.finding),
            "expected_hash": divergence.and_then(|divergence| hash(divergence.expected)),
            "observed_hash": divergence.and_then(|divergence| hash(divergence.observed)),
        });
        if let Some(members) = document.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        document
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let segment = &self.segment;
        let mut lines = vec![
            ("ok", self.fault.is_none().to_string()),
            ("domain_id", segment.chain.unwrap_or(Uuid::nil()).to_string()),
            ("entries", format!("{} to {}", segment.first, segment.last())),
        ];
        if segment.first > 1 {
            let given = format!("what entry {} hangs on is taken as given", segment.first);
            lines.push(("note", given));
        }
        match (&self.fault, segment.walk.hash()) {
            (Some(fault), _) => lines.push(("divergent_line", fault.line.to_string())),
            (None, Some(hash)) => lines.push(("last_hash", hash_text(&hash))),
            (None, None) => {}
        }
        lines
    }
}

#[cfg(test)]
mod tests;
