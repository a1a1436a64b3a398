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

/// Keeps a code; returns its id. When too many wait, the one that has waited longest for somebody to decide gives way:
/// who fills the room with codes that nobody knows keeps out nobody. `None` when somebody has decided about all.
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
    if open.unwrap_or_default() >= OPEN && !give_way(tx).await? {
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

/// Forgets the oldest code that nobody has decided about. Returns whether there was one.
async fn give_way(tx: &mut Tx) -> Result<bool, Error> {
    let now = tx.now();
    let gone = tx
        .execute(
            "delete from device_codes
            where id = (
                select id from device_codes
                where outcome is null and expires_at > $1
                order by expires_at
                limit 1
            )",
            &values![now],
        )
        .await?;
    Ok(gone > 0)
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

struct Code {
    id: Uuid,
    expires_at: Timestamp,
    poll_interval: u32,
    polled_at: Option<Timestamp>,
    was_early: bool,
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
        was_early: row.get(10)?,
    })
}

/// What is to be said to a program that asks, and what to write down about it.
enum Judged {
    /// Nothing needs to be written.
    Say(Polled),
    /// It asked, and nobody has decided.
    Note(Code),
    /// It asked too early.
    Slow(Code),
    /// Somebody has allowed it; the code, and what it is good for.
    Redeem(Uuid, Polled),
}

/// What a program would be told that asks whether somebody has decided; `None` when that takes [`poll`], which writes.
/// So neither who makes codes up nor who asks all the time keeps the writer busy.
pub async fn peek(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<Polled>, Error> {
    Ok(match judge(tx, hash).await? {
        Judged::Say(polled) => Some(polled),
        Judged::Note(_) | Judged::Slow(_) | Judged::Redeem(..) => None,
    })
}

/// A program asks whether somebody has decided.
pub async fn poll(tx: &mut Tx, hash: &[u8; 32]) -> Result<Polled, Error> {
    match judge(tx, hash).await? {
        Judged::Say(polled) => Ok(polled),
        Judged::Note(code) => {
            note_poll(tx, (code.id, code.poll_interval, false)).await?;
            Ok(Polled::Pending)
        }
        Judged::Slow(code) => {
            // RFC 8628, section 3.5.
            note_poll(tx, (code.id, code.poll_interval + 5, true)).await?;
            Ok(Polled::TooFast)
        }
        Judged::Redeem(id, polled) => {
            tx.execute(
                "update device_codes set outcome = 'redeemed' where id = $1",
                &values![id],
            )
            .await?;
            Ok(polled)
        }
    }
}

async fn judge(tx: &mut Tx, hash: &[u8; 32]) -> Result<Judged, Error> {
    let now = tx.now();
    let Some(code) = find_code(tx, hash).await? else {
        return Ok(Judged::Say(Polled::Unknown));
    };
    match (code.outcome.as_deref(), code.decided_by, code.allowed) {
        (Some("redeemed"), ..) => Ok(Judged::Say(Polled::Unknown)),
        (Some("denied"), ..) => Ok(Judged::Say(Polled::Denied)),
        _ if code.expires_at <= now => Ok(Judged::Say(Polled::Expired)),
        (Some("approved"), Some(principal_id), Some((not_after, issued_by))) => {
            let polled = Polled::Approved {
                principal_id,
                assurance: code.assurance,
                not_after,
                issued_by,
            };
            Ok(Judged::Redeem(code.id, polled))
        }
        (Some(_), ..) => Ok(Judged::Say(Polled::Expired)),
        (None, ..) => judge_pace(code, now),
    }
}

/// A question too early makes the pause between two longer, once; those that follow in the same pause change nothing.
fn judge_pace(code: Code, now: Timestamp) -> Result<Judged, Error> {
    // A network that carried one question slower than the next does not make a program impatient.
    let pause = Duration::from_secs(code.poll_interval.into()) - Duration::from_millis(500);
    let is_early = match code.polled_at {
        Some(polled_at) => now < tokens::after(polled_at, pause)?,
        None => false,
    };
    Ok(match (is_early, code.was_early) {
        (false, _) => Judged::Note(code),
        (true, false) => Judged::Slow(code),
        (true, true) => Judged::Say(Polled::TooFast),
    })
}

async fn find_code(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<Code>, Error> {
    let now = tx.now();
    tx.optional(
        "select
                code.id, code.expires_at, code.poll_interval, code.polled_at, code.outcome, code.decided_by,
                code.acr, code.amr,
                coalesce(token.expires_at, session.expires_at),
                coalesce(token.issued_by, token.principal_id, session.principal_id),
                code.was_early
            from device_codes as code
            left join api_tokens as token
                on token.id = code.decided_with and token.revoked_at is null and token.expires_at > $2
            left join sessions as session
                on session.id = code.decided_with and session.expires_at > $2
            where code.hash = $1",
        &values![hash, now],
        read_code,
    )
    .await
}

async fn note_poll(tx: &mut Tx, (id, poll_interval, was_early): (Uuid, u32, bool)) -> Result<(), Error> {
    let now = tx.now();
    tx.execute(
        "update device_codes
        set polled_at = $2, poll_interval = $3, was_early = $4
        where id = $1",
        &values![id, now, poll_interval, was_early],
    )
    .await?;
    Ok(())
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
