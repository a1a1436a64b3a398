//! The reports of simulated nodes: what is sent, what was answered, and whether the log shows it.

use super::connection::Operator;
use super::fleet::Fleet;
use super::http::Answer;
use super::load::Work;
use super::report::{Row, Verdict};
use std::collections::{BTreeMap, HashMap};

use data_encoding::BASE64;
use plex_api::executions::{Execution, ExecutionStatus, ExecutionTarget};
use plex_api::paths;
use uuid::Uuid;

/// Bytes of each output.
pub(super) const OUTPUT: usize = 256;
/// What a node reports of one invocation, in this order.
const STEPS: [ExecutionStatus; 3] = [
    ExecutionStatus::Ack,
    ExecutionStatus::Started,
    ExecutionStatus::Succeeded,
];

/// Which execution an invocation belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape<'e> {
    /// All nodes share one; one per wave.
    Wide(&'e [Uuid]),
    /// One for each node; a single wave.
    Apart(&'e [Uuid]),
}

/// The reports of a number of waves.
pub(super) struct Reports<'a> {
    fleet: &'a Fleet,
    shape: Shape<'a>,
    bodies: [String; 3],
    /// How many requests were made before those that are numbered from nought.
    skipped: usize,
    /// How many reports of each invocation were answered 200.
    accepted: Vec<u8>,
    /// Other answers, by status code.
    pub(super) refused: BTreeMap<u16, usize>,
}

impl<'a> Reports<'a> {
    /// What each node reports of an invocation.
    pub(super) const STEPS: usize = STEPS.len();

    /// Of every node on every execution.
    pub(super) fn new(fleet: &'a Fleet, shape: Shape<'a>) -> Self {
        let waves = match shape {
            Shape::Wide(executions) => executions.len(),
            Shape::Apart(_) => 1,
        };
        let accepted = vec![0; waves * fleet.nodes.len()];
        Self {
            fleet,
            shape,
            bodies: bodies("status"),
            skipped: 0,
            accepted,
            refused: BTreeMap::new(),
        }
    }

    /// The same, with `status` misspelt: refused after authentication, without any write.
    pub(super) fn misspelt(fleet: &'a Fleet, shape: Shape<'a>) -> Self {
        Self {
            bodies: bodies("statuz"),
            ..Self::new(fleet, shape)
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.accepted.len() * STEPS.len()
    }

    /// How many reports are one step of every node.
    pub(super) fn step(&self) -> usize {
        self.fleet.nodes.len()
    }

    /// Numbers what follows one step of every node from nought again.
    pub(super) fn skip_step(&mut self) {
        self.skipped += self.step();
    }

    /// The invocation and the step of a request's number.
    fn place(&self, number: usize) -> (usize, usize) {
        let number = self.skipped + number;
        let nodes = self.fleet.nodes.len();
        let (wave, rest) = (number / (nodes * STEPS.len()), number % (nodes * STEPS.len()));
        (wave * nodes + rest % nodes, rest / nodes)
    }

    fn execution(&self, invocation: usize) -> Uuid {
        match self.shape {
            Shape::Wide(executions) => executions[invocation / self.fleet.nodes.len()],
            Shape::Apart(executions) => executions[invocation],
        }
    }
}

/// The bodies of the steps, with that word for the member that says the status.
fn bodies(status: &str) -> [String; 3] {
    let output = BASE64.encode(&[b'.'; OUTPUT]);
    let [ack, started, succeeded] = STEPS.map(ExecutionStatus::as_str);
    [
        format!(r#"{{"{status}":"{ack}"}}"#),
        format!(r#"{{"{status}":"{started}"}}"#),
        format!(r#"{{"{status}":"{succeeded}","exit_code":0,"output":{{"inline":"{output}"}}}}"#),
    ]
}

impl Work for Reports<'_> {
    fn request(&mut self, number: usize) -> Vec<u8> {
        let (invocation, step) = self.place(number);
        let node = &self.fleet.nodes[invocation % self.fleet.nodes.len()];
        node.caller.send(
            "POST",
            &paths::callback(node.id, self.execution(invocation)),
            &self.bodies[step],
        )
    }

    fn answered(&mut self, number: usize, answer: &Answer) -> anyhow::Result<()> {
        let (invocation, _) = self.place(number);
        match answer.status {
            200 => self.accepted[invocation] += 1,
            other => *self.refused.entry(other).or_default() += 1,
        }
        Ok(())
    }
}

/// The same requests, but nothing is to be done.
pub(super) struct NoOps<'a>(pub(super) Reports<'a>);

impl Work for NoOps<'_> {
    fn request(&mut self, number: usize) -> Vec<u8> {
        self.0.request(number)
    }

    fn answered(&mut self, _: usize, answer: &Answer) -> anyhow::Result<()> {
        anyhow::ensure!(
            answer.status == 400,
            "a no-op POST was answered {}",
            answer.status
        );
        Ok(())
    }
}

/// What was answered 200, and how much of it the API gives back.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Reports answered 200.
    pub(super) answered: usize,
    /// Reports that the API shows.
    pub(super) found: usize,
}

