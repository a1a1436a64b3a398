//! Test actors: a control plane on a temporary directory, and those who call it.
//!
//! `TestApp::start().await` has a domain with one project; `app.admin()`, `app.user_with("viewer", project)`,
//! `app.user_on("admin", object)`, `app.stranger()`, `app.anybody()` and `app.node("web-1")` call its routes
//! in-process, each with its own credential. An answer is its status and its JSON.

use crate::app::{App, Keys, Settings};
use crate::bootstrap::Created;
use crate::csrf::Origins;
use crate::http;
use crate::http::contract::conformance::assert_described;
use crate::listen::Peer;
use crate::objects::Place;
use crate::oidc::Provider;
use crate::signing::SEAL_PURPOSE;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use plex_api::paths;
use plex_api::tokens::{PrincipalType, TokenEnvironment};
use plex_domain::credential;
use plex_domain::keys::MasterKey;
use plex_domain::reachability::Policy;
use plex_domain::relation::{ObjectKind, ObjectRef};
use plex_store::db::{Engine, Sql, postgres};
use plex_store::domains::{self, NewDomain};
use plex_store::projects::{self, NewProject};
use plex_store::relations::{self, NewTuple};
use plex_store::tokens::{self, NewToken, Origin};
use plex_store::{Db, Error, Tx, audit, principals};
use plex_telemetry::Traces;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

/// A control plane; it goes away with this value.
pub(crate) struct TestApp {
    /// Its state.
    pub(crate) app: App,
    /// Its first domain.
    pub(crate) domain_id: Uuid,
    /// Its first project.
    pub(crate) project_id: Uuid,
    admin: Actor,
    router: Router,
    _dir: TempDir,
}

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Actor {
    /// The identity's id; nil for nobody, and for nodes.
    pub(crate) id: Uuid,
    router: Router,
    bearer: Option<String>,
    ip: Option<IpAddr>,
}

/// An entry of an audit chain as it is stored.
pub(crate) struct AuditRow {
    /// The domain; nil for the platform.
    pub(crate) chain: Uuid,
    pub(crate) seq: u64,
    /// Empty once it is erased.
    pub(crate) identity: String,
    pub(crate) relation: String,
    pub(crate) canonical: Vec<u8>,
    pub(crate) prev_hash: [u8; 32],
    pub(crate) entry_hash: [u8; 32],
}

impl AuditRow {
    /// What its canonical bytes say.
    pub(crate) fn entry(&self) -> Value {
        serde_json::from_slice(&self.canonical).unwrap()
    }
}

/// A registered node that calls.
pub(crate) struct NodeActor {
    /// Its id.
    pub(crate) id: Uuid,
    actor: Actor,
}

impl Deref for NodeActor {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.actor
    }
}

/// The master key of all test directories.
pub(crate) fn master() -> MasterKey {
    MasterKey::from_bytes([1; 32])
}

fn is_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value == "text/event-stream")
}

/// Limits that some tests set.
#[derive(Clone, Copy)]
pub(crate) struct TestLimits {
    /// Executions of a domain that have not ended.
    pub(crate) live_executions: u64,
    /// Requests of one principal a second.
    pub(crate) per_second: Option<NonZeroU32>,
}

impl Default for TestLimits {
    fn default() -> Self {
        Self {
            live_executions: 10_000,
            per_second: None,
        }
    }
}

/// Runs a statement without values; returns how many rows it changed.
pub(crate) async fn execute(app: &App, sql: impl Into<Sql>) -> usize {
    let sql = sql.into();
    let done: Result<_, Error> = app.db.write(async move |tx| tx.execute(sql, &[]).await).await;
    done.unwrap()
}

/// The PostgreSQL server that the environment names for these tests.
#[expect(
    clippy::disallowed_methods,
    reason = "which engine is tested is no setting of the program"
)]
fn server() -> Option<String> {
    std::env::var("PLEX_TEST_POSTGRES").ok()
}

/// Whether these tests run on SQLite.
pub(crate) fn is_on_sqlite() -> bool {
    server().is_none()
}

