//! What the platform tells about an environment's life: one event, as a line of text, as JSON in
//! the log, and as telemetry for extensions.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::instance::SNAP_START;
use crate::outcome::{Ended, Figures};

/// How much a log is to say, the most talkative last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Warn,
    Info,
    Debug,
}

impl Level {
    /// `SystemLogLevel` of a function's `LoggingConfig`.
    pub fn parse(text: &str) -> Level {
        match text {
            "DEBUG" => Level::Debug,
            "WARN" => Level::Warn,
            _ => Level::Info,
        }
    }
}

/// An event. Names and members are those of the Telemetry API's schema 2022-12-13.
pub(crate) enum Platform<'a> {
    InitStart {
        initialization: &'static str,
        phase: &'static str,
        /// The interpreter, as `INIT_START` names it.
        runtime: &'a str,
        function: &'a str,
        version: &'a str,
        stream: &'a str,
        memory_mb: i32,
    },
    InitRuntimeDone {
        initialization: &'static str,
        phase: &'static str,
        ended: Option<&'a Ended>,
    },
    InitReport {
        initialization: &'static str,
        phase: &'static str,
        duration: Duration,
        ended: Option<&'a Ended>,
    },
    /// A sandbox is made from a snapshot.
    RestoreStart {
        runtime: &'a str,
        function: &'a str,
        version: &'a str,
        stream: &'a str,
        memory_mb: i32,
    },
    /// What runs after it has run.
    RestoreRuntimeDone {
        ended: Option<&'a Ended>,
    },
    RestoreReport {
        duration: Duration,
        ended: Option<&'a Ended>,
    },
    Start {
        request_id: &'a str,
        version: &'a str,
        trace: &'a str,
    },
    RuntimeDone {
        request_id: &'a str,
        trace: &'a str,
        duration: Duration,
        /// From the event's delivery to the answer's first byte; `None` without an answer.
        latency: Option<Duration>,
        produced_bytes: u64,
        ended: &'a Ended,
    },
    Report {
        request_id: &'a str,
        trace: &'a str,
        figures: &'a Figures,
        ended: &'a Ended,
    },
    Extension {
        name: &'a str,
        state: &'a str,
        events: &'a [String],
        error_type: Option<&'a str>,
    },
    Subscription {
        name: &'a str,
        /// The older Logs API rather than the Telemetry API.
        logs: bool,
        types: &'a [String],
    },
}

