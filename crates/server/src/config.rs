//! What `plexsphere serve` was asked to do, and whether it makes sense.
//!
//! Every nonsense is found here, before anything is opened, and is one line that names the flag.

use crate::csrf::{OriginError, Origins};
use crate::database::DatabaseArgs;
use crate::objects::{ObjectStoreArgs, ObjectStoreConfig, ObjectStoreConfigError};
use crate::oidc::{OidcArgs, OidcConfig, OidcConfigError};
use crate::wakes::settings::{NatsArgs, NatsConfig, NatsConfigError};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;
use http::Uri;
use plex_api::limits::INLINE_OUTPUT_BYTES;
use plex_domain::cidr::Cidr;
use plex_telemetry::{Collector, CollectorError};
use thiserror::Error;

/// The most that S3-compatible stores take in one upload.
const MOST_OUTPUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// The flags of `plexsphere serve`
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Data directory, made by `plexsphere init`
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as the command's text")]
    pub database: DatabaseArgs,
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// URL by which operators and nodes reach this server
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// File to write {"url": …} to once the server accepts connections
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Address to serve Prometheus metrics on, in clear and to anybody: /metrics and /healthz [default: none]
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
    /// Collector to send traces to by OTLP/HTTP, such as http://localhost:4318 [default: none]
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// Certificate chain to serve instead of the private CA's, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of --tls-cert, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Largest output that a node may upload
    #[arg(long, value_name = "BYTES", default_value_t = 64 * 1024 * 1024)]
    pub max_output_bytes: u64,
    /// Master key, if it is not in the data directory
    #[arg(long, value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,
    /// Proxies whose X-Forwarded-For is believed; repeatable
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    pub trusted_proxies: Vec<String>,
    /// Most executions of a domain that have not ended; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub max_live_executions: u64,
    /// Most requests a second of one principal, five seconds' worth at once [default: no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate_limit_per_principal: Option<u32>,
    /// Origin, beside this server's own, whose pages may act with a browser's session; repeatable
    #[arg(
        long = "csrf-allowed-origin",
        value_name = "ORIGIN",
        env = "PLEXSPHERE_CSRF_ALLOWED_ORIGINS",
        value_delimiter = ','
    )]
    pub csrf_allowed_origins: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as the command's text")]
    pub object_store: ObjectStoreArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as the command's text")]
    pub oidc: OidcArgs,
    /// Most open connections
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub max_connections: usize,
    /// Most open connections from one IPv4 address or IPv6 /64
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub max_connections_per_source: usize,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as the command's text")]
    pub nats: NatsArgs,
}

/// Settings that make sense together.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data directory as it was given.
    pub data_dir: PathBuf,
    /// Where the database is.
    pub database: DatabaseArgs,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The URL to be known by, without a trailing slash; none means the address listened on.
    pub public_url: Option<String>,
    /// Where to announce that the server accepts.
    pub ready_file: Option<PathBuf>,
    /// Where to serve metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// Where to send traces.
    pub collector: Option<Collector>,
    /// The operator's own certificate and key, in this order.
    pub own_certificate: Option<(PathBuf, PathBuf)>,
    /// Largest output in bytes.
    pub max_output_bytes: u64,
    /// Where the master key is, if not in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Most executions of a domain that have not ended; 0 is no limit.
    pub max_live_executions: u64,
    /// Requests a second that one principal may make.
    pub rate_limit_per_principal: Option<NonZeroU32>,
    /// Whose pages may act with our cookies.
    pub origins: Origins,
    /// Where outputs over the inline ceiling are kept.
    pub object_store: ObjectStoreConfig,
    /// The identity provider, where there is one.
    pub oidc: Option<OidcConfig>,
    /// Open connections in all.
    pub max_connections: usize,
    /// Open connections from one source.
    pub max_connections_per_source: usize,
    /// What carries wake-ups between replicas, where there are several.
    pub nats: Option<NatsConfig>,
}

