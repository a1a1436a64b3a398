//! Finding and killing everything below this process, by `/proc`.

use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group};
use std::collections::HashMap;

/// Kills the process group and every descendant of this process, whatever session it fled to. One round; a process that
/// forks meanwhile needs another.
pub(super) fn kill(group: Pid) {
    let _ = kill_process_group(group, Signal::KILL);
    for pid in below(getpid(), &parents()) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Every process and its parent.
fn parents() -> HashMap<i32, i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return HashMap::new();
    };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| {
            Some((
                pid,
                parent(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?,
            ))
        })
        .collect()
}

/// The parent in the text of a `stat` file. The command's name in it may hold anything, parentheses too.
fn parent(stat: &str) -> Option<i32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn below(ancestor: Pid, parents: &HashMap<i32, i32>) -> Vec<Pid> {
    let ancestor = ancestor.as_raw_nonzero().get();
    let is_below = |pid: i32| {
        let mut current = pid;
        // No chain is longer than there are processes, even if the snapshot is inconsistent.
        for _ in 0..parents.len() {
            match parents.get(&current) {
                Some(parent) if *parent == ancestor => return true,
                Some(parent) => current = *parent,
                None => return false,
            }
        }
        false
    };
    parents
        .keys()
        .copied()
        .filter(|pid| is_below(*pid))
        .filter_map(Pid::from_raw)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_hide_the_parent() {
        assert_eq!(parent("42 (a) S 7 (b) S 9 42 42 0 -1"), Some(9));
        assert_eq!(parent("42 (sh) S 7 42 42 0 -1"), Some(7));
        assert_eq!(parent("nonsense"), None);
    }

    #[test]
    fn only_what_is_below_is_found() {
        let parents = HashMap::from([(10, 1), (11, 10), (12, 11), (13, 1), (20, 21), (21, 20)]);
        let mut found: Vec<i32> = below(Pid::from_raw(10).unwrap(), &parents)
            .into_iter()
            .map(|pid| pid.as_raw_nonzero().get())
            .collect();
        found.sort_unstable();
        assert_eq!(found, [11, 12]);
    }
}
