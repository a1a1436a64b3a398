//! The audit chain read, verified and exported: whoever changes the database past the control plane is found out, by
//! the server, by `plexctl` without a server, and by a verifier that shares nothing with either.

use plex_api::paths;
use plex_tests::{ControlPlane, Database, Dice, Operator, Ran, SimulatedNode};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use uuid::Uuid;

/// Runs `docs/verify_audit.py` on a file.
fn python(file: &Path) -> Ran {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verify_audit.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(file).arg("1");
    Ran::of(command, b"")
}

/// `plexctl` with nothing in its environment: no server, no credential, no profile.
fn offline(operator: &Operator, arguments: &[&str]) -> Ran {
    let mut command = operator.command(arguments);
    command.env_clear().env("HOME", "/nonexistent");
    Ran::of(command, b"")
}

/// A chain of some length, of all kinds of entries.
fn grown(control_plane: &ControlPlane) -> Operator {
    let admin = control_plane.admin();
    let node = SimulatedNode::register(control_plane, "n");
    for nth in 0..3 {
        let execution = admin.dispatch(node.id, "probe");
        node.succeed(execution, b"x");
        let label = json!({"key": format!("k{nth}"), "value": "x"});
        admin.put(&paths::node_labels(node.id), &label).expect(200);
    }
    admin
}

fn export(admin: &Operator, chain: &str, file: &Path) {
    let file = file.to_str().expect("a plain path");
    admin
        .plexctl(&["audit", "export", "--domain", chain, "--file", file, "--yes"])
        .expect(0);
}

#[test]
fn the_chain_is_listed_shown_and_verified() {
    let control_plane = ControlPlane::start();
    let admin = grown(&control_plane);
    let domain = control_plane.domain_id().to_string();
    let own = ["--domain", domain.as_str()];
    let all = admin.plexctl_json(&[&["audit", "list", "--all"][..], &own].concat());
    let items = all["items"].as_array().unwrap();
    assert!(items.len() >= 10, "{all}");
    for (item, seq) in items.iter().zip(1..) {
        assert_eq!(item["seq"], seq);
    }
    let label = json!({"key": "k", "value": "v"});
    let answer = admin.put(&paths::node_labels(node_of(&all)), &label).expect(200);
    let correlation = answer.header("x-correlation-id").unwrap();
    let found = admin.plexctl_json(&[&["audit", "list", "--correlation-id", correlation][..], &own].concat());
    let relations: Vec<_> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["relation"].clone())
        .collect();
    assert_eq!(relations, ["define_label", "label_node"]);
    let text = admin
        .plexctl(&[&["audit", "list"][..], &own].concat())
        .expect(0)
        .text();
    assert!(text.starts_with("SEQ  OCCURRED"), "{text}");

    let seq = found["items"][0]["seq"].to_string();
    let proof = admin.plexctl_json(&[&["audit", "get", &seq][..], &own].concat());
    assert_eq!(proof["entry"], found["items"][0]);
    let text = admin
        .plexctl(&[&["audit", "get", &seq][..], &own].concat())
        .expect(0)
        .text();
    assert!(
        text.contains(proof["entry"]["entry_hash"].as_str().unwrap()),
        "{text}"
    );

    for chain in [&own[..], &["--platform"]] {
        let verdict = admin.plexctl_json(&[&["audit", "verify"][..], chain].concat());
        assert_eq!(
            (&verdict["ok"], &verdict["segment_from"]),
            (&json!(true), &json!(1))
        );
    }
    let hash = proof["entry"]["entry_hash"].as_str().unwrap();
    let kept = ["audit", "verify", "--to-seq", &seq, "--last-hash", hash];
    admin.plexctl(&[&kept[..], &own].concat()).expect(0);
    let other = ["audit", "verify", "--to-seq", "1", "--last-hash", hash];
    admin.plexctl(&[&other[..], &own].concat()).expect(1);
    let operator = admin.with_role("operator");
    operator
        .plexctl(&[&["audit", "list"][..], &own].concat())
        .expect(1);
    for wrong in [
        &["audit", "list"][..],
        &["audit", "verify", "--platform", "--domain", &domain],
        &["audit", "list", "--platform", "--subject", "AB"],
        &["audit", "get", "--platform", "0"],
        &[
            "audit",
            "verify",
            "--platform",
            "--from-seq",
            "3",
            "--to-seq",
            "2",
        ],
        &["audit", "verify", "--offline", "/nonexistent/file"],
    ] {
        assert_eq!(admin.plexctl(wrong).code, 2, "{wrong:?}");
    }
}

