//! A strict reader of Prometheus' text format, version 0.0.4.

use std::collections::BTreeMap;

/// What `/metrics` said at one moment.
#[derive(Debug, Clone)]
pub struct Exposition(BTreeMap<String, f64>);

impl Exposition {
    /// Reads it, and takes nothing that the format, or the conventions for names, do not allow.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut series = BTreeMap::new();
        let mut families: BTreeMap<&str, &str> = BTreeMap::new();
        let mut lines = text.lines().peekable();
        while let Some(head) = lines.next() {
            let help = head
                .strip_prefix("# HELP ")
                .unwrap_or_else(|| panic!("no HELP: {head}"));
            let (name, help) = help.split_once(' ').expect("a name and a text");
            assert!(is_name(name) && !help.is_empty(), "{head}");
            let kind = lines.next().and_then(|line| {
                line.strip_prefix("# TYPE ")?
                    .strip_prefix(name)?
                    .strip_prefix(' ')
            });
            let kind = kind.unwrap_or_else(|| panic!("no TYPE after {head}"));
            assert!(families.insert(name, kind).is_none(), "{name} comes twice");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
            let mut of_family = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let (key, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert!(value >= 0.0, "{line}");
                assert!(
                    series.insert(key.to_owned(), value).is_none(),
                    "{key} comes twice"
                );
                of_family.push((key, value));
            }
            match kind {
                "counter" | "gauge" => of_family.iter().for_each(|(key, _)| assert_plain(name, key)),
                "histogram" => assert_histograms(name, &of_family),
                other => panic!("{name} is a {other}"),
            }
        }
        Self(series)
    }

    /// The value of a series; one that is not there has none yet.
    pub fn value(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or(0.0)
    }

    /// How far a series has come since then.
    pub fn since(&self, before: &Self, series: &str) -> f64 {
        self.value(series) - before.value(series)
    }

    /// The names of all series, with their labels.
    pub fn series(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The labels of a series of that name.
#[track_caller]
fn labels<'k>(name: &str, key: &'k str) -> Vec<(&'k str, &'k str)> {
    let rest = key
        .strip_prefix(name)
        .unwrap_or_else(|| panic!("{key} is not of {name}"));
    if rest.is_empty() {
        return Vec::new();
    }
    let inner = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix("\"}"));
    let inner = inner.unwrap_or_else(|| panic!("{key}"));
    inner
        .split("\",")
        .map(|pair| {
            let (label, value) = pair.split_once("=\"").unwrap_or_else(|| panic!("{key}"));
            assert!(is_name(label) && !value.contains(['"', '\\', '\n']), "{key}");
            (label, value)
        })
        .collect()
}

fn assert_plain(name: &str, key: &str) {
    labels(name, key);
}

/// Each histogram is bounds that rise, counts that do not fall, a last bucket of all, a sum and a count.
fn assert_histograms(name: &str, samples: &[(&str, f64)]) {
    let (mut bound, mut below) = (f64::NEG_INFINITY, 0.0);
    let mut parts = samples.iter();
    while let Some((key, value)) = parts.next() {
        let labels = labels(&format!("{name}_bucket"), key);
        let (label, text) = labels.last().expect("a bucket has a bound");
        assert_eq!(*label, "le", "{key}");
        let next: f64 = text
            .replace("+Inf", "inf")
            .parse()
            .unwrap_or_else(|_| panic!("{key}"));
        assert!(next > bound && *value >= below, "{key} {value}");
        (bound, below) = (next, *value);
        if next.is_infinite() {
            let (sum, _) = parts.next().expect("a sum");
            let (count, counted) = parts.next().expect("a count");
            assert!(sum.starts_with(&format!("{name}_sum")), "{sum}");
            assert!(count.starts_with(&format!("{name}_count")), "{count}");
            assert_eq!(counted, value, "{count}");
            (bound, below) = (f64::NEG_INFINITY, 0.0);
        }
    }
    assert_eq!(bound, f64::NEG_INFINITY, "{name} breaks off");
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\"} 2\n\
        # HELP b B.\n# TYPE b histogram\nb_bucket{le=\"1\"} 1\nb_bucket{le=\"+Inf\"} 2\nb_sum 3.5\nb_count 2\n";

    #[test]
    fn a_well_formed_text_is_read() {
        let read = Exposition::parse(GOOD);
        assert_eq!(read.value("a_total{x=\"1\"}"), 2.0);
        assert_eq!((read.value("b_sum"), read.value("c")), (3.5, 0.0));
        assert_eq!(read.series().count(), 5);
    }

    #[test]
    fn what_the_format_does_not_allow_is_found() {
        for (good, bad) in [
            ("# TYPE a_total counter\n", ""),
            ("a_total counter", "a_total summary"),
            ("{x=\"1\"} 2", "{x=\"1\" 2"),
            ("{x=\"1\"} 2", "{x=\"1\"} two"),
            ("{x=\"1\"} 2", "{X=\"1\"} 2"),
            ("b_count 2", "b_count 3"),
            ("b_bucket{le=\"+Inf\"} 2\n", ""),
            ("le=\"+Inf\"} 2", "le=\"+Inf\"} 0"),
            ("b_sum 3.5\n", ""),
            ("# HELP b B.", "# HELP a_total B."),
        ] {
            assert!(GOOD.contains(good));
            let text = GOOD.replace(good, bad);
            let read = std::panic::catch_unwind(|| Exposition::parse(&text));
            assert!(read.is_err(), "{text}");
        }
    }
}
