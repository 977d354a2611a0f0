//! What the `REPORT` line of an invocation says.

/// The figures of the line, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// The handler, and what the runtime adds.
    pub duration_ms: f64,
    /// Initialisation, where the invocation came to a new sandbox.
    pub init_ms: Option<f64>,
    /// Restoring, where it came to one from a snapshot.
    pub restore_ms: Option<f64>,
}

impl Report {
    /// Finds the line in the end of a log: as text, or as the JSON of `platform.report`.
    pub fn find(log: &str) -> Option<Report> {
        log.lines().rev().find_map(|line| Report::text(line).or_else(|| Report::json(line)))
    }

    fn text(line: &str) -> Option<Report> {
        if !line.starts_with("REPORT RequestId: ") {
            return None;
        }
        let figure = |name: &str| {
            let field = line.split('\t').find_map(|field| field.strip_prefix(name))?;
            field.trim_end_matches(" ms").parse().ok()
        };
        Some(Report {
            duration_ms: figure("Duration: ")?,
            init_ms: figure("Init Duration: "),
            restore_ms: figure("Restore Duration: "),
        })
    }

    fn json(line: &str) -> Option<Report> {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        let metrics = (event["type"] == "platform.report").then(|| &event["record"]["metrics"])?;
        Some(Report {
            duration_ms: metrics["durationMs"].as_f64()?,
            init_ms: metrics["initDurationMs"].as_f64(),
            restore_ms: metrics["restoreDurationMs"].as_f64(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<Report>) {
        assert_eq!(Report::find(line), expected, "{line}");
    }

    #[test]
    fn lines() {
        let warm = Report { duration_ms: 1.25, ..Report::default() };
        check("x\nREPORT RequestId: a\tDuration: 1.25 ms\tBilled Duration: 2 ms\t", Some(warm));
        let cold = Report { init_ms: Some(80.5), ..warm };
        check("REPORT RequestId: a\tDuration: 1.25 ms\tInit Duration: 80.50 ms\t\nx", Some(cold));
        check(
            r#"{"type":"platform.report","record":{"metrics":{"durationMs":1.25,"initDurationMs":80.5}}}"#,
            Some(cold),
        );
        check("END RequestId: a", None);
        check("REPORT RequestId: a\tDuration: none\t", None);
    }
}
