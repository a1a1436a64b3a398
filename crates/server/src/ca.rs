//! The private certificate authority of one installation.
//!
//! It exists so that TLS is on from the first minute, without a public name and without a service to ask. It signs
//! one kind of certificate, the server's, for a year at a time; clients trust `ca.pem`, which lasts ten years, so a
//! renewal is nothing they notice. The CA's name is derived from its key: two installations on one machine never
//! share a name, and the name need not be stored to be found again.

use crate::data_dir::{self, DataDir, DataDirError};
use crate::listen::tls::{self, TlsError};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use plex_domain::env::Rng;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData as _, SerialNumber,
};
use rustls::sign::CertifiedKey;
use rustls_pki_types::ServerName;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const CA_DAYS: i32 = 3650;
const LEAF_DAYS: i32 = 365;
/// Days before its end at which a server certificate is renewed.
const RENEW_DAYS: i32 = 30;
/// A client's clock may be behind ours by this much.
const BACKDATE: SignedDuration = SignedDuration::from_hours(1);

/// Why a certificate could not be made or read.
#[derive(Debug, Error)]
pub enum CaError {
    /// A file of the data directory.
    #[error(transparent)]
    File(#[from] DataDirError),
    /// The certificate library.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The name is neither a host name nor an IP address.
    #[error("`{0}` is neither a host name nor an IP address")]
    Name(String),
    /// What was issued cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Remembered beside the certificate, so that it can be renewed for the same names.
#[derive(Debug, Serialize, Deserialize)]
struct Settings {
    names: Vec<String>,
    not_after: Timestamp,
}

/// The host names and addresses in `given`, after those that every certificate here has.
pub fn server_names(given: &[String]) -> Result<Vec<String>, CaError> {
    let mut names = vec![
        "localhost".to_owned(),
        Ipv4Addr::LOCALHOST.to_string(),
        Ipv6Addr::LOCALHOST.to_string(),
    ];
    for name in given {
        let name = match ServerName::try_from(name.as_str()) {
            Ok(ServerName::DnsName(name)) => name.as_ref().to_ascii_lowercase(),
            Ok(ServerName::IpAddress(address)) => IpAddr::from(address).to_string(),
            Ok(_) | Err(_) => return Err(CaError::Name(name.clone())),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Makes the authority and the server's first certificate in a directory that has neither.
pub fn create(dir: &DataDir, names: Vec<String>, now: Timestamp, rng: &dyn Rng) -> Result<(), CaError> {
    let key = KeyPair::generate()?;
    let mut params = authority(&key);
    limit(&mut params, now, CA_DAYS);
    params.serial_number = Some(serial(rng));
    let certificate = params.self_signed(&key)?;
    data_dir::create(&dir.ca_key(), key.serialize_pem().as_bytes(), data_dir::PRIVATE)?;
    data_dir::create(
        &dir.ca_certificate(),
        certificate.pem().as_bytes(),
        data_dir::PUBLIC,
    )?;
    issue(dir, names, now, rng)
}

/// The server's certificate and key, renewed first if its time is nearly over or its files do not fit together.
pub fn current(dir: &DataDir, now: Timestamp, rng: &dyn Rng) -> Result<CertifiedKey, CaError> {
    let settings = read_settings(dir);
    let is_fresh = settings
        .as_ref()
        .is_some_and(|settings| !is_due(settings.not_after, now));
    if is_fresh && let Ok(pair) = read_pair(dir) {
        return Ok(pair);
    }
    let names = match settings {
        Some(settings) => settings.names,
        None => server_names(&[])?,
    };
    issue(dir, names, now, rng)?;
    tracing::info!("issued a new server certificate");
    read_pair(dir)
}

/// The names for which the server's certificate is issued.
pub fn remembered_names(dir: &DataDir) -> Vec<String> {
    read_settings(dir)
        .map(|settings| settings.names)
        .unwrap_or_default()
}

fn is_due(not_after: Timestamp, now: Timestamp) -> bool {
    not_after.duration_since(now) < DAY * RENEW_DAYS
}

fn read_settings(dir: &DataDir) -> Option<Settings> {
    // Whatever is wrong with the file, the remedy is the same: issue again and write it anew.
    serde_json::from_slice(&fs::read(dir.tls_settings()).ok()?).ok()
}

fn read_pair(dir: &DataDir) -> Result<CertifiedKey, CaError> {
    let read = |path: std::path::PathBuf| fs::read(&path).map_err(|source| data_dir::io_error(&path, source));
    Ok(tls::read_pair(
        &read(dir.tls_certificate())?,
        &read(dir.tls_key())?,
    )?)
}

/// Signs a new key for `names` and puts it in place.
///
/// The settings are written last: whatever is cut short before is found not to fit together, or to be due, and is
/// issued again.
fn issue(dir: &DataDir, names: Vec<String>, now: Timestamp, rng: &dyn Rng) -> Result<(), CaError> {
    let path = dir.ca_key();
    let pem = fs::read_to_string(&path).map_err(|source| data_dir::io_error(&path, source))?;
    let ca_key = KeyPair::from_pem(&pem)?;
    let issuer = Issuer::new(authority(&ca_key), ca_key);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.clone())?;
    params.distinguished_name = distinguished_name("plexsphere");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(serial(rng));
    limit(&mut params, now, LEAF_DAYS);
    let certificate = params.signed_by(&key, &issuer)?;
    let settings = Settings {
        names,
        not_after: now + DAY * LEAF_DAYS,
    };
    let settings = serde_json::to_vec_pretty(&settings).expect("names and a time are valid JSON");
    data_dir::replace(&dir.tls_key(), key.serialize_pem().as_bytes(), data_dir::PRIVATE)?;
    data_dir::replace(
        &dir.tls_certificate(),
        certificate.pem().as_bytes(),
        data_dir::PUBLIC,
    )?;
    data_dir::replace(&dir.tls_settings(), &settings, data_dir::PRIVATE)?;
    Ok(())
}

/// What the authority with this key is called and may do.
fn authority(key: &KeyPair) -> CertificateParams {
    let digest = ring::digest::digest(&ring::digest::SHA256, key.der_bytes());
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name(&format!(
        "plexsphere CA {}",
        HEXLOWER.encode(&digest.as_ref()[..6])
    ));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Twenty octets at most, positive, and not to be guessed.
fn serial(rng: &dyn Rng) -> SerialNumber {
    let mut bytes = [0; 16];
    rng.fill(&mut bytes);
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// Makes a certificate valid from just before `now` on, for that many days.
fn limit(params: &mut CertificateParams, now: Timestamp, days: i32) {
    let at = |time: Timestamp| {
        let since_epoch = u64::try_from(time.as_second()).unwrap_or(0);
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(since_epoch)
    };
    params.not_before = at(now - BACKDATE);
    params.not_after = at(now + DAY * days);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemRng;
    use std::path::Path;
    use std::process::Command;

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn authority_for(names: &[&str]) -> (tempfile::TempDir, DataDir) {
        let temporary = tempfile::tempdir().unwrap();
        let dir = DataDir::at(temporary.path()).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        create(&dir, server_names(&names).unwrap(), now(), &SystemRng).unwrap();
        (temporary, dir)
    }

    /// What `openssl` says, or nothing where it is not installed.
    #[expect(
        clippy::disallowed_methods,
        reason = "where nothing may be skipped, a missing openssl is a failure"
    )]
    fn openssl(arguments: &[&str], files: &[&Path]) -> Option<(bool, String)> {
        let output = match Command::new("openssl").args(arguments).args(files).output() {
            Ok(output) => output,
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && std::env::var_os("CI").is_none() =>
            {
                return None;
            }
            Err(error) => panic!("openssl: {error}"),
        };
        let text = [output.stdout, output.stderr].concat();
        Some((output.status.success(), String::from_utf8(text).unwrap()))
    }

    #[test]
    fn openssl_accepts_the_chain_strictly_before_and_after_a_renewal() {
        let (_temporary, dir) = authority_for(&["plex.example", "192.0.2.7"]);
        let ca = dir.ca_certificate();
        let first = fs::read(dir.tls_certificate()).unwrap();
        for at in [now(), now() + DAY * (LEAF_DAYS - RENEW_DAYS + 1)] {
            current(&dir, at, &SystemRng).unwrap();
            let seconds = at.as_second().to_string();
            for check in [
                ["-verify_hostname", "plex.example"],
                ["-verify_ip", "192.0.2.7"],
                ["-verify_ip", "::1"],
            ] {
                let arguments = [
                    "verify",
                    "-x509_strict",
                    "-purpose",
                    "sslserver",
                    "-check_ss_sig",
                    "-attime",
                    &seconds,
                    check[0],
                    check[1],
                    "-CAfile",
                    ca.to_str().unwrap(),
                ];
                let Some((accepted, text)) = openssl(&arguments, &[&dir.tls_certificate()]) else {
                    return;
                };
                assert!(accepted, "{text}");
            }
        }
        assert_ne!(
            first,
            fs::read(dir.tls_certificate()).unwrap(),
            "the second time it was due"
        );
        let text = openssl(&["x509", "-noout", "-text", "-in"], &[&dir.tls_certificate()])
            .unwrap()
            .1;
        for wanted in [
            "X509v3 Subject Key Identifier",
            "X509v3 Authority Key Identifier",
            "X509v3 Key Usage: critical",
            "X509v3 Basic Constraints: critical",
            "TLS Web Server Authentication",
            "prime256v1",
        ] {
            assert!(text.contains(wanted), "{wanted} is missing in {text}");
        }
    }

    #[test]
    fn a_fresh_certificate_is_kept_and_a_nearly_expired_one_renewed_for_the_same_names() {
        let (_temporary, dir) = authority_for(&["plex.example"]);
        let first = current(&dir, now(), &SystemRng).unwrap();
        let kept = current(&dir, now() + DAY * (LEAF_DAYS - RENEW_DAYS - 1), &SystemRng).unwrap();
        assert_eq!(first.cert, kept.cert);
        let renewed = current(&dir, now() + DAY * (LEAF_DAYS - RENEW_DAYS + 1), &SystemRng).unwrap();
        assert_ne!(first.cert, renewed.cert);
        for name in ["localhost", "127.0.0.1", "::1", "plex.example"] {
            assert!(tls::names(&renewed, name), "{name}");
        }
        assert!(!tls::names(&renewed, "other.example"));
        assert!(!tls::names(&renewed, "192.0.2.1"));
    }

    #[test]
    fn files_that_do_not_fit_together_are_issued_again() {
        let (_temporary, dir) = authority_for(&["plex.example"]);
        let other = KeyPair::generate().unwrap();
        data_dir::replace(
            &dir.tls_key(),
            other.serialize_pem().as_bytes(),
            data_dir::PRIVATE,
        )
        .unwrap();
        assert!(tls::names(
            &current(&dir, now(), &SystemRng).unwrap(),
            "plex.example"
        ));
        fs::remove_file(dir.tls_certificate()).unwrap();
        assert!(tls::names(
            &current(&dir, now(), &SystemRng).unwrap(),
            "plex.example"
        ));
        fs::remove_file(dir.tls_settings()).unwrap();
        assert!(tls::names(
            &current(&dir, now(), &SystemRng).unwrap(),
            "localhost"
        ));
    }

    #[test]
    fn a_name_is_a_host_name_or_an_address_and_stands_once() {
        let names = server_names(&["A.example".into(), "a.example".into(), "127.0.0.1".into()]).unwrap();
        assert_eq!(names, ["localhost", "127.0.0.1", "::1", "a.example"]);
        for bad in ["", "a b", "https://a", "a:8080", "a/b", "-a", "a\nb"] {
            assert!(
                matches!(server_names(&[bad.to_owned()]), Err(CaError::Name(_))),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn keys_are_private_and_certificates_are_not() {
        use std::os::unix::fs::MetadataExt as _;
        let (_temporary, dir) = authority_for(&[]);
        let mode = |path: std::path::PathBuf| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!([mode(dir.ca_key()), mode(dir.tls_key())], [0o600; 2]);
        assert_eq!(
            [mode(dir.ca_certificate()), mode(dir.tls_certificate())],
            [0o644; 2]
        );
    }
}
