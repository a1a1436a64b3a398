//! What all routes and loops share.

use crate::authority::Authority;
use crate::callbacks::Committer;
use crate::capacity::{Capacity, Fanout};
use crate::csrf::Origins;
use crate::denials::Denials;
use crate::http::meta::ObjectProbe;
use crate::metrics::Metrics;
use crate::objects::{Objects, Place};
use crate::oidc::Provider;
use crate::principal::{Callers, Remembered};
use crate::rates::Rates;
use crate::signing::Signers;
use crate::throttle::{Beginnings, Throttle};
use crate::tokens::TokenUses;
use crate::turns::Turns;
use crate::wakes::settings::NatsSettings;
use crate::wakes::{self, Wakes};
use crate::{bootstrap, callbacks, database, loops};
use plex_domain::cidr::Cidr;
use plex_domain::env::{Clock, Rng};
use plex_domain::keys::MasterKey;
use plex_store::Db;
use plex_store::db::Engine;
use plex_telemetry::Traces;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// How the control plane runs; checked by `config` before it gets here.
pub struct Settings {
    /// The database.
    pub database: Engine,
    /// Where outputs over the inline ceiling are kept.
    pub objects: Place,
    /// The base of every URL given out, without a trailing slash.
    pub public_url: String,
    /// The largest output a node may declare, in bytes.
    pub max_output_bytes: u64,
    /// Most executions of a domain that have not ended; 0 is no limit.
    pub max_live_executions: u64,
    /// Requests a second that one principal may make; none is no limit.
    pub rate_limit_per_principal: Option<NonZeroU32>,
    /// The one secret outside the database (decision 31).
    pub master: MasterKey,
    /// Peers whose `X-Forwarded-For` is believed (decision 30).
    pub trusted_proxies: Vec<Cidr>,
    /// Whose pages may act with our cookies.
    pub origins: Origins,
    /// The identity provider, where there is one.
    pub provider: Option<Provider>,
    /// Takes spans.
    pub traces: Traces,
    /// Cancelled when the server is to stop.
    pub shutdown: CancellationToken,
    /// What carries wake-ups between replicas, where there are several.
    pub nats: Option<NatsSettings>,
}

/// The shared state; clones share it.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What [`App`] gives access to.
pub struct Shared {
    /// What is counted.
    pub metrics: Metrics,
    /// Takes spans.
    pub traces: Traces,
    /// The database.
    pub db: Db,
    /// The object store.
    pub objects: Objects,
    /// Moves of uploaded objects, one at a time for each execution and node.
    pub moves: Turns<(Uuid, Uuid)>,
    /// Who may do what.
    pub authority: Authority,
    /// Hash, cursor and signing keys, derived from the master key.
    pub keys: Keys,
    /// The domains' signing keys.
    pub signers: Signers,
    /// The group committer of callbacks.
    pub committer: Committer,
    /// Wakes the streams of nodes that have something to do.
    pub wakes: Wakes,
    /// Denials on their way to the audit chain.
    pub denials: Denials,
    /// Keys of nodes that reported.
    pub reporters: Remembered,
    /// Who came with which API token to read.
    pub callers: Callers,
    /// Uses of API tokens on their way to the database.
    pub token_uses: TokenUses,
    /// The limit on failed authentications.
    pub throttle: Throttle,
    /// The limit on each principal's requests.
    pub rates: Rates,
    /// Events sent to open streams.
    pub fanout: Fanout,
    /// How full domains are.
    pub capacity: Capacity,
    /// Most executions of a domain that have not ended; 0 is no limit.
    pub max_live_executions: u64,
    /// The limit on logins and sign-ins that anybody may begin.
    pub beginnings: Beginnings,
    /// The limit on guesses at user codes.
    pub guesses: Throttle,
    /// Whose pages may act with our cookies.
    pub origins: Origins,
    /// The identity provider, where there is one.
    pub provider: Option<Provider>,
    /// Whether the object store could be written a moment ago.
    pub object_probe: ObjectProbe,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// The base of every URL given out.
    pub public_url: String,
    /// The largest output a node may declare, in bytes.
    pub max_output_bytes: u64,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Cancelled when the server is to stop; streams end on it.
    pub shutdown: CancellationToken,
    /// Cancelled after the last request has ended.
    pub drained: CancellationToken,
    tasks: TaskTracker,
}

