//! Reads one execution, however many targets it has, in the memory of one target.
//!
//! The body is an object whose member `targets` may be hundreds of megabytes long. [`read()`] walks over it
//! once and hands each target to a [`Visit`]. Nothing depends on the order of members: what stood before
//! `targets` is given at its start, and all of it again at the end. Everything is validated on the way: a body
//! that breaks off is [`Error::CutOff`], one that is not the contract's is [`Error::Contract`].

use crate::document::Members;
use crate::error::Error;
use crate::view::{Head, HeadError, Target};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, de};
use serde_json::value::RawValue;
use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

/// The most that a body may hold between two targets: a target, or all other members. Far more than the
/// contract allows, far less than would hurt.
const PIECE_BYTES: usize = 8 * 1024 * 1024;

/// What is done with the parts of an execution.
pub(crate) trait Visit {
    /// The members that stand before `targets`; there may be more after them.
    fn begin(&mut self, members: &Members) -> Result<(), Error>;

    /// A target, as it came and as it was read.
    fn target(&mut self, raw: &RawValue, target: &Target) -> Result<(), Error>;

    /// The whole body was valid.
    fn end(&mut self, head: &Head, members: &Members) -> Result<(), Error>;
}

/// Reads a body to its end.
///
/// # Errors
/// [`Error::CutOff`], [`Error::Contract`], and whatever `visit` gives.
pub(crate) fn read(body: impl Read, visit: &mut dyn Visit) -> Result<(), Error> {
    let since_target = Rc::new(Cell::new(0));
    let bounded = Bounded {
        inner: body,
        read: Rc::clone(&since_target),
    };
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(64 * 1024, bounded));
    let mut walk = Walk {
        visit,
        members: Members(Vec::new()),
        targets: None,
        since_target,
        failure: None,
    };
    let parsed = json.deserialize_map(&mut walk).and_then(|()| json.end());
    if let Err(cause) = parsed {
        return Err(walk.judge(&cause));
    }
    if walk.targets.is_none() {
        return Err(Error::Contract("missing field `targets`".to_owned()));
    }
    let head = Head::read(&walk.members).map_err(head_error)?;
    walk.visit.end(&head, &walk.members)
}

pub(crate) fn head_error(error: HeadError) -> Error {
    Error::Contract(match error {
        HeadError::Missing(name) => format!("missing field `{name}`"),
        HeadError::Wrong(detail) => detail,
    })
}

struct Walk<'v> {
    visit: &'v mut dyn Visit,
    members: Members,
    targets: Option<usize>,
    since_target: Rc<Cell<usize>>,
    /// What a visit gave; it travels past serde here, which can carry only text.
    failure: Option<Error>,
}

impl Walk<'_> {
    fn judge(self, cause: &serde_json::Error) -> Error {
        if let Some(failure) = self.failure {
            return failure;
        }
        if self.since_target.get() > PIECE_BYTES {
            return Error::Contract(format!("a part of it is larger than {} MiB", PIECE_BYTES >> 20));
        }
        match cause.classify() {
            serde_json::error::Category::Io | serde_json::error::Category::Eof => {
                Error::CutOff(self.targets.unwrap_or(0))
            }
            serde_json::error::Category::Syntax | serde_json::error::Category::Data => {
                Error::Contract(cause.to_string())
            }
        }
    }

    fn hand_over<E: de::Error>(&mut self, raw: &RawValue) -> Result<(), E> {
        let target: Target = serde_json::from_str(raw.get())
            .map_err(|cause| E::custom(format!("target {}: {cause}", self.targets.unwrap_or(0) + 1)))?;
        self.visit
            .target(raw, &target)
            .map_err(|failure| self.stop(failure))?;
        self.targets = self.targets.map(|count| count + 1);
        self.since_target.set(0);
        Ok(())
    }

    fn stop<E: de::Error>(&mut self, failure: Error) -> E {
        let text = failure.to_string();
        self.failure = Some(failure);
        E::custom(text)
    }
}

impl<'de> Visitor<'de> for &mut Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an execution")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name != "targets" {
                let value = map.next_value()?;
                if self.members.0.iter().any(|(known, _)| *known == name) {
                    return Err(A::Error::custom(format!("duplicate field `{name}`")));
                }
                self.members.0.push((name, value));
                continue;
            }
            if self.targets.replace(0).is_some() {
                return Err(A::Error::custom("duplicate field `targets`"));
            }
            self.visit
                .begin(&self.members)
                .map_err(|failure| self.stop(failure))?;
            map.next_value_seed(Targets(self))?;
        }
        Ok(())
    }
}

struct Targets<'w, 'v>(&'w mut Walk<'v>);

impl<'de> DeserializeSeed<'de> for Targets<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Targets<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of targets")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(raw) = seq.next_element::<Box<RawValue>>()? {
            self.0.hand_over(&raw)?;
        }
        Ok(())
    }
}