/// The database of a test directory: SQLite's in it, or, where the environment names a server, a schema that is named
/// after it.
pub(crate) fn engine(dir: &Path) -> Engine {
    let Some(url) = server() else {
        return Engine::Sqlite(dir.join(crate::data_dir::DATABASE));
    };
    let name = dir.file_name().expect("a named directory").to_string_lossy();
    let schema = name
        .to_lowercase()
        .replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    let server = postgres::Settings::parse(&url).expect("a URL of a test server");
    postgres::execute(&server, &format!("create schema if not exists {schema}")).expect("a test server");
    let url = format!("{url}?options=-csearch_path%3D{schema}");
    Engine::Postgres(Box::new(postgres::Settings::parse(&url).expect("a URL")))
}

async fn open(dir: &TempDir) -> App {
    open_with(dir, (Origins::default(), None), TestLimits::default()).await
}

async fn open_with(
    dir: &TempDir,
    (origins, provider): (Origins, Option<Provider>),
    limits: TestLimits,
) -> App {
    let settings = Settings {
        database: engine(dir.path()),
        objects: Place::Directory(dir.path().join("objects")),
        public_url: "https://plexsphere.test".to_owned(),
        max_output_bytes: 64 * 1024 * 1024,
        max_live_executions: limits.live_executions,
        rate_limit_per_principal: limits.per_second,
        master: master(),
        trusted_proxies: Vec::new(),
        origins,
        provider,
        traces: Traces::default(),
        shutdown: CancellationToken::new(),
        nats: None,
    };
    App::start(settings).await.unwrap()
}

/// A problem without what belongs to the request alone: for "foreign is answered exactly as missing".
pub(crate) fn without_request(mut problem: Value) -> Value {
    let fields = problem.as_object_mut().expect("a problem document");
    fields.remove("correlation_id").expect("every problem has one");
    fields.remove("instance").expect("every problem has one");
    problem
}

async fn tenants(db: &Db, master: MasterKey) -> (Uuid, Uuid) {
    let pseudonyms = Keys::new(master.clone()).pseudonyms;
    let domain = db.write(async move |tx| {
        let new = NewDomain {
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            description: String::new(),
            region: None,
            mesh_cidr: None,
            reachability: Policy::default(),
        };
        let seal = |seed: &[u8; 32], rng: &dyn plex_domain::env::Rng| master.seal(SEAL_PURPOSE, seed, rng);
        let made = domains::create(tx, &new, seal).await?;
        for chain in [None, Some(made.id)] {
            audit::open(tx, &pseudonyms, chain).await?;
        }
        Ok::<_, domains::CreateError>(made)
    });
    let domain_id = domain.await.unwrap().id;
    (domain_id, project(db, domain_id, "web").await)
}

async fn project(db: &Db, domain_id: Uuid, slug: &str) -> Uuid {
    let new = NewProject {
        domain_id,
        slug: slug.to_owned(),
        name: slug.to_owned(),
        description: String::new(),
        sub_range: None,
    };
    db.write(async move |tx| projects::create(tx, &new).await)
        .await
        .unwrap()
        .id
}

/// Keeps the threads of those who come until it is given back.
#[derive(Clone)]
struct Hold {
    is_taken: Arc<AtomicBool>,
    given_back: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Hold {
    /// And what is dropped to give it back.
    fn new() -> (Self, mpsc::Sender<()>) {
        let (give_back, given_back) = mpsc::channel();
        let hold = Self {
            is_taken: Arc::default(),
            given_back: Arc::new(Mutex::new(given_back)),
        };
        (hold, give_back)
    }

    fn wait(&self) -> Result<(), Error> {
        self.is_taken.store(true, Ordering::SeqCst);
        let _ = self.given_back.lock().unwrap().recv();
        Ok(())
    }

    async fn is_taken(&self) {
        while !self.is_taken.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }
}

impl TestApp {
    /// A fresh one.
    pub(crate) async fn start() -> Self {
        Self::start_with(Origins::default(), None).await
    }

    /// A fresh one with origins whose pages may act, and with an identity provider.
    pub(crate) async fn start_with(origins: Origins, provider: Option<Provider>) -> Self {
        Self::fresh((origins, provider), TestLimits::default()).await
    }

    /// A fresh one with other limits.
    pub(crate) async fn start_limited(limits: TestLimits) -> Self {
        Self::fresh((Origins::default(), None), limits).await
    }

