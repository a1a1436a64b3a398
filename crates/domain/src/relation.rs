//! Who may do what (decisions 3, 11 and 27).
//!
//! `relation/schema.zed` is the whole schema, in one readable text. A tuple states a relation of a subject on an
//! object; an operation asks for a [`Permission`]; [`check()`] walks the tuples of a [`Graph`] by the schema from
//! the object to the subject. All of it is plain computation on memory: who keeps the graph as current as the
//! database is `plex_server::authority`.

#[cfg(feature = "caveats")]
pub mod caveat;
pub mod check;
pub mod graph;
pub mod lookup;
pub mod schema;
mod triple;

pub use check::check;
pub use graph::{Graph, Object, Tuple};
pub use triple::{SubjectRef, TripleError};

use schema::{Kind, Name, Schema};
use std::fmt;
use uuid::Uuid;

/// What an operation wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Change the platform itself.
    ManagePlatform,
    /// Make a domain.
    CreateDomain,
    /// See a domain.
    ReadDomain,
    /// Make a project in a domain.
    CreateProject,
    /// See a project.
    ReadProject,
    /// Grant and withdraw relations.
    Grant,
    /// See who holds which relation.
    ReadGrants,
    /// Issue and revoke bootstrap tokens.
    IssueBootstrapToken,
    /// See bootstrap tokens, without their secrets.
    ReadBootstrapTokens,
    /// End a node's key.
    RevokeNode,
    /// See nodes.
    ReadNode,
    /// Set and remove a node's labels.
    LabelNode,
    /// See what nodes can run.
    ReadCapabilities,
    /// Accept a hook whose content changed.
    AcceptHook,
    /// Run an action.
    Dispatch,
    /// See executions; an auditor sees them without inline bytes and parameters.
    ReadExecution,
    /// Get a target's output, and see inline bytes and parameters.
    ReadOutput,
    /// See the audit chain.
    ReadAudit,
    /// Make a group.
    CreateGroup,
    /// Change who is in a group, and end it.
    ManageGroup,
    /// See a group and who is in it.
    ReadGroup,
    /// Change and delete a domain, and define its labels.
    ManageDomain,
    /// Change and delete a project, and define its labels.
    ManageProject,
    /// Set and remove a project's labels, which its nodes inherit.
    LabelProject,
    /// Read a node's stream and state as its agent would.
    NodeAgent,
    /// Ask a node to change its key.
    RotateNodeKey,
    /// See integrity violations.
    ReadIntegrity,
    /// Say why an integrity violation is as it is.
    AcknowledgeIntegrity,
    /// See how full a domain is.
    ReadCapacity,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 29] = [
        Self::ManagePlatform,
        Self::CreateDomain,
        Self::ReadDomain,
        Self::CreateProject,
        Self::ReadProject,
        Self::Grant,
        Self::ReadGrants,
        Self::IssueBootstrapToken,
        Self::ReadBootstrapTokens,
        Self::RevokeNode,
        Self::ReadNode,
        Self::LabelNode,
        Self::ReadCapabilities,
        Self::AcceptHook,
        Self::Dispatch,
        Self::ReadExecution,
        Self::ReadOutput,
        Self::ReadAudit,
        Self::CreateGroup,
        Self::ManageGroup,
        Self::ReadGroup,
        Self::ManageDomain,
        Self::ManageProject,
        Self::LabelProject,
        Self::NodeAgent,
        Self::RotateNodeKey,
        Self::ReadIntegrity,
        Self::AcknowledgeIntegrity,
        Self::ReadCapacity,
    ];

    /// Its word in the schema, and in the audit chain.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ManagePlatform => "manage_platform",
            Self::CreateDomain => "create_domain",
            Self::ReadDomain => "read_domain",
            Self::CreateProject => "create_project",
            Self::ReadProject => "read_project",
            Self::Grant => "grant",
            Self::ReadGrants => "read_grants",
            Self::IssueBootstrapToken => "issue_bootstrap_token",
            Self::ReadBootstrapTokens => "read_bootstrap_tokens",
            Self::RevokeNode => "revoke_node",
            Self::ReadNode => "read_node",
            Self::LabelNode => "label_node",
            Self::ReadCapabilities => "read_capabilities",
            Self::AcceptHook => "accept_hook",
            Self::Dispatch => "dispatch",
            Self::ReadExecution => "read_execution",
            Self::ReadOutput => "read_output",
            Self::ReadAudit => "read_audit",
            Self::CreateGroup => "create_group",
            Self::ManageGroup => "manage_group",
            Self::ReadGroup => "read_group",
            Self::ManageDomain => "manage_domain",
            Self::ManageProject => "manage_project",
            Self::LabelProject => "label_project",
            Self::NodeAgent => "node_agent",
            Self::RotateNodeKey => "rotate_node_key",
            Self::ReadIntegrity => "read_integrity",
            Self::AcknowledgeIntegrity => "acknowledge_integrity",
            Self::ReadCapacity => "read_capacity",
        }
    }

    /// Whether it is to see something and nothing else.
    pub fn is_read(self) -> bool {
        self.as_str().starts_with("read_")
    }
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A person.
    User,
    /// A machine.
    ServiceIdentity,
    /// A group of identities.
    Group,
    /// The whole installation; there is one.
    Platform,
    /// A domain.
    Domain,
    /// A project.
    Project,
    /// A node.
    Node,
}