/// Some node that the entries tell of.
fn node_of(page: &Value) -> Uuid {
    let items = page["items"].as_array().expect("a page");
    let entry = items
        .iter()
        .find(|item| item["object"]["type"] == "node")
        .expect("a node was registered");
    let id = entry["object"]["id"].as_str().expect("an object has an id");
    id.parse().expect("a node's id is a UUID")
}

#[test]
fn an_export_verifies_without_server_credential_or_profile() {
    let mut control_plane = ControlPlane::start();
    let admin = grown(&control_plane);
    let domain = control_plane.domain_id().to_string();
    let directory = tempfile::tempdir().unwrap();
    let (file, part) = (
        directory.path().join("chain.ndjson"),
        directory.path().join("part.ndjson"),
    );
    export(&admin, &domain, &file);
    let piped = admin
        .plexctl(&["audit", "export", "--domain", &domain, "--from-seq", "4"])
        .expect(0);
    std::fs::write(&part, &piped.stdout).unwrap();
    let online = admin.plexctl_json(&["audit", "verify", "--domain", &domain]);
    assert!(control_plane.terminate().success());

    let (file_name, part_name) = (file.to_str().unwrap(), part.to_str().unwrap());
    let whole = offline(
        &admin,
        &["audit", "verify", "--offline", file_name, "--output", "json"],
    )
    .expect(0);
    let verdict: Value = serde_json::from_slice(&whole.stdout).unwrap();
    for member in ["ok", "segment_from", "segment_to", "segment_hash"] {
        assert_eq!(verdict[member], online[member], "{member}");
    }
    let last_hash = online["segment_hash"].as_str().unwrap();
    let segment = offline(
        &admin,
        &[
            "audit",
            "verify",
            "--offline",
            part_name,
            "--last-hash",
            last_hash,
        ],
    )
    .expect(0);
    assert!(
        segment.text().contains("entry 4 hangs on is taken as given"),
        "{}",
        segment.text()
    );
    offline(
        &admin,
        &["audit", "verify", "--offline", part_name, "--from-seq", "1"],
    )
    .expect(1);
    let checked = python(&file).expect(0).text();
    assert!(
        checked.starts_with("ok: entries 1 to ") && checked.contains(last_hash),
        "{checked}"
    );

    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let forged = lines[4].replace("\"granted\"", "\"unknown\"");
    lines[4] = &forged;
    std::fs::write(&file, lines.join("\n")).unwrap();
    let found = offline(&admin, &["audit", "verify", "--offline", file_name]).expect(1);
    assert!(
        found
            .stderr
            .starts_with("error: the export diverges at line 5: entry 5 "),
        "{}",
        found.stderr
    );
    assert_eq!(found.stderr.lines().count(), 1);
    assert!(
        python(&file)
            .expect(1)
            .text()
            .starts_with("divergent: line 5: entry 5:")
    );
}

