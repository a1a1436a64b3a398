//! The environment variables that matter, read in one place, so that everything else can be given them.

use plex_client::operator::Token;
use plex_domain::trace::SpanContext;
use std::ffi::OsString;
use std::path::PathBuf;

/// What the process was started with.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// `PLEXSPHERE_URL`.
    pub(crate) server: Option<String>,
    /// `PLEXSPHERE_TOKEN`: the token itself. `Err` when it is set to what cannot be one.
    pub(crate) token: Option<Result<Token, ()>>,
    /// `PLEXSPHERE_CA_FILE`.
    pub(crate) ca_file: Option<PathBuf>,
    /// Where configuration lives: `$XDG_CONFIG_HOME`, else `$HOME/.config`.
    pub(crate) config_home: Option<PathBuf>,
    /// `TRACEPARENT`: the span that runs us.
    pub(crate) caller: Option<SpanContext>,
    /// `PATH`.
    pub(crate) search_path: Option<OsString>,
    /// Whether there is a desktop: `DISPLAY` or `WAYLAND_DISPLAY`, or a system that always has one.
    pub(crate) has_display: bool,
}

impl Environment {
    /// Reads the process's variables.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads variables"
    )]
    pub(crate) fn read() -> Self {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    /// Reads variables by `lookup`. An empty variable counts as absent.
    pub(crate) fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let get = |name| lookup(name).filter(|value| !value.is_empty());
        let text = |name| get(name).map(|value| value.to_string_lossy().into_owned());
        let xdg = get("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        Self {
            server: text("PLEXSPHERE_URL"),
            token: text("PLEXSPHERE_TOKEN").map(|token| Token::new(token).ok_or(())),
            ca_file: get("PLEXSPHERE_CA_FILE").map(PathBuf::from),
            caller: text("TRACEPARENT").and_then(|text| SpanContext::parse(&text)),
            search_path: get("PATH"),
            has_display: get("DISPLAY").is_some()
                || get("WAYLAND_DISPLAY").is_some()
                || cfg!(target_os = "macos"),
            config_home: xdg.or_else(|| get("HOME").map(|home| PathBuf::from(home).join(".config"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;
    use std::ffi::OsString;
    use std::path::Path;

    fn with(pairs: &[(&str, &str)]) -> Environment {
        Environment::from_lookup(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn an_empty_variable_is_absent() {
        let environment = with(&[("PLEXSPHERE_URL", ""), ("PLEXSPHERE_TOKEN", "")]);
        assert!(environment.server.is_none() && environment.token.is_none());
    }

    #[test]
    fn xdg_comes_before_home_and_must_be_absolute() {
        let home = ("HOME", "/home/o");
        assert_eq!(
            with(&[home]).config_home.as_deref(),
            Some(Path::new("/home/o/.config"))
        );
        assert_eq!(
            with(&[home, ("XDG_CONFIG_HOME", "/x")]).config_home.as_deref(),
            Some(Path::new("/x"))
        );
        let relative = with(&[home, ("XDG_CONFIG_HOME", "x")]);
        assert_eq!(
            relative.config_home.as_deref(),
            Some(Path::new("/home/o/.config"))
        );
    }
}
