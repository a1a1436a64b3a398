//! The command line as a whole: reading it, running what it names, answering with an exit code.

use crate::commands::{self, Command};
use crate::context::{Context, Globals};
use crate::environment::Environment;
use crate::error::Error;
use crate::ui::{Format, Ui};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::process::ExitCode;

/// Operate Plexsphere: read the execution log, dispatch actions, keep the fleet
#[derive(Parser)]
#[command(
    name = "plexctl",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 bad input, 3 no credential, 4 forbidden, 77 denied.")]
struct Root {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Runs the process's command line.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    ExitCode::from(run(&arguments))
}

/// The command line's definition, for those who print it.
pub fn definition() -> clap::Command {
    Root::command()
}

fn run(arguments: &[OsString]) -> u8 {
    match Root::try_parse_from(arguments) {
        Ok(root) => execute(root),
        Err(refusal) => refuse(arguments, &refusal),
    }
}

fn execute(root: Root) -> u8 {
    let ui = Ui::new(root.globals.output);
    let mut ctx = Context {
        globals: root.globals,
        environment: Environment::read(),
        ui,
    };
    let result = commands::run(root.command, &mut ctx);
    // What a command wrote before it failed is part of its result.
    let result = match (result, ctx.ui.finish()) {
        (Err(Error::ReaderGone), _) | (Ok(()), Err(Error::ReaderGone)) => Err(Error::ReaderGone),
        (Err(error), _) | (Ok(()), Err(error)) => Err(error),
        (Ok(()), Ok(())) => Ok(()),
    };
    conclude(&mut ctx.ui, result)
}

fn conclude(ui: &mut Ui, result: Result<(), Error>) -> u8 {
    let Err(error) = result else {
        return plex_api::exit_codes::OK;
    };
    ui.fail(&error);
    error.exit_code()
}

/// Help and version are results; everything else that the parser gives is bad input.
fn refuse(arguments: &[OsString], refusal: &clap::Error) -> u8 {
    let mut ui = Ui::new(wanted_format(arguments));
    match refusal.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let result = ui.text(&refusal.to_string()).and_then(|()| ui.finish());
            conclude(&mut ui, result)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let error = Error::usage("a command is missing").hint("--help shows what there is");
            conclude(&mut ui, Err(error))
        }
        _ => conclude(&mut ui, Err(usage(&refusal.to_string()))),
    }
}

/// The parser's message as one line, and its tip, or the way to the help, as the hint.
fn usage(message: &str) -> Error {
    let told = message.split("\n\nUsage:").next().unwrap_or(message);
    let told = told.split("\n\nFor more information").next().unwrap_or(told);
    let (detail, tip) = told
        .split_once("\n\n  tip: ")
        .unwrap_or((told, "--help shows what it takes"));
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let detail = one_line(detail);
    Error::usage(detail.strip_prefix("error: ").unwrap_or(&detail)).hint(one_line(tip))
}

/// The format asked for, although the line as a whole could not be read.
fn wanted_format(arguments: &[OsString]) -> Format {
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let words = words.split(|word| word == "--").next().unwrap_or_default();
    let inline = words.iter().filter_map(|word| word.strip_prefix("--output="));
    let apart = words
        .windows(2)
        .filter(|pair| pair[0] == "--output")
        .map(|pair| pair[1].as_ref());
    match inline.chain(apart).last() {
        Some("json") => Format::Json,
        Some("yaml") => Format::Yaml,
        Some(_) | None => Format::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::{Root, definition, usage, wanted_format};
    use crate::ui::Format;
    use clap::Parser;
    use std::ffi::OsString;

    const ID: &str = "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0";

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_definition_holds() {
        definition().debug_assert();
    }

    #[test]
    fn persistent_flags_stand_before_and_after() {
        for line in [
            format!("plexctl --server https://a --output json exec-log list --project {ID}"),
            format!("plexctl exec-log --server https://a list --output json --project {ID}"),
            format!("plexctl exec-log list --project {ID} --output=json --server=https://a"),
        ] {
            let root = Root::try_parse_from(words(&line)).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(
                (root.globals.server.as_deref(), root.globals.output),
                (Some("https://a"), Format::Json)
            );
        }
    }

    #[test]
    fn a_refusal_is_one_line_with_a_hint() {
        for line in [
            "plexctl exec-log list".to_owned(),
            "plexctl exec-log lst".to_owned(),
            format!("plexctl exec-log list --project {ID} --status sleeping"),
            format!("plexctl exec-log list --project {ID} --all --cursor x"),
            format!("plexctl exec-log list --project {ID} --limit -1"),
            format!("plexctl exec-log get --project {ID} --id nope"),
            format!("plexctl action dispatch --project {ID} --action a"),
            format!("plexctl action dispatch --project {ID} --action a --node {ID} --selector x"),
        ] {
            let refusal = Root::try_parse_from(words(&line))
                .err()
                .unwrap_or_else(|| panic!("{line} passes"));
            let error = usage(&refusal.to_string());
            assert_eq!(error.exit_code(), 2);
            assert!(
                !error.headline().contains('\n') && !error.headline().starts_with("error:"),
                "{error}"
            );
            assert!(
                !error.headline().contains("Usage:") && error.advice().is_some(),
                "{error}"
            );
        }
    }

    #[test]
    fn the_format_is_found_in_a_line_that_cannot_be_read() {
        assert_eq!(wanted_format(&words("plexctl nope --output json")), Format::Json);
        assert_eq!(wanted_format(&words("plexctl --output=json nope")), Format::Json);
        assert_eq!(
            wanted_format(&words("plexctl nope -- --output json")),
            Format::Text
        );
        assert_eq!(wanted_format(&words("plexctl nope --output")), Format::Text);
    }
}
