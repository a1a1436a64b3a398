//! What the kernel tells about this machine, read from `/proc` and `/etc`.

use std::collections::BTreeMap;
use std::fs;

/// A file's first line without its end, or nothing.
pub(super) fn line(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// `/proc/meminfo` in bytes.
pub(super) fn memory() -> BTreeMap<String, u64> {
    parse_meminfo(&fs::read_to_string("/proc/meminfo").unwrap_or_default())
}

fn parse_meminfo(text: &str) -> BTreeMap<String, u64> {
    let entry = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let kibibytes: u64 = value.split_ascii_whitespace().next()?.parse().ok()?;
        Some((name.to_owned(), kibibytes.saturating_mul(1024)))
    };
    text.lines().filter_map(entry).collect()
}

/// The distribution's name for itself.
pub(super) fn operating_system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or_else(|| "Linux".to_owned(), |name| name.trim_matches('"').to_owned())
}

/// How full a file system is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Space {
    pub(super) mount: String,
    pub(super) total: u64,
    pub(super) available: u64,
}

impl Space {
    /// Of the file system that holds `path`.
    pub(super) fn of(path: &str) -> Option<Self> {
        let stat = rustix::fs::statvfs(path).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Some(Self {
            mount: path.to_owned(),
            total: bytes(stat.f_blocks),
            available: bytes(stat.f_bavail),
        })
    }

    /// Of every file system on a device.
    pub(super) fn everywhere() -> Vec<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let mut seen = BTreeMap::new();
        for line in mounts.lines() {
            let mut fields = line.split(' ');
            if let (Some(device), Some(mount)) = (fields.next(), fields.next())
                && device.starts_with("/dev/")
            {
                seen.entry(device.to_owned()).or_insert_with(|| mount.to_owned());
            }
        }
        seen.values()
            .filter_map(|mount| Self::of(mount))
            .filter(|space| space.total > 0)
            .collect()
    }

    /// Available space in whole per cent.
    pub(super) fn available_percent(&self) -> u64 {
        percent(self.available, self.total)
    }
}

/// How much of the whole the part is, in whole per cent; all of it when there is no whole.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_in_bytes() {
        let memory = parse_meminfo("MemTotal:       16 kB\nHugePages_Total:  2\nodd\n");
        assert_eq!(memory.get("MemTotal"), Some(&16_384));
    }

    #[test]
    fn the_root_file_system_has_space() {
        let space = Space::of("/").unwrap();
        assert!(space.total >= space.available && space.total > 0);
        assert!(Space::of("/no/such/path").is_none());
    }
}
