//! Expressions over two metrics, and one that lacks a point.

use std::collections::BTreeMap;

use super::*;

fn series(label: &str, values: &[Option<f64>]) -> Series {
    let span = Span { start_s: 0, end_s: values.len() as u64 * 60, period_s: 60 };
    let points = values.iter().enumerate();
    let points = points.filter_map(|(index, value)| Some((index as u64 * 60, (*value)?)));
    Series { label: label.to_owned(), points: points.collect(), span }
}

fn evaluate(text: &str) -> Result<Vec<Series>, Refused> {
    let mut inputs = Inputs::default();
    for (id, values) in [
        ("m1", [Some(1.0), Some(2.0), Some(4.0)]),
        ("m2", [Some(10.0), None, Some(30.0)]),
        ("zero", [Some(0.0), Some(0.0), Some(1.0)]),
    ] {
        inputs.metrics.push((id.to_owned(), series(id, &values)));
    }
    let more = Expression::read("m1 * 2").unwrap();
    let looped = Expression::read("e2 + 1").unwrap();
    let others = BTreeMap::from([("e1", &more), ("e2", &looped)]);
    inputs.evaluate(&Expression::read(text)?, &others)
}

/// One series; `-` is a missing point.
fn check(text: &str, expected: &str) {
    let found = evaluate(text).unwrap_or_else(|refused| panic!("{text}: {refused:?}"));
    let shown: Vec<String> = found
        .iter()
        .map(|series| {
            let at = |at_s: u64| series.points.get(&at_s).map_or("-".to_owned(), f64::to_string);
            [at(0), at(60), at(120)].join(" ")
        })
        .collect();
    assert_eq!(shown.join(", "), expected, "{text}");
}

#[test]
fn values_of_expressions() {
    for (text, expected) in [
        ("m1", "1 2 4"),
        ("m1 + m2", "11 - 34"),
        ("m1 + 2 * 3", "7 8 10"),
        ("(m1 + 2) * 3", "9 12 18"),
        ("-m1 ^ 2", "-1 -4 -16"),
        ("2 ^ 3 ^ 0 + m1", "3 4 6"),
        ("10 - m1 - 1", "8 7 5"),
        ("m1 / zero", "- - 4"),
        ("m1 > 1 && m1 < 4", "0 1 0"),
        ("m1 == 1 OR m1 >= 4", "1 0 1"),
        ("1.5e1 * m1", "15 30 60"),
        ("e1 + m1", "3 6 12"),
        ("METRICS()", "1 2 4, 10 - 30, 0 0 1"),
        ("METRICS('m')", "1 2 4, 10 - 30"),
        ("SUM(METRICS('m'))", "11 2 34"),
        ("AVG([m1, m2])", "5.5 2 17"),
        ("MAX([m1, zero]) - MIN([m1, zero])", "1 2 3"),
        ("m1 - AVG(m2)", "-19 -18 -16"),
        ("m1 / SUM(m1) * 100", "14.285714285714285 28.57142857142857 57.14285714285714"),
        ("FILL(m2, 0)", "10 0 30"),
        ("FILL(m2, REPEAT)", "10 10 30"),
        ("FILL(m2, LINEAR)", "10 20 30"),
        ("FILL(m2, m1)", "10 2 30"),
        ("RATE(m1)", "- 0.016666666666666666 0.03333333333333333"),
        ("DIFF(m1)", "- 1 2"),
        ("RUNNING_SUM(m1)", "1 3 7"),
        ("ABS(0 - m1)", "1 2 4"),
        ("CEIL(m1 / 4)", "1 1 1"),
        ("floor(m1 / 4)", "0 0 1"),
        ("IF(m1 > 1, m1, 0)", "0 2 4"),
        ("IF(m1 > 1, m2)", "- - 30"),
        ("IF(1, m1, m2)", "1 2 4"),
        ("m1 * PERIOD(m1)", "60 120 240"),
        ("m1 * METRIC_COUNT(METRICS())", "3 6 12"),
        ("TIME_SERIES(7)", "7 7 7"),
        ("REMOVE_EMPTY([m1, m1 / 0])", "1 2 4"),
    ] {
        check(text, expected);
    }
}

#[test]
fn what_is_refused() {
    let syntax = |why: &str| Refused::Syntax(why.to_owned());
    for (text, expected) in [
        ("m1 +", syntax("Unexpected end of expression")),
        ("m1 m2", syntax("Unexpected symbol: m2")),
        ("m1 $ 2", syntax("Unexpected symbol: $")),
        ("m9", syntax("Unknown identifier: m9")),
        ("e2", syntax("e2 refers to itself")),
        ("NOTHING(m1)", syntax("Unknown function, or wrong arguments: NOTHING")),
        ("PERIOD(m1)", kind("The expression must return a time series")),
        ("[m1, 2]", kind("An array holds time series only")),
        (
            "SEARCH('{AWS/EC2} x', 'Sum')",
            Refused::Unserved("the function SEARCH of metric math".into()),
        ),
        ("HOUR(m1)", Refused::Unserved("the function HOUR of metric math".into())),
        ("SELECT AVG(x) FROM y", Refused::Unserved("a Metrics Insights query".into())),
    ] {
        assert_eq!(evaluate(text), Err(expected), "{text}");
    }
    let deep = "(".repeat(2000);
    assert_eq!(evaluate(&deep), Err(syntax("The expression is nested too deeply")));
}

#[test]
fn odd_input_never_panics() {
    const PARTS: [&str; 24] = [
        "m1",
        "m2",
        "e1",
        "e2",
        "zero",
        "1",
        "1e",
        ".",
        "2.5e+1",
        "+",
        "-",
        "*",
        "/",
        "^",
        "(",
        ")",
        "[",
        "]",
        ",",
        "FILL(",
        "IF(",
        "METRICS()",
        "'LINEAR'",
        "한",
    ];
    let mut state = 7u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push_str(PARTS[(state >> 33) as usize % PARTS.len()]);
        }
        let _ = evaluate(&text);
    }
}
