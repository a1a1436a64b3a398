//! Which server, as whom, trusting what: flag, then environment, then profile.

use crate::config::{Profile, Store};
use crate::context::Globals;
use crate::credential::read_token;
use crate::environment::Environment;
use crate::error::Error;
use plex_client::operator::{AddressError, Client, ServerUrl, Token};
use plex_domain::env::Rng;
use plex_domain::trace::SpanContext;
use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::{Path, PathBuf};

/// Opens a client for the server and the principal that flags, environment and profile name together.
///
/// # Errors
/// [`Error::Usage`] when no server is named or a name is malformed, [`Error::Credential`] when there is no
/// token or it would not stay secret.
pub(crate) fn open(globals: &Globals, environment: &Environment) -> Result<Client, Error> {
    let profile = Store::load(environment)?.profile(globals.profile.as_deref())?;
    let server = server(globals, environment, &profile)?;
    let token = token(globals, environment, &profile)?;
    let extra = ca_file(globals, environment, &profile)
        .map(|path| certificates(&path))
        .transpose()?
        .unwrap_or_default();
    Ok(traced(Client::new(server, token, extra), environment))
}

/// Lets a client say which trace its calls belong to: that of whoever runs us, or one of our own.
pub(crate) fn traced(client: Client, environment: &Environment) -> Client {
    let span = environment.caller.unwrap_or_else(|| SpanContext::random(&Kernel));
    client.traced(span.traceparent())
}

/// The kernel's random numbers.
struct Kernel;

impl Rng for Kernel {
    fn fill(&self, bytes: &mut [u8]) {
        SystemRandom::new()
            .fill(bytes)
            .expect("getrandom(2) does not fail once the kernel has booted");
    }
}

/// Reads a base URL as a flag, a variable or a profile gives it.
///
/// # Errors
/// [`Error::Credential`] for clear text to another host, [`Error::Usage`] for what is no URL.
pub(crate) fn parse_server(text: &str) -> Result<ServerUrl, Error> {
    ServerUrl::parse(text).map_err(|error| match error {
        AddressError::Cleartext(_) => Error::Credential {
            detail: error.to_string(),
            hint: Some("use https://, or http:// with a loopback address".to_owned()),
        },
        AddressError::Malformed(_) => {
            Error::usage(error.to_string()).hint("a server looks like https://cp.example:8080")
        }
    })
}

/// Reads the certificates of a PEM file.
///
/// # Errors
/// [`Error::Usage`] when it cannot be read or holds none.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let name = path.display();
    let pem = std::fs::read(path)
        .map_err(|cause| Error::usage(format!("cannot read the CA file {name}: {cause}")))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(Error::usage(format!(
            "the CA file {name} holds no PEM certificate"
        ))),
    }
}

/// The extra CA certificates in force.
pub(crate) fn ca_file(globals: &Globals, environment: &Environment, profile: &Profile) -> Option<PathBuf> {
    let named = globals
        .ca_file
        .as_ref()
        .or(environment.ca_file.as_ref())
        .or(profile.ca_file.as_ref());
    named.cloned()
}

/// The control plane in force.
///
/// # Errors
/// [`Error::Usage`] when there is none; as [`parse_server`].
pub(crate) fn server(
    globals: &Globals,
    environment: &Environment,
    profile: &Profile,
) -> Result<ServerUrl, Error> {
    let named = globals
        .server
        .as_ref()
        .or(environment.server.as_ref())
        .or(profile.server.as_ref());
    let text = named.ok_or_else(|| {
        Error::usage("no control plane is named").hint("give --server, set PLEXSPHERE_URL, or add a profile")
    })?;
    parse_server(text)
}

fn token(globals: &Globals, environment: &Environment, profile: &Profile) -> Result<Token, Error> {
    let none = |detail: &str| Error::Credential {
        detail: detail.to_owned(),
        hint: Some(
            "`plexctl login` gets one; or give --token-file, set PLEXSPHERE_TOKEN, or add a profile"
                .to_owned(),
        ),
    };
    if let Some(path) = &globals.token_file {
        return read_token(path);
    }
    match (&environment.token, &profile.token) {
        (Some(token), _) => token
            .clone()
            .map_err(|()| none("PLEXSPHERE_TOKEN does not hold a token")),
        (None, Some(token)) => Ok(token.clone()),
        (None, None) => Err(none("there is no credential")),
    }
}

#[cfg(test)]
mod tests {
    use super::{server, token};
    use crate::config::Profile;
    use crate::context::Globals;
    use crate::environment::Environment;
    use plex_client::operator::Token;
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    fn secret(text: &str) -> Token {
        Token::new(text.to_owned()).expect("a token")
    }

    #[test]
    fn a_flag_beats_the_environment_and_that_beats_the_profile() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("token");
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .expect("new");
        file.write_all(b"of-flag\n").expect("written");

        let mut globals = Globals {
            server: Some("https://flag".to_owned()),
            token_file: Some(path),
            ..Globals::default()
        };
        let mut environment = Environment {
            server: Some("https://variable".to_owned()),
            token: Some(Ok(secret("of-variable"))),
            ..Environment::default()
        };
        let profile = Profile {
            server: Some("https://profile".to_owned()),
            token: Some(secret("of-profile")),
            ca_file: None,
        };

        let both = |globals: &Globals, environment: &Environment, profile: &Profile| {
            (
                server(globals, environment, profile)
                    .map(|url| url.as_str().to_owned())
                    .ok(),
                token(globals, environment, profile)
                    .map(|token| token.reveal().to_owned())
                    .ok(),
            )
        };
        let pair = |a: &str, b: &str| (Some(a.to_owned()), Some(b.to_owned()));
        assert_eq!(
            both(&globals, &environment, &profile),
            pair("https://flag", "of-flag")
        );
        globals = Globals::default();
        assert_eq!(
            both(&globals, &environment, &profile),
            pair("https://variable", "of-variable")
        );
        environment = Environment::default();
        assert_eq!(
            both(&globals, &environment, &profile),
            pair("https://profile", "of-profile")
        );
        assert_eq!(both(&globals, &environment, &Profile::default()), (None, None));
    }

    #[test]
    fn what_is_missing_has_its_own_exit_code() {
        let (globals, environment, profile) = Default::default();
        assert_eq!(
            server(&globals, &environment, &profile)
                .expect_err("none")
                .exit_code(),
            2
        );
        assert_eq!(
            token(&globals, &environment, &profile)
                .expect_err("none")
                .exit_code(),
            3
        );
        let broken = Environment {
            token: Some(Err(())),
            ..Environment::default()
        };
        let fallback = Profile {
            token: Some(secret("x")),
            ..Profile::default()
        };
        assert_eq!(
            token(&globals, &broken, &fallback)
                .expect_err("no fallback")
                .exit_code(),
            3
        );
        let clear = Globals {
            server: Some("http://cp.example".to_owned()),
            ..Globals::default()
        };
        assert_eq!(
            super::server(&clear, &environment, &profile)
                .expect_err("clear")
                .exit_code(),
            3
        );
    }
}
