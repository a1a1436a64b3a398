//! `plexsphere init`: from nothing to a directory that can be served.
//!
//! The directory is built beside its final place under another name and renamed when it is whole. Whatever fails
//! before leaves nothing behind, and a directory that has anything in it is never touched.

use crate::bootstrap::{self, Created, FirstTenants};
use crate::ca;
use crate::cli::{self, Failure, Output};
use crate::data_dir::{self, DataDir};
use crate::database::DatabaseArgs;
use crate::system::{SystemClock, SystemRng};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use plex_domain::env::{Clock as _, Rng as _};
use plex_domain::keys::MasterKey;
use plex_store::db::Engine;
use serde::Serialize;
use uuid::Uuid;

/// The flags of `plexsphere init`
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// Directory to make; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Slug of the first Domain
    #[arg(long, value_name = "SLUG", default_value = "default")]
    domain: String,
    /// Slug of the first Project
    #[arg(long, value_name = "SLUG", default_value = "default")]
    project: String,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Further host name or address for the server's certificate; repeatable
    #[arg(long = "tls-name", value_name = "NAME")]
    tls_names: Vec<String>,
    /// Master key to use, or to make if there is none, outside the data directory
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<PathBuf>,
    /// How to print what was made
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// What `--output json` prints.
#[derive(Debug, Serialize)]
struct Report {
    domain_id: Uuid,
    project_id: Uuid,
    admin_token_file: PathBuf,
    ca_file: PathBuf,
}

/// Makes a data directory and prints what it made.
pub fn run(args: &InitArgs) -> Result<(), Failure> {
    let dir = DataDir::at(&args.data_dir)?;
    // Before anything is made.
    args.database.engine(dir.path())?;
    let names = ca::server_names(&args.tls_names).map_err(|error| Failure::usage(error.into()))?;
    refuse_what_is_there(dir.path())?;
    if let Some(parent) = dir.path().parent() {
        fs::create_dir_all(parent).map_err(|source| data_dir::io_error(parent, source))?;
    }
    let mut building = Building::begin(&dir)?;
    let created = fill(&mut building, names, args)?;
    building.finish(&dir)?;
    report(args, &dir, &created)
}

fn refuse_what_is_there(path: &Path) -> Result<(), Failure> {
    let mut entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(data_dir::io_error(path, source).into()),
    };
    if entries.next().is_none() {
        return Ok(());
    }
    let (what, hint) = if DataDir::at(path)?.ca_certificate().exists() {
        (
            "is initialised already",
            "plexsphere serve runs it; plexsphere admin reset-token replaces a lost token",
        )
    } else {
        ("is not empty", "choose a directory that does not exist")
    };
    Err(Failure::with_hint(
        anyhow::anyhow!("{} {what}; nothing was changed", path.display()),
        hint,
    ))
}

/// A data directory that is not in its place yet; dropping it removes what was made.
struct Building {
    dir: DataDir,
    made_key: Option<PathBuf>,
    is_finished: bool,
}

impl Building {
    fn begin(place: &DataDir) -> Result<Self, Failure> {
        let dir = DataDir::at(&data_dir::sibling(place.path()))?;
        data_dir::create_private_dir(dir.path()).map_err(|error| error.about(place.path()))?;
        Ok(Self {
            dir,
            made_key: None,
            is_finished: false,
        })
    }

    /// The key in `elsewhere` if it is there, else a new one, there or in the directory.
    fn master_key(&mut self, elsewhere: Option<&Path>) -> Result<MasterKey, Failure> {
        let path = elsewhere.map_or_else(|| self.dir.master_key(), Path::to_owned);
        if !path.exists() {
            let mut key = [0; 32];
            SystemRng.fill(&mut key);
            data_dir::create(&path, &key, data_dir::PRIVATE)?;
            self.made_key = elsewhere.map(Path::to_owned);
        }
        Ok(data_dir::read_master_key(&path)?)
    }

    /// Puts the directory in its place, which succeeds only where nothing or an empty directory is.
    fn finish(mut self, place: &DataDir) -> Result<(), Failure> {
        fs::rename(self.dir.path(), place.path())
            .map_err(|source| data_dir::io_error(place.path(), source))?;
        self.is_finished = true;
        data_dir::sync_parent(place.path())?;
        Ok(())
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        // The failure that led here is the one to report; what cannot be removed bears a name that says so.
        let _ = fs::remove_dir_all(self.dir.path());
        if let Some(key) = &self.made_key {
            let _ = fs::remove_file(key);
        }
    }
}

