//! Checks: whether a subject has a permission on an object, and by which way.
//!
//! The check walks from the object towards the subject. A relation or permission of an object that is being
//! computed already counts as not held where it is met again: whatever is held is held by a way without a
//! cycle, because the schema lets nothing take away from itself. Depth and steps are bounded, and a way that
//! reaches a bound allows nothing; the check fails, unless another way grants.

use super::graph::{Caveat, Graph, Object};
use super::schema::{Expr, Member, Name, Schema};
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// Longest way from an object to a subject, in relations and permissions.
pub const MAX_DEPTH: usize = 50;
/// Most relations and permissions that one check computes.
pub const MAX_STEPS: u32 = 100_000;
/// So many results are remembered in a list, which is quicker than a map as long as it is short.
const LISTED: usize = 32;

/// What a check found, where conditions may lack values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// Not held.
    False,
    /// It depends on values that nobody gave.
    Conditional,
    /// Held.
    True,
}

/// Decides the conditions on tuples.
pub trait Conditions {
    /// Whether a condition holds.
    fn holds(&self, caveat: &Caveat) -> Truth;
}

/// All conditions alike: for "would it be held if they held", and "is it held whatever they are".
#[derive(Debug, Clone, Copy)]
pub struct Assume(pub Truth);

impl Conditions for Assume {
    fn holds(&self, _: &Caveat) -> Truth {
        self.0
    }
}

/// The question was too large to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the relations reach too deep or too far to be checked")]
pub struct LimitReached;

/// How a check went.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The outcome.
    pub truth: Truth,
    /// For [`Truth::True`] the relations that grant it, from the object to the subject; empty when the tuple
    /// asked for is there itself.
    pub path: Vec<(Object, Name)>,
    /// The conditions that the way depends on.
    pub caveats: Vec<Caveat>,
}

/// Whether `subject` has the relation or permission `name` on `object`.
///
/// # Errors
/// When a bound is reached.
pub fn check(
    graph: (&Schema, &Graph),
    subject: Object,
    place: (Name, Object),
    conditions: &dyn Conditions,
) -> Result<Answer, LimitReached> {
    check_counting(graph, subject, place, conditions, &mut 0)
}

/// The same; adds to `steps` how many relations and permissions were computed.
pub(super) fn check_counting(
    (schema, graph): (&Schema, &Graph),
    subject: Object,
    (name, object): (Name, Object),
    conditions: &dyn Conditions,
    steps: &mut u64,
) -> Result<Answer, LimitReached> {
    let mut walk = Walk {
        schema,
        graph,
        subject,
        conditions,
        steps: 0,
        open: Vec::with_capacity(8),
        trail: Vec::new(),
        listed: Vec::with_capacity(LISTED),
        known: HashMap::default(),
    };
    let found = walk.member(object, name);
    *steps += u64::from(walk.steps);
    let found = found?;
    let held = found.truth == Truth::True;
    let mut path: Vec<_> = walk.trail.iter().map(|step| (step.0, step.1)).collect();
    let caveats = walk
        .trail
        .into_iter()
        .filter_map(|step| step.2.cloned())
        .collect();
    if !held || path == [(object, name)] {
        path.clear();
    }
    Ok(Answer {
        truth: found.truth,
        path,
        caveats,
    })
}

/// A relation on the way, and the condition of its tuple.
type Step<'g> = (Object, Name, Option<&'g Caveat>);

/// A result, and whether it was cut short by a cycle, so that it holds in this place only.
#[derive(Clone, Copy)]
struct Found {
    truth: Truth,
    is_cut: bool,
}

const NOT_HELD: Found = Found {
    truth: Truth::False,
    is_cut: false,
};

impl Found {
    /// The same, on a condition.
    fn on(self, condition: Truth) -> Self {
        Self {
            truth: self.truth.min(condition),
            ..self
        }
    }
}

/// The best of several ways. One that cannot be walked to its end does not keep others from granting.
#[derive(Default)]
struct Best {
    found: Option<Found>,
    limit: Option<LimitReached>,
}

impl Best {
    fn take(&mut self, way: Result<Found, LimitReached>) {
        match way {
            Ok(way) => {
                let found = self.found.get_or_insert(NOT_HELD);
                found.is_cut |= way.is_cut;
                found.truth = found.truth.max(way.truth);
            }
            Err(limit) => self.limit = Some(limit),
        }
    }

    fn is_held(&self) -> bool {
        self.found.is_some_and(|found| found.truth == Truth::True)
    }

    fn settle(self) -> Result<Found, LimitReached> {
        match self.limit {
            Some(limit) if !self.is_held() => Err(limit),
            Some(_) | None => Ok(self.found.unwrap_or(NOT_HELD)),
        }
    }
}

struct Walk<'g> {
    schema: &'g Schema,
    graph: &'g Graph,
    subject: Object,
    conditions: &'g dyn Conditions,
    steps: u32,
    /// What is being computed.
    open: Vec<(Object, Name)>,
    /// The way that grants, as far as it is known.
    trail: Vec<Step<'g>>,
    /// What turned out not to be held, or not for sure. What is held is computed again where it is needed, so that the
    /// trail tells its way.
    listed: Vec<((Object, Name), Truth)>,
    known: HashMap<(Object, Name), Truth, RandomState>,
}

