//! JUnit's XML, as CI systems read it.

use std::fmt::Write as _;

/// One call in a report.
pub struct Case {
    /// What it is called.
    pub name: String,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// Why it failed.
    pub failure: Option<String>,
    /// What was said.
    pub transcript: String,
}

/// The report of a run.
pub fn report(suite: &str, cases: &[Case]) -> String {
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let total_ms: u64 = cases.iter().map(|case| case.elapsed_ms).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "<testsuites><testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" time=\"{}\">",
        escaped(suite),
        cases.len(),
        seconds(total_ms)
    );
    for case in cases {
        let name = escaped(&case.name);
        let time = seconds(case.elapsed_ms);
        let _ = writeln!(
            out,
            "<testcase classname=\"{}\" name=\"{name}\" time=\"{time}\">",
            escaped(suite)
        );
        if let Some(why) = &case.failure {
            let _ = writeln!(out, "<failure message=\"{}\"/>", escaped(why));
        }
        let _ =
            writeln!(out, "<system-out>{}</system-out>\n</testcase>", escaped(&case.transcript));
    }
    out.push_str("</testsuite></testsuites>\n");
    out
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// XML 1.0 has no way to write most control characters; they become spaces.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_a_parser_reads() {
        let cases = [
            Case {
                name: "<손님> & \"갑\"".into(),
                elapsed_ms: 1042,
                failure: None,
                transcript: "< 안녕\u{1b}".into(),
            },
            Case {
                name: "b".into(),
                elapsed_ms: 7,
                failure: Some("a\nb".into()),
                transcript: String::new(),
            },
        ];
        expect_test::expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites><testsuite name="calls" tests="2" failures="1" time="1.049">
            <testcase classname="calls" name="&lt;손님&gt; &amp; &quot;갑&quot;" time="1.042">
            <system-out>&lt; 안녕 </system-out>
            </testcase>
            <testcase classname="calls" name="b" time="0.007">
            <failure message="a
            b"/>
            <system-out></system-out>
            </testcase>
            </testsuite></testsuites>
        "#]]
        .assert_eq(&report("calls", &cases));
    }
}
