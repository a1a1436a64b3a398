//! `health.check`: whether this machine has room to work; fails when it has not.

use super::facts::{self, Space};
use super::schema::{Arguments, Kind, Need, Parameter};
use super::{Builtin, Builtins, Done, Plan, Refusal, blocking};

pub(super) const BUILTIN: Builtin = Builtin {
    name: "health.check",
    description: "Check disks and memory; fails with exit code 1 when one has too little room",
    parameters: &[
        Parameter {
            name: "disk_percent",
            kind: Kind::Integer(0, 100),
            need: Need::Default(5),
            description: "Least available space on every disk, in per cent",
        },
        Parameter {
            name: "memory_percent",
            kind: Kind::Integer(0, 100),
            need: Need::Default(5),
            description: "Least available memory, in per cent",
        },
    ],
    plan,
};

fn plan(_: &Builtins, arguments: &Arguments) -> Result<Plan, Refusal> {
    let bound = |name| u64::try_from(arguments.integer(name).unwrap_or_default()).unwrap_or_default();
    let (disk, memory) = (bound("disk_percent"), bound("memory_percent"));
    Ok(blocking(move || verdict(&measure(), disk, memory)))
}

struct Room {
    disks: Vec<Space>,
    memory_total: u64,
    memory_available: u64,
}

fn measure() -> Room {
    let mut disks = Space::everywhere();
    if disks.iter().all(|space| space.mount != "/") {
        disks.extend(Space::of("/").filter(|space| space.total > 0));
    }
    let memory = facts::memory();
    let bytes = |name: &str| memory.get(name).copied().unwrap_or_default();
    Room {
        disks,
        memory_total: bytes("MemTotal"),
        memory_available: bytes("MemAvailable"),
    }
}

fn verdict(room: &Room, least_disk: u64, least_memory: u64) -> Done {
    let memory = facts::percent(room.memory_available, room.memory_total);
    let mut lines = vec![(memory >= least_memory, format!("memory: {memory} % available"))];
    for space in &room.disks {
        let percent = space.available_percent();
        lines.push((
            percent >= least_disk,
            format!("disk {}: {percent} % available", space.mount),
        ));
    }
    let healthy = lines.iter().all(|(good, _)| *good);
    let word = |good: bool| if good { "ok" } else { "low" };
    let output: String = lines
        .iter()
        .map(|(good, line)| format!("{:<4}{line}\n", word(*good)))
        .collect();
    Done {
        exit_code: i32::from(!healthy),
        output: output.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_full_disk_makes_the_machine_unhealthy() {
        let space = |mount: &str, available| Space {
            mount: mount.to_owned(),
            total: 100,
            available,
        };
        let mut room = Room {
            disks: vec![space("/", 50)],
            memory_total: 100,
            memory_available: 50,
        };
        assert_eq!(verdict(&room, 5, 5).exit_code, 0);
        assert_eq!(verdict(&room, 5, 51).exit_code, 1);
        room.disks.push(space("/data", 4));
        let done = verdict(&room, 5, 5);
        assert_eq!(done.exit_code, 1);
        let output = String::from_utf8(done.output).unwrap();
        assert!(
            output.contains("ok  disk /: 50 %") && output.contains("low disk /data: 4 %"),
            "{output}"
        );
    }
}
