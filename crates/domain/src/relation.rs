//! Who may do what: the whole schema of relations (decisions 3 and 11).
//!
//! A caller holds relations on objects; an operation asks for a permission on a scope. Platform, domain and
//! project are one line of containment: a relation held on the platform holds on every domain, one held on
//! a domain on its projects. [`rule`] is the schema, one line per permission; all else is mechanics.

use plex_api::problem::DenialReason;
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
    /// The word that the audit chain has for it.
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
            Self::NodeAgent => "node_agent",
            Self::RotateNodeKey => "rotate_node_key",
            Self::ReadIntegrity => "read_integrity",
            Self::AcknowledgeIntegrity => "acknowledge_integrity",
            Self::ReadCapacity => "read_capacity",
        }
    }
}

/// Where a binding must be held, at least, to count for a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Platform,
    Domain,
    Project,
    Node,
}

const ADMIN: &[Relation] = &[Relation::Admin];
const OPERATOR: &[Relation] = &[Relation::Admin, Relation::Operator];
const VIEWER: &[Relation] = &[Relation::Admin, Relation::Operator, Relation::Viewer];
const AUDITOR: &[Relation] = &[Relation::Admin, Relation::Auditor];
const NODE_AGENT: &[Relation] = &[Relation::NodeAgent];
const ANY: &[Relation] = &[
    Relation::Admin,
    Relation::Operator,
    Relation::Viewer,
    Relation::Auditor,
];

/// The schema: the lowest level on which, and the relations by which, a permission is held.
fn rule(permission: Permission) -> (Level, &'static [Relation]) {
    match permission {
        Permission::ManagePlatform => (Level::Platform, ADMIN),
        Permission::CreateDomain => (Level::Platform, ADMIN),
        Permission::ReadDomain => (Level::Domain, ANY),
        Permission::CreateProject => (Level::Domain, ADMIN),
        Permission::ReadAudit => (Level::Domain, AUDITOR),
        Permission::ReadProject => (Level::Project, ANY),
        Permission::Grant => (Level::Project, ADMIN),
        Permission::ReadGrants => (Level::Project, VIEWER),
        Permission::IssueBootstrapToken => (Level::Project, ADMIN),
        Permission::ReadBootstrapTokens => (Level::Project, ADMIN),
        Permission::RevokeNode => (Level::Project, ADMIN),
        Permission::ReadNode => (Level::Project, VIEWER),
        Permission::LabelNode => (Level::Project, OPERATOR),
        Permission::ReadCapabilities => (Level::Project, VIEWER),
        Permission::AcceptHook => (Level::Project, OPERATOR),
        Permission::Dispatch => (Level::Project, OPERATOR),
        Permission::ReadExecution => (Level::Project, ANY),
        Permission::ReadOutput => (Level::Project, VIEWER),
        // Held on the node itself and nowhere else; no other relation implies it.
        Permission::NodeAgent => (Level::Node, NODE_AGENT),
        Permission::RotateNodeKey => (Level::Project, ADMIN),
        Permission::ReadIntegrity => (Level::Project, VIEWER),
        Permission::AcknowledgeIntegrity => (Level::Project, OPERATOR),
        Permission::ReadCapacity => (Level::Domain, ANY),
    }
}

/// A relation that can be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Everything below, and the authority itself.
    Admin,
    /// Runs actions.
    Operator,
    /// Reads.
    Viewer,
    /// Reads what was done, not what was said in it.
    Auditor,
    /// Reads a node's stream and state as its agent would; held on nodes only.
    NodeAgent,
}

impl Relation {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::NodeAgent => "node-agent",
        }
    }

    /// The relation of that word.
    pub fn parse(word: &str) -> Option<Self> {
        let all = ANY.iter().chain(NODE_AGENT).copied();
        all.into_iter().find(|relation| relation.as_str() == word)
    }
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// The whole installation; there is one.
    Platform,
    /// A domain.
    Domain,
    /// A project.
    Project,
    /// A node.
    Node,
    /// A person.
    User,
    /// A machine.
    ServiceIdentity,
    /// A group of identities.
    Group,
}

impl ObjectKind {
    const ALL: [Self; 7] = [
        Self::Platform,
        Self::Domain,
        Self::Project,
        Self::Node,
        Self::User,
        Self::ServiceIdentity,
        Self::Group,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// A relation that the caller holds, itself or through a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The relation.
    pub relation: Relation,
    /// On what.
    pub object: ObjectRef,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.object, self.relation.as_str())
    }
}

/// What an operation acts on: the platform (neither), a domain, or a project with its domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope {
    /// The domain.
    pub domain_id: Option<Uuid>,
    /// The project.
    pub project_id: Option<Uuid>,
}

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Allowed.
    Granted {
        /// The binding that grants it, as `["domain:<uuid>#admin"]`.
        path: Vec<String>,
    },
    /// Not allowed.
    Denied {
        /// Whether the caller has any binding to the object.
        reason: DenialReason,
        /// The caller's bindings that were looked at.
        path: Vec<String>,
    },
}

/// Decides whether a caller with these bindings has the permission on that scope.
pub fn decide(bindings: &[Binding], permission: Permission, scope: &Scope) -> Decision {
    let (level, relations) = rule(permission);
    let reaching: Vec<&Binding> = bindings
        .iter()
        .filter(|binding| reaches(binding, level, scope))
        .collect();
    if let Some(grant) = reaching
        .iter()
        .find(|binding| relations.contains(&binding.relation))
    {
        return Decision::Granted {
            path: vec![grant.to_string()],
        };
    }
    let reason = if reaching.is_empty() {
        DenialReason::OutOfScope
    } else {
        DenialReason::InsufficientRelation
    };
    Decision::Denied {
        reason,
        path: reaching.iter().map(|binding| binding.to_string()).collect(),
    }
}

/// Whether a binding is held on the scope's object of at least that level, or on what contains it.
fn reaches(binding: &Binding, level: Level, scope: &Scope) -> bool {
    let (domain, project) = match level {
        Level::Platform => (None, None),
        Level::Domain => (scope.domain_id, None),
        Level::Project | Level::Node => (scope.domain_id, scope.project_id),
    };
    match binding.object.kind {
        ObjectKind::Platform => true,
        ObjectKind::Domain => domain.is_some() && binding.object.id == domain,
        ObjectKind::Project => project.is_some() && binding.object.id == project,
        ObjectKind::Node | ObjectKind::User | ObjectKind::ServiceIdentity | ObjectKind::Group => false,
    }
}

#[cfg(test)]
mod tests;
