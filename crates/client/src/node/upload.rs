//! Where an output may be put (`api.md` §9.3).

use crate::Error;
use reqwest::Url;

/// A presigned URL that was found acceptable, and the object's key in it.
pub(super) struct UploadTarget {
    /// With its query, which is a credential.
    pub(super) url: Url,
    /// The URL's path without its leading slash.
    pub(super) object_key: String,
    /// Whether the upload has to carry its checksum.
    pub(super) wants_checksum: bool,
    /// Whether it leads to another origin than that of the server.
    pub(super) is_elsewhere: bool,
}

/// The header in which S3 stores take a SHA-256, in base64.
pub(super) const CHECKSUM: &str = "x-amz-checksum-sha256";

impl UploadTarget {
    /// Accepts an absolute URL whose scheme is not weaker than that of `base`. Its text appears in no error.
    pub(super) fn parse(text: &str, base: &Url) -> Result<Self, Error> {
        let refused = |why: &str| Error::Contract(format!("the upload URL {why}"));
        let url = Url::parse(text).map_err(|_| refused("is not a URL"))?;
        match (url.scheme(), base.scheme()) {
            ("https", _) | ("http", "http") => {}
            ("http", _) => return Err(refused("is weaker than the server's own")),
            (_, _) => return Err(refused("is neither https nor http")),
        }
        if !url.has_host() {
            return Err(refused("has no host"));
        }
        let object_key = url.path().trim_start_matches('/').to_owned();
        if object_key.is_empty() {
            return Err(refused("names no object"));
        }
        // A presigned S3 URL names the headers that it is bound to, and is good for nothing without them.
        let wants_checksum = url
            .query_pairs()
            .filter(|(name, _)| name == "X-Amz-SignedHeaders")
            .any(|(_, names)| names.split(';').any(|name| name == CHECKSUM));
        Ok(Self {
            is_elsewhere: url.origin() != base.origin(),
            url,
            object_key,
            wants_checksum,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(url: &str, base: &str) -> Result<String, Error> {
        UploadTarget::parse(url, &Url::parse(base).unwrap()).map(|target| target.object_key)
    }

    #[test]
    fn the_key_is_the_path() {
        assert_eq!(
            key("https://s/uploads/p/e/n/r?sig=1", "https://h/").unwrap(),
            "uploads/p/e/n/r"
        );
        assert_eq!(key("http://127.0.0.1/k", "http://127.0.0.1/").unwrap(), "k");
    }

    #[test]
    fn a_url_says_whether_it_is_bound_to_a_checksum_and_leads_elsewhere() {
        let says = |url: &str| {
            let target = UploadTarget::parse(url, &Url::parse("https://h:8443/").unwrap()).unwrap();
            (target.wants_checksum, target.is_elsewhere)
        };
        assert_eq!(says("https://h:8443/local/k?signature=1"), (false, false));
        assert_eq!(
            says("https://h/b/k?X-Amz-SignedHeaders=content-length%3Bhost"),
            (false, true)
        );
        assert_eq!(
            says(
                "https://s3/b/k?X-Amz-SignedHeaders=content-length%3Bhost%3Bx-amz-checksum-sha256&X-Amz-Signature=1"
            ),
            (true, true)
        );
    }

    #[test]
    fn weaker_schemes_are_refused_without_quoting_the_query() {
        for url in [
            "http://s/k?sig=SECRET",
            "ftp://s/k?sig=SECRET",
            "https://s/?sig=SECRET",
            "SECRET",
        ] {
            let error = key(url, "https://h/").unwrap_err().to_string();
            assert!(!error.contains("SECRET"), "{error}");
        }
    }
}
