//! What a new installation begins with: a domain, a project, and a platform admin with a token.

use crate::app::Keys;
use crate::database;
use crate::signing::SEAL_PURPOSE;
use anyhow::Context as _;
use plex_api::audit::AuditReason;
use plex_api::tokens::TokenEnvironment;
use plex_domain::credential::{self, ApiToken};
use plex_domain::keys::MasterKey;
use plex_domain::reachability::Policy;
use plex_domain::relation::{ObjectKind, ObjectRef};
use plex_domain::tenancy;
use plex_store::audit::{self, Record};
use plex_store::db::Engine;
use plex_store::domains::{self, NewDomain};
use plex_store::projects::{self, NewProject};
use plex_store::relations::{self, Granted, NewTuple};
use plex_store::tokens::{self, NewToken, Origin};
use plex_store::{Db, Error, Tx, principals, sessions};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How long the admin's token lives: a year.
const TOKEN_TTL_SECONDS: u32 = 31_536_000;

/// Handles of the first domain and project.
#[derive(Debug, Clone)]
pub struct FirstTenants {
    /// The domain's.
    pub domain_slug: String,
    /// The project's.
    pub project_slug: String,
}

/// What was made.
pub struct Created {
    /// The first domain.
    pub domain_id: Uuid,
    /// The first project.
    pub project_id: Uuid,
    /// The platform admin's token, in plain text this once.
    pub admin_token: String,
}

/// Makes the database of a new installation. Call it outside any runtime.
pub fn create(engine: &Engine, master: &MasterKey, names: &FirstTenants) -> anyhow::Result<Created> {
    let keys = Keys::new(master.clone());
    let names = names.clone();
    for slug in [&names.domain_slug, &names.project_slug] {
        anyhow::ensure!(
            tenancy::is_slug(slug),
            "{slug:?} is no slug: use a-z, 0-9 and single dashes, at most 64 characters"
        );
    }
    let token = mint();
    with_database(engine, move |db| async move {
        let admin_token = token.clone();
        let (domain_id, project_id) = db
            .write(async move |tx| {
                anyhow::ensure!(
                    principals::first_user(tx).await?.is_none(),
                    "this database is initialised already; nothing was changed"
                );
                let domain = first_domain(tx, &keys, &names.domain_slug).await?;
                let project = first_project(tx, domain, &names.project_slug).await?;
                let admin = tx.new_id();
                for chain in [None, Some(domain)] {
                    audit::open(tx, &keys.pseudonyms, chain).await?;
                }
                make_admin(tx, &keys, admin).await?;
                issue(tx, &keys, admin, &token).await?;
                record(tx, &keys, (Some(domain), "create_domain"), ("domain", domain)).await?;
                record(tx, &keys, (Some(domain), "create_project"), ("project", project)).await?;
                record(tx, &keys, (None, "issue_token"), ("user", admin)).await?;
                Ok::<_, anyhow::Error>((domain, project))
            })
            .await?;
        Ok(Created {
            domain_id,
            project_id,
            admin_token,
        })
    })
}

