//! Opening a browser, where that is sure to be one.

use crate::environment::Environment;
use plex_client::operator::ServerUrl;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Programs that open a URL in the person's browser.
const OPENERS: [&str; 2] = ["xdg-open", "open"];

/// Opens a URL, if there is a desktop and a program for that. It is no matter when that fails: the URL was shown.
pub(super) fn open(environment: &Environment, url: &str) {
    if !environment.has_display || !is_safe(url) {
        return;
    }
    let Some(opener) = opener(environment) else { return };
    let started = Command::new(opener)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    drop(started);
}

fn opener(environment: &Environment) -> Option<PathBuf> {
    let folders = std::env::split_paths(environment.search_path.as_ref()?);
    let candidates = folders.flat_map(|folder| OPENERS.map(|name| folder.join(name)));
    candidates
        .filter(|path| path.is_absolute())
        .find(|path| path.is_file())
}

/// A web address in visible ASCII that a token might be sent to: never a file, an option or another scheme.
fn is_safe(url: &str) -> bool {
    let place = url.split(['?', '#']).next().unwrap_or_default();
    url.bytes().all(|byte| byte.is_ascii_graphic()) && ServerUrl::parse(place).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_opened() {
        for good in [
            "https://cp.example/v1/auth/device?user_code=ABCD-2345",
            "http://127.0.0.1:8080/x",
        ] {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "",
            "-x",
            "file:///etc/passwd",
            "/bin/sh",
            "http://evil.example/",
            "https://a b",
            "javascript:1",
        ] {
            assert!(!is_safe(bad), "{bad}");
        }
    }

    #[test]
    fn an_opener_is_found_on_the_search_path_by_its_whole_path() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("xdg-open");
        let with = |search: String| Environment {
            search_path: Some(search.into()),
            ..Environment::default()
        };
        let search = format!(".:/nonexistent:{}", folder.path().display());
        assert_eq!(opener(&with(search.clone())), None);
        std::fs::write(&path, "").expect("written");
        assert_eq!(opener(&with(search)), Some(path));
        assert_eq!(opener(&Environment::default()), None);
    }
}
