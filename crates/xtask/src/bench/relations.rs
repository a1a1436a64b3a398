//! The relation engine alone: checks on one core over 100,000 tuples, beside looking a tuple up in a hash map.

use super::random::Random;
use super::report::{Row, Section, Verdict};
use plex_domain::relation::check::{Assume, Truth};
use plex_domain::relation::{Graph, Object, ObjectKind, ObjectRef, Permission, Rules, Tuple, check};
use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The budget, in checks each second.
const BUDGET: f64 = 1_000_000.0;
const DOMAINS: u64 = 10;
const PROJECTS: u64 = 1000;
const NODES: u64 = 20_000;
const GROUPS: u64 = 2000;
const USERS: u64 = 20_000;
const TUPLES: usize = 100_000;
/// Different questions; they are asked in turn, so that the answer is not in the processor's cache each time.
const QUESTIONS: usize = 100_000;

/// A subject and what it is asked to have.
type Question = (Object, (plex_domain::relation::schema::Name, Object));

/// Measures, and makes the report's section. `rounds` times all questions are asked.
pub(super) fn section(rounds: u32, seed: u64) -> Section {
    let mut random = Random::new(seed);
    let rules = Rules::new();
    let graph = graph(&rules, &mut random);
    let rows = [
        ("an operator's own relation", Way::Own),
        ("3 hops: a group of the domain, asked of a node", Way::ThreeHops),
        ("a stranger, denied", Way::Denied),
        ("all of these mixed", Way::Mixed),
    ];
    let rows = rows.into_iter().map(|(what, way)| {
        let questions = way.questions(&rules, &mut random);
        row(what, way, (&rules, &graph), &questions, rounds)
    });
    Section {
        title: "Relations".to_owned(),
        method: format!(
            "The engine of `domain::relation` in this process, on one thread, over {} tuples: {USERS} users in {GROUPS}\n\
             groups, {DOMAINS} domains, {PROJECTS} projects, {NODES} nodes, by the product's own schema. {QUESTIONS} different\n\
             questions are asked in turn. Beside it: finding the question's subject in a hash map of as many entries.",
            graph.len()
        ),
        rows: rows.collect(),
        ..Section::default()
    }
}

/// Which questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Own,
    ThreeHops,
    Denied,
    Mixed,
}

impl Way {
    fn questions(self, rules: &Rules, random: &mut Random) -> Vec<Question> {
        let one = |random: &mut Random, nth: usize| match self {
            Self::Own => own(rules, random),
            Self::ThreeHops => three_hops(rules, random),
            Self::Denied => denied(rules, random),
            Self::Mixed => [own, three_hops, denied][nth % 3](rules, random),
        };
        (0..QUESTIONS).map(|nth| one(random, nth)).collect()
    }
}

fn id(kind: ObjectKind, number: u64) -> Object {
    ObjectRef::of(kind, Uuid::from_u128(u128::from(number) + 1)).into()
}

fn own(rules: &Rules, random: &mut Random) -> Question {
    let project = random.below(PROJECTS);
    let user = id(ObjectKind::User, project * (USERS / PROJECTS));
    (
        user,
        (
            rules.name_of(Permission::Dispatch),
            id(ObjectKind::Project, project),
        ),
    )
}

/// The user of a group that is operator of the domain of the project of a node.
fn three_hops(rules: &Rules, random: &mut Random) -> Question {
    let node = random.below(NODES);
    let domain = node % PROJECTS % DOMAINS;
    let user = id(ObjectKind::User, domain + GROUPS * random.below(USERS / GROUPS));
    (
        user,
        (rules.name_of(Permission::LabelNode), id(ObjectKind::Node, node)),
    )
}

fn denied(rules: &Rules, random: &mut Random) -> Question {
    let stranger = id(ObjectKind::User, USERS + random.below(USERS));
    (
        stranger,
        (
            rules.name_of(Permission::LabelNode),
            id(ObjectKind::Node, random.below(NODES)),
        ),
    )
}

fn graph(rules: &Rules, random: &mut Random) -> Graph {
    let mut graph = Graph::default();
    let mut state = |object: Object, relation: &str, subject: Object, set: Option<&str>| {
        let name = |word: &str| rules.schema().name(word).expect("a word of the schema");
        graph.insert(Tuple {
            object,
            relation: name(relation),
            subject,
            set: set.map(name),
            caveat: None,
        });
        graph.len()
    };
    for domain in 0..DOMAINS {
        state(
            id(ObjectKind::Domain, domain),
            "platform",
            ObjectRef::PLATFORM.into(),
            None,
        );
        let group = id(ObjectKind::Group, domain);
        state(id(ObjectKind::Domain, domain), "operator", group, Some("member"));
    }
    for project in 0..PROJECTS {
        let domain = id(ObjectKind::Domain, project % DOMAINS);
        state(id(ObjectKind::Project, project), "domain", domain, None);
        let user = id(ObjectKind::User, project * (USERS / PROJECTS));
        state(id(ObjectKind::Project, project), "operator", user, None);
    }
    for node in 0..NODES {
        let project = id(ObjectKind::Project, node % PROJECTS);
        state(id(ObjectKind::Node, node), "project", project, None);
    }
    for user in 0..USERS {
        let group = id(ObjectKind::Group, user % GROUPS);
        state(group, "member", id(ObjectKind::User, user), None);
    }
    // What is left is spread as grants are: single users and groups on projects.
    loop {
        let project = id(ObjectKind::Project, random.below(PROJECTS));
        let tuples = if random.below(4) == 0 {
            let group = id(ObjectKind::Group, DOMAINS + random.below(GROUPS - DOMAINS));
            state(project, "viewer", group, Some("member"))
        } else {
            state(project, "viewer", id(ObjectKind::User, random.below(USERS)), None)
        };
        if tuples >= TUPLES {
            return graph;
        }
    }
}

fn row(what: &str, way: Way, (rules, graph): (&Rules, &Graph), questions: &[Question], rounds: u32) -> Row {
    let checks = rate(questions, rounds, |(subject, place)| {
        let found = check((rules.schema(), graph), *subject, *place, &Assume(Truth::False));
        let found = found.expect("nothing here is too deep");
        let expected = match way {
            Way::Own | Way::ThreeHops => Some(Truth::True),
            Way::Denied => Some(Truth::False),
            Way::Mixed => None,
        };
        assert!(
            expected.is_none_or(|expected| expected == found.truth),
            "a wrong decision"
        );
        black_box(found);
    });
    let entries: HashMap<Object, u32> = questions.iter().map(|(subject, _)| (*subject, 1)).collect();
    let floor = rate(questions, rounds, |(subject, _)| {
        black_box(entries.get(subject));
    });
    Row {
        what: what.to_owned(),
        figure: format!("{:.2} million checks/s", checks / 1e6),
        beside: format!("{:.1} million look-ups/s in a hash map", floor / 1e6),
        ratio: format!("{:.1} look-ups each", floor / checks),
        budget: "≥ 1 million/s".to_owned(),
        verdict: Verdict::of(checks >= BUDGET),
    }
}

/// How many questions a second are answered; the best of the rounds, as nothing can make one too fast.
fn rate(questions: &[Question], rounds: u32, mut answer: impl FnMut(&Question)) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..rounds {
        let began = Instant::now();
        questions.iter().for_each(&mut answer);
        best = best.min(began.elapsed());
    }
    questions.len() as f64 / best.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_has_the_answer_that_is_measured() {
        let section = section(1, 7);
        assert_eq!(section.rows.len(), 4);
        assert!(section.method.contains("100000 tuples"), "{}", section.method);
    }
}
