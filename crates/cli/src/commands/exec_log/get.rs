//! `plexctl exec-log get`

use crate::context::Context;
use crate::document::{Members, own};
use crate::error::Error;
use crate::execution_stream::{self, Visit};
use crate::parsing;
use crate::sections::Sections;
use crate::spool::Copied;
use crate::ui::{Format, RawArg};
use crate::view::{Head, Output, Target};
use plex_api::paths;
use plex_client::operator::{Answer, Call};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Which execution to show, and how much of it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Owning project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    /// The execution
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    id: Uuid,
    /// Only the target on this node
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    node: Option<Uuid>,
    /// Print one target's inline output and nothing else
    #[arg(long)]
    bytes: bool,
    #[command(flatten)]
    raw: RawArg,
}

/// Prints an execution: as text while it is read, as a document once it was valid.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let format = ctx.ui.format();
    if args.bytes && format != Format::Text {
        return Err(
            Error::usage("--bytes prints bytes, not a document").hint("leave --output or --bytes away")
        );
    }
    let client = ctx.client()?;
    let body = client.open(&Call::get(paths::execution(args.project, args.id)))?;
    match (args.bytes, args.node, format) {
        (true, node, _) => print_bytes(args, node, ctx, body),
        (false, None, Format::Text) => {
            execution_stream::read(body, &mut Sections::new(&mut ctx.ui, args.raw.controls()))
        }
        (false, None, Format::Json | Format::Yaml) => {
            let mut copied = Copied::new(body)?;
            let verdict = execution_stream::read(&mut copied, &mut Nothing);
            let copy = copied.into_copy()?;
            verdict.and_then(|()| ctx.ui.copy_document(copy))
        }
        (false, Some(node), _) => print_one(args, node, ctx, body),
    }
}

/// Prints the execution with one target in it.
fn print_one(args: &Args, node: Uuid, ctx: &mut Context, body: Answer) -> Result<(), Error> {
    let mut picked = Picked {
        node: Some(node),
        ..Picked::default()
    };
    execution_stream::read(body, &mut picked)?;
    let (_, raw) = picked.target.ok_or_else(|| no_such_target(node))?;
    let mut members = picked.members;
    members.push(("targets".to_owned(), own(&[raw])));
    let narrowed = own(&Members(members));
    match ctx.ui.format() {
        Format::Text => {
            let mut sections = Sections::new(&mut ctx.ui, args.raw.controls());
            execution_stream::read(narrowed.get().as_bytes(), &mut sections)
        }
        Format::Json | Format::Yaml => ctx.ui.document(&narrowed),
    }
}

fn print_bytes(args: &Args, node: Option<Uuid>, ctx: &mut Context, body: Answer) -> Result<(), Error> {
    let mut picked = Picked {
        node,
        ..Picked::default()
    };
    execution_stream::read(body, &mut picked)?;
    if picked.count > 1 {
        return Err(
            Error::usage(format!("this execution has {} targets", picked.count))
                .hint("--node says which one's output to print"),
        );
    }
    let (target, _) = match (picked.target, node) {
        (Some(found), _) => found,
        (None, Some(node)) => return Err(no_such_target(node)),
        (None, None) => return Err(unmet("this execution has no target")),
    };
    match target.output().map_err(Error::Contract)? {
        Output::Inline(bytes) => ctx.ui.output(bytes, args.raw.controls()),
        Output::Archived { bucket, key, .. } => Err(unmet(&format!(
            "the output was archived: {bucket}/{key}"
        ))
        .hint(format!(
            "plexctl action output --project {} --id {} --node {}",
            args.project, args.id, target.node_id
        ))),
        Output::None => Err(unmet("there is no output (yet)").hint(format!(
            "the target's status is {}; an output comes with its end",
            target.status
        ))),
        Output::Withheld => Err(unmet("there is an output, but you may not read it").hint("viewers may")),
        Output::Unknown(kind) => {
            Err(unmet(&format!("the output is kept as {kind}"))
                .hint("a newer plexctl may know how to read it"))
        }
    }
}

fn no_such_target(node: Uuid) -> Error {
    unmet(&format!("node {node} is no target of this execution")).hint("leave --node away to see all targets")
}

fn unmet(detail: &str) -> Error {
    Error::Unmet {
        detail: detail.to_owned(),
        hint: None,
    }
}

/// Only makes sure that everything is valid.
struct Nothing;

impl Visit for Nothing {
    fn begin(&mut self, _: &Members) -> Result<(), Error> {
        Ok(())
    }

    fn target(&mut self, _: &RawValue, target: &Target) -> Result<(), Error> {
        target.output().map(|_| ()).map_err(Error::Contract)
    }

    fn end(&mut self, _: &Head, _: &Members) -> Result<(), Error> {
        Ok(())
    }
}

/// Keeps one target: the node's, or the last.
#[derive(Default)]
struct Picked {
    node: Option<Uuid>,
    count: usize,
    target: Option<(Target, Box<RawValue>)>,
    members: Vec<(String, Box<RawValue>)>,
}

impl Visit for Picked {
    fn begin(&mut self, _: &Members) -> Result<(), Error> {
        Ok(())
    }

    fn target(&mut self, raw: &RawValue, target: &Target) -> Result<(), Error> {
        target.output().map_err(Error::Contract)?;
        if self.node.is_none_or(|node| node == target.node_id) {
            self.count += 1;
            self.target = Some((target.clone(), raw.to_owned()));
        }
        Ok(())
    }

    fn end(&mut self, _: &Head, members: &Members) -> Result<(), Error> {
        self.members.clone_from(&members.0);
        Ok(())
    }
}
