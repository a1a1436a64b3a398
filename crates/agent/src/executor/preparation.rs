//! From a job to something that can be run, or the reason why it must not.

use super::Executor;
use crate::builtins::{Done, Plan};
use crate::delivery::Job;
use crate::hooks::{HookError, Sealed, Sidecar};
use crate::integrity;
use crate::parameters;
use crate::process::{Command, Program};
use plex_api::executions::ActionKind;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What runs.
pub(super) enum Body {
    Program(Command),
    Work(Pin<Box<dyn Future<Output = Done> + Send>>),
}

/// A body that is ready to run, and how long it may.
pub(super) struct Prepared {
    pub(super) body: Body,
    pub(super) deadline: Instant,
    /// What the hook's sidecar allows once it runs.
    pub(super) own_limit: Option<Duration>,
    /// The limit as it is named when it is exceeded.
    pub(super) seconds: u32,
}

impl Executor {
    /// Makes a job ready to run: the program found, checked and sealed, the parameters checked and laid out.
    ///
    /// # Errors
    /// The reason why it must not or cannot run.
    pub(super) async fn prepare(&self, job: Job) -> Result<Prepared, String> {
        match job.kind {
            ActionKind::Builtin => {
                let plan = self
                    .builtins
                    .plan(&job.action, job.parameters.as_deref())
                    .map_err(|error| error.to_string())?;
                let body = match plan {
                    Plan::Run(command) => Body::Program(command),
                    Plan::Work(work) => Body::Work(work),
                };
                Ok(Prepared {
                    body,
                    deadline: job.deadline,
                    own_limit: None,
                    seconds: job.timeout_seconds,
                })
            }
            ActionKind::Hook => self.prepare_hook(job).await,
        }
    }

    async fn prepare_hook(&self, job: Job) -> Result<Prepared, String> {
        let (sealed, sidecar) = self.seal(&job).await?;
        let variables = parameters::variables(job.parameters.as_deref(), |name| sidecar.is_secret(name))
            .map_err(|error| format!("invalid parameters: {error}"))?;
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut environment = vec![
            variable("PATH", PATH),
            variable("HOME", &self.home),
            variable("PLEXD_NODE_ID", &self.node_id.to_string()),
            variable("PLEXD_EXECUTION_ID", &job.execution_id.to_string()),
        ];
        environment.extend(variables.plain);
        let command = Command {
            program: Program::Sealed(sealed.image, job.action),
            arguments: Vec::new(),
            environment,
            secrets: variables.secret,
        };
        let own = sidecar.timeout_seconds.filter(|own| *own < job.timeout_seconds);
        Ok(Prepared {
            body: Body::Program(command),
            deadline: job.deadline,
            own_limit: own.map(|own| Duration::from_secs(own.into())),
            seconds: own.unwrap_or(job.timeout_seconds),
        })
    }

    /// The hook's sealed copy, if it is the one that the server pinned or, where it does not say, that was last declared.
    async fn seal(&self, job: &Job) -> Result<(Sealed, Sidecar), String> {
        let (hooks, name) = (self.hooks.clone(), job.action.clone());
        let sealed = tokio::task::spawn_blocking(move || hooks.seal(&name)).await;
        let (sealed, sidecar) = sealed
            .map_err(|error| error.to_string())?
            .map_err(|error| match error {
                HookError::Missing => "unknown_action".to_owned(),
                error => format!("hook refused: {error}"),
            })?;
        let declared = || Some(self.catalog.borrow().get(&job.action)?.checksum.clone());
        let expected = job.checksum.clone().or_else(declared);
        if expected.as_ref() == Some(&sealed.checksum) {
            return Ok((sealed, sidecar));
        }
        if let Some(expected) = expected {
            self.findings
                .note(integrity::before_run(&job.action, &sealed.checksum, &expected));
        }
        Err("hook_integrity_violation".to_owned())
    }
}