#[test]
fn neither_verifier_takes_what_is_no_place_no_hash_or_no_end_of_brackets() {
    let control_plane = ControlPlane::start();
    let admin = grown(&control_plane);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("chain.ndjson");
    export(&admin, &control_plane.domain_id().to_string(), &file);
    let text = std::fs::read_to_string(&file).unwrap();
    let zeros = format!("\"prev_hash\":\"{}\"", "0".repeat(64));
    assert!(text.contains(&zeros) && text.contains("\"seq\":1,"));
    for forged in [
        text.replacen("\"seq\":1,", "\"seq\":1.0,", 1),
        text.replacen("\"seq\":1,", "\"seq\":true,", 1),
        text.replace(&zeros, "\"prev_hash\":\"\""),
        format!("{}\n{text}", "[".repeat(200_000)),
    ] {
        std::fs::write(&file, &forged).unwrap();
        let checked = python(&file);
        assert!(
            checked.code == 1 && checked.text().starts_with("divergent: line 1: entry "),
            "{checked:?}"
        );
        assert!(!checked.stderr.contains("Traceback"), "{}", checked.stderr);
        offline(&admin, &["audit", "verify", "--offline", file.to_str().unwrap()]).expect(1);
    }
}

/// The changes that somebody makes to the entry `@`, and whether the export shows them.
const FORGERIES: [(&str, bool); 15] = [
    ("update audit_entries set occurred_at = occurred_at + 1 where seq = @", true),
    ("update audit_entries set reason = 'unknown' where seq = @", true),
    ("update audit_entries set subject = entry_hash where seq = @", true),
    ("update audit_entries set relation = 'nothing' where seq = @", true),
    ("update audit_entries set object_id = 'nobody' where seq = @", true),
    ("update audit_entries set correlation_id = '' where seq = @", true),
    (
        "update audit_entries set canonical =
            cast(replace(cast(canonical as text), '\"count\":1', '\"count\":2') as blob) where seq = @",
        true,
    ),
    ("update audit_entries set entry_hash = prev_hash where seq = @", true),
    ("update audit_entries set prev_hash = entry_hash where seq = @", true),
    ("delete from audit_entries where seq = @", true),
    (
        "delete from audit_entries where seq = @;
        update audit_entries set seq = -(seq - 1) where seq > @;
        update audit_entries set seq = -seq where seq < 0",
        true,
    ),
    (
        "update audit_entries set seq = -seq where seq = @;
        update audit_entries set seq = @ where seq = @ + 1;
        update audit_entries set seq = @ + 1 where seq = -@",
        true,
    ),
    (
        "update audit_entries set seq = -(seq + 1) where seq >= @;
        update audit_entries set seq = -seq where seq < 0;
        insert into audit_entries select
            chain, @, occurred_at, reason, subject, identity, relation, object_type, object_id, correlation_id,
            canonical, prev_hash, entry_hash, latest_at
        from audit_entries where seq = @ + 1",
        true,
    ),
    ("delete from audit_entries where seq >= @", false),
    ("update audit_entries set identity = 'user:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0' where seq = @", false),
];

/// The database with one chain in it, which can be put back.
struct Forger(Database);

impl Forger {
    fn at(control_plane: &ControlPlane) -> Self {
        let database = control_plane.database().clone();
        let of_table = match database {
            Database::Sqlite(_) => "",
            Database::Postgres(_) => " on audit_entries",
        };
        // A chain of one's own, so that renumbering touches no other.
        database.run(&format!(
            "drop trigger if exists audit_entries_are_kept{of_table};
            drop trigger if exists audit_entries_are_final{of_table};
            drop trigger if exists audit_entries_keep_their_time{of_table};
            create table saved as select * from audit_entries"
        ));
        Self(database)
    }

    fn forge(&self, sql: &str, at: u64, chain: Uuid) {
        let own = format!("chain = {} and seq", self.0.id(chain));
        let sql = sql
            .replace("where seq", &format!("where {own}"))
            .replace('@', &at.to_string());
        self.0.run(&match self.0 {
            Database::Sqlite(_) => sql,
            Database::Postgres(_) => sql
                .replace(
                    "cast(replace(cast(canonical as text)",
                    "convert_to(replace(convert_from(canonical, 'UTF8')",
                )
                .replace(" as blob)", ", 'UTF8')"),
        });
    }

    fn put_back(&self) {
        self.0
            .run("delete from audit_entries; insert into audit_entries select * from saved");
    }
}

