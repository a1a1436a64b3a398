//! The floor of a list: a bare handler that runs the same statements on the same database and writes the same JSON.
//!
//! It knows one page of one project. Nobody is authenticated or authorised, nothing is routed, queued, limited or
//! counted; what is left is HTTP over TLS, two statements and their text. It runs as a process of its own, as the
//! product does.

mod json;
mod postgresql;
mod sqlite;

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use super::control_plane::Installation;
use anyhow::Context as _;
use clap::Args as Flags;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

/// The flags of the bare handler
#[derive(Debug, Clone, Flags)]
pub(crate) struct Args {
    /// SQLite's file
    #[arg(long)]
    database: Option<PathBuf>,
    /// The PostgreSQL database, where it is not SQLite
    #[arg(long)]
    database_url: Option<String>,
    /// Where the certificate is
    #[arg(long)]
    data_dir: PathBuf,
    /// Whose executions are listed
    #[arg(long)]
    project: Uuid,
}

/// The statement of `store::executions::page` for the newest of everything.
fn page_sql(executions: &str) -> String {
    format!(
        "select
            id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at,
            timeout_seconds, coalesce(parameters_shown, parameters), selector, node_id, dispatched_by,
            excluded, pending, ack, started, succeeded, failed, cancelled, timeout,
            exists (select 1 from excluded_beyond where execution_id = executions.id)
        from {executions}
        where project_id = $1 and (created_at, id) > ($2, $3) and (created_at, id) < ($4, $5)
        order by created_at desc, id desc
        limit $6"
    )
}

/// The statement of `store::invocations::attach_targets`, from the tables on as each database has it.
fn targets_sql(tables: &str) -> String {
    format!(
        "select
            ids.key, i.node_id, n.name, i.status, i.updated_at, i.started_at, i.finished_at, i.exit_code, i.error,
            i.output_kind, i.output_bytes, i.output_truncated, i.output_key, i.output_sha256
        from {tables}"
    )
}

/// A page's text on its way.
type Page = Pin<Box<dyn Future<Output = anyhow::Result<Vec<u8>>> + Send>>;

/// Where pages come from.
#[derive(Clone)]
enum Source {
    Sqlite(Arc<sqlite::Pages>),
    Postgresql(Arc<postgresql::Pages>),
}

impl Source {
    fn page(&self) -> Page {
        match self {
            Self::Sqlite(pages) => {
                let page = pages.page();
                Box::pin(async move { page })
            }
            Self::Postgresql(pages) => {
                let pages = Arc::clone(pages);
                Box::pin(async move { pages.page().await })
            }
        }
    }
}

/// Serves until stdin ends. The port is printed first.
///
/// # Errors
/// When it cannot serve.
pub(crate) fn serve(args: &Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let source = match (&args.database, &args.database_url) {
            (Some(path), None) => Source::Sqlite(Arc::new(sqlite::Pages::new(path, args.project))),
            (None, Some(url)) => {
                Source::Postgresql(Arc::new(postgresql::Pages::open(url, args.project).await?))
            }
            _ => anyhow::bail!("one database is to be named"),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let acceptor = TlsAcceptor::from(Arc::new(tls(&args.data_dir)?));
        let mut stdout = std::io::stdout();
        writeln!(stdout, "{}", listener.local_addr()?.port())?;
        stdout.flush()?;
        tokio::spawn(accept(listener, acceptor, source));
        // Whoever started this has ended or wants no more.
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        Ok(())
    })
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, source: Source) {
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, source) = (acceptor.clone(), source.clone());
        tokio::spawn(async move {
            let _ = socket.set_nodelay(true);
            let Ok(stream) = acceptor.accept(socket).await else {
                return;
            };
            let service = service_fn(move |_: Request<Incoming>| answer(source.page()));
            // A client that goes away ends its connection, and only that.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(page: Page) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match page.await {
        Ok(body) => (200, body),
        Err(error) => (500, format!("{error:#}").into_bytes()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status.try_into().expect("a status code");
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn tls(data_dir: &Path) -> anyhow::Result<ServerConfig> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(data_dir.join("tls.pem"))?.collect();
    let key = PrivateKeyDer::from_pem_file(data_dir.join("tls.key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain?, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The running floor; it ends when this is dropped.
pub(super) struct Floor {
    child: Child,
    /// Where it serves.
    pub(super) url: String,
}

impl Floor {
    /// Starts it on an installation's database, as this very program.
    ///
    /// # Errors
    /// When it does not serve.
    pub(super) fn start(installation: &Installation) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["bench-floor", "--project"])
            .arg(installation.project_id.to_string());
        command.arg("--data-dir").arg(installation.beside("data"));
        match installation.shared() {
            Some(shared) => command.args(["--database-url", &shared.url]),
            None => command.arg("--database").arg(installation.database()),
        };
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run the bare handler")?;
        let mut floor = Self {
            child,
            url: String::new(),
        };
        let stdout = floor.child.stdout.take().context("a pipe")?;
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)?;
        let port: u16 = line
            .trim()
            .parse()
            .context("the bare handler does not say its port")?;
        floor.url = format!("https://localhost:{port}");
        Ok(floor)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
