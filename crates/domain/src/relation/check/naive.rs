//! A second evaluator, as plain as can be: everything that holds, by applying the schema until nothing changes.

use crate::relation::graph::{Object, Tuple};
use crate::relation::schema::{Expr, Kind, Member, Name, Schema};
use std::collections::BTreeSet;

/// Every object and name that a subject holds.
pub(super) fn held(schema: &Schema, tuples: &[Tuple], subject: Object) -> BTreeSet<(Object, Name)> {
    let mut objects: BTreeSet<Object> = tuples.iter().flat_map(|one| [one.object, one.subject]).collect();
    objects.insert(subject);
    let mut held = BTreeSet::new();
    // What is taken away is whole before it is taken away: the schema has no cycle through it.
    for stratum in 0..=strata(schema) {
        loop {
            let before = held.len();
            for object in &objects {
                for (name, member) in schema.members(object.kind) {
                    if depth(schema, object.kind, name, 0) != stratum || held.contains(&(*object, name)) {
                        continue;
                    }
                    let holds = match member {
                        Member::Relation(_) => tuples.iter().any(|one| {
                            (one.object, one.relation) == (*object, name)
                                && match one.set {
                                    None => one.subject == subject,
                                    Some(set) => held.contains(&(one.subject, set)),
                                }
                        }),
                        Member::Permission(expr) => value(tuples, &held, *object, expr),
                    };
                    if holds {
                        held.insert((*object, name));
                    }
                }
            }
            if held.len() == before {
                break;
            }
        }
    }
    held
}

fn value(tuples: &[Tuple], held: &BTreeSet<(Object, Name)>, object: Object, expr: &Expr) -> bool {
    match expr {
        Expr::Member(name) => held.contains(&(object, *name)),
        Expr::Arrow(relation, target) => tuples
            .iter()
            .filter(|one| (one.object, one.relation) == (object, *relation))
            .any(|one| held.contains(&(one.subject, *target))),
        Expr::Union(operands) => operands.iter().any(|one| value(tuples, held, object, one)),
        Expr::Intersection(operands) => operands.iter().all(|one| value(tuples, held, object, one)),
        Expr::Exclusion(first, second) => {
            value(tuples, held, object, first) && !value(tuples, held, object, second)
        }
    }
}

fn strata(schema: &Schema) -> usize {
    let all = schema.kinds().flat_map(|kind| {
        schema
            .members(kind)
            .map(move |(name, _)| depth(schema, kind, name, 0))
    });
    all.max().unwrap_or(0)
}

/// On how many levels of taking away a name rests. Generated schemas have no longer chains than `names`.
fn depth(schema: &Schema, kind: Kind, name: Name, steps: usize) -> usize {
    if steps > 12 {
        return 0;
    }
    match schema.member(kind, name) {
        Some(Member::Relation(relation)) => {
            let sets = relation
                .subjects
                .iter()
                .filter_map(|(subject, set)| Some((*subject, (*set)?)));
            sets.map(|(subject, set)| depth(schema, subject, set, steps + 1))
                .max()
                .unwrap_or(0)
        }
        Some(Member::Permission(expr)) => expr_depth(schema, kind, expr, steps + 1),
        None => 0,
    }
}

fn expr_depth(schema: &Schema, kind: Kind, expr: &Expr, steps: usize) -> usize {
    match expr {
        Expr::Member(name) => depth(schema, kind, *name, steps),
        Expr::Arrow(relation, target) => {
            let subjects = schema
                .relation(kind, *relation)
                .into_iter()
                .flat_map(|relation| &relation.subjects);
            subjects
                .map(|(subject, _)| depth(schema, *subject, *target, steps))
                .max()
                .unwrap_or(0)
        }
        Expr::Union(operands) | Expr::Intersection(operands) => operands
            .iter()
            .map(|one| expr_depth(schema, kind, one, steps))
            .max()
            .unwrap_or(0),
        Expr::Exclusion(first, second) => {
            let (first, second) = (
                expr_depth(schema, kind, first, steps),
                expr_depth(schema, kind, second, steps),
            );
            first.max(second + 1)
        }
    }
}
