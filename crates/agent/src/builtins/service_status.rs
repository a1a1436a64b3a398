//! `service.status`: what systemd says of a unit; fails when the unit is not active.

use super::schema::{Arguments, Need, Parameter};
use super::{Builtin, Builtins, Plan, Refusal, installed, run, systemd};

pub(super) const BUILTIN: Builtin = Builtin {
    name: "service.status",
    description: "Show a systemd unit's state; fails with systemctl's exit code when it is not active",
    parameters: &[Parameter {
        name: "unit",
        kind: systemd::UNIT,
        need: Need::Required,
        description: "Unit name",
    }],
    plan,
};

fn plan(_: &Builtins, arguments: &Arguments) -> Result<Plan, Refusal> {
    systemd::required()?;
    let unit = systemd::full_name(arguments.text("unit").unwrap_or_default());
    let options = ["--no-pager", "--full", "--lines=20", "status", "--"].map(str::to_owned);
    Ok(run(
        installed("systemctl")?,
        options.into_iter().chain([unit]).collect(),
    ))
}
