//! `logs.snapshot`: the end of the journal. It reads the journal only, never a path.

use super::schema::{Arguments, Kind, Need, Parameter};
use super::{Builtin, Builtins, Plan, Refusal, installed, run, systemd};

pub(super) const BUILTIN: Builtin = Builtin {
    name: "logs.snapshot",
    description: "Show the last lines of the systemd journal",
    parameters: &[
        Parameter {
            name: "unit",
            kind: systemd::UNIT,
            need: Need::Optional,
            description: "Only this unit",
        },
        Parameter {
            name: "since",
            kind: Kind::Text(
                is_time,
                "a time such as \"2026-11-23 12:00:00\", \"-1h\" or \"yesterday\"",
            ),
            need: Need::Optional,
            description: "Only lines since then, as journalctl reads it",
        },
        Parameter {
            name: "lines",
            kind: Kind::Integer(1, 10_000),
            need: Need::Default(200),
            description: "Most lines",
        },
    ],
    plan,
};

fn is_time(text: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b':' | b'-' | b'+' | b'.' | b'@' | b'/')
    };
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

fn plan(_: &Builtins, arguments: &Arguments) -> Result<Plan, Refusal> {
    let mut options = vec![
        "--no-pager".to_owned(),
        "--quiet".to_owned(),
        "--output=short-iso".to_owned(),
    ];
    options.push(format!(
        "--lines={}",
        arguments.integer("lines").unwrap_or_default()
    ));
    // Joined by `=`, a value cannot be taken for an option.
    options.extend(
        arguments
            .text("unit")
            .map(|unit| format!("--unit={}", systemd::full_name(unit))),
    );
    options.extend(arguments.text("since").map(|since| format!("--since={since}")));
    Ok(run(installed("journalctl")?, options))
}