impl ObjectKind {
    /// Every kind, in the order of the schema.
    pub const ALL: [Self; 7] = [
        Self::User,
        Self::ServiceIdentity,
        Self::Group,
        Self::Platform,
        Self::Domain,
        Self::Project,
        Self::Node,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Domain => "domain",
            Self::Project => "project",
            Self::Node => "node",
            Self::User => "user",
            Self::ServiceIdentity => "service-identity",
            Self::Group => "group",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// An object, written `type:id`; the platform, which has no id, is `platform:platform`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// What it is.
    pub kind: ObjectKind,
    /// Its id; `None` for the platform and only there.
    pub id: Option<Uuid>,
}

impl ObjectRef {
    /// The platform.
    pub const PLATFORM: Self = Self {
        kind: ObjectKind::Platform,
        id: None,
    };

    /// An object that has an id.
    pub fn of(kind: ObjectKind, id: Uuid) -> Self {
        Self { kind, id: Some(id) }
    }

    /// The object of a `type:id` text; `None` for an unknown type, the nil id, and any other id than a
    /// hyphenated UUID.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':')?;
        match ObjectKind::parse(kind)? {
            ObjectKind::Platform => (id == ObjectKind::Platform.as_str()).then_some(Self::PLATFORM),
            kind => {
                let id = Uuid::try_parse(id)
                    .ok()
                    .filter(|uuid| id.len() == 36 && !uuid.is_nil())?;
                Some(Self::of(kind, id))
            }
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "{}:{id}", self.kind.as_str()),
            None => write!(f, "{0}:{0}", self.kind.as_str()),
        }
    }
}

/// The product's schema, and the places of its words.
#[derive(Debug)]
pub struct Rules {
    schema: Schema,
    permissions: [Name; Permission::ALL.len()],
    bound: Name,
}

impl Default for Rules {
    fn default() -> Self {
        Self::new()
    }
}

impl Rules {
    /// Reads the schema.
    pub fn new() -> Self {
        let schema = Schema::parse(include_str!("relation/schema.zed")).expect("the schema is tested");
        let place = |word: &str| schema.name(word).expect("the schema has every permission's word");
        Self {
            permissions: Permission::ALL.map(|permission| place(permission.as_str())),
            bound: place("bound"),
            schema,
        }
    }

    /// The schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A permission's word.
    pub fn name_of(&self, permission: Permission) -> Name {
        self.permissions[permission as usize]
    }

    /// A way as texts, `domain:<uuid>#admin`.
    pub fn words(&self, path: &[(Object, Name)]) -> Vec<String> {
        let word = |(object, name): &(Object, Name)| {
            format!("{}#{}", ObjectRef::of_graph(*object), self.schema.word(*name))
        };
        path.iter().map(word).collect()
    }

    /// The word for "has any relation that reaches the object at all".
    pub fn bound(&self) -> Name {
        self.bound
    }
}

impl From<ObjectRef> for Object {
    fn from(object: ObjectRef) -> Self {
        Self {
            kind: object.kind.into(),
            id: object.id.unwrap_or_default(),
        }
    }
}

impl From<ObjectKind> for Kind {
    /// The kinds stand in the schema in the order of [`ObjectKind::ALL`].
    fn from(kind: ObjectKind) -> Self {
        Self(kind as u8)
    }
}

impl ObjectRef {
    /// The object that a graph's object is.
    pub fn of_graph(object: Object) -> Self {
        let kind = ObjectKind::ALL[usize::from(object.kind.0)];
        Self {
            kind,
            id: Some(object.id).filter(|_| kind != ObjectKind::Platform),
        }
    }
}

#[cfg(test)]
mod tests;