    async fn fresh(sign_in: (Origins, Option<Provider>), limits: TestLimits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let app = open_with(&dir, sign_in, limits).await;
        let (domain_id, project_id) = tenants(&app.db, master()).await;
        let router = http::router(app.clone());
        let admin = user((&app, &router), Some(("admin", ObjectRef::PLATFORM))).await;
        Self {
            app,
            domain_id,
            project_id,
            admin,
            router,
            _dir: dir,
        }
    }

    /// On a directory that was initialised with [`master`].
    pub(crate) async fn on(dir: TempDir, created: &Created) -> Self {
        let app = open(&dir).await;
        let bearer = Some(created.admin_token.clone());
        let router = http::router(app.clone());
        let admin = Actor {
            id: Uuid::nil(),
            router: router.clone(),
            bearer,
            ip: None,
        };
        Self {
            app,
            router,
            domain_id: created.domain_id,
            project_id: created.project_id,
            admin,
            _dir: dir,
        }
    }

    /// The platform admin.
    pub(crate) fn admin(&self) -> Actor {
        self.admin.clone()
    }

    /// Somebody without a credential.
    pub(crate) fn anybody(&self) -> Actor {
        self.actor(Uuid::nil(), None)
    }

    /// Who comes with some token.
    pub(crate) fn with_token(&self, token: &str) -> Actor {
        self.actor(Uuid::nil(), Some(token.to_owned()))
    }

    fn actor(&self, id: Uuid, bearer: Option<String>) -> Actor {
        Actor {
            id,
            router: self.router.clone(),
            bearer,
            ip: None,
        }
    }

    /// A user without any relation.
    pub(crate) async fn stranger(&self) -> Actor {
        user((&self.app, &self.router), None).await
    }

    /// A user with one relation on a project.
    pub(crate) async fn user_with(&self, relation: &str, project: Uuid) -> Actor {
        self.user_on(relation, ObjectRef::of(ObjectKind::Project, project))
            .await
    }

    /// A user with one relation on some object.
    pub(crate) async fn user_on(&self, relation: &str, object: ObjectRef) -> Actor {
        user((&self.app, &self.router), Some((relation, object))).await
    }

    /// The first domain, as an object.
    pub(crate) fn domain(&self) -> ObjectRef {
        ObjectRef::of(ObjectKind::Domain, self.domain_id)
    }

    /// All audit entries, chain by chain, after denials were written down.
    pub(crate) async fn audit(&self) -> Vec<AuditRow> {
        self.app.denials.flush(&self.app).await;
        self.written_audit().await
    }

    /// The audit entries written so far. It reads as a writer, and so after all writes that wait.
    pub(crate) async fn written_audit(&self) -> Vec<AuditRow> {
        let read = async |tx: &mut Tx| {
            tx.all(
                "select chain, seq, coalesce(identity, ''), relation, canonical, prev_hash, entry_hash
                from audit_entries
                order by chain, seq",
                &[],
                |row| {
                    Ok(AuditRow {
                        chain: row.get(0)?,
                        seq: row.get(1)?,
                        identity: row.get(2)?,
                        relation: row.get(3)?,
                        canonical: row.get(4)?,
                        prev_hash: row.get(5)?,
                        entry_hash: row.get(6)?,
                    })
                },
            )
            .await
        };
        self.app.db.write(read).await.unwrap()
    }

    /// Takes the one writer: all other writes wait until what this returns is dropped.
    pub(crate) async fn take_writer(&self) -> mpsc::Sender<()> {
        self.take(|db, hold| async move { db.write(async move |_: &mut Tx| hold.wait()).await })
            .await
    }

    /// The same for whoever reports; on SQLite it is the one writer.
    pub(crate) async fn take_reporter(&self) -> mpsc::Sender<()> {
        self.take(|db, hold| async move { db.report(async move |_: &mut Tx| hold.wait()).await })
            .await
    }

    /// Waits until that has the place which it waits for.
    async fn take<J>(&self, job: impl FnOnce(Db, Hold) -> J) -> mpsc::Sender<()>
    where
        J: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let (hold, give_back) = Hold::new();
        tokio::spawn(job(self.app.db.clone(), hold.clone()));
        hold.is_taken().await;
        give_back
    }

