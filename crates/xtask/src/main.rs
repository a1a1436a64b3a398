//! The project's chores, run as `cargo xtask …`: see it work, check it, measure it, write what is generated.
//!
//! They are programs rather than scripts so that they need nothing but what builds the product, and so that what
//! they claim is checked by the same compiler and the same lints.

mod agent;
mod bench;
mod console;
mod demo;
mod generated;
mod interrupt;
mod postgres;
mod process;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of this workspace
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Watch the whole product at work: a control plane, three agents, five executions
    Demo(demo::Args),
    /// Run every check and every test
    Test(test::Args),
    /// Measure the product beside floors and peers
    Bench(bench::Args),
    /// What lists and callbacks are compared with
    #[command(hide = true)]
    BenchFloor(bench::FloorArgs),
    /// Write openapi/plexsphere.json anew
    Openapi,
    /// Write docs/cli.md anew
    CliReference,
    /// Write the completion scripts that `plexctl` carries
    Completions,
}

/// The product's, so that a floor is none the slower for another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let result = match Cli::parse().chore {
        Chore::Demo(args) => demo::run(&args),
        Chore::Test(args) => test::run(&args),
        Chore::Bench(args) => bench::run(args),
        Chore::BenchFloor(args) => bench::serve_floor(&args),
        Chore::Openapi => generated::write(generated::Document::OpenApi),
        Chore::CliReference => generated::write(generated::Document::CliReference),
        Chore::Completions => generated::Document::COMPLETIONS
            .into_iter()
            .try_for_each(generated::write),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
