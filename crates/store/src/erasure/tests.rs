use super::*;
use crate::assurance::Assurance;
use crate::audit::{self, Record};
use crate::testing;
use plex_api::audit::AuditReason;
use plex_domain::relation::{ObjectRef, SubjectRef};
use std::collections::BTreeMap;

const ANNA: Uuid = Uuid::from_u128(7);
const KEY: [u8; 32] = [7; 32];

async fn act(tx: &mut Tx, chain: Option<Uuid>) -> Result<(), Error> {
    let record = Record {
        domain_id: chain,
        reason: AuditReason::Granted,
        identity: format!("user:{ANNA}"),
        relation: "dispatch".to_owned(),
        object_type: "project".to_owned(),
        object_id: "p".to_owned(),
        correlation_id: "c".to_owned(),
        ip: None,
        user_agent: None,
        caveats: BTreeMap::new(),
        count: 1,
        details: None,
    };
    audit::append(tx, &KEY, record).await?;
    // As the end of the job, or of the commit, does.
    audit::link(tx).await
}

async fn named(tx: &mut Tx) -> Result<i64, Error> {
    let sql = "select count(*) from audit_entries where identity is not null";
    Ok(tx.optional(sql, &[], |row| row.get(0)).await?.unwrap_or_default())
}

#[tokio::test]
async fn an_erased_identity_is_nowhere_and_never_comes_back() {
    let (_dir, db) = testing::db();
    db.write(async |tx| {
        assert_eq!(erase(tx, ANNA).await?, None, "she is not known yet");
        let new = relations::NewTuple {
            subject: SubjectRef {
                object: principals::subject(PrincipalType::User, ANNA),
                set: None,
            },
            relation: "admin".to_owned(),
            object: ObjectRef::PLATFORM,
            condition: None,
            created_by: "test".to_owned(),
        };
        relations::create(tx, &new).await.unwrap();
        tx.execute("update principals set email = 'anna@example.com'", &[])
            .await?;
        let token = tokens::NewToken {
            principal_id: ANNA,
            env: plex_api::tokens::TokenEnvironment::Prod,
            hash: [1; 32],
            ttl_seconds: 60,
            not_after: None,
            issued_by: ANNA,
            origin: tokens::Origin::Issued,
        };
        tokens::issue(tx, &token).await?;
        for chain in [None, Some(Uuid::from_u128(1)), None] {
            act(tx, chain).await?;
        }
        let revision = relations::revision(tx).await?;
        let erased = erase(tx, ANNA).await?.expect("known");
        assert!(!erased.is_repeated);
        assert_eq!(
            relations::revision(tx).await?,
            revision + 1,
            "the decision follows at once"
        );
        assert_eq!(tokens::authenticate(tx, &[1; 32]).await?, None);
        assert_eq!(principals::first_user(tx).await?, None);
        let email: Option<Option<String>> = tx
            .optional("select email from principals", &[], |row| row.get(0))
            .await?;
        assert_eq!(email, Some(None));
        assert!(matches!(
            relations::create(tx, &new).await,
            Err(relations::CreateError::Erased)
        ));
        // Shown nowhere from the first moment on, also by what is written late.
        act(tx, None).await?;
        assert_eq!(named(tx).await?, 3);
        let shown = audit::range(tx, None, (1, 9), 9).await?;
        assert!(
            shown.len() == 3 && shown.iter().all(|row| row.identity.is_none()),
            "{shown:?}"
        );
        let (mut steps, mut cleared) = (0, None);
        loop {
            cleared = clear_some(tx, &KEY, cleared, 2).await?;
            if cleared.is_none() {
                break;
            }
            steps += 1;
        }
        // Three of the platform's, one of the other chain.
        assert_eq!((named(tx).await?, steps), (0, 3));
        let again = erase(tx, ANNA).await?.expect("known");
        assert_eq!((again.is_repeated, again.erased_at), (true, erased.erased_at));
        act(tx, None).await?;
        assert_eq!(named(tx).await?, 0);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn no_session_login_or_sign_in_outlives_an_erasure() {
    let (_dir, db) = testing::db();
    db.write(async |tx| {
        let person = sign_ins::Person {
            issuer: "https://id.example".to_owned(),
            subject: "anna".to_owned(),
            email: Some("anna@example.org".to_owned()),
        };
        let anna = sign_ins::identify(tx, &person).await?;
        let session = sessions::NewSession {
            principal_id: anna,
            hash: [1; 32],
            csrf_hash: [2; 32],
            assurance: Assurance::default(),
        };
        sessions::begin(tx, &session).await?;
        let code = device_codes::NewCode {
            hash: [3; 32],
            user_code_hash: [4; 32],
            client_ip: None,
            user_agent: None,
        };
        let code = device_codes::issue(tx, &code).await?.expect("room");
        let by = device_codes::Decider {
            principal_id: anna,
            credential_id: Uuid::from_u128(9),
            assurance: Assurance::default(),
        };
        device_codes::decide(tx, code, device_codes::Decision::Approve, &by).await?;

        erase(tx, anna).await?.expect("known");
        assert_eq!(sessions::authenticate(tx, &[1; 32]).await?, None);
        assert_eq!(
            device_codes::poll(tx, &[3; 32]).await?,
            device_codes::Polled::Unknown
        );
        assert_ne!(sign_ins::identify(tx, &person).await?, anna, "somebody new");
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