    /// The same for all who read snapshots, with more who wait already.
    pub(crate) async fn take_readers(&self) -> mpsc::Sender<()> {
        let (hold, give_back) = Hold::new();
        for _ in 0..64 {
            let (db, held) = (self.app.db.clone(), hold.clone());
            tokio::spawn(async move { db.read(async move |_: &mut Tx| held.wait()).await });
        }
        while self.app.db.waiting()[2].1 < 32 {
            tokio::task::yield_now().await;
        }
        give_back
    }

    /// Makes every append to an audit chain fail from now on.
    pub(crate) async fn break_audit(&self) {
        let sql = Sql::Each {
            sqlite: "create trigger broken before insert on audit_entries begin select raise(abort, 'broken'); end",
            postgres: "create trigger broken before insert on audit_entries
                for each row execute function refuse('broken')",
        };
        execute(&self.app, sql).await;
    }

    /// Makes appends work again.
    pub(crate) async fn mend_audit(&self) {
        let sql = Sql::Each {
            sqlite: "drop trigger broken",
            postgres: "drop trigger broken on audit_entries",
        };
        execute(&self.app, sql).await;
    }

    /// The denials among them, by who, what and on what, with their counts.
    pub(crate) async fn denials(&self) -> Vec<(String, String, String, String, u64)> {
        let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
        let denials = self.audit().await.into_iter().filter_map(|row| {
            let entry = row.entry();
            let object = format!("{}:{}", text(&entry, "object_type"), text(&entry, "object_id"));
            (entry["reason"] != "granted").then(|| {
                (
                    row.identity,
                    row.relation,
                    object,
                    text(&entry, "reason"),
                    entry["count"].as_u64().unwrap(),
                )
            })
        });
        denials.collect()
    }

    /// Another project of the domain.
    pub(crate) async fn project(&self, slug: &str) -> Uuid {
        project(&self.app.db, self.domain_id, slug).await
    }

    /// A node of the project.
    pub(crate) async fn node(&self, name: &str) -> NodeActor {
        self.node_in(self.project_id, name).await
    }

    /// A node of some project, registered as every node is.
    pub(crate) async fn node_in(&self, project: Uuid, name: &str) -> NodeActor {
        let wanted = json!({"kind": "node", "env_prefix": "test", "ttl_seconds": 300});
        let (_, issued) = self.admin().post(&paths::bootstrap_tokens(project), wanted).await;
        let request = json!({
            "project_id": project,
            "resource_handle": name,
            "bootstrap_token": issued["token"],
            "nonce": issued["token_id"],
            "public_key": STANDARD.encode([9; 32]),
        });
        let (status, node) = self.anybody().post(paths::REGISTER, request).await;
        assert_eq!(status, StatusCode::CREATED, "{node}");
        let key = STANDARD.decode(node["nsk"].as_str().unwrap()).unwrap();
        self.node_with(
            node["node_id"].as_str().unwrap().parse().unwrap(),
            key.try_into().unwrap(),
        )
    }

    /// Somebody who comes as a node with some key.
    pub(crate) fn node_with(&self, id: Uuid, key: [u8; 32]) -> NodeActor {
        let bearer = Some(credential::format_node("test", id, &key));
        NodeActor {
            id,
            actor: self.actor(Uuid::nil(), bearer),
        }
    }
}

async fn user((app, router): (&App, &Router), held: Option<(&str, ObjectRef)>) -> Actor {
    let held = held.map(|(relation, object)| (relation.to_owned(), object));
    let token = credential::ApiToken::mint(TokenEnvironment::Prod, &*app.rng);
    let hash = credential::hash(&app.keys.api_tokens, token.as_bytes());
    let made = app.db.write(async move |tx| {
        let id = tx.new_id();
        principals::ensure(tx, PrincipalType::User, id).await?;
        if let Some((relation, object)) = held {
            let tuple = NewTuple {
                subject: principals::subject(PrincipalType::User, id).into(),
                relation,
                object,
                condition: None,
                created_by: "test".to_owned(),
            };
            relations::create(tx, &tuple)
                .await
                .expect("a new user has no relation yet");
        }
        let env = TokenEnvironment::Prod;
        tokens::issue(
            tx,
            &NewToken {
                principal_id: id,
                env,
                hash,
                ttl_seconds: 3600,
                not_after: None,
                issued_by: id,
                origin: Origin::Issued,
            },
        )
        .await?;
        Ok(id)
    });
    let made: Result<Uuid, Error> = made.await;
    Actor {
        id: made.unwrap(),
        router: router.clone(),
        bearer: Some(token),
        ip: None,
    }
}

