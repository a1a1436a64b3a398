//! The relations in memory, as current as the database (decision 28).
//!
//! The statement that finds a caller's token also reads the newest revision of the relations. When that is the
//! revision known here, a check is a walk over memory and asks the database nothing; otherwise what changed
//! since is read first. So a decision never rests on anything older than the caller's own credential, on any
//! replica; what cannot be read denies.

use crate::app::App;
use crate::authorize;
use crate::problem::Failure;
use anyhow::Context as _;
use plex_api::problem::DenialReason;
use plex_domain::relation::caveat::{Caveats, Request};
use plex_domain::relation::check::{Answer, Assume, Conditions, LimitReached, Truth};
use plex_domain::relation::graph::Caveat;
use plex_domain::relation::schema::Name;
use plex_domain::relation::{Graph, Object, ObjectKind, ObjectRef, Rules, SubjectRef, Tuple, check, lookup};
use plex_store::relations::{self, Change, Changes, Condition, Edge};
use plex_store::{Db, Error};
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::sync::{Arc, RwLock, RwLockReadGuard};
use tokio::sync::Mutex;

/// The rules and the relations.
pub struct Authority {
    rules: Rules,
    caveats: Caveats,
    /// Swapped when it changes, so that a look-up that takes a while keeps nobody waiting.
    state: RwLock<Arc<State>>,
    /// Held while changes are read, so that a hundred requests that find them read them once.
    catching_up: Mutex<()>,
}

#[derive(Clone)]
struct State {
    graph: Graph,
    revision: u64,
}

/// How a check went.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Allowed.
    Granted {
        /// The relations that grant it, as `["domain:<uuid>#admin"]`; empty for the relation itself.
        path: Vec<String>,
        /// The conditions that it rests on.
        caveats: Vec<Caveat>,
    },
    /// Not allowed.
    Denied {
        /// Whether there is any relation to the object, and whether a condition was in the way.
        reason: DenialReason,
        /// The relations that reach the object without granting it.
        path: Vec<String>,
        /// The conditions that were in the way.
        caveats: Vec<Caveat>,
    },
}

impl Authority {
    /// Reads the schema and all relations.
    pub async fn open(db: &Db) -> anyhow::Result<Self> {
        let rules = Rules::new();
        let caveats = Caveats::compile(rules.schema())
            .map_err(anyhow::Error::msg)
            .context("the schema of relations")?;
        let empty = State {
            graph: Graph::default(),
            revision: 0,
        };
        let authority = Self {
            rules,
            caveats,
            state: RwLock::new(Arc::new(empty)),
            catching_up: Mutex::new(()),
        };
        authority.read_whole(db).await?;
        Ok(authority)
    }

    /// The schema and its words.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The conditions of the schema.
    pub fn caveats(&self) -> &Caveats {
        &self.caveats
    }

    /// The revision known here.
    pub fn revision(&self) -> u64 {
        self.state().revision
    }

