//! The example deployment: manifests as Kubernetes has them, units as systemd has them, the proxy as HAProxy has
//! it, flags as the programs have them.

use plex_tests::{Program, tools};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(path)
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn the_manifests_are_as_kubernetes_has_them() {
    let validate = |file: &Path| {
        tools::python_program("kubernetes-validate")
            .arg("--strict")
            .arg(file)
            .output()
            .expect("the validator starts")
    };
    let manifest = deploy("kubernetes/plexsphere.yaml");
    let output = validate(&manifest);
    let said_of_it = said(&output);
    assert!(output.status.success(), "{said_of_it}");
    assert_eq!(
        said_of_it.matches(" passed for resource ").count(),
        3,
        "{said_of_it}"
    );
    // A validator that lets everything through would say the same.
    let dir = tempfile::tempdir().unwrap();
    let wrong = dir.path().join("wrong.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&wrong, text.replace("maxSurge: 1", "maxSurges: 1")).unwrap();
    assert!(!validate(&wrong).status.success());
}

/// The arguments of the program in a unit.
fn of_unit(file: &str) -> Vec<String> {
    let text = fs::read_to_string(deploy(file))
        .expect("a unit")
        .replace("\\\n", " ");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .expect("a unit starts something");
    line.split_whitespace().skip(1).map(str::to_owned).collect()
}

/// The arguments of the program in the manifests.
fn of_manifest() -> Vec<String> {
    let text = fs::read_to_string(deploy("kubernetes/plexsphere.yaml")).expect("the manifests");
    let flags = text.lines().filter_map(|line| line.trim().strip_prefix("- --"));
    let flags: Vec<String> = flags.map(|flag| format!("--{flag}")).collect();
    assert!(flags.len() > 5, "{flags:?}");
    [vec!["serve".to_owned()], flags].concat()
}

#[test]
fn every_flag_is_one_that_the_program_has() {
    for (program, arguments) in [
        (Program::Plexsphere, of_unit("systemd/plexsphere.service")),
        (Program::Plexd, of_unit("systemd/plexd.service")),
        (Program::Plexsphere, of_manifest()),
    ] {
        let run = |arguments: &[String]| {
            let output = program.command().args(arguments).output();
            output.expect("the program starts")
        };
        // The example's directories and files are not here, which is no fault of the flags: only of those does the
        // program tell its usage.
        let output = run(&arguments);
        assert!(
            !output.status.success() && !said(&output).contains("Usage:"),
            "{}",
            said(&output)
        );
        let more = [&arguments[..], &["--no-such-flag".to_owned()]].concat();
        assert!(said(&run(&more)).contains("Usage:"));
    }
}

#[test]
fn the_units_are_as_systemd_has_them() {
    for unit in ["plexsphere.service", "plexd.service"] {
        // The programs are not where the units have them.
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(unit);
        let text = fs::read_to_string(deploy("systemd").join(unit)).unwrap();
        fs::write(
            &file,
            text.replace("/usr/local/bin/plexsphere", "/bin/true")
                .replace("/usr/local/bin/plexd", "/bin/true"),
        )
        .unwrap();
        let verify = || {
            let output = Command::new("systemd-analyze")
                .args(["verify", "--man=no"])
                .arg(&file)
                .output();
            said(&output.expect("systemd-analyze starts"))
        };
        let of_ours = |said: &str| {
            said.lines()
                .filter(|line| line.contains(unit))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(of_ours(&verify()), [""; 0], "nothing to complain of");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("RestartSec=2", "RestartSeconds=2")).unwrap();
        assert_ne!(of_ours(&verify()), [""; 0], "a setting that there is not");
    }
}

#[test]
fn the_proxy_is_as_haproxy_has_it() {
    let check = |file: &Path| {
        let output = Command::new("/usr/sbin/haproxy")
            .args(["-c", "-f"])
            .arg(file)
            .output();
        output.expect("HAProxy starts")
    };
    let proxy = deploy("proxy/haproxy.cfg");
    let output = check(&proxy);
    assert!(output.status.success(), "{}", said(&output));
    for remark in ["[WARNING]", "[ALERT]"] {
        assert!(!said(&output).contains(remark), "{}", said(&output));
    }
    let dir = tempfile::tempdir().unwrap();
    let wrong = dir.path().join("wrong.cfg");
    let text = fs::read_to_string(&proxy).unwrap();
    fs::write(
        &wrong,
        text.replace("default_backend replicas", "default_backend none"),
    )
    .unwrap();
    assert!(!check(&wrong).status.success(), "a backend that there is not");
}
