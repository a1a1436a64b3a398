//! `cargo xtask demo`: one control plane, three agents and five executions, all of them real.
//!
//! Everything runs in a fresh temporary directory. Each command line is printed before its output, so that it can be
//! typed again, and what is shown is checked as well: a demonstration that is not true fails.

mod cases;
mod operator;
mod site;

use crate::console;
use crate::interrupt::Interrupt;
use crate::workspace::Workspace;
use cases::{Case, Dispatched};
use operator::Operator;
use site::Site;
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Args as Flags;

/// The flags of `cargo xtask demo`
#[derive(Debug, Clone, Copy, Default, Flags)]
pub(crate) struct Args {
    /// Leave everything running and say how to go on by hand
    #[arg(long)]
    keep: bool,
}

/// The longest time that an execution of the demonstration can take.
const PATIENCE: Duration = Duration::from_secs(45);

/// Builds the programs, shows them at work, and stops everything.
///
/// # Errors
/// When something does not work, or what is shown is not what it should be.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    console::say("Building plexctl, plexsphere and plexd (development profile) …")?;
    let programs = Workspace::find()?.build_programs()?;
    let began = Instant::now();
    let mut site = Site::build(&programs, &interrupt)?;
    show(&mut site, &interrupt)?;
    console::say(&format!(
        "\nAll of this was checked and is true. It took {} s.",
        began.elapsed().as_secs()
    ))?;
    if args.keep {
        site.restart_the_last_agent(&interrupt)?;
        return Ok(console::say(&site.keep()?)?);
    }
    site.stop()?;
    Ok(console::say("Everything is stopped, and the directory is gone.")?)
}

fn show(site: &mut Site, interrupt: &Interrupt) -> anyhow::Result<()> {
    let operator = site.operator().clone();
    heading("Three nodes have registered")?;
    operator.show(&["node", "list", "--project", operator.project()])?;
    heading(Case::Everywhere.title())?;
    let mut dispatched = vec![Case::Everywhere.dispatch(&operator, site.nodes())?];
    settle(&operator, &dispatched[0], interrupt)?;

    // The longest wait begins first; meanwhile the others happen.
    console::say("\nNow the agent of node-3 is switched off.")?;
    site.stop_the_last_agent()?;
    for case in [Case::OneIsOff, Case::LargeOutput, Case::Failure, Case::Overrun] {
        heading(case.title())?;
        dispatched.push(case.dispatch(&operator, site.nodes())?);
    }
    heading("What became of them")?;
    for one in &dispatched {
        settle(&operator, one, interrupt)?;
    }
    dispatched.sort_by_key(|one| one.case);
    list(&operator, &dispatched)?;
    for one in &dispatched {
        heading(one.case.title())?;
        one.show(&operator, site.nodes())?;
        interrupt.check()?;
    }
    Ok(())
}

/// Waits until every target of an execution has ended.
fn settle(operator: &Operator, one: &Dispatched, interrupt: &Interrupt) -> anyhow::Result<()> {
    interrupt.wait_for("an execution's end", PATIENCE, || {
        let execution = operator.execution(&one.id)?;
        let open = ["pending", "ack", "started"];
        Ok((!open.contains(&execution["status"].as_str().unwrap_or_default())).then_some(()))
    })
}

fn list(operator: &Operator, dispatched: &[Dispatched]) -> anyhow::Result<()> {
    let text = operator.show(&["exec-log", "list", "--project", operator.project()])?;
    for one in dispatched {
        let row = text.lines().find(|line| line.starts_with(&one.id));
        let status = one.case.status();
        ensure!(
            row.is_some_and(|row| row.split_whitespace().any(|word| word == status)),
            "exec-log list does not show {} as {status}",
            one.id
        );
    }
    Ok(())
}

fn heading(title: &str) -> anyhow::Result<()> {
    Ok(console::say(&format!("\n── {title}"))?)
}
