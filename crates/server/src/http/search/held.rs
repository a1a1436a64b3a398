//! What a word of the schema asks of the caller, on each object that is found.

use crate::app::App;
use crate::authority::Decision;
use crate::principal::Principal;
use plex_domain::label::Holder;
use plex_domain::relation::schema::Name;
use plex_domain::relation::{ObjectKind, ObjectRef};
use uuid::Uuid;

/// A relation or permission that nodes, projects or both have.
pub(super) struct Needed {
    name: Name,
    node: bool,
    project: bool,
}

/// Somebody who must hold it.
pub(super) struct Held {
    needed: Needed,
    app: App,
    principal: Principal,
}

impl Needed {
    /// What a word means; `None` where neither kind has it.
    pub(super) fn read(app: &App, word: &str) -> Option<Self> {
        let schema = app.authority.rules().schema();
        let name = schema.name(word)?;
        let has = |kind: ObjectKind| schema.member(kind.into(), name).is_some();
        let (node, project) = (has(ObjectKind::Node), has(ObjectKind::Project));
        (node || project).then_some(Self { name, node, project })
    }

    /// The same, asked of a caller.
    pub(super) fn by(self, app: &App, principal: &Principal) -> Held {
        Held {
            needed: self,
            app: app.clone(),
            principal: principal.clone(),
        }
    }
}

impl Held {
    /// Whether the caller holds it on an object. What cannot be decided is not held.
    pub(super) fn on(&self, holder: Holder, id: Uuid) -> bool {
        let (kind, known) = match holder {
            Holder::Node => (ObjectKind::Node, self.needed.node),
            Holder::Project => (ObjectKind::Project, self.needed.project),
        };
        let place = (self.needed.name, &ObjectRef::of(kind, id));
        let request = self.principal.request(&self.app);
        known
            && matches!(
                self.app
                    .authority
                    .decide(&self.principal.object(), place, &request),
                Ok(Decision::Granted { .. })
            )
    }
}
