//! Schemas: which kinds of objects there are, which relations tuples may state on them, and which permissions
//! follow.
//!
//! The text is the schema language of SpiceDB, so that its decisions can be compared with ours, with two
//! liberties: names may contain `-`, and `with caveats` after a relation's subjects lets its tuples carry any of
//! the schema's caveats. Names are interned, so that a check compares numbers.

mod parse;

use std::collections::HashMap;

/// A kind of object, by its place in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(pub u8);

/// The name of a relation or a permission, interned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub u16);

/// A caveat, by its place in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaveatId(pub u8);

/// A parsed schema.
#[derive(Debug)]
pub struct Schema {
    names: Vec<String>,
    by_name: HashMap<String, Name>,
    definitions: Vec<Definition>,
    caveats: Vec<CaveatDefinition>,
}

/// One kind of object.
#[derive(Debug)]
struct Definition {
    name: String,
    /// What a name means here; by the name's number.
    members: Vec<Option<Member>>,
}

/// What a name means on a kind of object.
#[derive(Debug)]
pub enum Member {
    /// Tuples state it.
    Relation(Relation),
    /// It is computed.
    Permission(Expr),
}

/// Who may be the subject of a relation's tuples.
#[derive(Debug)]
pub struct Relation {
    /// The kinds, with the name behind `#` for a set of subjects.
    pub subjects: Vec<(Kind, Option<Name>)>,
    /// Whether its tuples may carry a caveat.
    pub takes_caveats: bool,
}

/// How a permission is computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// A relation or permission of the same object.
    Member(Name),
    /// A relation or permission of the objects that a relation names.
    Arrow(Name, Name),
    /// Any of them.
    Union(Vec<Expr>),
    /// All of them.
    Intersection(Vec<Expr>),
    /// The first without the second.
    Exclusion(Box<Expr>, Box<Expr>),
}

/// A condition that a tuple may carry.
#[derive(Debug)]
pub struct CaveatDefinition {
    /// Its name.
    pub name: String,
    /// Its parameters and their types, in order.
    pub parameters: Vec<(String, ParameterType)>,
    /// The condition, in the Common Expression Language.
    pub expression: String,
}

/// The type of a caveat's parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterType {
    /// An RFC 3339 text.
    Timestamp,
    /// The text of an IPv4 or IPv6 address.
    IpAddress,
    /// A text.
    String,
    /// A list of texts.
    StringList,
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
}

/// Why a text is no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line}")]
pub struct SchemaError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl Schema {
    /// The schema of that text.
    ///
    /// # Errors
    /// When it is malformed, names what it does not define, or lets a permission take away from itself.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        parse::schema(text)
    }

    /// The kind of that word.
    pub fn kind(&self, word: &str) -> Option<Kind> {
        let place = self.definitions.iter().position(|one| one.name == word)?;
        u8::try_from(place).ok().map(Kind)
    }

    /// The word of a kind.
    pub fn kind_word(&self, kind: Kind) -> &str {
        self.definitions
            .get(usize::from(kind.0))
            .map_or("", |one| one.name.as_str())
    }

    /// The interned name of that word, if the schema knows it anywhere.
    pub fn name(&self, word: &str) -> Option<Name> {
        self.by_name.get(word).copied()
    }

    /// The word of a name.
    pub fn word(&self, name: Name) -> &str {
        &self.names[usize::from(name.0)]
    }

    /// What a name means on a kind of object.
    pub fn member(&self, kind: Kind, name: Name) -> Option<&Member> {
        self.definitions
            .get(usize::from(kind.0))?
            .members
            .get(usize::from(name.0))?
            .as_ref()
    }

    /// The relation of that name on a kind of object; `None` for a permission and for what is not there.
    pub fn relation(&self, kind: Kind, name: Name) -> Option<&Relation> {
        match self.member(kind, name)? {
            Member::Relation(relation) => Some(relation),
            Member::Permission(_) => None,
        }
    }

    /// The names that mean something on a kind of object, and what.
    pub fn members(&self, kind: Kind) -> impl Iterator<Item = (Name, &Member)> {
        let members = self.definitions[usize::from(kind.0)].members.iter();
        (0_u16..)
            .zip(members)
            .filter_map(|(name, member)| Some((Name(name), member.as_ref()?)))
    }

    /// All kinds.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        (0..self.definitions.len()).map(|place| Kind(u8::try_from(place).expect("the parser counts kinds")))
    }

    /// The caveats, in order.
    pub fn caveats(&self) -> &[CaveatDefinition] {
        &self.caveats
    }

    /// The caveat of that name.
    pub fn caveat(&self, name: &str) -> Option<CaveatId> {
        let place = self.caveats.iter().position(|one| one.name == name)?;
        u8::try_from(place).ok().map(CaveatId)
    }

    /// A caveat's definition.
    pub fn caveat_definition(&self, id: CaveatId) -> &CaveatDefinition {
        &self.caveats[usize::from(id.0)]
    }
}
