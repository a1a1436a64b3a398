//! The process as the kernel sees it, under the names that Prometheus' own libraries use.

use super::exposition::Exposition;
use std::fs;
use std::sync::LazyLock;

/// When the process started, in seconds since 1970.
static STARTED: LazyLock<Option<f64>> = LazyLock::new(start_time);

/// Writes what can be read; what cannot is left out.
pub(super) fn write(exposition: &mut Exposition) {
    if let Some(seconds) = cpu_seconds() {
        exposition.counter(
            "process_cpu_seconds_total",
            "CPU time of user and system.",
            seconds,
        );
    }
    if let Some(bytes) = resident_bytes() {
        exposition.gauge("process_resident_memory_bytes", "Memory in RAM.", bytes);
    }
    if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
        // One of them is the directory itself.
        let open = descriptors.count().saturating_sub(1);
        exposition.gauge("process_open_fds", "Open file descriptors.", open);
    }
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        exposition.gauge("process_max_fds", "Most file descriptors that may be open.", most);
    }
    if let Some(started) = *STARTED {
        let help = "When the process started, in seconds since 1970.";
        exposition.gauge("process_start_time_seconds", help, started);
    }
}

fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn cpu_seconds() -> Option<f64> {
    let ticks = stat_field(14)? + stat_field(15)?;
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

fn start_time() -> Option<f64> {
    let since_boot = stat_field(22)? as f64 / rustix::param::clock_ticks_per_second() as f64;
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = stat
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .parse()
        .ok()?;
    Some(boot + since_boot)
}

/// A field of `/proc/self/stat`, by its number in proc(5).
fn stat_field(number: usize) -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, the second field, may hold anything; the third comes after the last bracket.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(number - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn the_process_is_this_one() {
        let bytes = resident_bytes().unwrap();
        assert!((1 << 20..1 << 40).contains(&bytes), "{bytes}");
        assert!(cpu_seconds().unwrap() < 1e6);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs_f64();
        let age = now - start_time().unwrap();
        assert!((-2.0..86_400.0).contains(&age), "{age}");
    }
}
