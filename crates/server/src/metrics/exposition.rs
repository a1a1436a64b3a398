//! Prometheus' text format, version 0.0.4.

use super::instruments::{Histogram, Reading};
use std::fmt::{Display, Write as _};

/// The media type of what [`Exposition`] writes.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Names and values of labels.
pub(super) type Labels<'l> = [(&'static str, &'l str)];

/// Metrics, written one family after the other.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// The whole text.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// A number that only grows.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.counters(name, help, [(&[][..], value)]);
    }

    /// Numbers that only grow, told apart by labels.
    pub(super) fn counters<'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'l Labels<'l>, impl Display)>,
    ) {
        self.family(name, "counter", help);
        for (labels, value) in values {
            self.sample(name, labels, value);
        }
    }

    /// A number that comes and goes.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.gauges(name, help, [(&[][..], value)]);
    }

    /// Numbers that come and go, told apart by labels.
    pub(super) fn gauges<'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'l Labels<'l>, impl Display)>,
    ) {
        self.family(name, "gauge", help);
        for (labels, value) in values {
            self.sample(name, labels, value);
        }
    }

    /// A histogram.
    pub(super) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.histograms(name, help);
        self.histogram_of(name, &[], &histogram.read());
    }

    /// Begins a family of histograms that labels tell apart.
    pub(super) fn histograms(&mut self, name: &str, help: &str) {
        self.family(name, "histogram", help);
    }

    /// One histogram of the family.
    pub(super) fn histogram_of(&mut self, name: &str, labels: &Labels<'_>, reading: &Reading) {
        let bucket = format!("{name}_bucket");
        for (bound, count) in &reading.buckets {
            let bound = bound.to_string();
            self.sample(&bucket, &[labels, &[("le", &bound)]].concat(), count);
        }
        self.sample(&bucket, &[labels, &[("le", "+Inf")]].concat(), reading.count);
        self.sample(&format!("{name}_sum"), labels, reading.sum);
        self.sample(&format!("{name}_count"), labels, reading.count);
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &Labels<'_>, value: impl Display) {
        if labels.is_empty() {
            return self.line(format_args!("{name} {value}"));
        }
        let pairs: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        self.line(format_args!("{name}{{{}}} {value}", pairs.join(",")));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("a string takes everything");
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_head_and_its_samples() {
        let mut exposition = Exposition::default();
        exposition.counters("a_total", "How many.", [(&[("kind", "x\"\\\n")][..], 3)]);
        exposition.gauge("b_seconds", "How long.", 0.25);
        let histogram = Histogram::of_pieces(&[1, 5]);
        for value in [1, 4, 9] {
            histogram.observe(value);
        }
        exposition.histogram("c", "How large.", &histogram);
        let text = r##"# HELP a_total How many.
# TYPE a_total counter
a_total{kind="x\"\\\n"} 3
# HELP b_seconds How long.
# TYPE b_seconds gauge
b_seconds 0.25
# HELP c How large.
# TYPE c histogram
c_bucket{le="1"} 1
c_bucket{le="5"} 2
c_bucket{le="+Inf"} 3
c_sum 14
c_count 3
"##;
        assert_eq!(exposition.into_text(), text);
    }
}
