//! The text form of one execution: a block about it, an empty line, a section for each target (`cli.md`).
//!
//! ```text
//! ==> <node_id> <status> bytes=<n> <==     then exactly n bytes
//! ==> <node_id> <status> archived <==      then one line `archived: <bucket>/<key>[ sha256:<digest>]`
//! ==> <node_id> <status> none <==          nothing collected
//! ```
//!
//! The block needs the head and the counts. Where they stand before the targets, sections are printed as they
//! come; else the targets wait in an unlinked file for the end of the body.

use crate::document::Members;
use crate::error::Error;
use crate::execution_stream::{Visit, head_error};
use crate::table::block;
use crate::ui::{Controls, Ui};
use crate::view::{Counts, Head, HeadError, Output, Target};
use plex_domain::text::printable;
use serde_json::value::RawValue;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};

/// Prints an execution as text while it is read.
pub(crate) struct Sections<'u> {
    printer: Printer<'u>,
    waiting: Option<Spool>,
    counts: Counts,
}

struct Printer<'u> {
    ui: &'u mut Ui,
    controls: Controls,
    line_is_open: bool,
    withheld: usize,
}

/// Targets that wait, one JSON text a line.
struct Spool(BufWriter<File>);

impl<'u> Sections<'u> {
    /// Prints to `ui`.
    pub(crate) fn new(ui: &'u mut Ui, controls: Controls) -> Self {
        let printer = Printer {
            ui,
            controls,
            line_is_open: false,
            withheld: 0,
        };
        Self {
            printer,
            waiting: None,
            counts: Counts::default(),
        }
    }
}

impl Visit for Sections<'_> {
    fn begin(&mut self, members: &Members) -> Result<(), Error> {
        match Head::read(members) {
            Ok(Head { counts: None, .. }) | Err(HeadError::Missing(_)) => {
                self.waiting = Some(Spool::new()?);
                Ok(())
            }
            Ok(head) => {
                let counts = head.counts.clone().unwrap_or_default();
                self.printer.head(&head, &counts)
            }
            Err(wrong @ HeadError::Wrong(_)) => Err(head_error(wrong)),
        }
    }

    fn target(&mut self, raw: &RawValue, target: &Target) -> Result<(), Error> {
        // What cannot be shown must not wait either.
        target.output().map_err(Error::Contract)?;
        match &mut self.waiting {
            None => self.printer.section(target),
            Some(spool) => {
                self.counts.add(&target.status);
                spool.push(raw)
            }
        }
    }

    fn end(&mut self, head: &Head, _: &Members) -> Result<(), Error> {
        if let Some(spool) = self.waiting.take() {
            self.printer
                .head(head, head.counts.as_ref().unwrap_or(&self.counts))?;
            spool.drain(|target| self.printer.section(&target))?;
        }
        self.printer.end()
    }
}

impl Printer<'_> {
    fn head(&mut self, head: &Head, counts: &Counts) -> Result<(), Error> {
        self.ui.text(&block(&head.block(counts)))?;
        self.ui.text("\n")
    }

    fn section(&mut self, target: &Target) -> Result<(), Error> {
        match target.output().map_err(Error::Contract)? {
            Output::None => self.header(target, "none"),
            Output::Withheld => {
                self.withheld += 1;
                self.header(target, "none")
            }
            Output::Unknown(kind) => self.header(target, &printable(kind)),
            Output::Archived { bucket, key, sha256 } => {
                self.header(target, "archived")?;
                let digest = sha256
                    .map(|digest| format!(" sha256:{digest}"))
                    .unwrap_or_default();
                self.ui.line(&format!("archived: {bucket}/{key}{digest}"))
            }
            Output::Inline(bytes) => {
                self.header(target, &format!("bytes={}", bytes.len()))?;
                self.line_is_open = bytes.last().is_some_and(|last| *last != b'\n');
                self.ui.output(bytes, self.controls)
            }
        }
    }

    fn header(&mut self, target: &Target, what: &str) -> Result<(), Error> {
        if std::mem::take(&mut self.line_is_open) {
            self.ui.text("\n")?;
        }
        let status = printable(&target.status);
        self.ui
            .text(&format!("==> {} {status} {what} <==\n", target.node_id))
    }

    fn end(&mut self) -> Result<(), Error> {
        if self.withheld > 0 {
            self.ui.warn(&format!(
                "outputs that exist but that you may not read: {}",
                self.withheld
            ));
        }
        Ok(())
    }
}