/// Revokes the first platform admin's tokens, gives out a new one, and makes it platform admin again should it
/// not be one any more. Call it outside any runtime; a server may be running.
pub fn reset_admin_token(engine: &Engine, master: &MasterKey) -> anyhow::Result<String> {
    let keys = Keys::new(master.clone());
    let token = mint();
    with_database(engine, move |db| async move {
        check_master(&db, &keys.master).await?;
        adopt_audit_chains(&db, &keys).await?;
        let issued = token.clone();
        db.write(async move |tx| {
            let admin = principals::first_user(tx)
                .await?
                .context("this database has no user")?;
            tokens::revoke_all(tx, admin).await?;
            sessions::end_all(tx, admin).await?;
            make_admin(tx, &keys, admin).await?;
            issue(tx, &keys, admin, &token).await?;
            record(tx, &keys, (None, "reset_token"), ("user", admin)).await?;
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        Ok(issued)
    })
}

/// Refuses a master key that is not the one this database was made with: nothing in it could be opened, and what
/// were written under that key could not be read once the right one is back.
pub async fn check_master(db: &Db, master: &MasterKey) -> anyhow::Result<()> {
    let master = master.clone();
    db.read(async move |tx| {
        let sealed = domains::first_sealed_signing_key(tx).await?;
        let opens = sealed.is_none_or(|sealed| master.open(SEAL_PURPOSE, &sealed).is_some());
        anyhow::ensure!(
            opens,
            "this database was made with another master key; put that one back"
        );
        Ok(())
    })
    .await
}

/// Seals the ends of audit chains that a version before sealed heads wrote, once: when it brought the schema up to
/// date.
pub async fn adopt_audit_chains(db: &Db, keys: &Keys) -> Result<(), Error> {
    if db.found_version() >= audit::SEALED_SINCE {
        return Ok(());
    }
    let key = keys.pseudonyms;
    db.write(async move |tx| audit::adopt(tx, &key).await).await
}

/// Makes an identity platform admin, unless it is.
async fn make_admin(tx: &mut Tx, keys: &Keys, admin: Uuid) -> anyhow::Result<()> {
    let new = NewTuple {
        subject: ObjectRef::of(ObjectKind::User, admin).into(),
        relation: "admin".to_owned(),
        object: ObjectRef::PLATFORM,
        condition: None,
        created_by: "system".to_owned(),
    };
    match relations::create(tx, &new).await? {
        Granted::Held(_) => Ok(()),
        Granted::New(_) => Ok(record(tx, keys, (None, "grant"), ("user", admin)).await?),
    }
}

fn mint() -> String {
    ApiToken::mint(TokenEnvironment::Prod, &crate::system::SystemRng)
}

/// Runs `work` on the database, and closes it before it returns.
pub fn with_database<T, W, F>(engine: &Engine, work: W) -> anyhow::Result<T>
where
    W: FnOnce(Db) -> F,
    F: Future<Output = anyhow::Result<T>>,
{
    let db = Db::open(database::settings(engine.clone())).context("the database cannot be opened")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(work(db.clone()));
    db.close();
    done
}

async fn first_domain(tx: &mut Tx, keys: &Keys, slug: &str) -> anyhow::Result<Uuid> {
    let new = NewDomain {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        description: String::new(),
        region: None,
        mesh_cidr: None,
        reachability: Policy::default(),
    };
    Ok(
        domains::create(tx, &new, |seed, rng| keys.master.seal(SEAL_PURPOSE, seed, rng))
            .await?
            .id,
    )
}

async fn first_project(tx: &mut Tx, domain_id: Uuid, slug: &str) -> anyhow::Result<Uuid> {
    let new = NewProject {
        domain_id,
        slug: slug.to_owned(),
        name: slug.to_owned(),
        description: String::new(),
        sub_range: None,
    };
    Ok(projects::create(tx, &new).await?.id)
}

async fn issue(tx: &mut Tx, keys: &Keys, principal_id: Uuid, token: &str) -> Result<(), Error> {
    let hash = credential::hash(&keys.api_tokens, token.as_bytes());
    let env = TokenEnvironment::Prod;
    tokens::issue(
        tx,
        &NewToken {
            principal_id,
            env,
            hash,
            ttl_seconds: TOKEN_TTL_SECONDS,
            not_after: None,
            issued_by: principal_id,
            origin: Origin::Issued,
        },
    )
    .await?;
    Ok(())
}

async fn record(
    tx: &mut Tx,
    keys: &Keys,
    (domain_id, relation): (Option<Uuid>, &str),
    (object_type, object_id): (&str, Uuid),
) -> Result<(), Error> {
    let record = Record {
        domain_id,
        reason: AuditReason::Granted,
        identity: "system".to_owned(),
        relation: relation.to_owned(),
        object_type: object_type.to_owned(),
        object_id: object_id.to_string(),
        correlation_id: tx.new_id().to_string(),
        ip: None,
        user_agent: None,
        caveats: BTreeMap::new(),
        count: 1,
        details: None,
    };
    audit::append(tx, &keys.pseudonyms, record).await
}

#[cfg(test)]
mod tests;
