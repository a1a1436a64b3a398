//! Each fault with its code.

use super::*;

fn sum(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

fn hook(name: &str) -> DeclaredHook {
    let (description, timeout_seconds) = (None, None);
    DeclaredHook {
        name: name.into(),
        checksum: sum(1),
        description,
        timeout_seconds,
        parameters: vec![],
    }
}

fn plexd_hook(name: &str) -> PlexdHook {
    let image_digest = format!("sha256:{}", "0a".repeat(32));
    let parameters = Default::default();
    PlexdHook {
        name: name.into(),
        image_digest,
        parameters,
        timeout_seconds: None,
        sandbox: false,
    }
}

fn builtin(name: &str) -> BuiltinAction {
    BuiltinAction {
        name: name.into(),
        description: None,
        parameters: vec![],
    }
}

fn parameters(n: usize) -> Vec<BuiltinActionParameter> {
    let parameter = |n| BuiltinActionParameter {
        name: format!("p{n}"),
        ..Default::default()
    };
    (0..n).map(parameter).collect()
}

fn manifest() -> CapabilityManifestRequest {
    CapabilityManifestRequest {
        binary_version: "1.2.3".into(),
        binary_checksum: sum(2),
        ssh_host_key_fingerprint: Some("SHA256:abc+/==".into()),
        declared_hooks: vec![hook("rotate-keys"), hook("a.b_c")],
        plexd_hooks: vec![plexd_hook("Ein Name")],
        builtin_actions: vec![builtin("diagnostics.collect")],
    }
}

fn code(change: impl FnOnce(&mut CapabilityManifestRequest)) -> &'static str {
    let mut changed = manifest();
    change(&mut changed);
    validate(&changed).map_or_else(|error| error.code, |()| "accepted")
}

#[test]
fn a_manifest_at_its_limits_is_accepted() {
    assert_eq!(code(|_| {}), "accepted");
    assert_eq!(code(|m| m.ssh_host_key_fingerprint = None), "accepted");
    assert_eq!(
        code(|m| m.ssh_host_key_fingerprint = Some(String::new())),
        "accepted"
    );
    assert_eq!(
        code(|m| m.declared_hooks = (0..128).map(|n| hook(&format!("h{n}"))).collect()),
        "accepted"
    );
    assert_eq!(
        code(|m| m.builtin_actions[0].parameters = parameters(64)),
        "accepted"
    );
    assert_eq!(
        code(|m| m.declared_hooks[0].parameters = parameters(64)),
        "accepted"
    );
}

#[test]
fn faults_of_the_header() {
    assert_eq!(code(|m| m.binary_version = " \n".into()), "binary_version_empty");
    assert_eq!(
        code(|m| m.binary_version = "x".repeat(4097)),
        "malformed_capabilities_request"
    );
    assert_eq!(
        code(|m| m.binary_version = "1\0".into()),
        "malformed_capabilities_request"
    );
    for bad in [
        "",
        "AA==",
        &"0".repeat(64),
        &sum(1).replace('=', ""),
        &format!("{}\n", &sum(1)[..43]),
    ] {
        assert_eq!(
            code(|m| m.binary_checksum = bad.into()),
            "binary_checksum_invalid",
            "{bad}"
        );
    }
    for bad in [
        "x",
        "SHA256:",
        "SHA256:===",
        "SHA256:a===",
        "SHA256:a b",
        "sha256:ab",
        "SHA256:a=b",
    ] {
        let refused = code(|m| m.ssh_host_key_fingerprint = Some(bad.into()));
        assert_eq!(refused, "ssh_host_key_fingerprint_invalid", "{bad}");
    }
}

