//! The report: each figure beside the floor or the peer that was measured in the same run.

use super::latencies::shown;
use super::machine::{Machine, Speed};
use std::fmt::Write as _;

/// Whether a figure keeps its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It does.
    Met,
    /// It does not.
    Missed,
    /// It has none.
    NoBudget,
}

impl Verdict {
    /// Met, if that holds.
    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::Met } else { Self::Missed }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "**not met**",
            Self::NoBudget => "",
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// What was measured.
    pub(super) what: String,
    /// What came out.
    pub(super) figure: String,
    /// The floor or peer of the same run.
    pub(super) beside: String,
    /// The one as a share of the other.
    pub(super) ratio: String,
    /// What was promised.
    pub(super) budget: String,
    /// Whether it holds.
    pub(super) verdict: Verdict,
}

impl Row {
    /// A figure that nothing was promised about.
    pub(super) fn plain(what: impl Into<String>, figure: String) -> Self {
        Self {
            what: what.into(),
            figure,
            beside: String::new(),
            ratio: String::new(),
            budget: String::new(),
            verdict: Verdict::NoBudget,
        }
    }
}

/// What one measurement has to say.
#[derive(Debug, Clone, Default)]
pub(super) struct Section {
    /// Its heading.
    pub(super) title: String,
    /// How it was measured, as prose.
    pub(super) method: String,
    /// Its figures.
    pub(super) rows: Vec<Row>,
    /// A curve and the figures behind it.
    pub(super) curve: Option<Curve>,
    /// How fast the machine was just before.
    pub(super) speed: Option<Speed>,
    /// Whether there are no figures because the measurement failed.
    pub(super) is_missing: bool,
}

impl Section {
    /// What stands in the place of figures that could not be had.
    pub(super) fn missing(title: &str, error: &anyhow::Error) -> Self {
        Self {
            title: title.to_owned(),
            method: format!("**Could not be measured:** {error:#}"),
            is_missing: true,
            ..Self::default()
        }
    }
}

/// A drawing, and its figures as a table.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    /// The drawing's file, in the directory of drawings.
    pub(super) file: String,
    /// The drawing.
    pub(super) svg: String,
    /// The figures, as a Markdown table.
    pub(super) table: String,
}

/// How a run was asked for.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The command line that repeats it.
    pub(super) command: String,
    /// Where all generated data comes from.
    pub(super) seed: u64,
    /// What the other report has, and where it is.
    pub(super) elsewhere: &'static str,
}

/// The directory of the drawings, beside the report.
pub(super) const DRAWINGS: &str = "benchmarks";

/// The report as Markdown.
pub(super) fn markdown(machine: &Machine, setting: &Setting, sections: &[Section]) -> String {
    let mut text = String::from("# Benchmarks\n\n");
    let _ = writeln!(
        text,
        "Written by `{}`; do not edit it by hand. The absolute figures hold for this machine and this day. What\n\
         carries over is the ratio to the floor or peer that was measured in the same run.\n",
        setting.command
    );
    for (name, value) in machine.facts() {
        let _ = writeln!(text, "* {name}: {value}");
    }
    let _ = writeln!(text, "* seed of all generated data: {:#x}\n", setting.seed);
    let rows = || sections.iter().flat_map(|section| &section.rows);
    let missed = rows().filter(|row| row.verdict == Verdict::Missed).count();
    let with_budget = rows().filter(|row| row.verdict != Verdict::NoBudget).count();
    let missing = sections.iter().filter(|section| section.is_missing).count();
    let _ = writeln!(
        text,
        "{} of {with_budget} budgets are met. Measurements that failed: {missing}.",
        with_budget - missed
    );
    let _ = writeln!(text, "\n{}", setting.elsewhere);
    for section in sections {
        let _ = writeln!(text, "\n## {}\n\n{}", section.title, section.method);
        if let Some(curve) = &section.curve {
            let (title, file, table) = (&section.title, &curve.file, &curve.table);
            let _ = write!(text, "\n![{title}]({DRAWINGS}/{file})\n\n{table}");
        }
        if !section.rows.is_empty() {
            text.push_str(&table(&section.rows));
        }
    }
    text.push_str(&speeds(sections));
    text
}

/// How fast the machine was from one section to the next.
fn speeds(sections: &[Section]) -> String {
    let mut text = String::from(
        "\n## The machine meanwhile\n\n\
         What it gave to a single thread just before each section, the fastest of five tries; servers of the run were there,\n\
         but nobody asked them anything. A step of arithmetic is a multiplication and a rotation. Reads go from one line to\n\
         the next in an order that nobody can guess: over 8 MiB, which a third cache of a core's own would hold, and over\n\
         128 MiB. A byte goes to another thread, which sleeps, and back: the median of 1,000.\n\n\
         | before | a step of arithmetic | a read of 8 MiB | a read of 128 MiB | to another thread and back |\n\
         |---|---|---|---|---|\n",
    );
    for section in sections {
        if let Some(speed) = section.speed {
            let _ = writeln!(
                text,
                "| {} | {:.2} ns | {:.0} ns | {:.0} ns | {} |",
                section.title,
                speed.arithmetic,
                speed.cache,
                speed.memory,
                shown(speed.errand)
            );
        }
    }
    text
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "\n| figure | measured | floor or peer, same run | ratio | budget | |\n|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let verdict = row.verdict.word();
        let cells = [&row.what, &row.figure, &row.beside, &row.ratio, &row.budget]
            .map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(text, "| {} | {verdict} |", cells.join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn row(verdict: Verdict) -> Row {
        let cell = || "a|b".to_owned();
        Row {
            what: cell(),
            figure: cell(),
            beside: cell(),
            ratio: cell(),
            budget: cell(),
            verdict,
        }
    }

    #[test]
    fn a_missed_budget_is_said_plainly_and_counted() {
        let section = Section {
            title: "Lists".to_owned(),
            method: "As usual.".to_owned(),
            rows: vec![row(Verdict::Met), row(Verdict::Missed), row(Verdict::NoBudget)],
            speed: Some(Speed {
                arithmetic: 0.541,
                cache: 13.4,
                memory: 98.7,
                errand: Duration::from_micros(9),
            }),
            ..Section::default()
        };
        let setting = Setting {
            command: "cargo xtask bench".to_owned(),
            seed: 255,
            elsewhere: "",
        };
        let text = markdown(&Machine::default(), &setting, &[section]);
        assert!(text.contains("1 of 2 budgets are met."), "{text}");
        assert!(text.contains("| **not met** |"), "{text}");
        assert!(text.contains("seed of all generated data: 0xff"), "{text}");
        assert!(
            text.contains("| a\\|b | a\\|b | a\\|b | a\\|b | a\\|b | met |"),
            "{text}"
        );
        let machine = "| Lists | 0.54 ns | 13 ns | 99 ns | 0.009 ms |";
        assert!(text.contains(machine), "{text}");
    }

    #[test]
    fn what_could_not_be_measured_says_why_in_its_place_and_is_counted() {
        let sections = [Section::missing("Lists on SQLite", &anyhow::anyhow!("no room"))];
        let setting = Setting {
            command: String::new(),
            seed: 0,
            elsewhere: "",
        };
        let text = markdown(&Machine::default(), &setting, &sections);
        assert!(text.contains("Measurements that failed: 1."), "{text}");
        assert!(
            text.contains("## Lists on SQLite\n\n**Could not be measured:** no room\n"),
            "{text}"
        );
        assert!(!text.contains("| figure |"), "{text}");
    }
}
