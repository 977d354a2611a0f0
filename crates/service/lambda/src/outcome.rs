//! How an invocation ended, and what callers and logs are told about it.

use std::time::Duration;

use bytes::Bytes;
use sandbox::Exit;
use serde_json::json;

use crate::platform;
use crate::runtime_api::{Broken, RESPONSE_BYTES_MAX};

/// What happened to an invocation.
pub(crate) enum Ended {
    /// The function answered.
    Answered(Bytes),
    /// The function failed and told so; the body is the runtime's own.
    Failed { body: Bytes, error_type: String },
    /// Its answer is larger than allowed.
    TooLarge,
    /// It did not end in time.
    TimedOut,
    /// The process ended instead of answering.
    Exited(Exit),
    /// It answered piece by piece, perhaps with an error at the end.
    Streamed { error: Option<Broken> },
    /// An extension failed, and with it the environment.
    Extension { error_type: String, message: String },
    /// The server stops.
    Stopped,
}

/// Why there is no initialised sandbox.
pub(crate) enum NotReady {
    /// The user's code or the runtime failed; worth a second try.
    Init(Ended),
    /// The server cannot start sandboxes, and says why.
    Fatal(api_lambda::Error),
}

impl From<api_lambda::Error> for NotReady {
    fn from(error: api_lambda::Error) -> NotReady {
        NotReady::Fatal(error)
    }
}

impl From<kernel::Fault> for NotReady {
    fn from(fault: kernel::Fault) -> NotReady {
        NotReady::Fatal(fault.into())
    }
}

impl Ended {
    /// Whether callers see a function error.
    pub fn is_error(&self) -> bool {
        !matches!(self, Ended::Answered(_) | Ended::Streamed { error: None })
    }

    /// Whether the sandbox can be used again.
    pub fn keeps_sandbox(&self) -> bool {
        matches!(
            self,
            Ended::Answered(_) | Ended::Failed { .. } | Ended::TooLarge | Ended::Streamed { .. }
        )
    }

    /// What the caller gets.
    pub fn payload(&self, request_id: &str, timeout: Duration) -> Bytes {
        let error = |error_type: &str, message: String| {
            Bytes::from(json!({ "errorType": error_type, "errorMessage": message }).to_string())
        };
        match self {
            Ended::Answered(body) => body.clone(),
            Ended::Failed { body, .. } => body.clone(),
            Ended::Streamed { error } => {
                error.as_ref().map_or_else(Bytes::new, |error| error.body.clone())
            }
            Ended::Extension { error_type, message } => {
                error(error_type, format!("RequestId: {request_id} Error: {message}"))
            }
            Ended::TooLarge => error(
                "Function.ResponseSizeTooLarge",
                format!(
                    "Response payload size exceeded maximum allowed payload size \
                     ({RESPONSE_BYTES_MAX} bytes)."
                ),
            ),
            Ended::TimedOut => error(
                "Sandbox.Timedout",
                format!("RequestId: {request_id} Error: {}", timed_out(timeout)),
            ),
            Ended::Exited(_) | Ended::Stopped => {
                error(self.error_type(), format!("RequestId: {request_id} Error: {}", self.exit()))
            }
        }
    }

    /// `errorType`, for the logs.
    pub fn error_type(&self) -> &str {
        match self {
            Ended::Answered(_) | Ended::Streamed { error: None } => "",
            Ended::Failed { error_type, .. } | Ended::Extension { error_type, .. } => error_type,
            Ended::Streamed { error: Some(error) } => &error.error_type,
            Ended::TooLarge => "Function.ResponseSizeTooLarge",
            Ended::TimedOut => "Sandbox.Timedout",
            Ended::Exited(Exit::OutOfMemory) => "Runtime.OutOfMemory",
            Ended::Exited(_) | Ended::Stopped => "Runtime.ExitError",
        }
    }

    /// Why there is no provisioned sandbox.
    pub fn provisioning_failure(&self) -> &'static str {
        match self {
            Ended::TimedOut => "FUNCTION_ERROR_INIT_TIMEOUT",
            Ended::Exited(Exit::OutOfMemory) => "FUNCTION_ERROR_OUT_OF_MEMORY",
            _ => "FUNCTION_ERROR_INIT_FAILURE",
        }
    }

    /// How the process ended, in words.
    fn exit(&self) -> String {
        match self {
            Ended::Exited(Exit::Code(0)) => "Runtime exited without providing a reason".into(),
            Ended::Exited(Exit::Code(code)) => {
                format!("Runtime exited with error: exit status {code}")
            }
            Ended::Exited(Exit::Signal(number)) => {
                format!("Runtime exited with error: signal: {}", signal_name(*number))
            }
            _ => "Runtime exited with error: signal: killed".into(),
        }
    }

    /// The line that precedes `END`, if there is one.
    pub fn log_line(&self, now: &str, request_id: &str, timeout: Duration) -> Option<String> {
        match self {
            Ended::TimedOut => Some(format!("{now} {request_id} {}\n", timed_out(timeout))),
            Ended::Exited(_) => Some(format!(
                "RequestId: {request_id} Error: {}\n{}",
                self.exit(),
                self.error_type()
            )),
            Ended::Extension { error_type, message } => {
                Some(format!("RequestId: {request_id} Error: {message}\n{error_type}"))
            }
            _ => None,
        }
    }

    /// The end of a `REPORT` line.
    fn status(&self) -> String {
        match self {
            Ended::TimedOut => "\tStatus: timeout".into(),
            Ended::Answered(_) | Ended::Failed { .. } | Ended::Streamed { .. } => String::new(),
            _ => format!("\tStatus: error\tError Type: {}", self.error_type()),
        }
    }

    /// `INIT_REPORT`, when initialisation failed.
    pub fn init_report(&self, duration: Duration, phase: &str) -> String {
        let status = self.phase_status();
        format!("INIT_REPORT Init Duration: {}\tPhase: {phase}{status}", ms(duration))
    }

    /// How a phase failed, at the end of its line.
    pub fn phase_status(&self) -> String {
        match self {
            Ended::TimedOut => "\tStatus: timeout".into(),
            _ => format!("\tStatus: error\tError Type: {}", self.error_type()),
        }
    }
}

