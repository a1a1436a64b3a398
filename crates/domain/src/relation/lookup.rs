//! Look-ups: all objects on which a subject has a permission, and all subjects that have one on an object.
//!
//! Tuples alone say who could possibly be meant, schema aside; each of those is then checked.

use super::check::{Answer, Conditions, LimitReached, Truth, check, check_counting};
use super::graph::{Graph, Object};
use super::schema::{Kind, Name, Schema};
use foldhash::fast::RandomState;
use std::collections::HashSet;

/// Most objects that a look-up follows tuples through.
pub const MAX_REACHED: usize = 1_000_000;
/// Most relations and permissions that all checks of one look-up compute together.
pub const MAX_LOOKUP_STEPS: u64 = 20_000_000;

/// The objects of a kind on which `subject` has `name`, in the order of their ids, which is that of their making.
///
/// # Errors
/// When a bound is reached: a look-up is whole or none.
pub fn resources(
    (schema, graph): (&Schema, &Graph),
    subject: Object,
    (name, kind): (Name, Kind),
    conditions: &dyn Conditions,
) -> Result<Vec<Object>, LimitReached> {
    let upwards = |object: Object, reached: &mut Vec<Object>| {
        reached.extend(graph.standing(object).iter().map(|(next, _)| *next));
    };
    let candidates = reach(subject, kind, upwards)?;
    keep(candidates, |object, steps| {
        check_counting((schema, graph), subject, (name, object), conditions, steps)
    })
}

/// The subjects of a kind that have `name` on `object`, in the order of their ids.
///
/// # Errors
/// When a bound is reached: a look-up is whole or none.
pub fn subjects(
    (schema, graph): (&Schema, &Graph),
    (name, object): (Name, Object),
    kind: Kind,
    conditions: &dyn Conditions,
) -> Result<Vec<Object>, LimitReached> {
    let downwards = |object: Object, reached: &mut Vec<Object>| {
        for (relation, _) in schema.members(object.kind) {
            let edges = graph.edges(object, relation).into_iter();
            reached.extend(edges.flat_map(|edges| edges.subjects().map(|(subject, _)| subject)));
        }
    };
    let candidates = reach(object, kind, downwards)?;
    keep(candidates, |subject, steps| {
        check_counting((schema, graph), subject, (name, object), conditions, steps)
    })
}

/// All that a subject holds, itself or through groups: each tuple's object and relation, those of groups too.
///
/// # Errors
/// When a bound is reached.
pub fn bindings(
    (schema, graph): (&Schema, &Graph),
    subject: Object,
    conditions: &dyn Conditions,
) -> Result<Vec<(Object, Name)>, LimitReached> {
    let mut waiting: Vec<_> = graph
        .standing(subject)
        .iter()
        .copied()
        .filter(|(object, relation)| {
            let edges = graph.edges(*object, *relation);
            edges.is_some_and(|edges| edges.of(&subject).is_some())
        })
        .collect();
    let (mut seen, mut held) = (HashSet::with_hasher(RandomState::default()), Vec::new());
    while let Some((object, relation)) = waiting.pop() {
        if !seen.insert((object, relation)) {
            continue;
        }
        if seen.len() > MAX_REACHED {
            return Err(LimitReached);
        }
        // What follows from a relation that is not held, on its condition for one, is not held by this way.
        let found = check((schema, graph), subject, (relation, object), conditions)?;
        if found.truth == Truth::True {
            held.push((object, relation));
            waiting.extend_from_slice(graph.standing_of_set(object, relation));
        }
    }
    held.sort_unstable();
    Ok(held)
}

/// The objects of a kind that are reached from one.
fn reach(
    from: Object,
    kind: Kind,
    next: impl Fn(Object, &mut Vec<Object>),
) -> Result<Vec<Object>, LimitReached> {
    let mut seen: HashSet<Object, RandomState> = HashSet::default();
    let (mut waiting, mut found) = (vec![from], Vec::new());
    while let Some(object) = waiting.pop() {
        if !seen.insert(object) {
            continue;
        }
        if seen.len() > MAX_REACHED {
            return Err(LimitReached);
        }
        if object.kind == kind {
            found.push(object);
        }
        next(object, &mut waiting);
    }
    found.sort_unstable();
    Ok(found)
}

fn keep(
    candidates: Vec<Object>,
    ask: impl Fn(Object, &mut u64) -> Result<Answer, LimitReached>,
) -> Result<Vec<Object>, LimitReached> {
    let (mut kept, mut steps) = (Vec::new(), 0);
    for one in candidates {
        if ask(one, &mut steps)?.truth == Truth::True {
            kept.push(one);
        }
        if steps > MAX_LOOKUP_STEPS {
            return Err(LimitReached);
        }
    }
    Ok(kept)
}