impl<'g> Walk<'g> {
    /// A relation or permission of an object.
    fn member(&mut self, object: Object, name: Name) -> Result<Found, LimitReached> {
        let Some(member) = self.schema.member(object.kind, name) else {
            return Ok(NOT_HELD);
        };
        if let Some(truth) = self.recall((object, name)) {
            return Ok(Found { truth, is_cut: false });
        }
        if self.open.contains(&(object, name)) {
            return Ok(Found {
                truth: Truth::False,
                is_cut: true,
            });
        }
        self.steps += 1;
        if self.steps > MAX_STEPS || self.open.len() >= MAX_DEPTH {
            return Err(LimitReached);
        }
        self.open.push((object, name));
        let found = match member {
            Member::Relation(_) => self.relation(object, name),
            Member::Permission(expr) => self.expr(object, expr),
        };
        self.open.pop();
        let found = found?;
        if found.truth != Truth::True && !found.is_cut {
            self.remember((object, name), found.truth);
        }
        Ok(found)
    }

    fn recall(&self, place: (Object, Name)) -> Option<Truth> {
        let listed = self
            .listed
            .iter()
            .find(|(known, _)| known.1 == place.1 && known.0 == place.0);
        match listed {
            Some((_, truth)) => Some(*truth),
            None if self.known.is_empty() => None,
            None => self.known.get(&place).copied(),
        }
    }

    fn remember(&mut self, place: (Object, Name), truth: Truth) {
        if self.listed.len() < LISTED {
            self.listed.push((place, truth));
        } else {
            self.known.insert(place, truth);
        }
    }

    fn relation(&mut self, object: Object, name: Name) -> Result<Found, LimitReached> {
        let Some(edges) = self.graph.edges(object, name) else {
            return Ok(NOT_HELD);
        };
        let mut best = Best::default();
        if let Some(caveat) = edges.of(&self.subject) {
            let truth = self.condition(caveat.as_ref());
            best.take(Ok(Found { truth, is_cut: false }));
            if best.is_held() {
                self.trail.push((object, name, caveat.as_ref()));
                return best.settle();
            }
        }
        for ((subject, set), caveat) in &edges.sets {
            let condition = self.condition(caveat.as_ref());
            if condition == Truth::False {
                continue;
            }
            let start = self.trail.len();
            self.trail.push((object, name, caveat.as_ref()));
            let found = self.member(*subject, *set);
            best.take(found.map(|found| found.on(condition)));
            if best.is_held() {
                break;
            }
            self.trail.truncate(start);
        }
        best.settle()
    }

    fn condition(&self, caveat: Option<&Caveat>) -> Truth {
        caveat.map_or(Truth::True, |caveat| self.conditions.holds(caveat))
    }

    fn expr(&mut self, object: Object, expr: &'g Expr) -> Result<Found, LimitReached> {
        match expr {
            Expr::Member(name) => self.member(object, *name),
            Expr::Arrow(relation, target) => self.arrow(object, *relation, *target),
            Expr::Union(operands) => {
                let mut best = Best::default();
                for operand in operands {
                    let start = self.trail.len();
                    best.take(self.expr(object, operand));
                    if best.is_held() {
                        break;
                    }
                    self.trail.truncate(start);
                }
                best.settle()
            }
            Expr::Intersection(operands) => {
                let start = self.trail.len();
                let mut worst = Found {
                    truth: Truth::True,
                    is_cut: false,
                };
                for operand in operands {
                    let found = self.expr(object, operand)?;
                    worst.is_cut |= found.is_cut;
                    worst.truth = worst.truth.min(found.truth);
                    if worst.truth == Truth::False {
                        self.trail.truncate(start);
                        break;
                    }
                }
                Ok(worst)
            }
            Expr::Exclusion(first, second) => self.exclusion(object, first, second),
        }
    }

    fn exclusion(
        &mut self,
        object: Object,
        first: &'g Expr,
        second: &'g Expr,
    ) -> Result<Found, LimitReached> {
        let kept = self.expr(object, first)?;
        if kept.truth == Truth::False {
            return Ok(kept);
        }
        let way = self.trail.len();
        let taken = self.expr(object, second)?;
        self.trail.truncate(way);
        let left = match taken.truth {
            Truth::False => Truth::True,
            Truth::Conditional => Truth::Conditional,
            Truth::True => Truth::False,
        };
        Ok(Found {
            truth: kept.truth.min(left),
            is_cut: kept.is_cut || taken.is_cut,
        })
    }

    /// `target` on each object that `relation` names.
    fn arrow(&mut self, object: Object, relation: Name, target: Name) -> Result<Found, LimitReached> {
        let Some(edges) = self.graph.edges(object, relation) else {
            return Ok(NOT_HELD);
        };
        let mut best = Best::default();
        for (next, caveat) in &edges.direct {
            let condition = self.condition(caveat.as_ref());
            if condition == Truth::False {
                continue;
            }
            let start = self.trail.len();
            let found = self.member(*next, target);
            best.take(found.map(|found| found.on(condition)));
            if best.is_held() {
                break;
            }
            self.trail.truncate(start);
        }
        best.settle()
    }
}

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;
