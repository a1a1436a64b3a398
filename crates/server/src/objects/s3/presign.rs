//! URLs that carry their own credential, by AWS Signature Version 4 in the query
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>).
//!
//! `object_store` signs URLs too, but refuses to bind `Content-Length`, which decision 20 demands.

use crate::objects::settings::{Bucket, Credentials};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ring::digest::{SHA256, digest};
use ring::hmac;
use std::fmt::Write as _;
use std::time::Duration;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Signs URLs of one bucket.
pub(super) struct Presigner {
    bucket: Bucket,
    credentials: Credentials,
}

/// What a URL allows.
pub(super) struct Grant<'g> {
    /// One method.
    pub(super) method: &'static str,
    /// One key. Keys are made here of letters, digits, `-` and `/`, so that nothing needs escaping.
    pub(super) key: &'g str,
    /// For so long.
    pub(super) valid: Duration,
    /// With exactly these headers, named in lowercase.
    pub(super) headers: &'g [(&'g str, &'g str)],
    /// With this parameter, where it is not empty; its name comes after `X-Amz-`.
    pub(super) parameter: &'g str,
}

impl Presigner {
    pub(super) fn new(bucket: Bucket, credentials: Credentials) -> Self {
        Self { bucket, credentials }
    }

    /// A URL that whoever has it may use as `grant` says.
    pub(super) fn url(&self, now: Timestamp, grant: &Grant<'_>) -> String {
        let time = now.to_zoned(TimeZone::UTC);
        let (date, time) = (
            time.strftime("%Y%m%d").to_string(),
            time.strftime("%Y%m%dT%H%M%SZ").to_string(),
        );
        let scope = format!("{date}/{}/s3/aws4_request", self.bucket.region);
        let host = self.bucket.host();
        let mut headers = grant.headers.to_vec();
        headers.push(("host", &host));
        headers.sort_unstable();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");

        let mut query = format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={time}&X-Amz-Expires={}",
            escaped(&format!("{}/{scope}", self.credentials.access_key_id)),
            grant.valid.as_secs(),
        );
        if let Some(token) = &self.credentials.session_token {
            query += &format!("&X-Amz-Security-Token={}", escaped(token));
        }
        query += &format!("&X-Amz-SignedHeaders={}", escaped(&names));
        if !grant.parameter.is_empty() {
            query += &format!("&{}", grant.parameter);
        }

        let path = self.bucket.path(grant.key);
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let request = format!(
            "{}\n{path}\n{query}\n{lines}\n{names}\nUNSIGNED-PAYLOAD",
            grant.method
        );
        let request = HEXLOWER.encode(digest(&SHA256, request.as_bytes()).as_ref());
        let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{request}");
        let signature = HEXLOWER.encode(self.sign(&date, &to_sign).as_ref());
        let scheme = &self.bucket.scheme;
        format!("{scheme}://{host}{path}?{query}&X-Amz-Signature={signature}")
    }

    /// With a key for this day, region and service.
    fn sign(&self, date: &str, text: &str) -> hmac::Tag {
        let first = format!("AWS4{}", self.credentials.secret_access_key);
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, first.as_bytes());
        for part in [date, &self.bucket.region, "s3", "aws4_request"] {
            key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
        }
        hmac::sign(&key, text.as_bytes())
    }
}

/// Percent-encodes all but what RFC 3986 leaves unreserved.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            _ => write!(escaped, "%{byte:02X}").expect("a string takes everything"),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presigner(host: &str, path_style: bool) -> Presigner {
        let bucket = Bucket {
            name: "examplebucket".to_owned(),
            scheme: "https".to_owned(),
            authority: host.to_owned(),
            region: "us-east-1".to_owned(),
            path_style,
        };
        let credentials = Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
        };
        Presigner::new(bucket, credentials)
    }

    /// The example of the page that the module cites.
    #[test]
    fn it_signs_the_published_example() {
        let grant = Grant {
            method: "GET",
            key: "test.txt",
            valid: Duration::from_secs(86_400),
            headers: &[],
            parameter: "",
        };
        let now = "2013-05-24T00:00:00Z".parse().unwrap();
        assert_eq!(
            presigner("s3.amazonaws.com", false).url(now, &grant),
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
            &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
            &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn headers_and_tokens_are_part_of_what_is_signed() {
        let mut presigner = presigner("s3.example:9000", true);
        presigner.credentials.session_token = Some("a/b=".to_owned());
        let url = |length: &str| {
            let grant = Grant {
                method: "PUT",
                key: "uploads/k",
                valid: Duration::from_secs(900),
                headers: &[("content-length", length), ("x-amz-checksum-sha256", "c")],
                parameter: "",
            };
            presigner.url("2026-01-01T00:00:00Z".parse().unwrap(), &grant)
        };
        let signed = url("20000");
        assert!(signed.starts_with("https://s3.example:9000/examplebucket/uploads/k?"));
        assert!(signed.contains("&X-Amz-Security-Token=a%2Fb%3D&"), "{signed}");
        assert!(signed.contains("&X-Amz-SignedHeaders=content-length%3Bhost%3Bx-amz-checksum-sha256&"));
        assert_ne!(signed, url("20001"));
    }
}
