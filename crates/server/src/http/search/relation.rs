//! What a word of the schema asks of the caller, on nodes and on projects.

use plex_domain::label::Holder;
use plex_domain::relation::Permission;

/// Every permission that can be asked for by its own name.
const NAMED: [Permission; 21] = [
    Permission::ManagePlatform,
    Permission::CreateDomain,
    Permission::ReadDomain,
    Permission::CreateProject,
    Permission::ReadProject,
    Permission::Grant,
    Permission::ReadGrants,
    Permission::IssueBootstrapToken,
    Permission::ReadBootstrapTokens,
    Permission::RevokeNode,
    Permission::ReadNode,
    Permission::LabelNode,
    Permission::ReadCapabilities,
    Permission::AcceptHook,
    Permission::Dispatch,
    Permission::ReadExecution,
    Permission::ReadOutput,
    Permission::ReadAudit,
    Permission::ManageDomain,
    Permission::ManageProject,
    Permission::LabelProject,
];

/// The permissions that stand for a word; `None` for one that the schema does not know.
pub(super) fn permissions(word: &str) -> Option<[(Holder, Permission); 2]> {
    let both = |node, project| Some([(Holder::Node, node), (Holder::Project, project)]);
    match word {
        "read" => both(Permission::ReadNode, Permission::ReadProject),
        "manage" | "admin" => both(Permission::RevokeNode, Permission::ManageProject),
        "maintainer" => both(Permission::LabelNode, Permission::LabelProject),
        "operator" => both(Permission::Dispatch, Permission::Dispatch),
        "viewer" => both(Permission::ReadNode, Permission::ReadCapabilities),
        "auditor" => both(Permission::ReadAudit, Permission::ReadAudit),
        name => {
            let known = NAMED.into_iter().find(|permission| permission.as_str() == name)?;
            both(known, known)
        }
    }
}
