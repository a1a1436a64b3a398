//! The tuples in memory: what a check walks on.
//!
//! For each relation of an object its subjects, sorted, so that a subject is found without looking at the
//! others; and for each subject where it stands, so that a look-up need not begin from every object.

use super::schema::{CaveatId, Kind, Name};
use foldhash::fast::RandomState;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use uuid::Uuid;

/// An object: its kind and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Which; nil for the only one of its kind.
    pub id: Uuid,
}

/// A condition on a tuple, with the values that the tuple fixes.
#[derive(Debug, Clone, PartialEq)]
pub struct Caveat {
    /// Which condition.
    pub id: CaveatId,
    /// Values by parameter; a check gives the rest.
    pub context: Arc<Map<String, Value>>,
}

/// `object#relation@subject`, or `…@subject#set`, perhaps on a condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuple {
    /// On what.
    pub object: Object,
    /// What is held.
    pub relation: Name,
    /// Who holds it.
    pub subject: Object,
    /// Not the subject, but those that stand in this relation to it.
    pub set: Option<Name>,
    /// On which condition.
    pub caveat: Option<Caveat>,
}

/// The subjects of one relation of one object.
#[derive(Debug, Clone, Default)]
pub(super) struct Edges {
    /// Sorted by subject.
    pub(super) direct: Vec<(Object, Option<Caveat>)>,
    /// Sorted by subject and set.
    pub(super) sets: Vec<((Object, Name), Option<Caveat>)>,
}

/// The tuples.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    edges: HashMap<(Object, Name), Edges, RandomState>,
    /// Where an object is a subject, itself or as a set; a place per tuple.
    standing: HashMap<Object, Vec<(Object, Name)>, RandomState>,
    /// Where a set of an object is a subject.
    standing_sets: HashMap<(Object, Name), Vec<(Object, Name)>, RandomState>,
    tuples: usize,
}

impl Graph {
    /// Adds a tuple; an equal one is replaced, which may change its condition.
    pub fn insert(&mut self, tuple: Tuple) {
        let edges = self.edges.entry((tuple.object, tuple.relation)).or_default();
        let is_new = match tuple.set {
            None => put(&mut edges.direct, tuple.subject, tuple.caveat),
            Some(set) => put(&mut edges.sets, (tuple.subject, set), tuple.caveat),
        };
        if is_new {
            self.tuples += 1;
            let place = (tuple.object, tuple.relation);
            self.standing.entry(tuple.subject).or_default().push(place);
            if let Some(set) = tuple.set {
                let sets = self.standing_sets.entry((tuple.subject, set)).or_default();
                sets.push(place);
            }
        }
    }

    /// Takes a tuple away, whatever its condition; nothing happens when it is not there.
    pub fn remove(&mut self, tuple: &Tuple) {
        let place = (tuple.object, tuple.relation);
        let Some(edges) = self.edges.get_mut(&place) else {
            return;
        };
        let was_there = match tuple.set {
            None => take(&mut edges.direct, &tuple.subject),
            Some(set) => take(&mut edges.sets, &(tuple.subject, set)),
        };
        if !was_there {
            return;
        }
        self.tuples -= 1;
        if edges.direct.is_empty() && edges.sets.is_empty() {
            self.edges.remove(&place);
        }
        forget(&mut self.standing, &tuple.subject, place);
        if let Some(set) = tuple.set {
            forget(&mut self.standing_sets, &(tuple.subject, set), place);
        }
    }

    /// How many tuples there are.
    pub fn len(&self) -> usize {
        self.tuples
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tuples == 0
    }

    /// The first object that a relation names; for relations that name one, such as a project's domain.
    pub fn first(&self, object: Object, relation: Name) -> Option<Object> {
        let edges = self.edges(object, relation)?;
        edges.direct.first().map(|(subject, _)| *subject)
    }

    /// The subjects of a relation.
    pub(super) fn edges(&self, object: Object, relation: Name) -> Option<&Edges> {
        self.edges.get(&(object, relation))
    }

    /// The objects and relations of which an object, or a set of it, is a subject.
    pub fn standing(&self, subject: Object) -> &[(Object, Name)] {
        self.standing.get(&subject).map_or(&[], Vec::as_slice)
    }

    /// The objects and relations of which a set is a subject.
    pub fn standing_of_set(&self, subject: Object, set: Name) -> &[(Object, Name)] {
        self.standing_sets.get(&(subject, set)).map_or(&[], Vec::as_slice)
    }
}

impl Edges {
    /// The condition of a subject's own tuple; the outer `None` where it has none.
    pub(super) fn of(&self, subject: &Object) -> Option<&Option<Caveat>> {
        find(&self.direct, subject)
    }

    /// Every subject, and every object whose set is one.
    pub(super) fn subjects(&self) -> impl Iterator<Item = (Object, Option<Name>)> {
        let sets = self.sets.iter().map(|((subject, set), _)| (*subject, Some(*set)));
        self.direct
            .iter()
            .map(|(subject, _)| (*subject, None))
            .chain(sets)
    }
}

/// Takes one place off a list of an index; an empty list goes.
fn forget<K: Eq + Hash>(
    index: &mut HashMap<K, Vec<(Object, Name)>, RandomState>,
    key: &K,
    place: (Object, Name),
) {
    let Some(places) = index.get_mut(key) else {
        return;
    };
    if let Some(at) = places.iter().position(|one| *one == place) {
        places.swap_remove(at);
    }
    if places.is_empty() {
        index.remove(key);
    }
}

fn find<'e, K: Ord>(edges: &'e [(K, Option<Caveat>)], key: &K) -> Option<&'e Option<Caveat>> {
    let at = edges.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
    Some(&edges[at].1)
}

fn put<K: Ord>(edges: &mut Vec<(K, Option<Caveat>)>, key: K, caveat: Option<Caveat>) -> bool {
    match edges.binary_search_by(|(known, _)| known.cmp(&key)) {
        Ok(at) => {
            edges[at].1 = caveat;
            false
        }
        Err(at) => {
            edges.insert(at, (key, caveat));
            true
        }
    }
}

fn take<K: Ord>(edges: &mut Vec<(K, Option<Caveat>)>, key: &K) -> bool {
    let found = edges.binary_search_by(|(known, _)| known.cmp(key));
    if let Ok(at) = found {
        edges.remove(at);
    }
    found.is_ok()
}
