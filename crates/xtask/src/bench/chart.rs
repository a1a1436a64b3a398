//! A line chart as SVG: a measure over sizes that grow tenfold, with a band in which it counts as flat.

use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 230.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 50.0;
/// Told apart by people who see colours differently as well.
const COLOURS: [&str; 8] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#7f7f7f",
];

/// What is drawn.
pub(super) struct Chart<'c> {
    /// Above it.
    pub(super) title: &'c str,
    /// Below the axis of sizes.
    pub(super) sizes: &'c str,
    /// Around which values count as flat, and by how much of one.
    pub(super) band: f64,
    /// Name and points of each line, sizes ascending.
    pub(super) lines: &'c [(String, Vec<(f64, f64)>)],
}

impl Chart<'_> {
    /// The drawing.
    pub(super) fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
        );
        let scale = self.scale();
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{}</text>",
            escaped(self.title)
        );
        self.draw_grid(&mut svg, &scale);
        for (index, (name, points)) in self.lines.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            draw_line(&mut svg, &scale, colour, points);
            let y = TOP + 12.0 + 20.0 * index as f64;
            let (from, to) = (WIDTH - RIGHT + 16.0, WIDTH - RIGHT + 36.0);
            let _ = writeln!(
                svg,
                "<line x1=\"{from}\" x2=\"{to}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\"/>\
                 <text x=\"{}\" y=\"{}\">{}</text>",
                to + 6.0,
                y + 4.0,
                escaped(name)
            );
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.lines.iter().flat_map(|(_, points)| points.iter().copied())
    }

    fn scale(&self) -> Scale {
        let sizes = self.points().map(|(size, _)| size.log10());
        let (first, last) = sizes.fold((f64::MAX, f64::MIN), |(least, most), size| {
            (least.min(size), most.max(size))
        });
        let most = self
            .points()
            .fold(1.0 + 2.0 * self.band, |most, (_, value)| most.max(value));
        Scale {
            first,
            decades: (last - first).max(1.0),
            most: (most * 10.0).ceil() / 10.0,
        }
    }

    fn draw_grid(&self, svg: &mut String, scale: &Scale) {
        let right = WIDTH - RIGHT;
        let (above, below) = (scale.y(1.0 + self.band), scale.y(1.0 - self.band));
        let _ = writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{above:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#eaf3ea\"/>",
            right - LEFT,
            below - above
        );
        let steps = (scale.most / 0.5).floor();
        let mut step = 0.0;
        while step <= steps {
            let (value, y) = (step * 0.5, scale.y(step * 0.5));
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value:.1}</text>",
                LEFT - 8.0,
                y + 4.0
            );
            step += 1.0;
        }
        let mut sizes: Vec<f64> = self.points().map(|(size, _)| size).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        for size in sizes {
            let x = scale.x(size);
            let (bottom, label) = (HEIGHT - BOTTOM, thousands(size));
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"#eee\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                bottom + 18.0
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, right),
            HEIGHT - 12.0,
            escaped(self.sizes)
        );
    }
}

fn draw_line(svg: &mut String, scale: &Scale, colour: &str, points: &[(f64, f64)]) {
    let at = |(size, value): &(f64, f64)| format!("{:.1},{:.1}", scale.x(*size), scale.y(*value));
    let path: Vec<String> = points.iter().map(at).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        path.join(" ")
    );
    for (size, value) in points {
        let (x, y) = (scale.x(*size), scale.y(*value));
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
        );
    }
}

/// Where things are: sizes by their logarithm from the left, values from the bottom.
struct Scale {
    first: f64,
    decades: f64,
    most: f64,
}

impl Scale {
    fn x(&self, size: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (size.log10() - self.first) / self.decades
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.most
    }
}

/// A whole number with its thousands apart.
pub(super) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(lines: &[(String, Vec<(f64, f64)>)]) -> String {
        let chart = Chart {
            title: "Cost & size",
            sizes: "executions",
            band: 0.2,
            lines,
        };
        chart.svg()
    }

    /// The points of the first line, as drawn.
    fn drawn(svg: &str) -> Vec<(f64, f64)> {
        let (_, rest) = svg.split_once("<polyline points=\"").unwrap();
        let (points, _) = rest.split_once('"').unwrap();
        let point = |word: &str| {
            let (x, y) = word.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        };
        points.split(' ').map(point).collect()
    }

    #[test]
    fn tenfold_sizes_are_equally_far_apart_and_more_is_higher() {
        let line = vec![(1e3, 1.0), (1e4, 1.1), (1e5, 0.9), (1e6, 3.0)];
        let points = drawn(&chart(&[("callback".to_owned(), line)]));
        let gaps: Vec<f64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        assert!(
            gaps.iter().all(|gap| (gap - gaps[0]).abs() < 0.2 && *gap > 10.0),
            "{gaps:?}"
        );
        assert!(
            points[1].1 < points[0].1 && points[0].1 < points[2].1,
            "{points:?}"
        );
        assert!(
            points.iter().all(|(_, y)| (TOP..=HEIGHT - BOTTOM).contains(y)),
            "{points:?}"
        );
    }

    #[test]
    fn names_cannot_break_the_drawing() {
        let svg = chart(&[("a < b & c".to_owned(), vec![(1e3, 1.0), (1e4, 1.0)])]);
        assert!(svg.contains(">a &lt; b &amp; c<") && svg.contains(">Cost &amp; size<"));
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }

    #[test]
    fn thousands_are_told_apart() {
        let shown = [1.0, 1000.0, 10_000_000.0].map(thousands);
        assert_eq!(shown, ["1", "1,000", "10,000,000"]);
    }
}
