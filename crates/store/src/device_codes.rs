//! Logins of devices: a program asks for a code, a person decides about it, and the program fetches its token. Only
//! keyed hashes of either code are kept.

use crate::assurance::Assurance;
use crate::db::{Error, Row, Tx};
use crate::{tokens, values};
use jiff::Timestamp;
use std::time::Duration;
use uuid::Uuid;

/// How long a code may wait for somebody to decide, and then for its program.
pub const LIFE: Duration = Duration::from_secs(600);
/// How long a code is remembered after that, so that it can still be told from one that never was.
const MEMORY: Duration = Duration::from_secs(600);
/// Most codes that wait at once.
pub const OPEN: u64 = 10_000;
/// Seconds between two questions, to begin with.
pub const INTERVAL_SECONDS: u32 = 5;

/// A code about to be given out.
#[derive(Debug, Clone)]
pub struct NewCode {
    /// The keyed hash of the program's secret.
    pub hash: [u8; 32],
    /// The keyed hash of what the person types, without its dash.
    pub user_code_hash: [u8; 32],
    /// Whence the program asks.
    pub client_ip: Option<String>,
    /// What it calls itself.
    pub user_agent: Option<String>,
}

/// A code that somebody is to decide about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its id.
    pub id: Uuid,
    /// Whence the program asked.
    pub client_ip: Option<String>,
    /// What it calls itself.
    pub user_agent: Option<String>,
    /// When it asked.
    pub created_at: Timestamp,
    /// Until when it waits.
    pub expires_at: Timestamp,
}

/// What the person with a user code may find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It waits for a decision.
    Pending(Pending),
    /// Somebody allowed it before.
    Approved,
    /// Somebody refused it before.
    Denied,
    /// It waited too long.
    Expired,
}

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The program may act as this person.
    Approve,
    /// It may not.
    Deny,
}

/// Who decides, and by what.
#[derive(Debug, Clone)]
pub struct Decider {
    /// The identity.
    pub principal_id: Uuid,
    /// The token or the session that it came with.
    pub credential_id: Uuid,
    /// How it proved who it is.
    pub assurance: Assurance,
}

/// What a program that asks is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// Nobody decided yet.
    Pending,
    /// It asks more often than it may.
    TooFast,
    /// Somebody refused.
    Denied,
    /// Nobody decided in time, the program came too late, or the credential that allowed it has ended.
    Expired,
    /// Somebody allowed it, as whom and how they had proved it. The code is used up.
    Approved {
        /// The identity that the program acts as.
        principal_id: Uuid,
        /// How that one had proved who they are.
        assurance: Assurance,
        /// When the credential ends that allowed it.
        not_after: Timestamp,
        /// Who stands behind that credential.
        issued_by: Uuid,
    },
    /// There is no such code, or its token was fetched before.
    Unknown,
}

/// Keeps a code; returns its id, or `None` when too many wait.
///
/// # Errors
/// A constraint when the user code is in use.
pub async fn issue(tx: &mut Tx, new: &NewCode) -> Result<Option<Uuid>, Error> {
    let (id, now) = (tx.new_id(), tx.now());
    let open = tx
        .optional(
            "select count(*) from device_codes where expires_at > $1",
            &values![now],
            |row| row.get::<u64>(0),
        )
        .await?;
    if open.unwrap_or_default() >= OPEN {
        return Ok(None);
    }
    tx.execute(
        "insert into device_codes (
            id, hash, user_code_hash, client_ip, user_agent, created_at, expires_at, poll_interval
        ) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &values![
            id,
            &new.hash,
            &new.user_code_hash,
            new.client_ip.as_ref(),
            new.user_agent.as_ref(),
            now,
            tokens::after(now, LIFE)?,
            INTERVAL_SECONDS,
        ],
    )
    .await?;
    Ok(Some(id))
}

/// What there is under a user code.
pub async fn find(tx: &mut Tx, user_code_hash: &[u8; 32]) -> Result<Option<Found>, Error> {
    let now = tx.now();
    tx.optional(
        "select id, client_ip, user_agent, created_at, expires_at, outcome
        from device_codes
        where user_code_hash = $1",
        &values![user_code_hash],
        |row| {
            let outcome = row.get::<Option<String>>(5)?;
            let pending = Pending {
                id: row.get(0)?,
                client_ip: row.get(1)?,
                user_agent: row.get(2)?,
                created_at: row.get(3)?,
                expires_at: row.get(4)?,
            };
            Ok(match outcome.as_deref() {
                Some("approved" | "redeemed") => Found::Approved,
                Some("denied") => Found::Denied,
                Some(_) | None if pending.expires_at <= now => Found::Expired,
                Some(_) | None => Found::Pending(pending),
            })
        },
    )
    .await
}

