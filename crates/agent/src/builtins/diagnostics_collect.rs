//! `diagnostics.collect`: one text with what one looks at first when a machine misbehaves. Processes are shown by name,
//! not by command line, because command lines hold secrets.

use super::facts::{self, Space};
use super::schema::{Arguments, Kind, Need, Parameter};
use super::{Builtin, Builtins, Done, Plan, Refusal, blocking, system_info};
use plex_domain::text::printable;
use std::fmt::Write as _;
use std::fs;

pub(super) const BUILTIN: Builtin = Builtin {
    name: "diagnostics.collect",
    description: "Collect system description, pressure, memory, disks, network counters and the largest processes",
    parameters: &[Parameter {
        name: "processes",
        kind: Kind::Integer(0, 1000),
        need: Need::Default(20),
        description: "How many processes to show, largest first",
    }],
    plan,
};

fn plan(_: &Builtins, arguments: &Arguments) -> Result<Plan, Refusal> {
    let count = usize::try_from(arguments.integer("processes").unwrap_or_default()).unwrap_or_default();
    Ok(blocking(move || Done {
        exit_code: 0,
        output: report(count).into_bytes(),
    }))
}

fn report(count: usize) -> String {
    let mut report = String::new();
    let mut section = |title: &str, text: &str| {
        let _ = write!(report, "== {title}\n{}\n\n", text.trim_end());
    };
    section("system", &format!("{:#}", system_info::describe()));
    for path in [
        "/proc/pressure/cpu",
        "/proc/pressure/memory",
        "/proc/pressure/io",
        "/proc/meminfo",
        "/proc/net/dev",
    ] {
        section(
            path,
            &fs::read_to_string(path).unwrap_or_else(|error| error.to_string()),
        );
    }
    let disks: String = Space::everywhere()
        .iter()
        .map(|space| {
            format!(
                "{:>3} % available of {} bytes on {}\n",
                space.available_percent(),
                space.total,
                space.mount
            )
        })
        .collect();
    section("disks", &disks);
    section("processes by resident memory", &processes(count));
    report
}

fn processes(count: usize) -> String {
    let mut processes: Vec<(u64, u32, String)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            let kibibytes = resident.split_ascii_whitespace().next()?.parse().ok()?;
            Some((kibibytes, pid, facts::line(&format!("/proc/{pid}/comm"))))
        })
        .collect();
    processes.sort_by(|a, b| b.cmp(a));
    let line =
        |(size, pid, name): &(u64, u32, String)| format!("{size:>10} KiB {pid:>8} {}\n", printable(name));
    processes.iter().take(count).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_has_its_sections_and_this_process() {
        let report = report(10_000);
        for title in ["== system", "== /proc/meminfo", "== disks", "== processes"] {
            assert!(report.contains(title), "{title}");
        }
        assert!(processes(10_000).contains(&format!(" {} ", std::process::id())));
        assert_eq!(processes(2).lines().count(), 2);
    }
}
