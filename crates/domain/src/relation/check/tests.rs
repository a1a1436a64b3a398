//! The engine against the naive evaluator, on generated schemas and tuples; its bounds; its three values.

use super::naive;
use super::*;
use crate::relation::graph::Tuple;
use crate::relation::lookup;
use crate::relation::schema::{CaveatId, Kind};
use proptest::prelude::*;
use std::sync::Arc;
use uuid::Uuid;

fn object(kind: u8, number: u8) -> Object {
    Object {
        kind: Kind(kind),
        id: Uuid::from_u128(u128::from(number) + 1),
    }
}

/// Kind 0 has no members; 1 is a group; 2 and 3 refer to each other and to themselves.
const SCHEMAS: [&str; 3] = [
    "definition user {}
     definition group { relation member: user | group#member }
     definition folder {
         relation parent: folder
         relation viewer: user | group#member | folder#see
         relation banned: user | group#member
         permission see = (viewer + parent->see) & any
         permission any = viewer + parent->any + banned
         permission calm = see - banned
     }
     definition file {
         relation parent: folder | file
         relation viewer: user | group#member
         relation owner: user
         permission see = viewer + owner + parent->see
         permission own = owner & see
         permission quiet = (see & own) + (parent->calm - owner)
     }",
    "definition user {}
     definition group { relation member: user | group#member permission all = member }
     definition folder {
         relation parent: group
         relation viewer: user | group#all
         permission see = viewer + parent->member
     }
     definition file {
         relation parent: folder | group
         relation viewer: file#see | user | group#member
         permission see = viewer + parent->see
         permission deep = parent->see & viewer
         permission rest = see - deep
     }",
    "definition user {}
     definition group { relation member: group#member | user | file#see }
     definition folder {
         relation viewer: group#member
         relation parent: file
         permission see = viewer & parent->see
     }
     definition file {
         relation parent: folder
         relation viewer: user | group#member
         permission see = viewer + parent->see
         permission odd = see - (viewer & parent->see)
     }",
];

/// A tuple out of four random numbers, where the schema takes one there.
fn tuple(schema: &Schema, [kind, relation, subject, number]: [u8; 4]) -> Option<Tuple> {
    let kind = Kind(1 + kind % 3);
    let relations: Vec<_> = schema
        .members(kind)
        .filter_map(|(name, _)| Some((name, schema.relation(kind, name)?)))
        .collect();
    let (name, relation) = relations.get(usize::from(relation) % relations.len())?;
    let (subject_kind, set) = relation.subjects[usize::from(subject) % relation.subjects.len()];
    Some(Tuple {
        object: object(kind.0, number % 4),
        relation: *name,
        subject: object(subject_kind.0, number / 4 % 4),
        set,
        caveat: None,
    })
}

fn world() -> impl Strategy<Value = (Schema, Vec<Tuple>)> {
    let numbers = prop::collection::vec(any::<[u8; 4]>(), 0..40);
    (0..SCHEMAS.len(), numbers).prop_map(|(schema, numbers)| {
        let schema = Schema::parse(SCHEMAS[schema]).unwrap();
        let tuples = numbers
            .into_iter()
            .filter_map(|one| tuple(&schema, one))
            .collect();
        (schema, tuples)
    })
}

fn graph(tuples: &[Tuple]) -> Graph {
    let mut graph = Graph::default();
    for tuple in tuples {
        graph.insert(tuple.clone());
    }
    graph
}

fn truth(schema: &Schema, graph: &Graph, subject: Object, (name, object): (Name, Object)) -> Truth {
    let conditions = Assume(Truth::True);
    check((schema, graph), subject, (name, object), &conditions)
        .unwrap()
        .truth
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_engine_decides_as_the_naive_evaluator((schema, tuples) in world(), subject in 0_u8..4) {
        let (graph, subject) = (graph(&tuples), object(0, subject));
        let held = naive::held(&schema, &tuples, subject);
        for kind in schema.kinds() {
            for number in 0..4 {
                for (name, _) in schema.members(kind) {
                    let place = (name, object(kind.0, number));
                    let expected = held.contains(&(place.1, name));
                    let found = truth(&schema, &graph, subject, place);
                    prop_assert_eq!(found == Truth::True, expected, "{} of {:?}", schema.word(name), place.1);
                }
            }
        }
    }

    #[test]
    fn look_ups_are_the_checks_of_everything((schema, tuples) in world(), subject in 0_u8..4) {
        let (graph, subject) = (graph(&tuples), object(0, subject));
        let conditions = Assume(Truth::True);
        for kind in schema.kinds() {
            for (name, _) in schema.members(kind) {
                let all: Vec<_> = (0..4).map(|number| object(kind.0, number)).collect();
                let expected: Vec<_> = all
                    .iter()
                    .copied()
                    .filter(|one| truth(&schema, &graph, subject, (name, *one)) == Truth::True)
                    .collect();
                let found = lookup::resources((&schema, &graph), subject, (name, kind), &conditions).unwrap();
                prop_assert_eq!(found, expected);
                for resource in all {
                    let users = (0..4).map(|number| object(0, number));
                    let expected: Vec<_> = users
                        .filter(|one| truth(&schema, &graph, *one, (name, resource)) == Truth::True)
                        .collect();
                    let found = lookup::subjects((&schema, &graph), (name, resource), Kind(0), &conditions).unwrap();
                    prop_assert_eq!(found, expected);
                }
            }
        }
    }

    #[test]
    fn a_graph_forgets_what_is_taken_away((_, tuples) in world(), keep in any::<u64>()) {
        let mut changed = graph(&tuples);
        let kept = |at: usize| keep >> (at % 64) & 1 == 1;
        for (at, tuple) in tuples.iter().enumerate() {
            if !kept(at) {
                changed.remove(tuple);
                changed.remove(tuple);
            }
        }
        let left: Vec<_> = tuples
            .iter()
            .filter(|one| {
                !tuples.iter().enumerate().any(|(at, other)| other == *one && !kept(at))
            })
            .cloned()
            .collect();
        let expected = graph(&left);
        prop_assert_eq!(changed.len(), expected.len());
        for tuple in &tuples {
            let has = |graph: &Graph| {
                graph.standing(tuple.subject).contains(&(tuple.object, tuple.relation))
            };
            prop_assert_eq!(has(&changed), has(&expected));
        }
    }
}

fn name(schema: &Schema, word: &str) -> Name {
    schema.name(word).unwrap()
}

fn member(schema: &Schema, group: u8, subject: Object, set: bool) -> Tuple {
    Tuple {
        object: object(1, group),
        relation: name(schema, "member"),
        subject,
        set: set.then(|| name(schema, "member")),
        caveat: None,
    }
}

#[test]
fn too_long_a_chain_is_refused_and_never_allowed() {
    let schema = Schema::parse(SCHEMAS[0]).unwrap();
    let depth = u8::try_from(MAX_DEPTH).unwrap();
    let mut tuples = vec![member(&schema, 0, object(0, 0), false)];
    for group in 1..=depth {
        tuples.push(member(&schema, group, object(1, group - 1), true));
    }
    let graph = graph(&tuples);
    let conditions = Assume(Truth::True);
    let ask = |group: u8| {
        let place = (name(&schema, "member"), object(1, group));
        check((&schema, &graph), object(0, 0), place, &conditions).map(|answer| answer.truth)
    };
    assert_eq!(ask(depth - 1), Ok(Truth::True));
    assert_eq!(ask(depth), Err(LimitReached));
}

#[test]
fn a_lattice_of_groups_is_no_exponential_walk() {
    // Each group of a layer holds both of the next: 2^40 ways, none of which ends at the subject.
    let schema = Schema::parse(SCHEMAS[0]).unwrap();
    let mut tuples = Vec::new();
    for layer in 0..40_u8 {
        for (from, to) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            tuples.push(member(
                &schema,
                layer * 2 + from,
                object(1, (layer + 1) * 2 + to),
                true,
            ));
        }
    }
    let found = truth(
        &schema,
        &graph(&tuples),
        object(0, 0),
        (name(&schema, "member"), object(1, 0)),
    );
    assert_eq!(found, Truth::False);
}

/// Conditions by their number: 0 false, 1 open, 2 true.
struct ByNumber;

impl Conditions for ByNumber {
    fn holds(&self, caveat: &Caveat) -> Truth {
        [Truth::False, Truth::Conditional, Truth::True][usize::from(caveat.id.0)]
    }
}

#[test]
fn open_conditions_follow_the_logic_of_three_values() {
    let schema = Schema::parse(
        "definition user {}
         definition file {
             relation a: user with caveats
             relation b: user with caveats
             permission either = a + b
             permission both = a & b
             permission only = a - b
         }",
    )
    .unwrap();
    let values = [Truth::False, Truth::Conditional, Truth::True];
    let not = |truth: Truth| values[2 - truth as usize];
    let file = object(1, 0);
    for a in 0..3_u8 {
        for b in 0..3_u8 {
            let mut graph = Graph::default();
            for (word, number) in [("a", a), ("b", b)] {
                graph.insert(Tuple {
                    object: file,
                    relation: name(&schema, word),
                    subject: object(0, 0),
                    set: None,
                    caveat: Some(Caveat {
                        id: CaveatId(number),
                        context: Arc::default(),
                    }),
                });
            }
            let ask = |word: &str| {
                let place = (name(&schema, word), file);
                check((&schema, &graph), object(0, 0), place, &ByNumber).unwrap()
            };
            let (a, b) = (values[usize::from(a)], values[usize::from(b)]);
            assert_eq!(ask("either").truth, a.max(b));
            assert_eq!(ask("both").truth, a.min(b));
            assert_eq!(ask("only").truth, a.min(not(b)));
            // A way that rests on conditions names them.
            let either = ask("either");
            assert_eq!(either.truth == Truth::True, !either.caveats.is_empty());
        }
    }
}

#[test]
fn a_schema_that_means_nothing_is_refused_with_its_line() {
    let refused = |text: &str| Schema::parse(text).unwrap_err();
    for text in [
        "definition a { relation r: b }",
        "definition a { relation r: a permission p = q }",
        "definition a { relation r: a permission p = r->q }",
        "definition a { relation r: a#q }",
        "definition a { relation r: a#r permission p = r->r }",
        "definition a { relation r: a relation r: a }",
        "definition a {} definition a {}",
        "definition a { relation r: a permission p = r - (r->p) }",
        "definition a { relation r: a#p permission p = r - r }",
        "definition a { relation r: a permission p = r + r & r }",
        "definition a {",
        "caveat c(x float) { x }",
        "caveat c(x int { x }",
        "nonsense",
    ] {
        refused(text);
    }
    assert_eq!(refused("definition a {\n    relation r: b\n}").line, 2);
}

#[test]
fn relations_that_cannot_be_walked_keep_nobody_out_who_is_granted_otherwise() {
    let schema = Schema::parse(
        "definition user {}
         definition group { relation member: user | group#member }
         definition folder { relation admin: user | group#member }
         definition file {
             relation parent: folder
             relation admin: user | group#member
             permission manage = admin + parent->admin
         }",
    )
    .unwrap();
    let depth = u8::try_from(MAX_DEPTH).unwrap() + 10;
    let mut tuples = Vec::new();
    for group in 0..depth {
        tuples.push(member(&schema, group, object(1, group + 1), true));
    }
    // Ten groups that are all members of each other.
    for (from, to) in (100..110).flat_map(|from| (100..110).map(move |to| (from, to))) {
        if from != to {
            tuples.push(member(&schema, from, object(1, to), true));
        }
    }
    let (file, folder, mender, stranger) = (object(3, 0), object(2, 0), object(0, 0), object(0, 1));
    let state = |object, relation: &str, subject, set: Option<&str>| Tuple {
        object,
        relation: name(&schema, relation),
        subject,
        set: set.map(|word| name(&schema, word)),
        caveat: None,
    };
    tuples.push(state(file, "admin", object(1, 0), Some("member")));
    tuples.push(state(file, "parent", folder, None));
    tuples.push(state(folder, "admin", mender, None));
    let graph = graph(&tuples);
    let ask = |subject| {
        let place = (name(&schema, "manage"), file);
        check((&schema, &graph), subject, place, &Assume(Truth::True)).map(|answer| answer.truth)
    };
    assert_eq!(ask(mender), Ok(Truth::True));
    assert_eq!(ask(stranger), Err(LimitReached));
    let entangled = (name(&schema, "member"), object(1, 100));
    let found = check((&schema, &graph), stranger, entangled, &Assume(Truth::True));
    assert_ne!(found.map(|answer| answer.truth), Ok(Truth::True));
}

#[test]
fn an_open_condition_at_the_end_of_a_lattice_is_no_exponential_walk() {
    let schema = Schema::parse(
        "definition user {}
         definition group { relation member: user | group#member with caveats }",
    )
    .unwrap();
    let mut tuples = Vec::new();
    for layer in 0..40_u8 {
        for (from, to) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            tuples.push(member(
                &schema,
                layer * 2 + from,
                object(1, (layer + 1) * 2 + to),
                true,
            ));
        }
    }
    let mut last = member(&schema, 80, object(0, 0), false);
    last.caveat = Some(Caveat {
        id: CaveatId(1),
        context: Arc::default(),
    });
    tuples.push(last);
    let place = (name(&schema, "member"), object(1, 0));
    let found = check((&schema, &graph(&tuples)), object(0, 0), place, &ByNumber).unwrap();
    assert_eq!(found.truth, Truth::Conditional);
}