/// The figures of a `REPORT` line.
pub(crate) struct Figures {
    pub duration: Duration,
    pub init: Option<Duration>,
    /// How long it took to restore, and what of it is billed.
    pub restore: Option<(Duration, Duration)>,
    pub memory_mb: i32,
    pub peak_bytes: u64,
}

impl Figures {
    /// Initialisation is billed, too.
    fn billed_ms(&self) -> u64 {
        let billed = (self.duration + self.init.unwrap_or_default()).as_secs_f64() * 1e3;
        billed.ceil() as u64 + self.restore.map_or(0, |(_, billed)| whole_ms(billed))
    }

    fn used_mb(&self) -> u64 {
        self.peak_bytes.div_ceil(1 << 20).clamp(1, self.memory_mb as u64)
    }

    /// `metrics` of `platform.report`.
    pub fn metrics(&self) -> serde_json::Value {
        let mut metrics = json!({
            "durationMs": platform::ms(self.duration),
            "billedDurationMs": self.billed_ms(),
            "memorySizeMB": self.memory_mb,
            "maxMemoryUsedMB": self.used_mb(),
        });
        if let Some(init) = self.init {
            metrics["initDurationMs"] = json!(platform::ms(init));
        }
        if let Some((restore, billed)) = self.restore {
            metrics["restoreDurationMs"] = json!(platform::ms(restore));
            metrics["billedRestoreDurationMs"] = json!(whole_ms(billed));
        }
        metrics
    }

    /// The line.
    pub fn report(&self, request_id: &str, ended: &Ended) -> String {
        let (billed, used_mb) = (self.billed_ms(), self.used_mb());
        let init = self.init.map(|init| format!("\tInit Duration: {}", ms(init)));
        let restore = self.restore.map(|(restore, billed)| {
            let billed_ms = whole_ms(billed);
            format!("\tRestore Duration: {}\tBilled Restore Duration: {billed_ms} ms", ms(restore))
        });
        format!(
            "REPORT RequestId: {request_id}\tDuration: {}\tBilled Duration: {} ms\t\
             Memory Size: {} MB\tMax Memory Used: {used_mb} MB{}{}{}\t",
            ms(self.duration),
            billed,
            self.memory_mb,
            init.unwrap_or_default(),
            restore.unwrap_or_default(),
            ended.status(),
        )
    }
}

/// As it is billed.
fn whole_ms(duration: Duration) -> u64 {
    (duration.as_secs_f64() * 1e3).ceil() as u64
}

fn ms(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}

fn timed_out(timeout: Duration) -> String {
    format!("Task timed out after {:.2} seconds", timeout.as_secs_f64())
}

/// As Go names them, since AWS's messages come from there.
fn signal_name(number: i32) -> String {
    let name = match number {
        4 => "illegal instruction",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ended: Ended, payload: &str, report: &str) {
        let timeout = Duration::from_secs(3);
        assert_eq!(ended.payload("id", timeout), payload.as_bytes());
        let figures = Figures {
            duration: Duration::from_micros(1501),
            init: Some(Duration::from_millis(100)),
            restore: None,
            memory_mb: 128,
            peak_bytes: (40 << 20) + 1,
        };
        assert_eq!(
            figures.report("id", &ended),
            format!(
                "REPORT RequestId: id\tDuration: 1.50 ms\tBilled Duration: 102 ms\tMemory Size: 128 MB\
             \tMax Memory Used: 41 MB\tInit Duration: 100.00 ms{report}\t"
            )
        );
    }

    #[test]
    fn a_restored_environment_bills_what_ran_after() {
        let figures = Figures {
            duration: Duration::from_micros(2_338_660),
            init: None,
            restore: Some((Duration::from_micros(398_970), Duration::from_micros(181_200))),
            memory_mb: 3009,
            peak_bytes: 173 << 20,
        };
        assert_eq!(
            figures.report("id", &Ended::Answered("1".into())),
            "REPORT RequestId: id\tDuration: 2338.66 ms\tBilled Duration: 2521 ms\tMemory Size: \
             3009 MB\tMax Memory Used: 173 MB\tRestore Duration: 398.97 ms\tBilled Restore \
             Duration: 182 ms\t"
        );
        assert_eq!(figures.metrics()["billedRestoreDurationMs"], 182);
    }

    #[test]
    fn texts() {
        check(Ended::Answered("1".into()), "1", "");
        check(
            Ended::TimedOut,
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"}"#,
            "\tStatus: timeout",
        );
        check(
            Ended::Exited(Exit::Code(0)),
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited without providing a reason"}"#,
            "\tStatus: error\tError Type: Runtime.ExitError",
        );
        check(
            Ended::Exited(Exit::Signal(11)),
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited with error: signal: segmentation fault"}"#,
            "\tStatus: error\tError Type: Runtime.ExitError",
        );
        check(
            Ended::Exited(Exit::OutOfMemory),
            r#"{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: id Error: Runtime exited with error: signal: killed"}"#,
            "\tStatus: error\tError Type: Runtime.OutOfMemory",
        );
    }
}
