//! The actions compiled into the agent. Each is useful on any Linux machine and says clearly when the machine
//! lacks what it needs.
//!
//! A built-in is a name, a schema and a function that turns checked parameters into a [`Plan`]. It never runs
//! anything itself: deadline, kill and capture are the executor's, the same for all.

mod diagnostics_collect;
mod diagnostics_ping;
mod facts;
mod glob;
mod health_check;
mod logs_snapshot;
mod schema;
mod service_restart;
mod service_status;
mod system_info;
mod systemd;

use crate::parameters;
use crate::process::{Command, Program};
use plex_api::nodes::BuiltinAction;
use schema::{Arguments, Parameter};
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};
use std::pin::Pin;

/// Where programs of this machine are looked for.
const PATH: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// What is to be done for one invocation.
pub enum Plan {
    /// Run a program.
    Run(Command),
    /// Work inside the agent; it may be dropped at any point where it waits.
    Work(Pin<Box<dyn Future<Output = Done> + Send>>),
}

/// A piece of work that is over.
#[derive(Debug, PartialEq, Eq)]
pub struct Done {
    /// 0 when all is well, as a program would say.
    pub exit_code: i32,
    /// What it found.
    pub output: Vec<u8>,
}

/// Why a built-in does not run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This agent has no such action.
    #[error("unknown_action")]
    Unknown,
    /// The agent's operator switched it off.
    #[error("actions_disabled")]
    Disabled,
    /// The parameters do not fit its schema.
    #[error("invalid parameters: {0}")]
    Parameters(String),
    /// It may not be done here, or cannot.
    #[error("{0}")]
    Impossible(String),
}

struct Builtin {
    name: &'static str,
    description: &'static str,
    parameters: &'static [Parameter],
    plan: fn(&Builtins, &Arguments) -> Result<Plan, Refusal>,
}

const ALL: [&Builtin; 7] = [
    &diagnostics_collect::BUILTIN,
    &diagnostics_ping::BUILTIN,
    &health_check::BUILTIN,
    &logs_snapshot::BUILTIN,
    &service_restart::BUILTIN,
    &service_status::BUILTIN,
    &system_info::BUILTIN,
];

/// The built-ins as this agent's operator allows them.
#[derive(Debug)]
pub struct Builtins {
    restartable_units: Vec<String>,
    disabled: Vec<String>,
}

impl Builtins {
    /// Units that match one of `restartable_units` may be restarted; actions in `disabled` are off.
    pub fn new(restartable_units: Vec<String>, disabled: Vec<String>) -> Self {
        Self {
            restartable_units,
            disabled,
        }
    }

    /// Whether that action, built-in or hook, is switched off.
    pub fn is_disabled(&self, action: &str) -> bool {
        self.disabled.iter().any(|disabled| disabled == action)
    }

    /// Whether there is such a built-in, switched off or not.
    pub fn has(&self, action: &str) -> bool {
        ALL.iter().any(|builtin| builtin.name == action)
    }

    /// The built-ins as they are declared to the server.
    pub fn declared(&self) -> Vec<BuiltinAction> {
        let on = ALL.iter().filter(|builtin| !self.is_disabled(builtin.name));
        on.map(|builtin| BuiltinAction {
            name: builtin.name.to_owned(),
            description: Some(builtin.description.to_owned()),
            parameters: builtin.parameters.iter().map(Parameter::declared).collect(),
        })
        .collect()
    }

    /// What to do for that action with those parameters.
    ///
    /// # Errors
    /// When it must not or cannot be done.
    pub fn plan(&self, action: &str, parameters: Option<&RawValue>) -> Result<Plan, Refusal> {
        let builtin = ALL
            .iter()
            .find(|builtin| builtin.name == action)
            .ok_or(Refusal::Unknown)?;
        if self.is_disabled(action) {
            return Err(Refusal::Disabled);
        }
        let members =
            parameters::members(parameters).map_err(|error| Refusal::Parameters(error.to_string()))?;
        let arguments = Arguments::check(builtin.parameters, &members).map_err(Refusal::Parameters)?;
        (builtin.plan)(self, &arguments)
    }

