//! `plexsphere serve`: opens everything, announces that it is ready, and stops cleanly.
//!
//! The order matters. The lock comes before anything that writes; the port is bound before the application starts,
//! so that the URL it signs into answers is the real one; readiness is announced last. The first SIGTERM or SIGINT
//! begins the stop: no new connections, event streams end, requests in progress finish. A second one does not wait.

mod address;
mod certificate;

use crate::app::{App, Settings};
use crate::cli::Failure;
use crate::config::Config;
use crate::data_dir::{self, DataDir};
use crate::http;
use crate::listen::tls::{self, Reloadable};
use crate::listen::{self, Limits};
use crate::metrics;
use crate::objects::{ObjectStoreConfig, ObjectStoreConfigError, Place};
use crate::oidc::{OidcConfigError, Provider};
use crate::system::{SystemClock, SystemRng};
use crate::wakes::settings::{NatsConfig, NatsConfigError, NatsSettings};
use certificate::Source;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use plex_store::db::Engine;
use plex_telemetry::{Origin, Traces};
use rustix::process::{Resource, Rlimit};
use serde::Serialize;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Connections that may wait to be accepted; a fleet that reconnects comes all at once.
const BACKLOG: u32 = 4096;
/// Descriptors kept for everything but connections.
const RESERVED_DESCRIPTORS: usize = 256;

#[derive(Serialize)]
struct Ready<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics_url: Option<String>,
}

/// Serves until a signal says to stop.
pub fn run(config: Config) -> Result<(), Failure> {
    start_log()?;
    let descriptors = raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(config, descriptors))
}

async fn serve(config: Config, descriptors: usize) -> Result<(), Failure> {
    let dir = DataDir::open(&config.data_dir)?;
    let engine = dir.engine(&config.database)?;
    let place_of_data = engine.to_string();
    let _lock = dir.lock()?;
    if let Some(path) = &config.ready_file {
        withdraw(path)?;
    }
    let signals = Signals::new()?;
    let source = Source::new(config.own_certificate.clone(), dir.clone());
    let certificate = Reloadable::new(source.read()?);
    let (listener, bound) = listen_on(config.listen)?;
    let metrics = config.metrics_listen.map(listen_on).transpose()?;
    let url = match config.public_url.clone() {
        Some(url) => url,
        None => address::url(bound, &certificate.current(), &source.names())?,
    };
    let shutdown = CancellationToken::new();
    let app = App::start(settings(&config, &dir, (url.clone(), shutdown.clone()), engine)?)
        .await
        .context("cannot start")?;
    let tls = tls::server_config(certificate.clone()).context("cannot set up TLS")?;
    let router = http::router(app.clone());
    let server = tokio::spawn(listen::serve(
        listener,
        Some(tls),
        (router, Arc::clone(&app.metrics.connections)),
        shutdown.clone(),
        limits(&config, descriptors),
    ));
    let metrics = metrics.map(|(listener, bound)| {
        tokio::spawn(serve_metrics(listener, app.clone(), shutdown.clone()));
        bound
    });
    let renewal = tokio::spawn(certificate::keep_fresh(source, certificate));
    let wake_ups = if config.nats.is_some() {
        "NATS"
    } else {
        "in-process"
    };
    let parts = (place_of_data.as_str(), &config.object_store, wake_ups);
    let announced = announce(config.ready_file.as_deref(), parts, (&url, bound, metrics));
    let stopped = match announced {
        Ok(()) => until_stopped(server, signals, &shutdown).await,
        Err(failure) => Err(failure),
    };
    shutdown.cancel();
    renewal.abort();
    app.stop().await;
    tracing::info!("stopped");
    stopped
}

/// Serves the metrics; nobody needs many connections for that.
async fn serve_metrics(listener: TcpListener, app: App, shutdown: CancellationToken) {
    let limits = Limits {
        connections: 64,
        grace: Duration::from_secs(1),
        ..Limits::default()
    };
    let router = metrics::router(app);
    listen::serve(listener, None, (router, Arc::default()), shutdown, limits).await;
}

fn settings(
    config: &Config,
    dir: &DataDir,
    (public_url, shutdown): (String, CancellationToken),
    database: Engine,
) -> Result<Settings, Failure> {
    let key_file = config.master_key_file.clone().unwrap_or_else(|| dir.master_key());
    Ok(Settings {
        database,
        objects: place(config, dir)?,
        max_output_bytes: config.max_output_bytes,
        max_live_executions: config.max_live_executions,
        rate_limit_per_principal: config.rate_limit_per_principal,
        master: data_dir::read_master_key(&key_file)?,
        trusted_proxies: config.trusted_proxies.clone(),
        origins: config.origins.clone(),
        provider: provider(config, &public_url)?,
        traces: traces(config, &public_url),
        public_url,
        shutdown,
        nats: nats(config)?,
    })
}

/// NATS as the flags and their files name it. It may come up after us.
fn nats(config: &Config) -> Result<Option<NatsSettings>, Failure> {
    let read = config.nats.as_ref().map(NatsConfig::read).transpose();
    read.map_err(|error| match error {
        NatsConfigError::File(error) => Failure::from(error),
        other => Failure::from(anyhow!(other)),
    })
}

/// Where spans go; nowhere without a collector.
fn traces(config: &Config, public_url: &str) -> Traces {
    let Some(collector) = config.collector.clone() else {
        return Traces::default();
    };
    let origin = Origin {
        service: "plexsphere",
        version: env!("CARGO_PKG_VERSION"),
        instance: public_url.to_owned(),
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng),
    };
    Traces::start(origin, collector)
}