/// Counts what was read, and stops when it is too much.
struct Bounded<R> {
    inner: R,
    read: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read.get() > PIECE_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let count = self.inner.read(buffer)?;
        self.read.set(self.read.get() + count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::{PIECE_BYTES, Visit, read};
    use crate::document::Members;
    use crate::error::Error;
    use crate::view::{Head, Target};
    use proptest::prelude::*;
    use serde_json::value::RawValue;
    use std::io::Read;

    const ID: &str = "0190a8b8-c2d2-7c2c-8c2c-c2c2c2c2c2c2";

    #[derive(Default)]
    struct Log {
        before: usize,
        targets: Vec<String>,
        ended: bool,
        fail_at: Option<usize>,
    }

    impl Visit for Log {
        fn begin(&mut self, members: &Members) -> Result<(), Error> {
            self.before = members.0.len();
            Ok(())
        }

        fn target(&mut self, _: &RawValue, target: &Target) -> Result<(), Error> {
            if self.fail_at == Some(self.targets.len()) {
                return Err(Error::ReaderGone);
            }
            self.targets.push(target.status.clone());
            Ok(())
        }

        fn end(&mut self, _: &Head, _: &Members) -> Result<(), Error> {
            self.ended = true;
            Ok(())
        }
    }

    fn head() -> String {
        format!(
            r#""id":"{ID}","project_id":"{ID}","domain_id":"{ID}","action":"a","type":"builtin","status":"ack",
            "created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","new":{{"x":[1,{{}}]}}"#
        )
    }

    fn target(status: &str) -> String {
        format!(
            r#"{{"node_id":"{ID}","status":"{status}","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}}"#
        )
    }

    fn run(body: &[u8]) -> (Log, Result<(), Error>) {
        let mut log = Log::default();
        let result = read(body, &mut log);
        (log, result)
    }

    #[test]
    fn the_order_of_members_does_not_matter() {
        let targets = format!(r#""targets":[{},{}]"#, target("one"), target("two"));
        for (body, before) in [
            (format!("{{{},{targets}}}", head()), 9),
            (format!("{{{targets},{}}}", head()), 0),
        ] {
            let (log, result) = run(body.as_bytes());
            assert!(result.is_ok(), "{result:?}");
            assert_eq!((log.before, log.ended), (before, true));
            assert_eq!(log.targets, ["one", "two"]);
        }
    }

    #[test]
    fn a_cut_anywhere_is_told_with_the_number_of_whole_targets() {
        let body = format!("{{{},\"targets\":[{},{}]}}", head(), target("one"), target("two"));
        for cut in 0..body.len() {
            let (log, result) = run(&body.as_bytes()[..cut]);
            let Err(Error::CutOff(told)) = result else {
                panic!("{cut}: {result:?}")
            };
            assert_eq!(told, log.targets.len(), "{cut}");
            assert!(!log.ended);
        }
        assert!(run(body.as_bytes()).1.is_ok());
    }

    #[test]
    fn a_read_error_after_the_last_brace_is_a_cut_too() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::UnexpectedEof.into())
            }
        }
        let body = format!("{{{},\"targets\":[{}]}}", head(), target("one"));
        let result = read(body.as_bytes().chain(Broken), &mut Log::default());
        assert!(matches!(result, Err(Error::CutOff(1))), "{result:?}");
    }

    #[test]
    fn what_the_contract_does_not_say_is_refused() {
        let one = target("one");
        for body in [
            "<html>".to_owned(),
            "[]".to_owned(),
            "null".to_owned(),
            format!("{{{}}}", head()),
            format!("{{{},\"targets\":null}}", head()),
            format!("{{{},\"targets\":{{}}}}", head()),
            format!("{{{},\"targets\":[1]}}", head()),
            format!("{{{},\"targets\":[{{}}]}}", head()),
            format!("{{{},\"targets\":[{one}]}} x", head()),
            format!("{{{},\"targets\":[],\"targets\":[]}}", head()),
            format!("{{{},{},\"targets\":[]}}", head(), head()),
            format!("{{{},\"targets\":[{}]}}", head(), one.replace(ID, "x")),
            format!("{{{},\"targets\":[]}}", head().replace("\"ack\"", "7")),
            format!("{{{},\"targets\":[]}}", head().replace("\"action\"", "\"act\"")),
        ] {
            let (log, result) = run(body.as_bytes());
            assert!(matches!(result, Err(Error::Contract(_))), "{body}: {result:?}");
            assert!(!log.ended);
        }
    }

    #[test]
    fn a_visit_can_stop_the_walk_with_its_own_error() {
        let body = format!("{{{},\"targets\":[{},{}]}}", head(), target("one"), target("two"));
        let mut log = Log {
            fail_at: Some(1),
            ..Log::default()
        };
        assert!(matches!(read(body.as_bytes(), &mut log), Err(Error::ReaderGone)));
    }

    #[test]
    fn an_endless_member_is_refused_in_bounded_memory() {
        let body = b"{\"parameters\":\""
            .chain(std::io::repeat(b'a'))
            .take(4 * PIECE_BYTES as u64);
        let result = read(body, &mut Log::default());
        assert!(matches!(result, Err(Error::Contract(_))), "{result:?}");
    }

    #[test]
    fn many_targets_are_no_large_piece() {
        let count = 2 * PIECE_BYTES / target("one").len();
        let targets = vec![target("one"); count].join(",");
        let (log, result) = run(format!("{{{},\"targets\":[{targets}]}}", head()).as_bytes());
        assert!(result.is_ok(), "{result:?}");
        assert_eq!(log.targets.len(), count);
    }

    proptest! {
        #[test]
        fn a_damaged_body_is_refused_or_still_json(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let body = format!("{{{},\"targets\":[{},{}]}}", head(), target("one"), target("two"));
            let mut damaged = body.into_bytes();
            let at = at.index(damaged.len());
            damaged[at] = byte;
            let (log, result) = run(&damaged);
            prop_assert_eq!(log.ended, result.is_ok());
            if result.is_ok() {
                let value: serde_json::Value = serde_json::from_slice(&damaged).expect("JSON");
                prop_assert_eq!(value["targets"].as_array().map(Vec::len), Some(log.targets.len()));
            }
        }
    }
}