/// Notes what somebody decided about a pending code.
pub async fn decide(tx: &mut Tx, id: Uuid, decision: Decision, by: &Decider) -> Result<(), Error> {
    let outcome = match decision {
        Decision::Approve => "approved",
        Decision::Deny => "denied",
    };
    tx.execute(
        "update device_codes
        set outcome = $2, decided_by = $3, decided_with = $4, acr = $5, amr = $6
        where id = $1 and outcome is null",
        &values![
            id,
            outcome,
            by.principal_id,
            by.credential_id,
            by.assurance.acr.as_ref(),
            by.assurance.methods().as_ref()
        ],
    )
    .await?;
    Ok(())
}

/// Whether there is a code of that hash: asked before [`poll`], which writes.
pub async fn exists(tx: &mut Tx, hash: &[u8; 32]) -> Result<bool, Error> {
    let found = tx
        .optional(
            "select 1 from device_codes where hash = $1",
            &values![hash],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

struct Code {
    id: Uuid,
    expires_at: Timestamp,
    poll_interval: u32,
    polled_at: Option<Timestamp>,
    outcome: Option<String>,
    decided_by: Option<Uuid>,
    /// When what allowed it ends, and who stands behind that; `None` when it has ended.
    allowed: Option<(Timestamp, Uuid)>,
    assurance: Assurance,
}

fn read_code(row: &Row<'_>) -> Result<Code, Error> {
    Ok(Code {
        id: row.get(0)?,
        expires_at: row.get(1)?,
        poll_interval: row.get(2)?,
        polled_at: row.get(3)?,
        outcome: row.get(4)?,
        decided_by: row.get(5)?,
        assurance: Assurance::read(row, 6)?,
        allowed: row.get::<Option<Timestamp>>(8)?.zip(row.get::<Option<Uuid>>(9)?),
    })
}

/// A program asks whether somebody has decided.
pub async fn poll(tx: &mut Tx, hash: &[u8; 32]) -> Result<Polled, Error> {
    let now = tx.now();
    let found = tx
        .optional(
            "select
                code.id, code.expires_at, code.poll_interval, code.polled_at, code.outcome, code.decided_by,
                code.acr, code.amr,
                coalesce(token.expires_at, session.expires_at),
                coalesce(token.issued_by, token.principal_id, session.principal_id)
            from device_codes as code
            left join api_tokens as token
                on token.id = code.decided_with and token.revoked_at is null and token.expires_at > $2
            left join sessions as session
                on session.id = code.decided_with and session.expires_at > $2
            where code.hash = $1",
            &values![hash, now],
            read_code,
        )
        .await?;
    let Some(code) = found else {
        return Ok(Polled::Unknown);
    };
    match (code.outcome.as_deref(), code.decided_by, code.allowed) {
        (Some("redeemed"), ..) => Ok(Polled::Unknown),
        (Some("denied"), ..) => Ok(Polled::Denied),
        _ if code.expires_at <= now => Ok(Polled::Expired),
        (Some("approved"), _, None) => Ok(Polled::Expired),
        (Some("approved"), Some(principal_id), Some((not_after, issued_by))) => {
            tx.execute(
                "update device_codes set outcome = 'redeemed' where id = $1",
                &values![code.id],
            )
            .await?;
            Ok(Polled::Approved {
                principal_id,
                assurance: code.assurance,
                not_after,
                issued_by,
            })
        }
        _ => note_poll(tx, &code).await,
    }
}

/// A question too early makes the pause between two longer by 5 s (RFC 8628, section 3.5).
async fn note_poll(tx: &mut Tx, code: &Code) -> Result<Polled, Error> {
    let now = tx.now();
    // A network that carried one question slower than the next does not make a program impatient.
    let pause = Duration::from_secs(code.poll_interval.into()) - Duration::from_millis(500);
    let is_early = match code.polled_at {
        Some(polled_at) => now < tokens::after(polled_at, pause)?,
        None => false,
    };
    let interval = code.poll_interval + if is_early { 5 } else { 0 };
    tx.execute(
        "update device_codes
        set polled_at = $2, poll_interval = $3
        where id = $1",
        &values![code.id, now, interval],
    )
    .await?;
    Ok(if is_early {
        Polled::TooFast
    } else {
        Polled::Pending
    })
}

/// Forgets the codes that somebody decided about: a program that has not fetched its token gets none.
pub async fn forget(tx: &mut Tx, decided_by: Uuid) -> Result<(), Error> {
    tx.execute(
        "delete from device_codes where decided_by = $1",
        &values![decided_by],
    )
    .await?;
    Ok(())
}

/// Forgets codes that were over a while ago.
pub async fn sweep(tx: &mut Tx) -> Result<usize, Error> {
    let over = tx.now().checked_sub(MEMORY).unwrap_or_default();
    tx.execute("delete from device_codes where expires_at <= $1", &values![over])
        .await
}

#[cfg(test)]
mod tests;