impl Spool {
    fn new() -> Result<Self, Error> {
        let file =
            tempfile::tempfile().map_err(|cause| Error::local("cannot make a temporary file", cause))?;
        Ok(Self(BufWriter::new(file)))
    }

    fn push(&mut self, raw: &RawValue) -> Result<(), Error> {
        // White space between tokens may hold line breaks; strings cannot.
        let line = raw.get().replace(['\n', '\r'], " ");
        self.0
            .write_all(line.as_bytes())
            .and_then(|()| self.0.write_all(b"\n"))
            .map_err(|cause| Error::local("cannot write the temporary file", cause))
    }

    fn drain(self, mut take: impl FnMut(Target) -> Result<(), Error>) -> Result<(), Error> {
        let failed = |cause| Error::local("cannot read the temporary file", cause);
        let mut file = self.0.into_inner().map_err(|error| failed(error.into_error()))?;
        file.rewind().map_err(failed)?;
        for line in BufReader::new(file).lines() {
            let target = serde_json::from_str(&line.map_err(failed)?);
            take(target.map_err(|cause| Error::Contract(cause.to_string()))?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Sections;
    use crate::error::Error;
    use crate::execution_stream::read;
    use crate::ui::captured::{Stdout, ui};
    use crate::ui::{Controls, Format};
    use plex_api::Base64Bytes;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const ID: &str = "0190a8b8-c2d2-7c2c-8c2c-c2c2c2c2c2c2";
    const NODE: &str = "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3";

    fn target(status: &str, output: Option<Value>) -> Value {
        let mut target = json!({"node_id": NODE, "status": status,
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
        if let Some(output) = output {
            target["output_ref"] = output;
        }
        target
    }

    fn inline(bytes: &[u8]) -> Option<Value> {
        Some(json!({"kind": "inline", "inline_bytes": Base64Bytes(bytes.to_vec())}))
    }

    fn execution(targets: &[Value]) -> Value {
        json!({"id": ID, "project_id": ID, "domain_id": ID, "action": "rotate-keys", "type": "hook",
            "status": "failed", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:05Z",
            "target_counts": {"failed": 1, "succeeded": 2, "pending": 1}, "targets": targets})
    }

    fn printed(body: &str, stdout: Stdout) -> (Vec<u8>, String, Result<(), Error>) {
        let (mut ui, out, err) = ui(Format::Text, stdout);
        let result = read(body.as_bytes(), &mut Sections::new(&mut ui, Controls::Shown));
        ui.finish().expect("flushed");
        (out.bytes(), err.text(), result)
    }

    const BLOCK: &str = "id:      0190a8b8-c2d2-7c2c-8c2c-c2c2c2c2c2c2\n\
        project: 0190a8b8-c2d2-7c2c-8c2c-c2c2c2c2c2c2\n\
        action:  rotate-keys (hook)\n\
        status:  failed\n\
        created: 2026-01-01T00:00:00Z\n\
        updated: 2026-01-01T00:00:05Z\n\
        targets: 3/4 (2 succeeded, 1 failed)\n\n";

    #[test]
    fn the_layout_is_the_contracts_to_the_byte() {
        let body = execution(&[
            target("succeeded", inline(b"\0\xff no newline")),
            target("failed", inline(b"line\n")),
            target("succeeded", inline(b"")),
            target(
                "succeeded",
                Some(json!({"kind": "object_store", "bucket": "b", "key": "k/1", "sha256": "ab"})),
            ),
            target(
                "succeeded",
                Some(json!({"kind": "object_store", "bucket": "b", "key": "k/2"})),
            ),
            target("brand-new", None),
            target("succeeded", inline(b"end")),
        ]);
        let mut expected = BLOCK.as_bytes().to_vec();
        for part in [
            format!("==> {NODE} succeeded bytes=13 <==\n").as_bytes(),
            b"\0\xff no newline\n",
            format!("==> {NODE} failed bytes=5 <==\nline\n").as_bytes(),
            format!("==> {NODE} succeeded bytes=0 <==\n").as_bytes(),
            format!("==> {NODE} succeeded archived <==\narchived: b/k/1 sha256:ab\n").as_bytes(),
            format!("==> {NODE} succeeded archived <==\narchived: b/k/2\n").as_bytes(),
            format!("==> {NODE} brand-new none <==\n").as_bytes(),
            format!("==> {NODE} succeeded bytes=3 <==\nend").as_bytes(),
        ] {
            expected.extend_from_slice(part);
        }
        let (out, err, result) = printed(&body.to_string(), Stdout::Pipe);
        assert!(result.is_ok() && err.is_empty(), "{result:?} {err}");
        assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&expected));
        assert_eq!(out, expected);
    }

    #[test]
    fn members_after_the_targets_change_nothing_that_is_printed() {
        let body = execution(&[target("succeeded", inline(b"a\r\nb")), target("failed", None)]);
        let in_order = printed(&body.to_string(), Stdout::Pipe).0;
        let mut reversed = serde_json::Map::new();
        reversed.insert("targets".to_owned(), body["targets"].clone());
        for (name, value) in body.as_object().expect("an object") {
            reversed.insert(name.clone(), value.clone());
        }
        reversed.sort_keys();
        let targets = reversed.remove("targets").expect("there");
        let head = Value::Object(reversed).to_string();
        let pretty = serde_json::to_string_pretty(&targets).expect("JSON");
        let late = format!("{{\"targets\":{pretty},{}", &head[1..]);
        assert_eq!(printed(&late, Stdout::Pipe).0, in_order);
    }

    #[test]
    fn without_counts_the_targets_are_counted() {
        let mut body = execution(&[target("succeeded", None), target("started", None)]);
        body.as_object_mut().expect("an object").remove("target_counts");
        let out = String::from_utf8(printed(&body.to_string(), Stdout::Pipe).0).expect("UTF-8");
        assert!(out.contains("targets: 1/2 (1 succeeded)\n"), "{out}");
    }

    #[test]
    fn what_was_whole_before_a_cut_is_printed() {
        let body = execution(&[
            target("succeeded", inline(b"first\n")),
            target("failed", inline(b"second\n")),
        ]);
        let text = body.to_string();
        let cut = text.rfind("\"status\":\"failed\"").expect("in the second target");
        let (out, _, result) = printed(&text[..cut], Stdout::Pipe);
        assert!(matches!(result, Err(Error::CutOff(1))), "{result:?}");
        assert_eq!(
            out,
            format!("{BLOCK}==> {NODE} succeeded bytes=6 <==\nfirst\n").into_bytes()
        );
    }

    #[test]
    fn an_output_kept_from_the_caller_is_said_to_be() {
        let body = execution(&[target("succeeded", Some(json!({"kind": "inline"})))]);
        let (out, err, _) = printed(&body.to_string(), Stdout::Pipe);
        assert!(out.ends_with(b" succeeded none <==\n"));
        assert_eq!(err.lines().count(), 1);
    }

    #[test]
    fn words_cannot_forge_a_header() {
        let hostile = format!("ok none <==\n==> {NODE} succeeded");
        let (out, _, _) = printed(&execution(&[target(&hostile, None)]).to_string(), Stdout::Pipe);
        let headers = String::from_utf8(out)
            .expect("UTF-8")
            .lines()
            .filter(|l| l.starts_with("==>"))
            .count();
        assert_eq!(headers, 1);
    }

    proptest! {
        #[test]
        fn every_output_can_be_cut_out_again_by_its_length(
            outputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..6)
        ) {
            let targets: Vec<_> = outputs.iter().map(|bytes| target("succeeded", inline(bytes))).collect();
            let (out, _, result) = printed(&execution(&targets).to_string(), Stdout::Pipe);
            prop_assert!(result.is_ok());
            let mut rest = &out[BLOCK.len()..];
            for bytes in &outputs {
                if rest.first() == Some(&b'\n') {
                    rest = &rest[1..];
                }
                let header = format!("==> {NODE} succeeded bytes={} <==\n", bytes.len());
                prop_assert!(rest.starts_with(header.as_bytes()));
                rest = &rest[header.len()..];
                prop_assert_eq!(&rest[..bytes.len()], bytes.as_slice());
                rest = &rest[bytes.len()..];
            }
            prop_assert!(rest.is_empty());
        }
    }
}
