//! `plexctl action dispatch`

use super::standing::print_standing;
use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use clap::ArgGroup;
use plex_api::executions::{ActionKind, DispatchExecutionRequest};
use plex_api::limits::{DISPATCH_BODY_BYTES, MAX_TIMEOUT_SECONDS};
use plex_api::paths;
use plex_client::operator::Call;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::value::RawValue;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What to run, where, and with what.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("place").required(true).args(["node", "selector"]))]
pub(crate) struct Args {
    /// Owning project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    /// The action's name
    #[arg(long, value_name = "NAME")]
    action: String,
    /// Run it on this node
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    node: Option<Uuid>,
    /// Run it on the nodes whose labels match
    #[arg(long, value_name = "EXPR")]
    selector: Option<String>,
    /// Where the action comes from
    #[arg(long, value_name = "TYPE", value_parser = parsing::words([ActionKind::Builtin.as_str(), ActionKind::Hook.as_str()]))]
    r#type: Option<String>,
    /// Its parameters, a JSON object
    #[arg(long, value_name = "JSON", conflicts_with = "parameters_file")]
    parameters: Option<String>,
    /// File that holds its parameters; - is stdin
    #[arg(long, value_name = "PATH")]
    parameters_file: Option<PathBuf>,
    /// Seconds until the run times out; 0 leaves it to the server
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_TIMEOUT_SECONDS)))]
    timeout_seconds: Option<u32>,
}

/// Dispatches once, however often it has to be sent, and prints the execution that came of it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let text = match (&args.parameters, &args.parameters_file) {
        (Some(text), _) => Some(text.clone()),
        (None, Some(path)) => Some(read_parameters(path)?),
        (None, None) => None,
    };
    let request = DispatchExecutionRequest {
        action: args.action.clone(),
        r#type: args.r#type.as_deref().and_then(ActionKind::parse),
        parameters: text.map(object).transpose()?,
        timeout_seconds: args.timeout_seconds,
        selector: args.selector.clone(),
        node_id: args.node,
    };
    let call = Call::post(paths::dispatch(args.project), &request).idempotency_key(new_key()?);
    let body = ctx.client()?.fetch(&call)?;
    print_standing(ctx, body.as_slice())
}

fn read_parameters(path: &Path) -> Result<String, Error> {
    let unreadable = |cause| Error::usage(format!("cannot read {}: {cause}", path.display()));
    let source: Box<dyn Read> = match path.to_str() {
        Some("-") => Box::new(io::stdin()),
        Some(_) | None => Box::new(File::open(path).map_err(unreadable)?),
    };
    let mut text = String::new();
    // One byte over the server's limit is enough to be refused by it.
    source
        .take(DISPATCH_BODY_BYTES as u64 + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    Ok(text)
}

/// The text as it is, once it is known to be a JSON object: the node gets it token by token (decision 8).
fn object(text: String) -> Result<Box<RawValue>, Error> {
    let not_one =
        || Error::usage("the parameters are not a JSON object").hint(r#"for example {"unit":"nginx"}"#);
    let raw = RawValue::from_string(text.trim().to_owned()).map_err(|_| not_one())?;
    if raw.get().starts_with('{') {
        Ok(raw)
    } else {
        Err(not_one())
    }
}

fn new_key() -> Result<String, Error> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        Error::local(
            "cannot make an idempotency key",
            io::Error::other("no randomness"),
        )
    })?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn parameters_travel_as_they_were_typed() {
        let text = r#"{"n":1.0,"big":12345678901234567890123,"b":1e2, "a":null}"#;
        assert_eq!(object(format!(" {text}\n")).expect("an object").get(), text);
    }

    #[test]
    fn what_is_no_object_never_leaves() {
        for text in ["", "[]", "1", "\"{}\"", "{", "{} {}", "null", "{'a':1}"] {
            assert_eq!(
                object(text.to_owned()).expect_err("refused").exit_code(),
                2,
                "{text}"
            );
        }
    }
}
