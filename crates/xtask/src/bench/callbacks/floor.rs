//! The bare handler that callbacks are measured beside, with a database of its own.

use super::super::bare::{Database, Floor, Ledger};
use super::super::connection::Endpoint;
use super::super::control_plane::Installation;
use super::super::engine::{Cluster, Shared};
use super::super::fleet::Fleet;
use super::super::load::{Pace, Pool};
use super::super::reports::{Reports, Shape};
use super::Measured;
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use uuid::Uuid;

/// Its database, in a cluster that the product uses as well.
const NAME: &str = "floor";

/// The running bare handler.
pub(super) struct Bare<'c> {
    floor: Floor,
    endpoint: Endpoint,
    ledger: Ledger,
    cluster: Option<(&'c Cluster, Shared)>,
    answered: usize,
}

impl<'c> Bare<'c> {
    /// Starts one to which the fleet can report on `executions`.
    ///
    /// # Errors
    /// When it has no database or does not serve.
    pub(super) fn start(
        installation: &Installation,
        cluster: Option<&'c Cluster>,
        fleet: &Fleet,
        executions: &[Uuid],
    ) -> anyhow::Result<Self> {
        let cluster = match cluster {
            Some(cluster) => Some((cluster, cluster.database(NAME)?)),
            None => None,
        };
        let database = match &cluster {
            Some((_, shared)) => Database::Url(shared.url.clone()),
            None => Database::File(installation.beside("floor.db")),
        };
        let nodes: Vec<Uuid> = fleet.nodes.iter().map(|node| node.id).collect();
        let ledger = Ledger::make(database, executions, &nodes)?;
        let floor = Floor::of_callbacks(installation, ledger.database())?;
        Ok(Self {
            endpoint: Endpoint::new(&floor.url, &installation.ca_file)?,
            floor,
            ledger,
            cluster,
            answered: 0,
        })
    }

    /// Takes some of its executions through all steps, in a closed loop.
    ///
    /// # Errors
    /// When it does not answer 200 to everything.
    pub(super) fn measure(
        &mut self,
        fleet: &Fleet,
        executions: &[Uuid],
        connections: usize,
    ) -> anyhow::Result<Measured> {
        let mut reports = Reports::new(fleet, Shape::Wide(executions));
        let count = reports.count();
        let before = self.processor_time()?;
        let run = Pool::of(&self.endpoint, connections)?.run(&mut reports, count, Pace::Closed)?;
        let processor_time = self.processor_time()?.saturating_sub(before);
        ensure!(
            reports.refused.is_empty(),
            "the bare handler did not answer 200: {:?}",
            reports.refused
        );
        self.answered += count;
        Ok(Measured {
            run,
            processor_time,
            refused: BTreeMap::new(),
        })
    }

    /// Kills it; what it answered must be there all the same.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        drop(self.floor);
        self.ledger.expect(self.answered)?;
        match self.cluster {
            Some((cluster, _)) => cluster.drop_database(NAME),
            None => Ok(()),
        }
    }

    /// Of it, and of the database server.
    fn processor_time(&self) -> anyhow::Result<Duration> {
        let own = self.floor.processor_time()?;
        let shared = self.cluster.as_ref().map(|(_, shared)| shared.processor_time());
        Ok(own + shared.transpose()?.unwrap_or_default())
    }
}
