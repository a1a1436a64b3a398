//! Stored profiles: `$XDG_CONFIG_HOME/plexctl/config.json`, mode 0600, because a profile may hold a token.
//!
//! ```json
//! {"default": "prod", "profiles": {"prod": {"server": "https://…", "token": "psk_…", "ca_file": "/…/ca.pem"}}}
//! ```

use crate::credential::refuse_if_shared;
use crate::environment::Environment;
use crate::error::Error;
use plex_client::operator::Token;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// All profiles and the name of the default one.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Config {
    /// Used when `--profile` is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<String>,
    /// By name.
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
}

/// What a profile stands in for: the flags that are not given and the variables that are not set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The control plane's base URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    /// The bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "token_text")]
    pub(crate) token: Option<Token>,
    /// An extra CA certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// A configuration and the file it belongs to.
pub(crate) struct Store {
    path: Option<PathBuf>,
    /// What the file holds; nothing when there is none.
    pub(crate) config: Config,
}

impl Store {
    /// Reads the configuration; a missing file is an empty one.
    ///
    /// # Errors
    /// [`Error::Credential`] when others could read the file, [`Error::Usage`] when it is not a configuration.
    pub(crate) fn load(environment: &Environment) -> Result<Self, Error> {
        let path = environment
            .config_home
            .as_ref()
            .map(|home| home.join("plexctl/config.json"));
        let config = match &path {
            Some(path) => read(path)?,
            None => Config::default(),
        };
        Ok(Self { path, config })
    }

    /// The profile of that name, or the default one, or an empty one.
    ///
    /// # Errors
    /// [`Error::Usage`] when the name is not that of a profile.
    pub(crate) fn profile(&self, name: Option<&str>) -> Result<Profile, Error> {
        let Some(name) = name.or(self.config.default.as_deref()) else {
            return Ok(Profile::default());
        };
        self.config.profiles.get(name).cloned().ok_or_else(|| {
            Error::usage(format!("there is no profile {name:?}"))
                .hint("`plexctl profile list` shows them all")
        })
    }

    /// Makes sure that there is a place to save to, before somebody is asked to do anything for it.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is no home directory.
    pub(crate) fn require_place(&self) -> Result<&Path, Error> {
        self.path.as_deref().ok_or_else(|| {
            Error::usage("there is no place for a configuration").hint("set HOME or XDG_CONFIG_HOME")
        })
    }

    /// Writes the configuration: a new file, 0600, renamed over the old one, in a directory made 0700.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is no home directory, [`Error::Local`] when it cannot be written.
    pub(crate) fn save(&self) -> Result<(), Error> {
        let path = self.require_place()?;
        write(path, &self.config)
            .map_err(|cause| Error::local(format!("cannot write {}", path.display()), cause))
    }
}

fn read(path: &Path) -> Result<Config, Error> {
    let failed = |cause| Error::local(format!("cannot read {}", path.display()), cause);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Config::default()),
        Err(cause) => return Err(failed(cause)),
    };
    refuse_if_shared(&file, path)?;
    let text = io::read_to_string(file).map_err(failed)?;
    // The cause is left out: it could quote a token.
    serde_json::from_str(&text).map_err(|cause| {
        let (line, column) = (cause.line(), cause.column());
        Error::usage(format!(
            "{} is not a configuration (line {line}, column {column})",
            path.display()
        ))
    })
}

fn write(path: &Path, config: &Config) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::NotFound)?;
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    serde_json::to_writer_pretty(&mut file, config)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

mod token_text {
    use super::{Deserialize, Deserializer, Serializer, Token};
    use serde::de::Error as _;

    pub(super) fn serialize<S: Serializer>(token: &Option<Token>, to: S) -> Result<S::Ok, S::Error> {
        match token {
            Some(token) => to.serialize_str(token.reveal()),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Token>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| Token::new(text).ok_or_else(|| D::Error::custom("not a token")))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::{Profile, Store};
    use crate::environment::Environment;
    use plex_client::operator::Token;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn environment(home: &Path) -> Environment {
        Environment {
            config_home: Some(home.to_owned()),
            ..Environment::default()
        }
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
    }

    #[test]
    fn what_is_saved_is_loaded_and_private() {
        let home = tempfile::tempdir().expect("a directory");
        let mut store = Store::load(&environment(home.path())).expect("an empty one");
        let token = Token::new("psk_dev_x".to_owned());
        let profile = Profile {
            server: Some("https://cp".to_owned()),
            token: token.clone(),
            ca_file: None,
        };
        store.config.profiles.insert("prod".to_owned(), profile);
        store.config.default = Some("prod".to_owned());
        store.save().expect("saved");
        assert_eq!(mode(&home.path().join("plexctl")), 0o700);
        assert_eq!(mode(&home.path().join("plexctl/config.json")), 0o600);

        let again = Store::load(&environment(home.path())).expect("loaded");
        assert_eq!(again.profile(None).expect("the default").token, token);
        assert_eq!(again.profile(Some("nope")).expect_err("unknown").exit_code(), 2);
        assert!(!format!("{:?}", again.config).contains("psk_dev_x"));
    }

    #[test]
    fn a_shared_file_is_refused_and_a_broken_one_does_not_leak() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("plexctl/config.json");
        std::fs::create_dir(home.path().join("plexctl")).expect("made");
        std::fs::write(&path, r#"{"profiles":{"p":{"token":"psk dev secret"}}}"#).expect("written");
        for (bits, code) in [(0o644, 3), (0o600, 2)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(bits)).expect("set");
            let error = Store::load(&environment(home.path())).err().expect("refused");
            assert_eq!(error.exit_code(), code);
            assert!(!error.headline().contains("secret"));
        }
    }
}