impl Platform<'_> {
    /// `platform.start`.
    pub fn kind(&self) -> &'static str {
        match self {
            Platform::InitStart { .. } => "platform.initStart",
            Platform::InitRuntimeDone { .. } => "platform.initRuntimeDone",
            Platform::InitReport { .. } => "platform.initReport",
            Platform::RestoreStart { .. } => "platform.restoreStart",
            Platform::RestoreRuntimeDone { .. } => "platform.restoreRuntimeDone",
            Platform::RestoreReport { .. } => "platform.restoreReport",
            Platform::Start { .. } => "platform.start",
            Platform::RuntimeDone { .. } => "platform.runtimeDone",
            Platform::Report { .. } => "platform.report",
            Platform::Extension { .. } => "platform.extension",
            Platform::Subscription { logs: true, .. } => "platform.logsSubscription",
            Platform::Subscription { logs: false, .. } => "platform.telemetrySubscription",
        }
    }

    /// How talkative a log must be to hold it, if it is written as JSON.
    pub fn level(&self) -> Level {
        let failed = |ended: Option<&Ended>| ended.is_some_and(Ended::is_error);
        match self {
            Platform::InitRuntimeDone { ended, .. } if failed(*ended) => Level::Warn,
            Platform::InitReport { ended, .. } if failed(*ended) => Level::Warn,
            Platform::RestoreRuntimeDone { ended } | Platform::RestoreReport { ended, .. }
                if failed(*ended) =>
            {
                Level::Warn
            }
            Platform::RestoreRuntimeDone { .. } => Level::Debug,
            Platform::InitReport { initialization, .. } if *initialization != "on-demand" => {
                Level::Info
            }
            Platform::InitRuntimeDone { .. } | Platform::InitReport { .. } => Level::Debug,
            Platform::RuntimeDone { ended, .. } if ended.is_error() => Level::Warn,
            Platform::RuntimeDone { .. } => Level::Debug,
            Platform::Report { ended, .. } if ended.is_error() => Level::Warn,
            Platform::Extension { error_type: Some(_), .. } => Level::Warn,
            _ => Level::Info,
        }
    }

    /// The lines of a log that is text, if it has any for this.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Platform::InitStart { runtime, .. } => {
                vec![format!("INIT_START Runtime Version: {runtime}")]
            }
            Platform::InitReport { initialization: SNAP_START, phase, duration, ended: None } => {
                vec![format!("INIT_REPORT Init Duration: {:.2} ms\tPhase: {phase}", ms(*duration))]
            }
            Platform::RestoreStart { runtime, .. } => {
                vec![format!("RESTORE_START Runtime Version: {runtime}")]
            }
            Platform::RestoreReport { duration, ended } => {
                let status = ended.map(Ended::phase_status).unwrap_or_default();
                vec![format!("RESTORE_REPORT Restore Duration: {:.2} ms{status}", ms(*duration))]
            }
            Platform::InitReport { phase, duration, ended: Some(ended), .. } => {
                vec![ended.init_report(*duration, phase)]
            }
            Platform::Start { request_id, version, .. } => {
                vec![format!("START RequestId: {request_id} Version: {version}")]
            }
            Platform::Report { request_id, figures, ended, .. } => {
                vec![format!("END RequestId: {request_id}"), figures.report(request_id, ended)]
            }
            Platform::Extension { name, state, events, error_type } => {
                let failed = error_type.map(|error| format!("\tError Type: {error}"));
                let events = events.join(", ");
                let failed = failed.unwrap_or_default();
                vec![format!("EXTENSION\tName: {name}\tState: {state}\tEvents: [{events}]{failed}")]
            }
            Platform::Subscription { name, logs, types } => {
                let api = if *logs { "LOGS" } else { "TELEMETRY" };
                let types: Vec<String> = types.iter().map(|name| capitalised(name)).collect();
                let types = types.join(", ");
                vec![format!("{api}\tName: {name}\tState: Subscribed\tTypes: [{types}]")]
            }
            Platform::InitReport { ended: None, .. }
            | Platform::InitRuntimeDone { .. }
            | Platform::RestoreRuntimeDone { .. }
            | Platform::RuntimeDone { .. } => Vec::new(),
        }
    }

    /// The `record` of the event.
    pub fn record(&self) -> Value {
        match self {
            Platform::InitStart {
                initialization,
                phase,
                runtime,
                function,
                version,
                stream,
                memory_mb,
            } => {
                let mut record = instance((runtime, function, version), stream, *memory_mb);
                record["initializationType"] = json!(initialization);
                record["phase"] = json!(phase);
                record
            }
            Platform::InitRuntimeDone { initialization, phase, ended } => {
                let record = json!({ "initializationType": initialization, "phase": phase });
                with_status(record, *ended)
            }
            Platform::InitReport { initialization, phase, duration, ended } => {
                let mut record = json!({
                    "initializationType": initialization,
                    "phase": phase,
                    "metrics": { "durationMs": ms(*duration) },
                });
                status(&mut record, *ended);
                record
            }
            Platform::RestoreStart { runtime, function, version, stream, memory_mb } => {
                instance((runtime, function, version), stream, *memory_mb)
            }
            Platform::RestoreRuntimeDone { ended } => with_status(json!({}), *ended),
            Platform::RestoreReport { duration, ended } => {
                let metrics = json!({ "durationMs": ms(*duration) });
                with_status(json!({ "metrics": metrics }), *ended)
            }
            Platform::Start { request_id, version, trace } => json!({
                "requestId": request_id,
                "version": version,
                "tracing": tracing(trace),
            }),
            Platform::RuntimeDone {
                request_id,
                trace,
                duration,
                latency,
                produced_bytes,
                ended,
            } => runtime_done(request_id, trace, (*duration, *latency), *produced_bytes, ended),
            Platform::Report { request_id, trace, figures, ended } => {
                let mut record = json!({
                    "requestId": request_id,
                    "metrics": figures.metrics(),
                    "tracing": tracing(trace),
                });
                status(&mut record, Some(ended));
                record
            }
            Platform::Extension { name, state, events, error_type } => {
                extension(name, state, events, *error_type)
            }
            Platform::Subscription { name, types, .. } => {
                json!({ "name": name, "state": "Subscribed", "types": types })
            }
        }
    }
}

/// What a phase begins with.
fn instance(
    (runtime, function, version): (&str, &str, &str),
    stream: &str,
    memory_mb: i32,
) -> Value {
    json!({
        "runtimeVersion": runtime,
        "functionName": function,
        "functionVersion": version,
        "instanceId": stream,
        "instanceMaxMemory": i64::from(memory_mb) << 20,
    })
}

