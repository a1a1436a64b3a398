//! The URL by which a server without `--public-url` is known.
//!
//! It must work for who reads it from the ready file: the host has to lead to the address that is listened on, and
//! the certificate has to name it.

use crate::cli::Failure;
use crate::listen::tls;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use rustls::sign::CertifiedKey;

/// `https://HOST:PORT` for the address bound, with the first host that leads there and is named by the certificate.
///
/// `known` are further names that the certificate may have.
pub(super) fn url(
    bound: SocketAddr,
    certificate: &CertifiedKey,
    known: &[String],
) -> Result<String, Failure> {
    choose(
        bound,
        known,
        |host| tls::names(certificate, host),
        |host| resolve(host, bound.port()),
    )
    .ok_or_else(|| {
        Failure::with_hint(
            anyhow::anyhow!("the certificate names nothing that leads to {bound}"),
            "give --public-url, or a certificate for this address (plexsphere init --tls-name)",
        )
    })
}

fn choose(
    bound: SocketAddr,
    known: &[String],
    is_named: impl Fn(&str) -> bool,
    resolve: impl Fn(&str) -> Vec<IpAddr>,
) -> Option<String> {
    let leads_here = |host: &str| {
        let addresses = resolve(host);
        !addresses.is_empty() && addresses.iter().all(|address| *address == bound.ip())
    };
    if is_named("localhost") && leads_here("localhost") {
        return Some(format!("https://localhost:{}", bound.port()));
    }
    if is_named(&bound.ip().to_string()) {
        return Some(format!("https://{bound}"));
    }
    let host = known.iter().find(|host| is_named(host) && leads_here(host))?;
    Some(format!("https://{host}:{}", bound.port()))
}

fn resolve(host: &str, port: u16) -> Vec<IpAddr> {
    (host, port)
        .to_socket_addrs()
        .map(|found| found.map(|address| address.ip()).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(bound: &str, named: &[&str], resolves: &[(&str, &[&str])]) -> Option<String> {
        let known: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
        choose(
            bound.parse().unwrap(),
            &known,
            |host| named.contains(&host),
            |host| {
                let found = resolves.iter().find(|(name, _)| *name == host);
                found
                    .map(|(_, to)| to.iter().map(|ip| ip.parse().unwrap()).collect())
                    .unwrap_or_default()
            },
        )
    }

    #[test]
    fn localhost_only_if_it_leads_nowhere_else() {
        let named = ["localhost", "127.0.0.1", "::1"];
        let only_v4: &[(&str, &[&str])] = &[("localhost", &["127.0.0.1"])];
        let both: &[(&str, &[&str])] = &[("localhost", &["::1", "127.0.0.1"])];
        assert_eq!(
            chosen("127.0.0.1:8080", &named, only_v4).unwrap(),
            "https://localhost:8080"
        );
        assert_eq!(
            chosen("127.0.0.1:8080", &named, both).unwrap(),
            "https://127.0.0.1:8080"
        );
        assert_eq!(chosen("[::1]:8080", &named, both).unwrap(), "https://[::1]:8080");
        assert_eq!(
            chosen("127.0.0.1:8080", &named, &[]).unwrap(),
            "https://127.0.0.1:8080"
        );
    }

    #[test]
    fn another_address_needs_a_name_in_the_certificate_that_leads_there() {
        let named = ["localhost", "plex.example"];
        let here: &[(&str, &[&str])] = &[("plex.example", &["192.0.2.7"])];
        let elsewhere: &[(&str, &[&str])] = &[("plex.example", &["192.0.2.8"])];
        assert_eq!(
            chosen("192.0.2.7:443", &named, here).unwrap(),
            "https://plex.example:443"
        );
        assert_eq!(chosen("192.0.2.7:443", &named, elsewhere), None);
        assert_eq!(
            chosen("192.0.2.7:443", &["192.0.2.7"], &[]).unwrap(),
            "https://192.0.2.7:443"
        );
    }
}