impl Actor {
    /// The same, calling from that address.
    pub(crate) fn from(self, ip: &str) -> Self {
        Self {
            ip: Some(ip.parse().unwrap()),
            ..self
        }
    }

    /// What is kept of its token.
    pub(crate) fn token_hash(&self, app: &TestApp) -> [u8; 32] {
        let token = self.bearer.as_ref().expect("somebody with a token");
        credential::hash(&app.app.keys.api_tokens, token.as_bytes())
    }

    /// As a subject of relation tuples.
    pub(crate) fn subject(&self) -> String {
        format!("user:{}", self.id)
    }

    /// Calls a route; the answer with its headers.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, HeaderMap, Value) {
        self.send_with(method, path, body, &[]).await
    }

    /// The same with more headers.
    pub(crate) async fn send_with(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, Value) {
        let json = body.iter().map(|_| ("content-type", "application/json"));
        let headers: Vec<_> = json.chain(headers.iter().copied()).collect();
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let (status, headers, bytes) = self.call(method, path, body, &headers).await;
        let json = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        };
        (status, headers, json)
    }

    /// Calls a route with a body of bytes, or with one that arrives bit by bit.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: impl Into<Body>,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(bearer) = &self.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(ip) = self.ip {
            request = request.extension(Peer(SocketAddr::new(ip, 1)));
        }
        let request = request.body(body.into()).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (head, mut body) = answer.into_parts();
        let body = if is_stream(&head.headers) {
            // It does not end; its first frame is its answer.
            let first = body.frame().await.expect("a stream greets").unwrap();
            first.into_data().expect("a stream has no trailers").to_vec()
        } else {
            body.collect().await.unwrap().to_bytes().to_vec()
        };
        assert_described((method, path), head.status, &head.headers, &body);
        (head.status, head.headers, body)
    }

    /// Opens a stream; its body arrives bit by bit.
    pub(crate) async fn open(&self, path: &str) -> (StatusCode, Body) {
        let mut request = Request::builder().uri(path);
        if let Some(bearer) = &self.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let request = request.body(Body::empty()).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        (answer.status(), answer.into_body())
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, _, body) = self.send("GET", path, None).await;
        (status, body)
    }

    pub(crate) async fn delete(&self, path: &str) -> (StatusCode, Value) {
        let (status, _, body) = self.send("DELETE", path, None).await;
        (status, body)
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let (status, _, body) = self.send("POST", path, Some(body)).await;
        (status, body)
    }

    /// Asserts that what the caller may not see is answered as what is not there (decision 3): the same status,
    /// header names, size, and body but for what belongs to the request. The answer to the first.
    pub(crate) async fn alike(
        &self,
        method: &str,
        [foreign, missing]: [&str; 2],
        body: Option<Value>,
    ) -> (u16, Value) {
        let (status, headers, problem) = self.send(method, foreign, body.clone()).await;
        let (other_status, other_headers, other) = self.send(method, missing, body).await;
        assert_eq!(status, other_status);
        assert!(
            headers.keys().eq(other_headers.keys()),
            "{headers:?} {other_headers:?}"
        );
        assert_eq!(problem.to_string().len(), other.to_string().len());
        assert_eq!(without_request(problem.clone()), without_request(other));
        (status.as_u16(), problem)
    }

    /// The status and the problem code of a call.
    pub(crate) async fn code(&self, method: &str, path: &str, body: Option<Value>) -> (u16, String) {
        let (status, _, body) = self.send(method, path, body).await;
        (status.as_u16(), body["code"].as_str().unwrap_or("").to_owned())
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let (status, _, body) = self.send("PATCH", path, Some(body)).await;
        (status, body)
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let (status, _, body) = self.send("PUT", path, Some(body)).await;
        (status, body)
    }
}