    fn may_restart(&self, unit: &str) -> bool {
        let allowed = |pattern: &String| {
            glob::matches(pattern, unit) || glob::matches(&format!("{pattern}.service"), unit)
        };
        self.restartable_units.iter().any(allowed)
    }
}

/// A program of this machine, by name.
fn installed(name: &str) -> Result<PathBuf, Refusal> {
    PATH.iter()
        .map(|directory| Path::new(directory).join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| Refusal::Impossible(format!("{name} is not installed on this node")))
}

/// Runs a program of this machine in a plain environment.
fn run(program: PathBuf, arguments: Vec<String>) -> Plan {
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Plan::Run(Command {
        program: Program::Installed(program),
        arguments,
        environment: vec![
            variable("PATH", &PATH.join(":")),
            variable("LC_ALL", "C.UTF-8"),
            variable("SYSTEMD_COLORS", "0"),
        ],
        secrets: Vec::new(),
    })
}

/// Reads and counts on a thread where blocking does no harm.
fn blocking(work: impl FnOnce() -> Done + Send + 'static) -> Plan {
    Plan::Work(Box::pin(async move {
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Done {
            exit_code: 1,
            output: b"the action broke down\n".to_vec(),
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builtins() -> Builtins {
        Builtins::new(
            vec!["app-*".to_owned(), "web.service".to_owned(), "cron".to_owned()],
            vec!["health.check".to_owned()],
        )
    }

    fn refusal(action: &str, parameters: &str) -> Refusal {
        let raw: Box<RawValue> = serde_json::from_str(parameters).unwrap();
        match builtins().plan(action, Some(&raw)) {
            Ok(_) => panic!("{action} {parameters} was accepted"),
            Err(refusal) => refusal,
        }
    }

    #[test]
    fn what_is_declared_can_be_planned_and_what_is_disabled_is_neither() {
        let declared: Vec<_> = builtins()
            .declared()
            .into_iter()
            .map(|action| action.name)
            .collect();
        assert_eq!(declared.len(), ALL.len() - 1);
        assert!(!declared.contains(&"health.check".to_owned()));
        assert_eq!(refusal("health.check", "null"), Refusal::Disabled);
        assert_eq!(refusal("no.such", "null"), Refusal::Unknown);
        assert!(builtins().plan("system.info", None).is_ok());
    }

    #[test]
    fn unknown_and_ill_typed_parameters_are_refused() {
        for (action, parameters) in [
            ("system.info", r#"{"x":1}"#),
            ("system.info", "[]"),
            ("logs.snapshot", r#"{"lines":"ten"}"#),
            ("logs.snapshot", r#"{"lines":0}"#),
            ("logs.snapshot", r#"{"path":"/etc/shadow"}"#),
            ("logs.snapshot", r#"{"unit":"../x"}"#),
            ("logs.snapshot", r#"{"unit":"*"}"#),
            ("diagnostics.ping", "{}"),
            ("diagnostics.ping", r#"{"host":"-f"}"#),
            ("diagnostics.ping", r#"{"host":"a b"}"#),
            ("diagnostics.ping", r#"{"host":"h","count":1000}"#),
            ("service.status", r#"{"unit":7}"#),
        ] {
            let refusal = refusal(action, parameters);
            assert!(
                matches!(refusal, Refusal::Parameters(_)),
                "{action} {parameters}: {refusal}"
            );
        }
    }

    #[test]
    fn only_allowed_units_may_be_restarted() {
        let builtins = builtins();
        for unit in ["app-x.service", "app-.service", "web.service", "cron.service"] {
            assert!(builtins.may_restart(unit), "{unit}");
        }
        for unit in ["app.service", "sshd.service", "xweb.service", "cron.timer"] {
            assert!(!builtins.may_restart(unit), "{unit}");
        }
        assert!(!Builtins::new(Vec::new(), Vec::new()).may_restart("app-x.service"));
    }
}
