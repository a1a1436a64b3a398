//! What the built-ins for services share: unit names, and whether there is a systemd to ask.

use super::Refusal;
use super::schema::Kind;
use std::path::Path;

/// The kinds of units; a name without one of these endings is a service's.
const SUFFIXES: [&str; 9] = [
    ".service",
    ".socket",
    ".timer",
    ".target",
    ".mount",
    ".path",
    ".slice",
    ".scope",
    ".automount",
];

/// A unit's name as a parameter.
pub(super) const UNIT: Kind = Kind::Text(is_unit, "a unit's name");

fn is_unit(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'.' | b'@' | b'-' | b'\\');
    (1..=255).contains(&text.len())
        && text.bytes().all(plain)
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && !text.contains("..")
}

/// The unit's full name.
pub(super) fn full_name(unit: &str) -> String {
    let complete = SUFFIXES.iter().any(|suffix| unit.ends_with(suffix));
    if complete {
        unit.to_owned()
    } else {
        format!("{unit}.service")
    }
}

/// Says no on a machine that systemd does not run.
pub(super) fn required() -> Result<(), Refusal> {
    if Path::new("/run/systemd/system").is_dir() {
        Ok(())
    } else {
        Err(Refusal::Impossible("this node is not run by systemd".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(full_name("nginx"), "nginx.service");
        assert_eq!(full_name("getty@tty1.service"), "getty@tty1.service");
        assert_eq!(full_name("backup.timer"), "backup.timer");
        for bad in ["", "-H", "a b", "a/b", "a..b", "*", "a\n", ".a"] {
            assert!(!is_unit(bad), "{bad:?}");
        }
    }
}