#[test]
fn whatever_is_changed_in_the_database_all_three_verifiers_name_the_same_entry() {
    let control_plane = ControlPlane::start();
    let admin = grown(&control_plane);
    let chain = control_plane.domain_id();
    let domain = chain.to_string();
    let forger = Forger::at(&control_plane);
    let last = admin.plexctl_json(&["audit", "verify", "--domain", &domain])["segment_to"]
        .as_u64()
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("chain.ndjson");
    let mut dice = Dice::new(29);
    for (forgery, is_shown) in FORGERIES {
        let at = 1 + dice.below(last - 1);
        forger.forge(forgery, at, chain);
        let ran = admin
            .plexctl(&["audit", "verify", "--domain", &domain, "--output", "json"])
            .expect(1);
        let verdict: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(
            (&verdict["ok"], &verdict["divergent_seq"]),
            (&json!(false), &json!(at)),
            "{forgery}"
        );
        export(&admin, &domain, &file);
        let to = last.to_string();
        let elsewhere = [
            "audit",
            "verify",
            "--offline",
            file.to_str().unwrap(),
            "--from-seq",
            "1",
            "--to-seq",
            &to,
        ];
        let elsewhere = offline(&admin, &[&elsewhere[..], &["--output", "json"]].concat());
        let verdict: Value = serde_json::from_slice(&elsewhere.stdout).unwrap();
        let checked = python(&file);
        if is_shown {
            assert_eq!(
                (elsewhere.code, &verdict["divergent_seq"]),
                (1, &json!(at)),
                "{forgery}: {verdict}"
            );
            assert_eq!(verdict["divergent_line"], json!(at), "{forgery}");
            let named = format!("divergent: line {at}: entry {at}: ");
            assert!(
                checked.code == 1 && checked.text().starts_with(&named),
                "{forgery}: {checked:?}"
            );
        }
        forger.put_back();
        admin.plexctl(&["audit", "verify", "--domain", &domain]).expect(0);
    }
}

#[test]
fn an_erased_person_is_in_no_chain_and_the_chains_still_verify() {
    let control_plane = ControlPlane::start();
    let admin = grown(&control_plane);
    let domain = control_plane.domain_id().to_string();
    let anna = admin.with_role_on("admin", &format!("domain:{domain}"));
    let id = anna.plexctl_json(&["whoami"])["subject"]
        .as_str()
        .unwrap()
        .to_owned();
    anna.plexctl(&[
        "bootstrap-token",
        "issue",
        "--project",
        &admin.project_id.to_string(),
    ])
    .expect(0);
    let listed = |operator: &Operator| {
        let page = operator.plexctl_json(&[
            "audit",
            "list",
            "--domain",
            &domain,
            "--relation",
            "issue_bootstrap_token",
        ]);
        page["items"].as_array().unwrap().last().unwrap()["subject"].clone()
    };
    let before = listed(&admin);
    assert_eq!(before["identity_id_ref"], id.as_str());
    admin.plexctl(&["audit", "erase", &id]).expect(2);
    let erased = admin.plexctl_json(&["audit", "erase", &id, "--yes"]);
    assert_eq!(admin.plexctl_json(&["audit", "erase", &id, "--yes"]), erased);
    let after = listed(&admin);
    assert_eq!(after, json!({"pseudonym": before["pseudonym"]}));
    anna.plexctl(&["whoami"]).expect(3);
    for chain in [&["--domain", domain.as_str()][..], &["--platform"]] {
        admin
            .plexctl(&[&["audit", "verify"][..], chain].concat())
            .expect(0);
    }
    let named = format!("select count(*) from audit_entries where identity like '%{id}'");
    assert_eq!(control_plane.database().number(&named), 0);
    let token = anna
        .with_token(&admin.token)
        .plexctl(&["token", "issue", "--user", &id]);
    assert_eq!(token.code, 1, "{}", token.stderr);
}