    fn state(&self) -> RwLockReadGuard<'_, Arc<State>> {
        self.state.read().expect("no holder of this lock panics")
    }

    /// Makes sure that everything up to a revision is known here.
    ///
    /// # Errors
    /// When it cannot be read. Nothing may be decided then.
    pub async fn catch_up(&self, db: &Db, revision: u64) -> Result<(), Error> {
        if self.revision() >= revision {
            return Ok(());
        }
        let _turn = self.catching_up.lock().await;
        let known = self.revision();
        if known >= revision {
            return Ok(());
        }
        match db
            .read(async move |tx| relations::changes(tx, known).await)
            .await?
        {
            Changes::Since(changes, newest) => self.apply(&changes, newest),
            Changes::Lost => self.read_whole(db).await,
        }
    }

    async fn read_whole(&self, db: &Db) -> Result<(), Error> {
        let (edges, revision) = db.read(relations::whole).await?;
        let mut graph = Graph::default();
        for edge in &edges {
            graph.insert(self.tuple(edge)?);
        }
        let whole = Arc::new(State { graph, revision });
        *self.state.write().expect("no holder of this lock panics") = whole;
        Ok(())
    }

    fn apply(&self, changes: &[Change], revision: u64) -> Result<(), Error> {
        let tuples: Result<Vec<_>, Error> = changes
            .iter()
            .map(|change| Ok((change.added, self.tuple(&change.edge)?)))
            .collect();
        let tuples = tuples?;
        let mut state = self.state.write().expect("no holder of this lock panics");
        // A copy is made only while a look-up holds on to what was.
        let state = Arc::make_mut(&mut state);
        for (added, tuple) in tuples {
            if added {
                state.graph.insert(tuple);
            } else {
                state.graph.remove(&tuple);
            }
        }
        state.revision = revision;
        Ok(())
    }

    fn tuple(&self, edge: &Edge) -> Result<Tuple, Error> {
        let schema = self.rules.schema();
        let unknown = || Error::Corrupt(format!("a relation {} on {}", edge.relation, edge.object));
        let name = |word: &str| schema.name(word).ok_or_else(unknown);
        Ok(Tuple {
            object: edge.object.into(),
            relation: name(&edge.relation)?,
            subject: edge.subject.object.into(),
            set: edge.subject.set.as_deref().map(name).transpose()?,
            caveat: edge
                .condition
                .as_ref()
                .map(|condition| self.caveat(condition).ok_or_else(unknown))
                .transpose()?,
        })
    }

    /// A stored condition as a check takes it.
    pub fn caveat(&self, condition: &Condition) -> Option<Caveat> {
        self.caveats
            .attach(&condition.name, condition.context.clone())
            .ok()
    }

    /// The names of conditions, each with those of its parameters: what the audit chain tells of them.
    pub fn names_of(&self, caveats: &[Caveat]) -> BTreeMap<String, Vec<String>> {
        let named = caveats.iter().map(|caveat| {
            let definition = self.rules.schema().caveat_definition(caveat.id);
            let parameters = definition.parameters.iter().map(|(name, _)| name.clone());
            (definition.name.clone(), parameters.collect())
        });
        named.collect()
    }

    /// Whether `subject` has the relation or permission `name` on `object`, and why.
    pub fn decide(
        &self,
        subject: &ObjectRef,
        (name, object): (Name, &ObjectRef),
        request: &Request,
    ) -> Result<Decision, LimitReached> {
        let state = self.state();
        let ask = |name: Name, conditions: &dyn Conditions| {
            let graph = (self.rules.schema(), &state.graph);
            check(graph, (*subject).into(), (name, (*object).into()), conditions)
        };
        let found = ask(name, &self.caveats.of(request))?;
        if found.truth == Truth::True {
            return Ok(self.granted(found));
        }
        let held = Assume(Truth::True);
        let reached = ask(self.rules.bound(), &held)?;
        let assumed = ask(name, &held)?;
        let on_condition = assumed.truth == Truth::True;
        Ok(Decision::Denied {
            caveats: if on_condition { assumed.caveats } else { Vec::new() },
            reason: if on_condition {
                DenialReason::CaveatViolation
            } else if reached.truth == Truth::True {
                DenialReason::InsufficientRelation
            } else {
                DenialReason::OutOfScope
            },
            path: self.rules.words(&reached.path),
        })
    }

    fn granted(&self, answer: Answer) -> Decision {
        Decision::Granted {
            path: self.rules.words(&answer.path),
            caveats: answer.caveats,
        }
    }

    /// Whether `subject` has `name` on `object` whatever the conditions say.
    pub fn holds_unconditionally(&self, subject: &ObjectRef, (name, object): (Name, &ObjectRef)) -> bool {
        let state = self.state();
        let graph = (self.rules.schema(), &state.graph);
        let place = (name, (*object).into());
        let found = check(graph, (*subject).into(), place, &Assume(Truth::False));
        found.is_ok_and(|answer| answer.truth == Truth::True)
    }

    /// The objects on which `subject` holds some relation, itself or through groups; for a request, or, without
    /// one, whatever the conditions.
    pub fn bindings(
        &self,
        subject: &ObjectRef,
        request: Option<&Request>,
    ) -> Result<Vec<ObjectRef>, LimitReached> {
        let state = self.state();
        let graph = (self.rules.schema(), &state.graph);
        let held = match request {
            Some(request) => lookup::bindings(graph, (*subject).into(), &self.caveats.of(request)),
            None => lookup::bindings(graph, (*subject).into(), &Assume(Truth::True)),
        };
        let mut objects: Vec<_> = held?
            .into_iter()
            .map(|(object, _)| ObjectRef::of_graph(object))
            .collect();
        objects.dedup();
        Ok(objects)
    }

    /// The identities that a tuple's subject stands for: itself, or all members of the group, those of groups in it
    /// included; whatever the conditions.
    pub fn identities(&self, subject: &SubjectRef) -> Result<Vec<ObjectRef>, LimitReached> {
        let Some(set) = &subject.set else {
            return Ok(vec![subject.object]);
        };
        let name = self
            .rules
            .schema()
            .name(set)
            .expect("a subject's set is of the schema");
        let state = self.state();
        let graph = (self.rules.schema(), &state.graph);
        let place = (name, Object::from(subject.object));
        let mut found = Vec::new();
        for kind in [ObjectKind::User, ObjectKind::ServiceIdentity] {
            found.extend(lookup::subjects(graph, place, kind.into(), &Assume(Truth::True))?);
        }
        Ok(found.into_iter().map(ObjectRef::of_graph).collect())
    }

    /// The objects on which members of a group hold some relation by being members, those of groups around it
    /// included.
    pub fn bindings_of_members(&self, group: &ObjectRef) -> Result<Vec<ObjectRef>, LimitReached> {
        let member = self.rules.schema().name("member").expect("groups have members");
        let state = self.state();
        let (mut waiting, mut seen) = (vec![(Object::from(*group), member)], HashSet::new());
        while let Some(place) = waiting.pop() {
            if !seen.insert(place) {
                continue;
            }
            if seen.len() > lookup::MAX_REACHED {
                return Err(LimitReached);
            }
            waiting.extend_from_slice(state.graph.standing_of_set(place.0, place.1));
        }
        let mut objects: Vec<_> = seen
            .into_iter()
            .map(|(object, _)| ObjectRef::of_graph(object))
            .collect();
        objects.sort_unstable();
        objects.dedup();
        Ok(objects)
    }

    /// The object that contains another: a node's project, a project's domain.
    pub fn parent(&self, object: &ObjectRef) -> Option<ObjectRef> {
        let relation = match object.kind {
            ObjectKind::Node => "project",
            ObjectKind::Project => "domain",
            ObjectKind::Domain => "platform",
            ObjectKind::Group => {
                return self
                    .first(object, "domain")
                    .or_else(|| self.first(object, "platform"));
            }
            ObjectKind::Platform | ObjectKind::User | ObjectKind::ServiceIdentity => return None,
        };
        self.first(object, relation)
    }

    fn first(&self, object: &ObjectRef, relation: &str) -> Option<ObjectRef> {
        let name = self.rules.schema().name(relation)?;
        let found = self.state().graph.first((*object).into(), name)?;
        Some(ObjectRef::of_graph(found))
    }

    /// The domain in which an object lies; `None` for the platform's and for what does not exist.
    pub fn domain_of(&self, object: &ObjectRef) -> Option<ObjectRef> {
        let mut object = *object;
        loop {
            if object.kind == ObjectKind::Domain {
                return self.parent(&object).map(|_| object);
            }
            object = self.parent(&object)?;
        }
    }
}

