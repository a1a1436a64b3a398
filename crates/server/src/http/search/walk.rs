//! The walk behind a search: the projects by slug, then the nodes by id.

use super::held::Held;
use plex_api::selectors::ObjectSearchResultItem;
use plex_domain::label::Holder;
use plex_domain::selector::Selector;
use plex_store::labels::{self, Labelled};
use plex_store::nodes::{self, Within};
use plex_store::projects::{self, Shown};
use plex_store::{Error, Tx};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Objects read at a time.
const CHUNK: u32 = 200;
/// Most such readings for one page.
const CHUNKS: u32 = 10;

/// After which object a page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Position {
    /// After this project.
    Projects(projects::Position),
    /// After all projects and, where there is one, this node.
    Nodes(Option<Uuid>),
}

impl Position {
    /// Before everything.
    pub(super) fn start() -> Self {
        Self::Projects(projects::Position::default())
    }

    /// The position as a cursor holds it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Projects(at) => [b"p", at.id.as_bytes().as_slice(), at.slug.as_bytes()].concat(),
            Self::Nodes(at) => [b"n", at.unwrap_or(Uuid::nil()).as_bytes().as_slice()].concat(),
        }
    }

    /// The position of such bytes.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let id = Uuid::from_bytes(*id);
        match kind {
            b'p' => Some(Self::Projects(projects::Position {
                slug: String::from_utf8(rest.to_vec()).ok()?,
                id,
            })),
            b'n' => Some(Self::Nodes(Some(id).filter(|id| !id.is_nil()))),
            _ => None,
        }
    }
}

/// What to look for, and where.
pub(super) struct Walk {
    /// Where the caller sees nodes.
    pub(super) nodes: Vec<Within>,
    /// Which projects the caller sees.
    pub(super) projects: Shown,
    /// Only in here.
    pub(super) within: Within,
    /// What the caller must hold on each.
    pub(super) held: Held,
    /// Only objects that have a label defined in this domain or project.
    pub(super) defined_in: Option<Uuid>,
    /// Only these kinds.
    pub(super) kinds: BTreeSet<&'static str>,
    /// Which labels.
    pub(super) selector: Selector,
    /// Most items.
    pub(super) limit: usize,
}

/// An object that was read, and the position after it.
struct Seen {
    after: Position,
    item: ObjectSearchResultItem,
    /// The labels in effect on it.
    labels: Labelled,
}

impl Walk {
    /// A page, and where the next one starts.
    pub(super) async fn page(
        &self,
        tx: &mut Tx,
        start: Position,
    ) -> Result<(Vec<ObjectSearchResultItem>, Option<Position>), Error> {
        let (mut at, mut items) = (start, Vec::new());
        for _ in 0..CHUNKS {
            let (seen, is_last) = self.read(tx, &at).await?;
            let count = seen.len();
            for (n, seen) in seen.into_iter().enumerate() {
                at = seen.after;
                if !self.selects(&seen.labels) || !self.is_held(&seen.item) {
                    continue;
                }
                items.push(seen.item);
                if items.len() == self.limit {
                    let is_end = is_last && n + 1 == count && matches!(at, Position::Nodes(_));
                    return Ok((items, Some(at).filter(|_| !is_end)));
                }
            }
            match (is_last, &at) {
                (false, _) => {}
                (true, Position::Projects(_)) => at = Position::Nodes(None),
                (true, Position::Nodes(_)) => return Ok((items, None)),
            }
        }
        Ok((items, Some(at)))
    }

    fn selects(&self, labels: &Labelled) -> bool {
        self.defined_in.is_none_or(|scope| labels.scopes.contains(&scope))
            && self.selector.matches(|key| labels.keys.get(key))
    }

    fn is_held(&self, item: &ObjectSearchResultItem) -> bool {
        Holder::parse(&item.kind).is_some_and(|holder| self.held.on(holder, item.id))
    }

    /// The next objects of one kind, and whether they are the last of it.
    async fn read(&self, tx: &mut Tx, at: &Position) -> Result<(Vec<Seen>, bool), Error> {
        match at {
            Position::Projects(after) if self.kinds.contains(Holder::Project.as_str()) => {
                self.projects(tx, after).await
            }
            Position::Nodes(after) if self.kinds.contains(Holder::Node.as_str()) => {
                self.nodes(tx, *after).await
            }
            Position::Projects(_) | Position::Nodes(_) => Ok((Vec::new(), true)),
        }
    }

    async fn projects(&self, tx: &mut Tx, after: &projects::Position) -> Result<(Vec<Seen>, bool), Error> {
        let Within {
            domain_id,
            project_id,
            ..
        } = self.within;
        let page = match project_id {
            // One project by its id, at the beginning and nowhere else.
            Some(_) if *after != projects::Position::default() => Vec::new(),
            Some(id) => projects::find(tx, id)
                .await?
                .into_iter()
                .filter(|project| is_shown(&self.projects, (project.id, project.domain_id)))
                .collect(),
            None => projects::page(tx, &self.projects, domain_id, after, CHUNK).await?,
        };
        let is_last = project_id.is_some() || page.len() < CHUNK as usize;
        let places: Vec<(Uuid, Uuid)> = page
            .iter()
            .map(|project| (project.id, project.domain_id))
            .collect();
        let mut labels = labels::of_projects(tx, &places).await?;
        let seen = page.into_iter().map(|project| Seen {
            labels: labels.remove(&project.id).unwrap_or_default(),
            item: ObjectSearchResultItem {
                kind: Holder::Project.as_str().to_owned(),
                id: project.id,
            },
            after: Position::Projects(projects::Position {
                slug: project.slug,
                id: project.id,
            }),
        });
        Ok((seen.collect(), is_last))
    }

    async fn nodes(&self, tx: &mut Tx, after: Option<Uuid>) -> Result<(Vec<Seen>, bool), Error> {
        let page = nodes::page(tx, &self.nodes, after, CHUNK).await?;
        let is_last = page.len() < CHUNK as usize;
        let seen = page.into_iter().map(|node| Seen {
            after: Position::Nodes(Some(node.summary.id)),
            item: ObjectSearchResultItem {
                kind: Holder::Node.as_str().to_owned(),
                id: node.summary.id,
            },
            labels: node.labels,
        });
        Ok((seen.collect(), is_last))
    }
}

fn is_shown(shown: &Shown, (project_id, domain_id): (Uuid, Uuid)) -> bool {
    match shown {
        Shown::All => true,
        Shown::Some { domains, projects } => domains.contains(&domain_id) || projects.contains(&project_id),
    }
}
