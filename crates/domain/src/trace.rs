//! Whose step of which trace: what W3C's `traceparent` header carries.
//!
//! An execution *is* a trace: its id is the trace's id, and the last half of it the id of the root span. So the control
//! plane and every node name the same trace and the same parents without a word between them, and nobody needs to
//! look up a trace for an execution.

use crate::env::Rng;
use uuid::Uuid;

/// A span, by the trace that it belongs to and its own id. Neither is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanContext {
    /// The trace.
    pub trace_id: u128,
    /// The span.
    pub span_id: u64,
    /// Whether the trace is recorded.
    pub is_sampled: bool,
}

impl SpanContext {
    /// The first span of a new trace.
    pub fn random(rng: &dyn Rng) -> Self {
        let mut trace = [0; 16];
        rng.fill(&mut trace);
        Self {
            trace_id: u128::from_be_bytes(trace).max(1),
            span_id: random_id(rng),
            is_sampled: true,
        }
    }

    /// The root span of an execution.
    pub fn of_execution(id: Uuid) -> Self {
        let (_, last) = id.as_u64_pair();
        Self {
            trace_id: id.as_u128(),
            span_id: last,
            is_sampled: true,
        }
    }

    /// The span of one node's part in an execution.
    pub fn of_invocation(execution_id: Uuid, node_id: Uuid) -> Self {
        let root = Self::of_execution(execution_id);
        let (_, last) = node_id.as_u64_pair();
        // No UUID's last half is zero, so this is never the root's.
        Self {
            span_id: (root.span_id ^ last).max(1),
            ..root
        }
    }

    /// Below what a step of an execution stands: the span that asked for it where that is of the execution's trace,
    /// else the root.
    pub fn parent_in(execution_id: Uuid, caller: Option<Self>) -> Self {
        let root = Self::of_execution(execution_id);
        caller
            .filter(|caller| caller.trace_id == root.trace_id)
            .unwrap_or(root)
    }

    /// A new span of the same trace.
    pub fn child(self, rng: &dyn Rng) -> Self {
        Self {
            span_id: random_id(rng),
            ..self
        }
    }

    /// Reads a `traceparent`; `None` for what is none.
    pub fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let version = hex(parts.next()?, 2)?;
        let trace_id = hex(parts.next()?, 32)?;
        let span_id = u64::try_from(hex(parts.next()?, 16)?).ok()?;
        let flags = hex(parts.next()?, 2)?;
        // Later versions may say more; this one may not.
        let is_whole = match version {
            0 => parts.next().is_none(),
            other => other != 0xff,
        };
        (is_whole && trace_id != 0 && span_id != 0).then_some(Self {
            trace_id,
            span_id,
            is_sampled: flags & 1 == 1,
        })
    }

    /// The value of the header `traceparent` for requests that this span makes.
    pub fn traceparent(self) -> String {
        let (trace_id, span_id, flags) = (self.trace_id, self.span_id, u8::from(self.is_sampled));
        format!("00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

fn random_id(rng: &dyn Rng) -> u64 {
    let mut id = [0; 8];
    rng.fill(&mut id);
    u64::from_be_bytes(id).max(1)
}

/// A number in exactly so many lowercase hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex && text.len() == digits)
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::tests::CountingRng;
    use proptest::prelude::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_standard_is_read_and_written() {
        let read = SpanContext::parse(EXAMPLE).unwrap();
        assert_eq!(read.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(read.span_id, 0x00f0_67aa_0ba9_02b7);
        assert!(read.is_sampled);
        assert_eq!(read.traceparent(), EXAMPLE);
        let unsampled = EXAMPLE.replace("-01", "-00");
        let read_unsampled = SpanContext::parse(&unsampled).unwrap();
        assert!(!read_unsampled.is_sampled && read_unsampled.traceparent() == unsampled);
        assert_eq!(
            SpanContext::parse(&format!("01{}-more", &EXAMPLE[2..])),
            Some(read)
        );
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        let upper = EXAMPLE.to_uppercase();
        let more = format!("{EXAMPLE}-more");
        for text in [
            "",
            "00",
            upper.as_str(),
            &more,
            &EXAMPLE[1..],
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert_eq!(SpanContext::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_execution_is_its_own_trace() {
        let rng = CountingRng::default();
        let ids =
            [1, 2].map(|second| crate::env::uuid_v7(jiff::Timestamp::from_second(second).unwrap(), &rng));
        let root = SpanContext::of_execution(ids[0]);
        assert_eq!(Uuid::from_u128(root.trace_id), ids[0]);
        let parts = ids.map(|node| SpanContext::of_invocation(ids[0], node));
        assert!(parts.iter().all(|part| part.trace_id == root.trace_id));
        assert!(parts[0] != parts[1] && !parts.contains(&root));
        let child = root.child(&rng);
        assert!(child.trace_id == root.trace_id && child.span_id != root.span_id);
        assert_eq!(SpanContext::parent_in(ids[0], Some(child)), child);
        for caller in [None, Some(SpanContext::of_execution(ids[1]))] {
            assert_eq!(SpanContext::parent_in(ids[0], caller), root);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace_id in 1_u128.., span_id in 1_u64.., is_sampled: bool) {
            let context = SpanContext { trace_id, span_id, is_sampled };
            prop_assert_eq!(SpanContext::parse(&context.traceparent()), Some(context));
        }

        #[test]
        fn anything_is_read_without_a_fault(text in ".{0,80}") {
            let _ = SpanContext::parse(&text);
        }
    }
}