impl Found {
    /// What the report says of it.
    pub(super) fn row(&self) -> Row {
        Row {
            what: "callbacks answered 200 and found again".to_owned(),
            figure: self.found.to_string(),
            beside: format!("{} answered", self.answered),
            ratio: String::new(),
            budget: "all".to_owned(),
            verdict: Verdict::of(self.found == self.answered),
        }
    }

    /// Looks for what these reports were answered.
    ///
    /// # Errors
    /// When an execution cannot be read.
    pub(super) fn look(&mut self, operator: &mut Operator, reports: &Reports<'_>) -> anyhow::Result<()> {
        let nodes = &reports.fleet.nodes;
        let mut shown: HashMap<Uuid, ExecutionTarget> = HashMap::new();
        for (invocation, accepted) in reports.accepted.iter().enumerate() {
            let node = &nodes[invocation % nodes.len()];
            let is_wide = matches!(reports.shape, Shape::Wide(_));
            if !is_wide || invocation % nodes.len() == 0 {
                let path = paths::execution(reports.fleet.project_id, reports.execution(invocation));
                let execution: Execution = operator.get(&path)?;
                shown = execution
                    .targets
                    .into_iter()
                    .map(|target| (target.node_id, target))
                    .collect();
            }
            let accepted = usize::from(*accepted);
            self.answered += accepted;
            self.found += shown.get(&node.id).map_or(0, stored).min(accepted);
        }
        Ok(())
    }
}

/// How many of the three reports a target shows.
fn stored(target: &ExecutionTarget) -> usize {
    match target.status {
        ExecutionStatus::Ack => 1,
        ExecutionStatus::Started => 2,
        ExecutionStatus::Succeeded if target.output_bytes == Some(OUTPUT as u64) => 3,
        ExecutionStatus::Succeeded
        | ExecutionStatus::Pending
        | ExecutionStatus::Failed
        | ExecutionStatus::Cancelled
        | ExecutionStatus::Timeout => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fleet::Node;
    use crate::bench::http::Caller;

    fn fleet(size: u128) -> Fleet {
        let node = |id| Node {
            id: Uuid::from_u128(id),
            caller: Caller::anonymous("localhost"),
            bearer: String::new(),
        };
        Fleet {
            project_id: Uuid::nil(),
            nodes: (1..=size).map(node).collect(),
        }
    }

    #[test]
    fn every_invocation_takes_its_steps_in_order_and_a_wave_apart() {
        let (fleet, executions) = (fleet(3), [Uuid::from_u128(100), Uuid::from_u128(200)]);
        let reports = Reports::new(&fleet, Shape::Wide(&executions));
        assert_eq!(reports.count(), 18);
        let mut steps = HashMap::<usize, Vec<usize>>::new();
        for number in 0..reports.count() {
            let (invocation, step) = reports.place(number);
            steps.entry(invocation).or_default().push(step);
            assert_eq!(reports.execution(invocation), executions[number / 9]);
        }
        assert!(
            steps.len() == 6 && steps.values().all(|steps| *steps == [0, 1, 2]),
            "{steps:?}"
        );
    }

    #[test]
    fn what_follows_a_step_is_the_next_one() {
        let (fleet, executions) = (fleet(3), [Uuid::from_u128(100)]);
        let mut reports = Reports::new(&fleet, Shape::Wide(&executions));
        assert_eq!(reports.place(2), (2, 0));
        reports.skip_step();
        assert_eq!((reports.place(0), reports.place(2)), ((0, 1), (2, 1)));
    }

    #[test]
    fn executions_of_one_node_are_reported_by_that_node() {
        let (fleet, executions) = (fleet(2), [Uuid::from_u128(100), Uuid::from_u128(200)]);
        let mut reports = Reports::new(&fleet, Shape::Apart(&executions));
        for number in 0..reports.count() {
            let request = String::from_utf8(reports.request(number)).unwrap();
            let path = paths::callback(fleet.nodes[number % 2].id, executions[number % 2]);
            assert!(request.starts_with(&format!("POST {path} ")), "{request}");
        }
    }

    #[test]
    fn a_misspelt_report_is_as_long_and_says_no_status() {
        let (right, wrong) = (bodies("status"), bodies("statuz"));
        for (right, wrong) in right.iter().zip(&wrong) {
            let parsed = serde_json::from_str::<plex_api::executions::ExecutionCallbackRequest>;
            assert!(parsed(right).is_ok() && parsed(wrong).is_err());
            assert_eq!(right.len(), wrong.len());
        }
    }
}
