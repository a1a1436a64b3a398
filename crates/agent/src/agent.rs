//! Puts the parts together and sees them through to the end.

use crate::builtins::Builtins;
use crate::config::{Config, Standing};
use crate::delivery::Verifier;
use crate::dispatcher::{self, Dispatcher, Inbox, Messages, Stops};
use crate::durable;
use crate::entropy::System;
use crate::executor::Executor;
use crate::fatal::Fatal;
use crate::hooks::{Catalog, Hooks};
use crate::identity::{self, Identity};
use crate::integrity::{self, Findings, Found};
use crate::journal::Journal;
use crate::manifest::Build;
use crate::process::Launcher;
use crate::report::Reporter;
use crate::rotation::{self, Rotation};
use crate::spans::Spans;
use crate::spool::Spool;
use crate::{heartbeat, manifest, pull, stream};
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plex_client::node::NodeClient;
use plex_domain::env::Clock as _;
use ring::digest::{Context, SHA256};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

/// This very program, whatever has become of its file since.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Runs the agent until it is told to stop, or the server no longer knows it.
///
/// # Errors
/// When it cannot begin, or its key is refused.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let identity = tokio::select! {
        identity = identity(&config) => identity?,
        () = signals.next() => return Ok(()),
    };
    tracing::info!(node.id = %identity.node_id, name = %config.name, "plexd {} begins", env!("CARGO_PKG_VERSION"));
    let client = client(&config, &identity)?;
    let verifier = Verifier {
        node_id: identity.node_id,
        key_id: identity.signing_key_id.clone(),
        key: identity.signing_key()?,
    };
    let (fatal_sender, mut fatal) = mpsc::channel(1);
    let (findings, found) = integrity::channel();
    let spans = Spans::new(client.node_id(), config.collector.clone());
    let parts = Parts::new(&config, (&client, &spans), (fatal_sender, findings))?;
    let stops = Stops::default();
    let (inbox, messages) = dispatcher::channel();
    let dispatcher = tokio::spawn(
        parts
            .dispatcher(&config, (inbox.clone(), messages), &stops)?
            .run(),
    );
    let rotation = Rotation {
        client: client.clone(),
        path: Config::identity_path(&config.args.state_dir),
        identity,
        asked: Arc::default(),
    };
    let mut tasks = parts.follow(&config, (&client, rotation), (&verifier, &inbox), found)?;
    let end = tokio::select! {
        () = signals.next() => None,
        fatal = fatal.recv() => fatal,
        Some(ended) = tasks.join_next() => Some(ended.context("a part of the agent broke down")?),
    };
    tasks.shutdown().await;
    let ended = wind_down(dispatcher, &stops, end, signals).await;
    spans.stop().await;
    ended
}

/// The way to the server. While the key changes, the next one is tried first.
fn client(config: &Config, identity: &Identity) -> anyhow::Result<NodeClient> {
    let client = NodeClient::new(
        config.connection.clone(),
        identity.node_id,
        &identity.credential()?,
    )?;
    if let Some(next) = identity.next_credential()? {
        client.prefer(&next)?;
    }
    Ok(client)
}

/// Lets what runs finish for a while, kills the rest, and waits until every result is reported or safely on disk.
async fn wind_down(
    dispatcher: JoinHandle<()>,
    stops: &Stops,
    end: Option<Fatal>,
    mut signals: Signals,
) -> anyhow::Result<()> {
    stops.soft.cancel();
    if let Some(fatal) = end {
        stops.hard.cancel();
        dispatcher.await?;
        return Err(fatal.into());
    }
    tracing::info!("stopping; a second signal kills what runs at once");
    let hurry = async {
        signals.next().await;
        stops.hard.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = dispatcher => ended?,
        () = hurry => {}
    }
    tracing::info!("stopped");
    Ok(())
}

