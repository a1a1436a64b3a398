//! What `plexsphere serve` says that it serves: where, and on what.

use plex_tests::{ControlPlane, Database, Program};
use serde_json::json;

fn listens(control_plane: &ControlPlane) -> String {
    let (_, port) = control_plane.url().rsplit_once(':').expect("a URL with a port");
    format!("127.0.0.1:{port}")
}

/// Where the database is, without who uses it and how.
fn place(database: &Database) -> String {
    match database {
        Database::Sqlite(path) => format!("sqlite at {}", path.display()),
        Database::Postgres(url) => {
            let (_, place) = url.split_once('@').expect("a URL with a user");
            let (place, _) = place.split_once('?').expect("a URL with options");
            format!("postgres://{place}")
        }
    }
}

#[test]
fn a_server_says_that_it_stands_on_what_it_brings_itself() {
    let control_plane = ControlPlane::start_on_sqlite();
    let database = control_plane.data_dir().join("plexsphere.db");
    assert_eq!(
        control_plane.announced(),
        json!({
            "message": "serving",
            "url": control_plane.url(),
            "listen": listens(&control_plane),
            "version": env!("CARGO_PKG_VERSION"),
            "database": format!("sqlite at {}", database.display()),
            "object_store": "directory in the data directory",
            "wake_ups": "in-process",
        })
    );
}

#[test]
fn a_server_says_where_its_metrics_its_database_and_its_outputs_are() {
    let outputs = tempfile::tempdir().expect("a temporary directory");
    let store = format!("file://{}", outputs.path().display());
    let flags = ["--metrics-listen", "127.0.0.1:0", "--object-store-url", &store];
    let control_plane = ControlPlane::start_with(&flags);
    assert_eq!(
        control_plane.announced(),
        json!({
            "message": "serving",
            "url": control_plane.url(),
            "listen": listens(&control_plane),
            "metrics": control_plane.metrics_url(),
            "version": env!("CARGO_PKG_VERSION"),
            "database": place(control_plane.database()),
            "object_store": format!("directory {}", outputs.path().display()),
            "wake_ups": "in-process",
        })
    );
}

#[test]
fn a_password_in_the_url_of_a_database_is_refused_and_not_repeated() {
    let control_plane = ControlPlane::start();
    for url in [
        "postgres://plex:hush@db.example/plex",
        "postgres://plex@db.example/plex?password=hush",
    ] {
        let mut command = Program::Plexsphere.command();
        command
            .args(["serve", "--data-dir"])
            .arg(control_plane.data_dir());
        let ran = command.args(["--database-url", url]).output().unwrap();
        let stderr = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.starts_with("error: --database-url must not hold the password"),
            "{stderr}"
        );
        assert!(!stderr.contains("hush") && ran.stdout.is_empty(), "{stderr}");
    }
}