/// Keys derived from the master key, one for each purpose.
#[derive(Clone)]
pub struct Keys {
    /// Hashes API tokens.
    pub api_tokens: [u8; 32],
    /// Hashes session cookies.
    pub sessions: [u8; 32],
    /// Hashes CSRF cookies.
    pub csrf: [u8; 32],
    /// Hashes the secrets of devices' logins.
    pub device_codes: [u8; 32],
    /// Hashes what people type to let a device log in.
    pub user_codes: [u8; 32],
    /// Hashes the states of sign-ins, and the cookies of the browsers that set out.
    pub sign_ins: [u8; 32],
    /// Makes the nonce of a sign-in from its state.
    pub nonces: [u8; 32],
    /// Makes the code verifier of a sign-in from its state.
    pub code_verifiers: [u8; 32],
    /// Hashes bootstrap tokens.
    pub bootstrap_tokens: [u8; 32],
    /// Hashes node keys.
    pub node_keys: [u8; 32],
    /// Signs list cursors.
    pub cursors: [u8; 32],
    /// Signs presigned URLs of the local object store.
    pub presigned_urls: [u8; 32],
    /// Makes the audit chain's pseudonyms.
    pub pseudonyms: [u8; 32],
    /// Tells this installation's messages from those of others on the same NATS.
    pub subjects: [u8; 32],
    /// Seals and opens the domains' signing keys.
    pub master: MasterKey,
}

impl Keys {
    /// Derives all of them.
    pub fn new(master: MasterKey) -> Self {
        Self {
            api_tokens: master.derive("api-token hash"),
            sessions: master.derive("session hash"),
            csrf: master.derive("csrf hash"),
            device_codes: master.derive("device-code hash"),
            user_codes: master.derive("user-code hash"),
            sign_ins: master.derive("sign-in hash"),
            nonces: master.derive("sign-in nonce"),
            code_verifiers: master.derive("sign-in code verifier"),
            bootstrap_tokens: master.derive("bootstrap-token hash"),
            node_keys: master.derive("node-key hash"),
            cursors: master.derive("list cursor"),
            presigned_urls: master.derive("presigned url"),
            pseudonyms: master.derive("audit pseudonym"),
            subjects: master.derive("wake-up subject"),
            master,
        }
    }
}

impl App {
    /// Opens the stores and starts the background loops.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let database = database::settings(settings.database);
        let rng = Arc::clone(&database.rng);
        let db = Db::open(database)?;
        let clock = db.clock();
        bootstrap::check_master(&db, &settings.master).await?;
        let authority = Authority::open(&db).await?;
        let objects = Objects::open(settings.objects).await?;
        let keys = Keys::new(settings.master);
        bootstrap::adopt_audit_chains(&db, &keys).await?;
        let wakes = Wakes::new(settings.nats.is_some());
        let tasks = TaskTracker::new();
        let app = Self(Arc::new(Shared {
            metrics: Metrics::default(),
            traces: settings.traces,
            signers: Signers::default(),
            denials: Denials::default(),
            reporters: Remembered::default(),
            callers: Callers::default(),
            token_uses: TokenUses::default(),
            throttle: Throttle::default(),
            rates: Rates::new(settings.rate_limit_per_principal),
            fanout: Fanout::default(),
            capacity: Capacity::default(),
            max_live_executions: settings.max_live_executions,
            beginnings: Beginnings::default(),
            guesses: Throttle::of_guesses(),
            origins: settings.origins,
            provider: settings.provider,
            object_probe: ObjectProbe::default(),
            public_url: settings.public_url,
            max_output_bytes: settings.max_output_bytes,
            trusted_proxies: settings.trusted_proxies,
            shutdown: settings.shutdown,
            drained: CancellationToken::new(),
            db,
            authority,
            objects,
            moves: Turns::default(),
            keys,
            committer: Committer::default(),
            wakes,
            clock,
            rng,
            tasks,
        }));
        app.tasks.spawn(callbacks::commit(app.clone()));
        loops::start(&app);
        if let Some(nats) = settings.nats {
            let shared = app.clone();
            app.spawn(async move {
                wakes::nats::carry(&shared.wakes, nats, &shared.keys.subjects, &shared.drained).await;
            });
        }
        Ok(app)
    }

    /// Starts a background task that [`App::stop`] waits for.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Ends the loops and writes down what is still in memory. Call it after the last request.
    pub async fn stop(&self) {
        self.shutdown.cancel();
        self.drained.cancel();
        self.tasks.close();
        let limit = std::time::Duration::from_secs(5);
        if tokio::time::timeout(limit, self.tasks.wait()).await.is_err() {
            tracing::warn!("background work did not end within 5 s");
        }
        self.denials.flush(self).await;
        self.token_uses.flush(self).await;
        self.traces.stop().await;
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