/// The object store as the flags and their files name it.
fn place(config: &Config, dir: &DataDir) -> Result<Place, Failure> {
    config.object_store.read(dir.path()).map_err(|error| match error {
        ObjectStoreConfigError::File(error) => Failure::from(error),
        other => Failure::from(anyhow!(other)),
    })
}

/// The identity provider as the flags and their files name it. It is not asked yet: it may come up after us.
fn provider(config: &Config, public_url: &str) -> Result<Option<Provider>, Failure> {
    let Some(named) = &config.oidc else {
        return Ok(None);
    };
    let read = named.read().map_err(|error| match error {
        OidcConfigError::File(error) => Failure::from(error),
        other => Failure::from(anyhow!(other)),
    });
    let provider =
        Provider::new(read?, public_url).context("the identity provider's certificates cannot be used")?;
    tracing::info!(
        provider.issuer = provider.issuer(),
        provider.alias = provider.alias,
        provider.binding_id = %provider.binding_id,
        "people sign in through {}",
        provider.issuer(),
    );
    Ok(Some(provider))
}

/// The listener's bounds. Connections never take the descriptors that the database and the outputs need.
fn limits(config: &Config, descriptors: usize) -> Limits {
    let affordable = affordable(descriptors);
    if affordable < config.max_connections {
        tracing::warn!(
            connections = affordable,
            "the limit of open files allows fewer connections than configured"
        );
    }
    Limits {
        connections: config.max_connections.min(affordable),
        connections_per_source: config.max_connections_per_source,
        ..Limits::default()
    }
}

/// How many of that many descriptors may be connections.
fn affordable(descriptors: usize) -> usize {
    descriptors
        .saturating_sub(RESERVED_DESCRIPTORS)
        .max(descriptors / 2)
}

/// Logs are JSON lines on stderr; `RUST_LOG` says how much.
fn start_log() -> Result<(), Failure> {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env()
        .map_err(|error| Failure::usage(anyhow!(error).context("RUST_LOG")))?
        // It tells of every attempt to connect; `wakes::nats` tells what there is to know.
        .add_directive("async_nats=off".parse().expect("a directive"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|error| anyhow!(error).context("cannot start the log").into())
}

/// Raises the limit of open files and says what it is: each connection is a descriptor, and the usual soft limit of
/// 1024 is there for programs that use `select`.
fn raise_descriptor_limit() -> usize {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = rustix::process::setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    let current = rustix::process::getrlimit(Resource::Nofile).current;
    current.map_or(usize::MAX, |current| {
        usize::try_from(current).unwrap_or(usize::MAX)
    })
}

fn listen_on(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let bind = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        // A restart must not wait for the connections of the server before.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let bound = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, bound))
    };
    bind()
        .with_context(|| format!("cannot listen on {address}"))
        .map_err(Failure::from)
}

/// Removes what an earlier server announced, so that nobody takes it for this one.
fn withdraw(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(data_dir::io_error(path, error).into())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn announce(
    ready_file: Option<&Path>,
    (database, object_store, wake_ups): (&str, &ObjectStoreConfig, &str),
    (url, bound, metrics): (&str, SocketAddr, Option<SocketAddr>),
) -> Result<(), Failure> {
    let metrics_url = metrics.map(|address| format!("http://{address}/metrics"));
    tracing::info!(
        url,
        listen = %bound,
        metrics = metrics_url,
        version = env!("CARGO_PKG_VERSION"),
        database,
        %object_store,
        wake_ups,
        "serving"
    );
    if let Some(path) = ready_file {
        let ready = serde_json::to_vec(&Ready { url, metrics_url }).context("cannot write the ready file")?;
        data_dir::replace(path, &ready, data_dir::PUBLIC)?;
    }
    Ok(())
}

/// Waits for a signal, then for the connections to end; a second signal ends the process.
async fn until_stopped(
    mut server: tokio::task::JoinHandle<()>,
    mut signals: Signals,
    shutdown: &CancellationToken,
) -> Result<(), Failure> {
    tokio::select! {
        name = signals.next() => tracing::info!(signal = name, "stopping"),
        ended = &mut server => {
            ended.context("the listener ended")?;
            return Err(anyhow!("the listener ended by itself").into());
        }
    }
    shutdown.cancel();
    tokio::select! {
        ended = server => ended.context("the listener ended").map_err(Failure::from),
        name = signals.next() => {
            tracing::warn!(signal = name, "stopping at once");
            leave_now()
        }
    }
}

#[expect(
    clippy::exit,
    reason = "the operator asked twice; everything answered is durable already"
)]
fn leave_now() -> ! {
    std::process::exit(i32::from(plex_api::exit_codes::FAILURE))
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let on = |kind| signal(kind).context("cannot wait for signals");
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        assert_eq!(affordable(1024), 768);
        assert_eq!(affordable(64), 32);
        assert!(affordable(usize::MAX) > 20_000);
    }

    #[test]
    fn the_ready_file_is_replaced_whole_and_withdrawn() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ready");
        fs::write(
            &path,
            "left by an earlier server, and longer than what is written now",
        )
        .unwrap();
        withdraw(&path).unwrap();
        assert!(!path.exists());
        withdraw(&path).unwrap();
        let bound = "127.0.0.1:8080".parse().unwrap();
        let store = ObjectStoreConfig::Directory(None);
        let parts = ("sqlite", &store, "in-process");
        announce(Some(&path), parts, ("https://localhost:8080", bound, None)).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            r#"{"url":"https://localhost:8080"}"#
        );
        announce(Some(&path), parts, ("https://localhost:8080", bound, Some(bound))).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            r#"{"url":"https://localhost:8080","metrics_url":"http://127.0.0.1:8080/metrics"}"#
        );
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
