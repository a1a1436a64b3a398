//! Dispatches and callbacks, on a database of their own.

use super::args::Measurement;
use super::fleet::{Fleet, Reach};
use super::random::Random;
use super::{Findings, Place, SEED, Site, callbacks, dispatch, hot, say};

/// What is measured here.
pub(super) const MEASUREMENTS: &[Measurement] =
    &[Measurement::Callbacks, Measurement::Dispatch, Measurement::Hot];

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
    if bench
        .args
        .wants_any(&[Measurement::Callbacks, Measurement::Dispatch])
    {
        let count = bench.size.amount.executions();
        let dispatched = dispatch::to_many(&control_plane, &fleet, (Reach::All, count))?;
        if bench.args.wants(Measurement::Callbacks) {
            findings.measure(&format!("Callbacks on {name}"), || {
                let how = (bench.size.amount, site.engine);
                callbacks::section(&control_plane, &fleet, &dispatched, how)
            })?;
        }
        control_plane.stop()?;
        if bench.args.wants(Measurement::Dispatch) {
            findings.measure(&format!("Dispatch on {name}"), || {
                dispatch::section(installation, &fleet, &dispatched, &mut random)
            })?;
        }
    } else {
        control_plane.stop()?;
    }
    // Only a database that is shared has several replicas.
    if site.cluster.is_some() && bench.args.wants(Measurement::Hot) {
        findings.measure("One execution and two replicas", || {
            hot::section(&bench.programs, installation, &fleet)
        })?;
    }
    Ok(())
}
