//! `plexctl action output`

use crate::context::Context;
use crate::document::Members;
use crate::error::Error;
use crate::execution_stream::{self, Visit};
use crate::parsing;
use crate::ui::RawArg;
use crate::view::{Head, Output, Target};
use plex_api::paths;
use plex_client::operator::{Call, Client};
use ring::digest::{Context as Digest, SHA256};
use serde_json::value::RawValue;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use uuid::Uuid;

/// Which output to fetch, and where to put it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Owning project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    /// The execution
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    id: Uuid,
    /// The target's node
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    node: Uuid,
    /// Write it to this file instead of stdout
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    #[command(flatten)]
    raw: RawArg,
}

/// Fetches an output into a temporary file, checks its digest, and only then shows it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    if let Some(file) = args.file.as_deref().filter(|file| file.exists()) {
        ctx.confirm(&format!("{} exists. Replace it?", file.display()))?;
    }
    let client = ctx.client()?;
    let target = find(args, &client)?;
    let Some(file) = &args.file else {
        let mut kept = tempfile::tempfile().map_err(unwritable)?;
        fetch(args, &client, &target, &mut kept)?;
        kept.rewind().map_err(unwritable)?;
        return ctx.ui.copy_output(kept, args.raw.controls());
    };
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut kept = NamedTempFile::new_in(directory.unwrap_or(Path::new("."))).map_err(unwritable)?;
    fetch(args, &client, &target, kept.as_file_mut())?;
    kept.persist(file)
        .map(drop)
        .map_err(|error| unwritable(error.error))
}

/// Writes the target's output, of which everything is known to be right at the end.
fn fetch(args: &Args, client: &Client, target: &Target, to: &mut File) -> Result<(), Error> {
    match target.output().map_err(Error::Contract)? {
        Output::Inline(bytes) => to.write_all(bytes).map_err(unwritable),
        Output::Archived { sha256, .. } => check(sha256, &download(args, client, to)?),
        Output::None => Err(unmet("there is no output (yet)")),
        Output::Withheld => Err(unmet("there is an output, but you may not read it")),
        Output::Unknown(kind) => Err(unmet(&format!("the output is kept as {kind}"))),
    }
}

fn find(args: &Args, client: &Client) -> Result<Target, Error> {
    let mut found = Found {
        node: args.node,
        target: None,
    };
    execution_stream::read(
        client.open(&Call::get(paths::execution(args.project, args.id)))?,
        &mut found,
    )?;
    found
        .target
        .ok_or_else(|| unmet(&format!("node {} is no target of this execution", args.node)))
}

/// Fetches the object and tells its SHA-256 in lowercase hex.
fn download(args: &Args, client: &Client, to: &mut File) -> Result<String, Error> {
    let mut from = client.download(&Call::get(paths::target_output(args.project, args.id, args.node)))?;
    let mut digest = Digest::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from
            .read(&mut buffer)
            .map_err(|cause| plex_client::Error::Transport(format!("the output was cut off: {cause}")))?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
        to.write_all(&buffer[..count]).map_err(unwritable)?;
    }
    Ok(digest
        .finish()
        .as_ref()
        .iter()
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes everything");
            hex
        }))
}

fn check(expected: Option<&str>, found: &str) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != found => Err(unmet(&format!(
            "the object's SHA-256 is {found}, the log says {expected}"
        ))
        .hint("the object was changed after the run; nothing was kept")),
        Some(_) | None => Ok(()),
    }
}

fn unwritable(cause: std::io::Error) -> Error {
    Error::local("cannot write the output", cause)
}

fn unmet(detail: &str) -> Error {
    Error::Unmet {
        detail: detail.to_owned(),
        hint: None,
    }
}

/// Keeps the target on one node.
struct Found {
    node: Uuid,
    target: Option<Target>,
}

impl Visit for Found {
    fn begin(&mut self, _: &Members) -> Result<(), Error> {
        Ok(())
    }

    fn target(&mut self, _: &RawValue, target: &Target) -> Result<(), Error> {
        if target.node_id == self.node {
            self.target = Some(target.clone());
        }
        Ok(())
    }

    fn end(&mut self, _: &Head, _: &Members) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn another_digest_is_refused() {
        assert!(check(Some("ab"), "ab").is_ok());
        assert!(check(None, "ab").is_ok());
        assert_eq!(check(Some("ab"), "cd").expect_err("refused").exit_code(), 1);
    }
}