/// `platform.extension`.
fn extension(name: &str, state: &str, events: &[String], error_type: Option<&str>) -> Value {
    let mut record = json!({ "name": name, "state": state, "events": events });
    if let Some(error) = error_type {
        record["errorType"] = json!(error);
    }
    record
}

fn runtime_done(
    request_id: &str,
    trace: &str,
    (duration, latency): (Duration, Option<Duration>),
    produced_bytes: u64,
    ended: &Ended,
) -> Value {
    let mut spans = Vec::new();
    if let Some(latency) = latency {
        let span = |name: &str, time: Duration| json!({ "name": name, "durationMs": ms(time) });
        spans.push(span("responseLatency", latency));
        spans.push(span("responseDuration", duration.saturating_sub(latency)));
    }
    let mut record = json!({
        "requestId": request_id,
        "tracing": tracing(trace),
        "spans": spans,
        "metrics": { "durationMs": ms(duration), "producedBytes": produced_bytes },
    });
    status(&mut record, Some(ended));
    record
}

fn tracing(trace: &str) -> Value {
    json!({ "type": "X-Amzn-Trace-Id", "value": trace })
}

fn with_status(mut record: Value, ended: Option<&Ended>) -> Value {
    status(&mut record, ended);
    record
}

fn status(record: &mut Value, ended: Option<&Ended>) {
    let Some(members) = record.as_object_mut() else { return };
    let mut set = |name: &str, value: &str| {
        Map::insert(members, name.to_owned(), json!(value));
    };
    match ended {
        None | Some(Ended::Answered(_) | Ended::Streamed { error: None, .. }) => {
            set("status", "success");
        }
        Some(Ended::TimedOut) => set("status", "timeout"),
        Some(ended) => {
            set("status", if ended.keeps_sandbox() { "error" } else { "failure" });
            set("errorType", ended.error_type());
        }
    }
}

/// Milliseconds, to the microsecond.
pub(crate) fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(event: &Platform<'_>, lines: &[&str], record: Value, level: Level) {
        assert_eq!(event.lines(), lines);
        assert_eq!(event.record(), record);
        assert_eq!(event.level(), level);
    }

    #[test]
    fn events() {
        let events = ["INVOKE".to_owned(), "SHUTDOWN".to_owned()];
        let (name, state) = ("insights", "Ready");
        check(
            &Platform::Extension { name, state, events: &events, error_type: None },
            &["EXTENSION\tName: insights\tState: Ready\tEvents: [INVOKE, SHUTDOWN]"],
            json!({ "name": "insights", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"] }),
            Level::Info,
        );
        let types = ["platform".to_owned(), "function".to_owned()];
        check(
            &Platform::Subscription { name, logs: false, types: &types },
            &["TELEMETRY\tName: insights\tState: Subscribed\tTypes: [Platform, Function]"],
            json!({ "name": "insights", "state": "Subscribed", "types": ["platform", "function"] }),
            Level::Info,
        );
        let duration = Duration::from_micros(10_000_120);
        let ended = Some(&Ended::TimedOut);
        check(
            &Platform::InitReport { initialization: "on-demand", phase: "init", duration, ended },
            &["INIT_REPORT Init Duration: 10000.12 ms\tPhase: init\tStatus: timeout"],
            json!({ "initializationType": "on-demand", "phase": "init", "status": "timeout",
                    "metrics": { "durationMs": 10000.12 } }),
            Level::Warn,
        );
        let duration = Duration::from_micros(387_150);
        check(
            &Platform::RestoreReport { duration, ended: None },
            &["RESTORE_REPORT Restore Duration: 387.15 ms"],
            json!({ "status": "success", "metrics": { "durationMs": 387.15 } }),
            Level::Info,
        );
        check(
            &Platform::RestoreReport { duration, ended: Some(&Ended::TimedOut) },
            &["RESTORE_REPORT Restore Duration: 387.15 ms\tStatus: timeout"],
            json!({ "status": "timeout", "metrics": { "durationMs": 387.15 } }),
            Level::Warn,
        );
        let (request_id, version, trace) = ("id", "3", "Root=1-2-3");
        check(
            &Platform::Start { request_id, version, trace },
            &["START RequestId: id Version: 3"],
            json!({ "requestId": "id", "version": "3",
                    "tracing": { "type": "X-Amzn-Trace-Id", "value": "Root=1-2-3" } }),
            Level::Info,
        );
    }
}
