//! Test actors: a control plane on a temporary directory, and those who call it.
//!
//! `TestApp::start().await` has a domain with one project; `app.admin()`, `app.user_with("viewer", project)`,
//! `app.stranger()`, `app.anybody()` and `app.node("web-1")` call its routes in-process, each with its own
//! credential. An answer is its status and its JSON.

use crate::app::{App, Settings};
use crate::http;
use crate::signing::SEAL_PURPOSE;
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
use plex_domain::relation::{Binding, ObjectKind, ObjectRef, Relation};
use plex_store::domains::{self, NewDomain};
use plex_store::projects::{self, NewProject};
use plex_store::relations::{self, NewTuple};
use plex_store::tokens::{self, NewToken};
use plex_store::{Db, Error, principals};
use serde_json::{Value, json};
use std::ops::Deref;
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
    _dir: TempDir,
}

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Actor {
    app: App,
    bearer: Option<String>,
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

/// A problem without what belongs to the request alone: for "foreign is answered exactly as missing".
pub(crate) fn without_request(mut problem: Value) -> Value {
    let fields = problem.as_object_mut().expect("a problem document");
    fields.remove("correlation_id").expect("every problem has one");
    fields.remove("instance").expect("every problem has one");
    problem
}

async fn tenants(db: &Db, master: MasterKey) -> (Uuid, Uuid) {
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
        domains::create(tx, &new, seal).await
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

impl TestApp {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let master = || MasterKey::from_bytes([1; 32]);
        let settings = Settings {
            data_dir: dir.path().to_owned(),
            public_url: "https://plexsphere.test".to_owned(),
            max_output_bytes: 64 * 1024 * 1024,
            master: master(),
            trusted_proxies: Vec::new(),
            shutdown: CancellationToken::new(),
        };
        let app = App::start(settings).await.unwrap();
        let (domain_id, project_id) = tenants(&app.db, master()).await;
        let admin = user(
            &app,
            Some(Binding {
                relation: Relation::Admin,
                object: ObjectRef::PLATFORM,
            }),
        )
        .await;
        Self {
            app,
            domain_id,
            project_id,
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
        Actor {
            app: self.app.clone(),
            bearer: None,
        }
    }

    /// A user without any relation.
    pub(crate) async fn stranger(&self) -> Actor {
        user(&self.app, None).await
    }

    /// A user with one relation on a project.
    pub(crate) async fn user_with(&self, relation: &str, project: Uuid) -> Actor {
        let relation = Relation::parse(relation).expect("a relation");
        let object = ObjectRef::of(ObjectKind::Project, project);
        user(&self.app, Some(Binding { relation, object })).await
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
            actor: Actor {
                app: self.app.clone(),
                bearer,
            },
        }
    }
}

async fn user(app: &App, binding: Option<Binding>) -> Actor {
    let token = credential::ApiToken::mint(TokenEnvironment::Prod, &*app.rng);
    let hash = credential::hash(&app.keys.api_tokens, token.as_bytes());
    let made = app.db.write(async move |tx| {
        let id = tx.new_id();
        principals::ensure(tx, PrincipalType::User, id).await?;
        if let Some(binding) = binding {
            let subject = (PrincipalType::User, id);
            let tuple = NewTuple {
                subject,
                binding,
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
            },
        )
        .await
    });
    let made: Result<_, Error> = made.await;
    made.unwrap();
    Actor {
        app: app.clone(),
        bearer: Some(token),
    }
}

impl Actor {
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

    /// Calls a route with a body of bytes.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(bearer) = &self.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        let answer = http::router(self.app.clone()).oneshot(request).await.unwrap();
        let (head, body) = answer.into_parts();
        (
            head.status,
            head.headers,
            body.collect().await.unwrap().to_bytes().to_vec(),
        )
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

    pub(crate) async fn put(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let (status, _, body) = self.send("PUT", path, Some(body)).await;
        (status, body)
    }
}