#[test]
fn faults_of_declared_hooks() {
    for odd in ["Deploy.sh", "a b", ".hidden"] {
        assert_eq!(
            code(|m| m.declared_hooks[1].name = odd.into()),
            "accepted",
            "{odd}"
        );
    }
    for bad in ["", "../x", "a/b", "a\\b", "a..b"] {
        assert_eq!(
            code(|m| m.declared_hooks[1].name = bad.into()),
            "declared_hook_invalid",
            "{bad}"
        );
    }
    assert_eq!(
        code(|m| m.declared_hooks[1].checksum = "x".into()),
        "declared_hook_invalid"
    );
    assert_eq!(
        code(|m| m.declared_hooks[1].parameters = parameters(65)),
        "declared_hook_invalid"
    );
    assert_eq!(
        code(|m| m.declared_hooks[1].timeout_seconds = Some(86_401)),
        "declared_hook_invalid"
    );
    assert_eq!(
        code(|m| m.declared_hooks[1].name = "rotate-keys".into()),
        "declared_hook_duplicate"
    );
    let many = (0..129).map(|n| hook(&format!("h{n}"))).collect();
    assert_eq!(code(|m| m.declared_hooks = many), "declared_hooks_too_many");
}

#[test]
fn faults_of_plexd_hooks() {
    assert_eq!(code(|m| m.plexd_hooks[0].name = " ".into()), "plexd_hook_invalid");
    let upper = format!("sha256:{}", "0A".repeat(32));
    for bad in ["", "sha256:", "sha512:00", &upper] {
        assert_eq!(
            code(|m| m.plexd_hooks[0].image_digest = bad.into()),
            "plexd_hook_invalid",
            "{bad}"
        );
    }
    assert_eq!(
        code(|m| m.plexd_hooks[0].timeout_seconds = Some(-1)),
        "plexd_hook_invalid"
    );
    assert_eq!(
        code(|m| m.plexd_hooks = vec![plexd_hook("a"), plexd_hook("a")]),
        "plexd_hook_duplicate"
    );
    let many = (0..129).map(|n| plexd_hook(&format!("h{n}"))).collect();
    assert_eq!(code(|m| m.plexd_hooks = many), "plexd_hooks_too_many");
}

#[test]
fn faults_of_builtin_actions() {
    assert_eq!(
        code(|m| m.builtin_actions[0].name = String::new()),
        "builtin_action_invalid"
    );
    assert_eq!(
        code(|m| m.builtin_actions[0].description = Some("\0".into())),
        "builtin_action_invalid"
    );
    let twice = [parameters(1), parameters(1)].concat();
    assert_eq!(
        code(|m| m.builtin_actions[0].parameters = twice),
        "builtin_action_invalid"
    );
    assert_eq!(
        code(|m| m.builtin_actions.push(builtin("diagnostics.collect"))),
        "builtin_action_duplicate"
    );
    assert_eq!(
        code(|m| m.builtin_actions[0].parameters = parameters(65)),
        "builtin_actions_too_many"
    );
    let many = (0..129).map(|n| builtin(&format!("a{n}"))).collect();
    assert_eq!(code(|m| m.builtin_actions = many), "builtin_actions_too_many");
}

#[test]
fn changes_are_named_and_sorted() {
    let all = [
        "binary_checksum",
        "binary_version",
        "declared_hooks",
        "plexd_hooks",
        "ssh_host_key_fingerprint",
    ];
    assert_eq!(fields_changed(None, &manifest()), all);
    assert_eq!(
        fields_changed(Some(&manifest()), &manifest()),
        Vec::<String>::new()
    );
    let bare = CapabilityManifestRequest {
        binary_version: "1".into(),
        ..Default::default()
    };
    assert_eq!(fields_changed(None, &bare), all[..2]);
    let changed = |change: fn(&mut CapabilityManifestRequest)| {
        let mut new = manifest();
        change(&mut new);
        fields_changed(Some(&manifest()), &new)
    };
    assert_eq!(changed(|m| m.declared_hooks.reverse()), Vec::<String>::new());
    assert_eq!(changed(|m| m.builtin_actions.clear()), Vec::<String>::new());
    assert_eq!(
        changed(|m| m.declared_hooks[0].checksum = sum(9)),
        ["declared_hooks"]
    );
    assert_eq!(changed(|m| m.plexd_hooks[0].sandbox = true), ["plexd_hooks"]);
    assert_eq!(
        changed(|m| m.ssh_host_key_fingerprint = None),
        ["ssh_host_key_fingerprint"]
    );
}
