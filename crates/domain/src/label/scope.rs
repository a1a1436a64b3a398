//! Whose a definition is.

use plex_api::labels::LabelScope;
use std::fmt;
use uuid::Uuid;

/// The platform, a domain or a project: `platform`, `domain:<uuid>`, `project:<uuid>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScopeRef {
    /// The platform.
    Platform,
    /// A domain.
    Domain(Uuid),
    /// A project.
    Project(Uuid),
}

impl ScopeRef {
    /// The scope that a word and an id name together; `None` where they disagree.
    pub fn new(scope: LabelScope, id: Option<Uuid>) -> Option<Self> {
        let id = id.filter(|id| !id.is_nil());
        match scope {
            LabelScope::Platform => id.is_none().then_some(Self::Platform),
            LabelScope::Domain => id.map(Self::Domain),
            LabelScope::Project => id.map(Self::Project),
        }
    }

    /// The scope of a text; `None` for any other than the three forms.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((word, id)) = text.split_once(':') else {
            return (text == "platform").then_some(Self::Platform);
        };
        let id = Some(id).filter(|id| id.len() == 36);
        let id = id.and_then(|id| Uuid::try_parse(id).ok())?;
        let scope = LabelScope::parse(word).filter(|scope| *scope != LabelScope::Platform)?;
        Self::new(scope, Some(id))
    }

    /// Its word.
    pub fn scope(self) -> LabelScope {
        match self {
            Self::Platform => LabelScope::Platform,
            Self::Domain(_) => LabelScope::Domain,
            Self::Project(_) => LabelScope::Project,
        }
    }

    /// Its id; nil for the platform.
    pub fn id(self) -> Uuid {
        match self {
            Self::Platform => Uuid::nil(),
            Self::Domain(id) | Self::Project(id) => id,
        }
    }
}

impl fmt::Display for ScopeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("platform"),
            Self::Domain(id) => write!(f, "domain:{id}"),
            Self::Project(id) => write!(f, "project:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_and_no_other() {
        let id = Uuid::from_u128(7);
        for scope in [ScopeRef::Platform, ScopeRef::Domain(id), ScopeRef::Project(id)] {
            assert_eq!(ScopeRef::parse(&scope.to_string()), Some(scope));
            assert_eq!(ScopeRef::new(scope.scope(), Some(scope.id())), Some(scope));
        }
        let nil = Uuid::nil();
        for bad in [
            "",
            "Platform",
            "domain",
            "domain:",
            "project:x",
            &format!("platform:{id}"),
            &format!("node:{id}"),
            &format!("domain:{nil}"),
            &format!("domain:{}", id.simple()),
            &format!("domain:{id} "),
        ] {
            assert_eq!(ScopeRef::parse(bad), None, "{bad}");
        }
        assert_eq!(ScopeRef::new(LabelScope::Platform, Some(id)), None);
        assert_eq!(
            ScopeRef::new(LabelScope::Platform, Some(nil)),
            Some(ScopeRef::Platform)
        );
        assert_eq!(ScopeRef::new(LabelScope::Domain, None), None);
        assert_eq!(ScopeRef::new(LabelScope::Project, Some(nil)), None);
    }
}