fn fill(building: &mut Building, names: Vec<String>, args: &InitArgs) -> Result<Created, Failure> {
    let master = building.master_key(args.master_key_file.as_deref())?;
    let dir = &building.dir;
    ca::create(dir, names, SystemClock.now(), &SystemRng).context("cannot make the private CA")?;
    let tenants = FirstTenants {
        domain_slug: args.domain.clone(),
        project_slug: args.project.clone(),
    };
    let engine = args.database.engine(dir.path())?;
    if let Engine::Sqlite(path) = &engine {
        // SQLite gives what it keeps beside the database the same mode, and changes neither.
        data_dir::create(path, &[], data_dir::PRIVATE)?;
    }
    let created = bootstrap::create(&engine, &master, &tenants)?;
    let token = format!("{}\n", created.admin_token);
    data_dir::create(&dir.admin_token(), token.as_bytes(), data_dir::PRIVATE)?;
    data_dir::sync_parent(&dir.admin_token())?;
    Ok(created)
}

fn report(args: &InitArgs, dir: &DataDir, created: &Created) -> Result<(), Failure> {
    let report = Report {
        domain_id: created.domain_id,
        project_id: created.project_id,
        admin_token_file: dir.admin_token(),
        ca_file: dir.ca_certificate(),
    };
    cli::print(&match args.output {
        Output::Json => serde_json::to_string_pretty(&report).context("cannot print the result")?,
        Output::Text => for_people(args, dir, &report),
    })
}

fn for_people(args: &InitArgs, dir: &DataDir, report: &Report) -> String {
    let (path, token, ca) = (
        dir.path().display(),
        report.admin_token_file.display(),
        report.ca_file.display(),
    );
    let key_flag = args
        .master_key_file
        .as_ref()
        .map(|file| format!(" --master-key-file {}", file.display()))
        .unwrap_or_default();
    format!(
        "Initialised {path}\n\
         \n\
         domain       {} ({})\n\
         project      {} ({})\n\
         admin token  {token}\n\
         CA           {ca}\n\
         \n\
         Start the server:\n\
         \x20 plexsphere serve --data-dir {path}{key_flag}\n\
         Then, from another terminal:\n\
         \x20 export PLEXSPHERE_URL=https://localhost:8080 PLEXSPHERE_CA_FILE={ca}\n\
         \x20 plexctl --token-file {token} whoami\n",
        report.domain_id, args.domain, report.project_id, args.project,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::os::unix::fs::MetadataExt as _;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: InitArgs,
    }

    fn init(dir: &Path, flags: &[&str]) -> Result<(), Failure> {
        let words = ["init", "--data-dir", dir.to_str().unwrap(), "--output", "json"];
        run(&Command::try_parse_from(words.iter().chain(flags))
            .expect("well-formed flags")
            .args)
    }

    fn names_in(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn everything_made_is_private_but_the_certificates() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("parent/data");
        init(&path, &[]).unwrap();
        let dir = DataDir::open(&path).unwrap();
        data_dir::read_master_key(&dir.master_key()).unwrap();
        let token = fs::read_to_string(dir.admin_token()).unwrap();
        assert!(token.trim_end().len() > 20 && token.matches('\n').count() == 1 && token.ends_with('\n'));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        assert_eq!(
            names_in(path.parent().unwrap()),
            ["data"],
            "nothing is left beside it"
        );
    }

    #[test]
    fn a_directory_with_anything_in_it_is_left_untouched() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        init(&path, &[]).unwrap();
        let token = fs::read(path.join("admin.token")).unwrap();
        assert!(
            init(&path, &[])
                .unwrap_err()
                .line()
                .contains("is initialised already")
        );
        assert_eq!(fs::read(path.join("admin.token")).unwrap(), token);

        let other = root.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("letter"), "dear").unwrap();
        assert!(init(&other, &[]).unwrap_err().line().contains("is not empty"));
        assert_eq!(names_in(&other), ["letter"]);
        assert_eq!(names_in(root.path()), ["data", "other"]);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        let key = root.path().join("key");
        let flags = [
            "--master-key-file",
            key.to_str().unwrap(),
            "--domain",
            "not a slug",
        ];
        init(&path, &flags).unwrap_err();
        assert_eq!(names_in(root.path()), Vec::<String>::new());
        init(&path, &["--tls-name", "not a name"]).unwrap_err();
        assert_eq!(names_in(root.path()), Vec::<String>::new());
    }

    #[test]
    fn a_master_key_elsewhere_is_made_once_and_then_used() {
        let root = tempfile::tempdir().unwrap();
        let key = root.path().join("key");
        let flags = ["--master-key-file", key.to_str().unwrap()];
        init(&root.path().join("a"), &flags).unwrap();
        let made = fs::read(&key).unwrap();
        init(&root.path().join("b"), &flags).unwrap();
        assert_eq!(fs::read(&key).unwrap(), made);
        assert!(!root.path().join("a/master.key").exists());
    }
}
