//! What a grant says, as text: `subject`, `relation`, `resource`; and whether the schema takes it.

use super::schema::{Kind, Member, Name};
use super::{ObjectKind, ObjectRef, Rules};
use std::fmt;

/// The relations that the database keeps; nobody grants them.
const STRUCTURE: [ObjectKind; 3] = [ObjectKind::Platform, ObjectKind::Domain, ObjectKind::Project];

/// Who holds a relation: an object, or all that stand in a relation to it, `group:<uuid>#member`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SubjectRef {
    /// The object.
    pub object: ObjectRef,
    /// The relation to it, where not the object itself is meant.
    pub set: Option<String>,
}

/// Why the schema does not take a triple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TripleError {
    /// Not a relation of the resource's kind.
    #[error("the resource's kind has no such relation")]
    NoRelation,
    /// It is computed.
    #[error("that is a permission, which follows from relations and cannot be granted itself")]
    Permission,
    /// It follows from how things are made.
    #[error("that relation is kept by the control plane and cannot be granted")]
    Structure,
    /// Not a kind of subject that the relation takes.
    #[error("the relation takes user:<uuid>, service-identity:<uuid> or group:<uuid>#member")]
    Subject,
}

impl SubjectRef {
    /// The subject of a `type:id` or `type:id#relation` text.
    pub fn parse(text: &str) -> Option<Self> {
        let (object, set) = match text.split_once('#') {
            Some((object, set)) => (object, Some(set)),
            None => (text, None),
        };
        let word = |set: &str| !set.is_empty() && set.len() <= 64;
        if !set.is_none_or(word) {
            return None;
        }
        Some(Self {
            object: ObjectRef::parse(object)?,
            set: set.map(str::to_owned),
        })
    }
}

impl From<ObjectRef> for SubjectRef {
    fn from(object: ObjectRef) -> Self {
        Self { object, set: None }
    }
}

impl fmt::Display for SubjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.set {
            Some(set) => write!(f, "{}#{set}", self.object),
            None => write!(f, "{}", self.object),
        }
    }
}

impl Rules {
    /// Whether a tuple may state the relation of that subject on that object; its words, interned.
    ///
    /// # Errors
    /// With what the schema does not take.
    pub fn admits(
        &self,
        subject: &SubjectRef,
        relation: &str,
        object: &ObjectRef,
    ) -> Result<(Name, Option<Name>), TripleError> {
        let name = self.schema.name(relation).ok_or(TripleError::NoRelation)?;
        let relation = match self.schema.member(object.kind.into(), name) {
            Some(Member::Relation(_)) if STRUCTURE.iter().any(|kind| kind.as_str() == relation) => {
                return Err(TripleError::Structure);
            }
            Some(Member::Relation(relation)) => relation,
            Some(Member::Permission(_)) => return Err(TripleError::Permission),
            None => return Err(TripleError::NoRelation),
        };
        let set = match &subject.set {
            Some(word) => Some(self.schema.name(word).ok_or(TripleError::Subject)?),
            None => None,
        };
        let wanted: (Kind, Option<Name>) = (subject.object.kind.into(), set);
        if relation.subjects.contains(&wanted) {
            Ok((name, set))
        } else {
            Err(TripleError::Subject)
        }
    }
}