async fn identity(config: &Config) -> anyhow::Result<Identity> {
    match &config.standing {
        Standing::Registered(identity) => Ok(identity.clone()),
        Standing::Token(token) => {
            let identity = identity::register(&config.connection, token, &config.name).await?;
            identity.store(&Config::identity_path(&config.args.state_dir)).with_context(|| {
                format!(
                    "registered as node {}, but its key is lost; revoke that node and start again with a fresh token",
                    identity.node_id
                )
            })?;
            tracing::info!(node.id = %identity.node_id, "registered");
            Ok(identity)
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

struct Parts {
    executor: Arc<Executor>,
    catalog: watch::Sender<Arc<Catalog>>,
}

impl Parts {
    fn new(
        config: &Config,
        (client, spans): (&NodeClient, &Spans),
        (fatal, findings): (mpsc::Sender<Fatal>, Findings),
    ) -> anyhow::Result<Self> {
        let args = &config.args;
        let run_dir = args.state_dir.join("run");
        durable::private_directory(&run_dir).context("state directory")?;
        let (catalog, declared) = watch::channel(Arc::new(Catalog::default()));
        let executor = Executor {
            node_id: client.node_id(),
            home: config.home.clone(),
            output_bytes: usize::try_from(args.max_output_bytes)?,
            reporter: Reporter::new(client.clone(), fatal, spans.clone()),
            spans: spans.clone(),
            launcher: Launcher::new(OWN_PROGRAM.into(), std::path::absolute(run_dir)?),
            builtins: Arc::new(Builtins::new(
                args.restartable_units.clone(),
                args.disabled_actions.clone(),
            )),
            hooks: Hooks::new(args.hooks_dir.clone()),
            catalog: declared,
            findings,
            spool: Spool::open(&args.state_dir.join("spool")).context("spool")?,
        };
        Ok(Self {
            executor: Arc::new(executor),
            catalog,
        })
    }

    fn dispatcher(
        &self,
        config: &Config,
        channel: (Inbox, Messages),
        stops: &Stops,
    ) -> anyhow::Result<Dispatcher> {
        let journal = Journal::open(&config.args.state_dir.join("journal"), System.now())?;
        let most_running = usize::from(config.args.max_concurrent);
        Ok(Dispatcher::new(
            (journal, Arc::new(System)),
            self.executor.clone(),
            most_running,
            channel,
            stops.clone(),
        ))
    }

    /// Starts everything that listens to the server or tells it of this node. None of it ends but by a refusal.
    fn follow(
        self,
        config: &Config,
        (client, rotation): (&NodeClient, Rotation),
        (verifier, inbox): (&Verifier, &Inbox),
        found: Found,
    ) -> anyhow::Result<JoinSet<Fatal>> {
        let build = Build {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            checksum: checksum(Path::new(OWN_PROGRAM)).context("own executable")?,
        };
        let (pull, rotate) = (Arc::new(Notify::new()), rotation.asked.clone());
        let state_dir = &config.args.state_dir;
        let record = manifest::Record::open(state_dir.join("declared.json"), self.executor.findings.clone());
        let (builtins, hooks) = (self.executor.builtins.clone(), self.executor.hooks.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(rotation::run(rotation));
        tasks.spawn(integrity::run(
            client.clone(),
            state_dir.join("findings.json"),
            found,
        ));
        tasks.spawn(heartbeat::run(
            client.clone(),
            build.clone(),
            (pull.clone(), rotate.clone()),
        ));
        tasks.spawn(manifest::run(
            client.clone(),
            build,
            builtins,
            hooks,
            self.catalog,
            record,
        ));
        tasks.spawn(stream::run(
            client.clone(),
            verifier.clone(),
            inbox.clone(),
            (pull.clone(), rotate),
        ));
        tasks.spawn(pull::run(client.clone(), verifier.clone(), inbox.clone(), pull));
        Ok(tasks)
    }
}

/// SHA-256 of a file, base64.
fn checksum(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut chunk = vec![0; 256 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(STANDARD.encode(context.finish())),
            n => context.update(&chunk[..n]),
        }
    }
}