/// A setting that makes no sense.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// `--public-url` is not an `https` URL of a host and perhaps a port.
    #[error("--public-url must be https://HOST or https://HOST:PORT, without a path")]
    PublicUrl,
    /// Nobody can connect to an unspecified address, so it cannot be what the server is known by.
    #[error("--listen {0} is every address of this machine; --public-url must say which name clients use")]
    PublicUrlMissing(SocketAddr),
    /// Not a collector.
    #[error("--otlp-endpoint: {0}")]
    Collector(#[from] CollectorError),
    /// Outside what can be stored.
    #[error("--max-output-bytes must be between {INLINE_OUTPUT_BYTES} and {MOST_OUTPUT_BYTES}")]
    MaxOutputBytes,
    /// Not an address range.
    #[error("--trusted-proxy must be an address range such as 192.0.2.0/24")]
    TrustedProxy,
    /// Every peer could claim to be anybody.
    #[error("--trusted-proxy with a prefix of /0 would let every peer claim to be anybody")]
    TrustsEverybody,
    /// Not an origin.
    #[error("--csrf-allowed-origin {0}")]
    Origin(#[from] OriginError),
    /// The object store's flags make no sense.
    #[error(transparent)]
    ObjectStore(#[from] ObjectStoreConfigError),
    /// The identity provider's flags make no sense.
    #[error(transparent)]
    Oidc(#[from] OidcConfigError),
    /// A server that admits nobody.
    #[error("--max-connections and --max-connections-per-source must be at least 1")]
    MaxConnections,
    /// The flags about NATS make no sense.
    #[error(transparent)]
    Nats(#[from] NatsConfigError),
}

impl Config {
    /// Checks the flags.
    pub fn from_args(args: ServeArgs) -> Result<Self, ConfigError> {
        if args.public_url.is_none() && args.listen.ip().is_unspecified() {
            return Err(ConfigError::PublicUrlMissing(args.listen));
        }
        if !(INLINE_OUTPUT_BYTES as u64..=MOST_OUTPUT_BYTES).contains(&args.max_output_bytes) {
            return Err(ConfigError::MaxOutputBytes);
        }
        if args.max_connections == 0 || args.max_connections_per_source == 0 {
            return Err(ConfigError::MaxConnections);
        }
        let origins: Vec<String> = args.csrf_allowed_origins;
        let given: Vec<String> = origins.into_iter().filter(|origin| !origin.is_empty()).collect();
        Ok(Self {
            origins: Origins::parse(&given)?,
            object_store: ObjectStoreConfig::from_args(args.object_store)?,
            oidc: OidcConfig::from_args(args.oidc)?,
            data_dir: args.data_dir,
            database: args.database,
            listen: args.listen,
            public_url: args.public_url.as_deref().map(public_url).transpose()?,
            ready_file: args.ready_file,
            metrics_listen: args.metrics_listen,
            collector: collector(args.otlp_endpoint)?,
            own_certificate: args.tls_cert.zip(args.tls_key),
            max_output_bytes: args.max_output_bytes,
            master_key_file: args.master_key_file,
            trusted_proxies: args
                .trusted_proxies
                .iter()
                .map(|range| trusted_proxy(range))
                .collect::<Result<_, _>>()?,
            max_live_executions: args.max_live_executions,
            rate_limit_per_principal: args.rate_limit_per_principal.and_then(NonZeroU32::new),
            max_connections: args.max_connections,
            max_connections_per_source: args.max_connections_per_source,
            nats: NatsConfig::from_args(args.nats)?,
        })
    }
}

/// An empty variable counts as absent.
fn collector(endpoint: Option<String>) -> Result<Option<Collector>, CollectorError> {
    let endpoint = endpoint.filter(|endpoint| !endpoint.is_empty());
    endpoint.map(|endpoint| endpoint.parse()).transpose()
}

fn public_url(text: &str) -> Result<String, ConfigError> {
    let uri: Uri = text.parse().map_err(|_| ConfigError::PublicUrl)?;
    let authority = uri.authority().ok_or(ConfigError::PublicUrl)?;
    let host = authority.host();
    let is_whole = match authority.port_u16() {
        Some(0) => false,
        Some(port) => authority.as_str() == format!("{host}:{port}"),
        None => authority.as_str() == host,
    };
    let is_plain = uri.scheme_str() == Some("https")
        && matches!(uri.path(), "" | "/")
        && !text.contains(['#', '?', '@'])
        && !host.is_empty()
        && is_whole;
    if is_plain {
        Ok(format!("https://{authority}"))
    } else {
        Err(ConfigError::PublicUrl)
    }
}

fn trusted_proxy(text: &str) -> Result<Cidr, ConfigError> {
    let range = Cidr::parse(text).ok_or(ConfigError::TrustedProxy)?;
    if range.to_string().ends_with("/0") {
        return Err(ConfigError::TrustsEverybody);
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn config(flags: &[&str]) -> Result<Config, ConfigError> {
        let words = ["serve", "--data-dir", "d"].iter().chain(flags);
        Config::from_args(Command::try_parse_from(words).expect("well-formed flags").args)
    }

    #[test]
    fn the_defaults_are_those_of_the_manual() {
        let config = config(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.max_output_bytes, 67_108_864);
        assert!(config.trusted_proxies.is_empty());
        assert_eq!(
            (config.max_live_executions, config.rate_limit_per_principal),
            (10_000, None)
        );
    }

    #[test]
    fn a_public_url_is_https_and_a_host() {
        for (given, kept) in [
            ("https://plex.example", "https://plex.example"),
            ("https://plex.example/", "https://plex.example"),
            ("https://plex.example:8443/", "https://plex.example:8443"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ] {
            assert_eq!(
                config(&["--public-url", given]).unwrap().public_url.as_deref(),
                Some(kept)
            );
        }
        for bad in [
            "http://plex.example",
            "plex.example",
            "https://",
            "https://plex.example/base",
            "https://plex.example/?q",
            "https://plex.example#f",
            "https://user@plex.example",
            "https://plex.example:0",
            "https://plex.example:99999",
            "ftp://plex.example",
            "https://a b",
            "",
        ] {
            let refused = config(&["--public-url", bad]);
            assert!(matches!(refused, Err(ConfigError::PublicUrl)), "{bad}");
        }
    }

    #[test]
    fn an_unspecified_address_needs_a_public_url() {
        for address in ["0.0.0.0:8080", "[::]:8080"] {
            assert!(matches!(
                config(&["--listen", address]),
                Err(ConfigError::PublicUrlMissing(_))
            ));
            config(&["--listen", address, "--public-url", "https://plex.example"]).unwrap();
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for (flags, error) in [
            (["--max-output-bytes", "0"], ConfigError::MaxOutputBytes),
            (
                ["--max-output-bytes", "99999999999999"],
                ConfigError::MaxOutputBytes,
            ),
            (["--trusted-proxy", "proxy"], ConfigError::TrustedProxy),
            (["--trusted-proxy", "0.0.0.0/0"], ConfigError::TrustsEverybody),
            (["--trusted-proxy", "::/0"], ConfigError::TrustsEverybody),
            (["--otlp-endpoint", "localhost"], CollectorError::Url.into()),
            (["--max-connections", "0"], ConfigError::MaxConnections),
            (["--max-connections-per-source", "0"], ConfigError::MaxConnections),
        ] {
            let refused = config(&flags).unwrap_err();
            assert_eq!(refused.to_string(), error.to_string(), "{flags:?}");
        }
    }

    #[test]
    fn origins_are_read_from_flags_and_lists() {
        let origins = |flags: &[&str]| config(flags).map(|config| config.origins);
        let several = origins(&[
            "--csrf-allowed-origin",
            "https://a,https://b",
            "--csrf-allowed-origin",
            "https://c",
        ]);
        let named = ["https://a", "https://b", "https://c"].map(str::to_owned);
        assert_eq!(several.unwrap(), Origins::parse(&named).unwrap());
        assert_eq!(
            origins(&["--csrf-allowed-origin", ""]).unwrap(),
            Origins::default()
        );
        let refused = origins(&["--csrf-allowed-origin", "a"]).unwrap_err().to_string();
        assert!(
            refused.starts_with("--csrf-allowed-origin \"a\" is not an origin"),
            "{refused}"
        );
    }

    #[test]
    fn a_provider_needs_issuer_and_client() {
        let parse = |flags: &[&str]| {
            Command::try_parse_from(["serve", "--data-dir", "d"].iter().chain(flags))
                .map(|command| command.args)
        };
        assert!(parse(&["--oidc-issuer", "https://id.example"]).is_err());
        assert!(parse(&["--oidc-client-id", "plex"]).is_err());
        assert!(parse(&["--oidc-client-secret-file", "f"]).is_err());
        assert!(config(&[]).unwrap().oidc.is_none());
        let both = ["--oidc-issuer", "https://id.example", "--oidc-client-id", "plex"];
        assert!(config(&both).unwrap().oidc.is_some());
        let refused = config(&["--oidc-issuer", "http://id.example", "--oidc-client-id", "plex"]);
        assert!(matches!(refused, Err(ConfigError::Oidc(OidcConfigError::Issuer))));
    }

    #[test]
    fn certificate_and_key_come_together() {
        let parse = |flags: &[&str]| {
            Command::try_parse_from(["serve", "--data-dir", "d"].iter().chain(flags))
                .map(|command| command.args)
        };
        assert!(parse(&["--tls-cert", "c"]).is_err());
        assert!(parse(&["--tls-key", "k"]).is_err());
        let config = Config::from_args(parse(&["--tls-cert", "c", "--tls-key", "k"]).unwrap()).unwrap();
        assert_eq!(config.own_certificate, Some(("c".into(), "k".into())));
    }
}
