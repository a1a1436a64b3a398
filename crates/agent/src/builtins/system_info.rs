//! `system.info`: what this machine is, as one JSON object.

use super::facts::{self, Space};
use super::schema::Arguments;
use super::{Builtin, Builtins, Done, Plan, Refusal, blocking};
use serde_json::{Value, json};

pub(super) const BUILTIN: Builtin = Builtin {
    name: "system.info",
    description: "Describe the machine: operating system, kernel, processors, memory, disks, uptime",
    parameters: &[],
    plan,
};

fn plan(_: &Builtins, _: &Arguments) -> Result<Plan, Refusal> {
    Ok(blocking(|| Done {
        exit_code: 0,
        output: format!("{:#}\n", describe()).into_bytes(),
    }))
}

/// The machine's description.
pub(super) fn describe() -> Value {
    let memory = facts::memory();
    let bytes = |name: &str| memory.get(name).copied().unwrap_or_default();
    let uptime = facts::line("/proc/uptime");
    let seconds = uptime
        .split('.')
        .next()
        .and_then(|seconds| seconds.parse::<u64>().ok())
        .unwrap_or_default();
    let load = facts::line("/proc/loadavg");
    json!({
        "hostname": facts::line("/proc/sys/kernel/hostname"),
        "operating_system": facts::operating_system(),
        "kernel": facts::line("/proc/sys/kernel/osrelease"),
        "architecture": std::env::consts::ARCH,
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "load": load.split(' ').take(3).collect::<Vec<_>>(),
        "memory": {"total_bytes": bytes("MemTotal"), "available_bytes": bytes("MemAvailable")},
        "swap": {"total_bytes": bytes("SwapTotal"), "free_bytes": bytes("SwapFree")},
        "disks": Space::everywhere().iter().map(|space| json!({
            "mount": space.mount, "total_bytes": space.total, "available_bytes": space.available,
        })).collect::<Vec<_>>(),
        "uptime_seconds": seconds,
        "agent_version": env!("CARGO_PKG_VERSION"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_of_this_machine() {
        let description = describe();
        assert!(description["processors"].as_u64().unwrap() > 0);
        assert!(description["memory"]["total_bytes"].as_u64().unwrap() > 0);
        assert_eq!(description["kernel"], facts::line("/proc/sys/kernel/osrelease"));
    }
}