/// The objects of a kind on which `subject` has `name`.
///
/// # Errors
/// 503 when there are too many to be told.
pub async fn resources(
    app: &App,
    subject: ObjectRef,
    (name, kind): (Name, ObjectKind),
    request: Request,
) -> Result<Vec<ObjectRef>, Failure> {
    aside(app, move |authority, graph| {
        let graph = (authority.rules.schema(), graph);
        let conditions = authority.caveats.of(&request);
        lookup::resources(graph, subject.into(), (name, kind.into()), &conditions)
    })
    .await
}

/// The subjects of a kind that have `name` on `object`.
///
/// # Errors
/// 503 when there are too many to be told.
pub async fn subjects(
    app: &App,
    (name, object): (Name, ObjectRef),
    kind: ObjectKind,
    request: Request,
) -> Result<Vec<ObjectRef>, Failure> {
    aside(app, move |authority, graph| {
        let graph = (authority.rules.schema(), graph);
        let conditions = authority.caveats.of(&request);
        lookup::subjects(graph, (name, object.into()), kind.into(), &conditions)
    })
    .await
}

/// Runs a look-up on a thread of its own, on the relations as they are now.
async fn aside(
    app: &App,
    look_up: impl FnOnce(&Authority, &Graph) -> Result<Vec<Object>, LimitReached> + Send + 'static,
) -> Result<Vec<ObjectRef>, Failure> {
    let (app, state) = (app.clone(), Arc::clone(&app.authority.state()));
    let found = tokio::task::spawn_blocking(move || look_up(&app.authority, &state.graph))
        .await
        .map_err(Failure::internal)?
        .map_err(authorize::too_large)?;
    Ok(found.into_iter().map(ObjectRef::of_graph).collect())
}

#[cfg(test)]
pub(crate) mod tests;
