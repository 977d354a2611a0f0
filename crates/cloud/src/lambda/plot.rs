//! A plot of distributions: one row a series, one dot a measurement, a line at the median. The axis
//! is logarithmic, since a cold start may take a thousand times what a warm one takes.

use std::fmt::Write as _;

/// One row.
pub struct Series {
    /// What it is.
    pub label: String,
    /// A colour of SVG.
    pub colour: &'static str,
    /// In milliseconds, ascending.
    pub values_ms: Vec<f64>,
}

const LEFT: f64 = 230.0;
const WIDTH: f64 = 640.0;
const ROW: f64 = 44.0;
const TOP: f64 = 24.0;

/// The plot as an SVG document.
pub fn svg(series: &[Series]) -> String {
    let all = || series.iter().flat_map(|row| row.values_ms.iter().copied());
    let least = all().fold(f64::INFINITY, f64::min).max(0.001);
    let most = all().fold(least, f64::max);
    let (low, high) = (least.log10().floor(), most.log10().ceil().max(least.log10().floor() + 1.0));
    let x = |ms: f64| LEFT + WIDTH * (ms.max(0.001).log10() - low) / (high - low);
    let height = TOP + ROW * series.len() as f64 + 40.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        LEFT + WIDTH + 40.0
    );
    let bottom = TOP + ROW * series.len() as f64;
    for exponent in low as i32..=high as i32 {
        let at = x(10f64.powi(exponent));
        let label = axis_label(10f64.powi(exponent));
        let _ = writeln!(
            out,
            "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{label}</text>",
            bottom + 18.0
        );
    }
    for (number, row) in series.iter().enumerate() {
        let middle = TOP + ROW * (number as f64 + 0.5);
        let label = escape(&row.label);
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 12.0,
            middle + 4.0
        );
        for (at, ms) in row.values_ms.iter().enumerate() {
            // Spread by a fixed pattern, so that the same figures give the same plot.
            let y = middle + ((at * 7 % 11) as f64 - 5.0) * 2.4;
            let (x, colour) = (x(*ms), row.colour);
            let _ = writeln!(
                out,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\" fill-opacity=\"0.45\"/>"
            );
        }
        if let Some(median) = row.values_ms.get(row.values_ms.len() / 2) {
            let _ = writeln!(
                out,
                "<line x1=\"{0:.1}\" y1=\"{1:.1}\" x2=\"{0:.1}\" y2=\"{2:.1}\" stroke=\"black\" \
                 stroke-width=\"2\"/>",
                x(*median),
                middle - 16.0,
                middle + 16.0
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

fn axis_label(ms: f64) -> String {
    match ms {
        ms if ms >= 1000.0 => format!("{} s", ms / 1000.0),
        ms => format!("{} ms", (ms * 1000.0).round() / 1000.0),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_for_each_measurement() {
        let series = |label: &str, values_ms: &[f64]| Series {
            label: label.into(),
            colour: "teal",
            values_ms: values_ms.to_vec(),
        };
        let text = svg(&[series("a <b>", &[0.5, 1.0, 2.0]), series("c", &[1500.0])]);
        assert_eq!(text.matches("<circle").count(), 4);
        assert_eq!(text.matches("stroke=\"black\"").count(), 2);
        assert!(
            text.contains("a &lt;b&gt;") && text.contains(">10 s<") && text.contains(">0.1 ms<")
        );
        assert!(svg(&[]).ends_with("</svg>\n"));
        assert!(!svg(&[series("none", &[]), series("zero", &[0.0])]).contains("NaN"));
    }
}
