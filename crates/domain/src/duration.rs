//! Go durations, as reachability policies spell them: `30s`, `1m30s`, `1h`.
//!
//! [`parse`] takes what Go's `time.ParseDuration` takes, without signs; [`format()`] prints as Go's
//! `Duration.String` does, so `90s` comes back as `1m30s`.

use std::time::Duration;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The duration of a text; `None` when it is none, or longer than Go can hold (about 292 years).
pub fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut nanos: u64 = 0;
    loop {
        let (number, after) = rest.split_at(end_of(rest, |c| c.is_ascii_digit() || c == '.'));
        let (unit, after) = after.split_at(end_of(after, |c| !c.is_ascii_digit() && c != '.'));
        let (_, scale) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        nanos = nanos.checked_add(scaled(number, scale)?)?;
        rest = after;
        if rest.is_empty() {
            return i64::try_from(nanos).ok().map(|_| Duration::from_nanos(nanos));
        }
    }
}

/// The text of a duration.
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => decimal(nanos, 1_000) + "µs",
        1_000_000..1_000_000_000 => decimal(nanos, 1_000_000) + "ms",
        _ => {
            let (hours, minutes) = (duration.as_secs() / 3600, duration.as_secs() / 60 % 60);
            let seconds = decimal(nanos % 60_000_000_000, 1_000_000_000) + "s";
            match (hours, minutes) {
                (0, 0) => seconds,
                (0, _) => format!("{minutes}m{seconds}"),
                (_, _) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

fn end_of(text: &str, inside: impl Fn(char) -> bool) -> usize {
    text.find(|c| !inside(c)).unwrap_or(text.len())
}

/// A decimal number times a scale, digits below one nanosecond cut.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Nanoseconds of an hour have 13 digits, so further ones cannot matter.
    let kept = &fraction[..fraction.len().min(13)];
    let below = kept
        .bytes()
        .fold(0_u128, |value, digit| value * 10 + u128::from(digit - b'0'));
    let below = below * u128::from(scale) / 10_u128.pow(kept.len() as u32);
    whole.checked_mul(scale)?.checked_add(u64::try_from(below).ok()?)
}

/// `nanos` in that unit, as the shortest decimal.
fn decimal(nanos: u128, unit: u128) -> String {
    let (whole, below) = (nanos / unit, nanos % unit);
    if below == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let fraction = format!("{below:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn go_prints_them_so() {
        let cases = [
            ("0", "0s"),
            ("0s", "0s"),
            ("30s", "30s"),
            ("90s", "1m30s"),
            ("5m", "5m0s"),
            ("1h", "1h0m0s"),
            ("1h30m", "1h30m0s"),
            ("3661s", "1h1m1s"),
            ("1.5h", "1h30m0s"),
            ("1.5s", "1.5s"),
            (".5s", "500ms"),
            ("1.s", "1s"),
            ("1500us", "1.5ms"),
            ("1500ns", "1.5µs"),
            ("7ns", "7ns"),
            ("1m0.000000001s", "1m0.000000001s"),
            ("1s1m", "1m1s"),
        ];
        for (text, printed) in cases {
            assert_eq!(format(parse(text).unwrap()), printed, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration() {
        for bad in [
            "",
            "1",
            "s",
            ".s",
            "1d",
            "-1s",
            "+1s",
            " 1s",
            "1s ",
            "1.2.3s",
            "1S",
            "1s2",
            "2562048h",
            "99999999999999999999s",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(nanos in 0..=i64::MAX as u64, scale in 0..19_u32) {
            let duration = Duration::from_nanos(nanos / 10_u64.pow(scale));
            prop_assert_eq!(parse(&format(duration)), Some(duration));
        }
    }
}
