//! Flags, and what holds for either store.

use super::settings::{Bucket, ObjectStoreConfigError};
use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

fn args(url: &str) -> ObjectStoreArgs {
    ObjectStoreArgs {
        object_store_url: url.to_owned(),
        object_store_credentials_file: None,
        object_store_ca_file: None,
    }
}

fn bucket(url: &str) -> Result<Bucket, ObjectStoreConfigError> {
    match ObjectStoreConfig::from_args(args(url))? {
        ObjectStoreConfig::Bucket { bucket, .. } => Ok(bucket),
        ObjectStoreConfig::Directory(_) => panic!("{url} is no directory"),
    }
}

#[test]
fn a_url_names_a_directory_or_a_bucket() {
    let data_dir = Path::new("/data");
    for (url, expected) in [
        ("file://", "/data/objects"),
        ("file:///srv/outputs", "/srv/outputs"),
    ] {
        let place = ObjectStoreConfig::from_args(args(url))
            .unwrap()
            .read(data_dir)
            .unwrap();
        assert!(
            matches!(place, Place::Directory(path) if path == Path::new(expected)),
            "{url}"
        );
    }
    let amazon = bucket("s3://outputs?region=eu-central-1").unwrap();
    assert_eq!(amazon.origin(), "https://outputs.s3.eu-central-1.amazonaws.com");
    assert_eq!(amazon.path("uploads/k"), "/uploads/k");
    let own = bucket("s3://outputs?endpoint=http://S3.internal:9000/").unwrap();
    assert_eq!(
        (own.origin(), own.region.as_str()),
        ("http://s3.internal:9000".to_owned(), "us-east-1")
    );
    assert_eq!(own.path("uploads/k"), "/outputs/uploads/k");
    let named = bucket("s3://outputs?endpoint=https://s3.internal:443&path_style=false&region=r1").unwrap();
    assert_eq!(named.origin(), "https://outputs.s3.internal");
}

#[test]
fn nonsense_is_refused_in_one_line_that_tells_no_secret() {
    for url in [
        "",
        "outputs",
        "file://relative",
        "file:///a?b",
        "https://s3.internal/outputs",
        "s3://",
        "s3://UPPER?region=r",
        "s3://a/b?region=r",
        "s3://key:SECRET@outputs?region=r",
        "s3://outputs",
        "s3://outputs?region=",
        "s3://outputs?region=a/b",
        "s3://outputs?region=r&region=r",
        "s3://outputs?region=r&secret_access_key=SECRET",
        "s3://outputs?region=r&path_style=yes",
        "s3://outputs?endpoint=s3.internal",
        "s3://outputs?endpoint=ftp://s3.internal",
        "s3://outputs?endpoint=https://s3.internal/base",
        "s3://outputs?endpoint=https://key:SECRET@s3.internal",
    ] {
        let refused = ObjectStoreConfig::from_args(args(url)).err();
        let line = refused.unwrap_or_else(|| panic!("{url} was taken")).to_string();
        assert!(line.starts_with("--object-store-url"), "{url}: {line}");
        assert!(!line.contains("SECRET") && !line.contains('\n'), "{line}");
    }
    let mut stray = args("file://");
    stray.object_store_ca_file = Some(PathBuf::from("f"));
    assert!(matches!(
        ObjectStoreConfig::from_args(stray),
        Err(ObjectStoreConfigError::NoBucket("--object-store-ca-file"))
    ));
}

#[test]
fn credentials_come_from_a_private_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("credentials");
    let read = |text: &str, mode: u32| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let mut args = args("s3://outputs?region=r");
        args.object_store_credentials_file = Some(path.clone());
        match ObjectStoreConfig::from_args(args).unwrap().read(dir.path()) {
            Ok(Place::Bucket { credentials, .. }) => Ok(credentials),
            Ok(Place::Directory(_)) => panic!("a bucket is no directory"),
            Err(error) => Err(error),
        }
    };
    let pair = "# ours\nAWS_ACCESS_KEY_ID=id\n\nAWS_SECRET_ACCESS_KEY=a=b\n";
    let credentials = read(pair, 0o600).unwrap();
    assert_eq!(
        (
            credentials.access_key_id.as_str(),
            credentials.secret_access_key.as_str()
        ),
        ("id", "a=b")
    );
    assert!(credentials.session_token.is_none());
    assert!(matches!(read(pair, 0o640), Err(ObjectStoreConfigError::File(_))));
    for bad in [
        "",
        "AWS_ACCESS_KEY_ID=id",
        "AWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY=",
        "SECRET",
        "X=SECRET",
    ] {
        let refused = read(bad, 0o600).err().expect("refused").to_string();
        assert!(
            refused.contains("must hold AWS_ACCESS_KEY_ID") && !refused.contains("SECRET\n"),
            "{refused}"
        );
    }
}

#[test]
fn a_key_may_begin_with_its_bucket() {
    let dir = tempfile::tempdir().unwrap();
    let objects = Objects::Local(LocalStore::open(dir.path().to_owned()).unwrap());
    for named in ["uploads/a", "local/uploads/a"] {
        assert_eq!(objects.key(named), "uploads/a");
    }
    assert_eq!(objects.key("locality/uploads/a"), "locality/uploads/a");
}
