//! Dispatches and callbacks, and the audit chain that they leave, on a database of their own.

use super::args::Measurement;
use super::fleet::{Fleet, Reach};
use super::random::Random;
use super::{Findings, Place, SEED, Site, audit, callbacks, delivery, dispatch, hot, say};

/// What is measured here.
pub(super) const MEASUREMENTS: &[Measurement] = &[
    Measurement::Callbacks,
    Measurement::Audit,
    Measurement::Dispatch,
    Measurement::Hot,
    Measurement::Delivery,
];

/// Measures what is wanted of it.
///
/// # Errors
/// When the installation cannot be set up, or a signal came.
pub(super) fn measure(site: &Site<'_>, findings: &mut Findings) -> anyhow::Result<()> {
    if !site.bench.args.wants_any(MEASUREMENTS) {
        return Ok(());
    }
    let place = site.install("work")?;
    measure_at(site, &place, findings)?;
    site.remove(&place)
}

fn measure_at(site: &Site<'_>, place: &Place, findings: &mut Findings) -> anyhow::Result<()> {
    let (bench, name) = (site.bench, site.engine.name());
    let installation = &place.installation;
    let control_plane = installation.serve(&bench.programs)?;
    say(&format!("registering {} nodes on {name}", bench.size.fleet));
    let mut random = Random::new(SEED);
    let fleet = Fleet::register(
        &control_plane,
        installation.project_id,
        bench.size.fleet,
        &mut random,
    )?;
    let is_dispatched = bench
        .args
        .wants_any(&[Measurement::Callbacks, Measurement::Dispatch]);
    let dispatched = is_dispatched
        .then(|| {
            let count = bench.size.amount.executions();
            dispatch::to_many(&control_plane, &fleet, (Reach::All, count))
        })
        .transpose()?;
    if let Some(dispatched) = &dispatched
        && bench.args.wants(Measurement::Callbacks)
    {
        findings.measure(&format!("Callbacks on {name}"), || {
            callbacks::section(site, (installation, &control_plane), &fleet, dispatched)
        })?;
    }
    if bench.args.wants(Measurement::Audit) {
        findings.measure(&format!("Audit on {name}"), || {
            audit::section(&control_plane, installation, bench.size.pages)
        })?;
    }
    control_plane.stop()?;
    if let Some(dispatched) = &dispatched
        && bench.args.wants(Measurement::Dispatch)
    {
        findings.measure(&format!("Dispatch on {name}"), || {
            dispatch::section(installation, &fleet, dispatched, &mut random)
        })?;
    }
    // Only a database that is shared has several replicas.
    if site.cluster.is_some() && bench.args.wants(Measurement::Hot) {
        findings.measure("One execution and two replicas", || {
            hot::section(&bench.programs, installation, &fleet)
        })?;
    }
    if site.cluster.is_some() && bench.args.wants(Measurement::Delivery) {
        findings.measure("Dispatches from replica to replica", || {
            delivery::section(&bench.programs, installation, &fleet)
        })?;
    }
    Ok(())
}
