//! `service.restart`: restarts a unit that the node's operator allowed.

use super::schema::{Arguments, Need, Parameter};
use super::{Builtin, Builtins, Plan, Refusal, installed, run, systemd};

pub(super) const BUILTIN: Builtin = Builtin {
    name: "service.restart",
    description: "Restart a systemd unit; only units allowed by plexd's --restartable-unit",
    parameters: &[Parameter {
        name: "unit",
        kind: systemd::UNIT,
        need: Need::Required,
        description: "Unit name",
    }],
    plan,
};

fn plan(builtins: &Builtins, arguments: &Arguments) -> Result<Plan, Refusal> {
    let unit = systemd::full_name(arguments.text("unit").unwrap_or_default());
    if !builtins.may_restart(&unit) {
        return Err(Refusal::Impossible(format!(
            "unit {unit} is not allowed by --restartable-unit on this node"
        )));
    }
    systemd::required()?;
    let options = ["--no-pager", "--no-ask-password", "restart", "--"].map(str::to_owned);
    Ok(run(
        installed("systemctl")?,
        options.into_iter().chain([unit]).collect(),
    ))
}
