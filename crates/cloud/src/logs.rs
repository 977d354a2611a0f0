//! `gureum logs`: a function's log from CloudWatch Logs of a running cloud, and what still comes.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Args;
use kernel::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};

use crate::Failure;
use crate::args::Target;
use crate::client::{Cloud, CloudError};
use crate::status::cloud;

/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(250);
/// Lines may be written a little after lines with a later time.
const LATE_MS: i64 = 5_000;

/// Which log.
#[derive(Debug, Args)]
pub struct Logs {
    /// The function; may be given several times.
    #[arg(short, long, value_name = "FUNCTION", required_unless_present = "cw_log_group")]
    pub name: Vec<String>,
    /// A log group; may be given several times.
    #[arg(long, value_name = "GROUP")]
    pub cw_log_group: Vec<String>,
    /// Go on until Ctrl-C.
    #[arg(short, long)]
    pub tail: bool,
    /// Only lines that fit this filter pattern of CloudWatch Logs.
    #[arg(long, value_name = "PATTERN")]
    pub filter: Option<String>,
    /// How far back to begin: `10m ago`, `2h`, `1day ago`.
    #[arg(short, long, value_name = "WHEN", default_value = "10m ago", value_parser = ago)]
    pub start_time: Duration,
    #[command(flatten)]
    pub target: Target,
}

/// `10m ago` as a duration.
fn ago(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time like `10m ago`");
    let text = text.trim().trim_end_matches("ago").trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = match text[digits..].trim() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(wrong)
}

#[expect(clippy::disallowed_methods, reason = "a command that waits, with no kernel")]
fn pause() {
    thread::sleep(PAUSE);
}

/// One group, and how far it was read.
struct Group {
    name: String,
    from_ms: i64,
    /// Ids of events that were printed and may come again.
    seen: BTreeSet<String>,
}

/// Prints.
pub fn logs(logs: &Logs, json: bool) -> Result<ExitCode, Failure> {
    let cloud = cloud(&logs.target)?;
    let now_ms = SystemClock::default().now().epoch_ms;
    let from_ms = now_ms.saturating_sub(logs.start_time.as_millis() as i64).max(0);
    let named = logs.name.iter().map(|name| format!("/aws/lambda/{name}"));
    let mut groups: Vec<Group> = named
        .chain(logs.cw_log_group.iter().cloned())
        .map(|name| Group { name, from_ms, seen: BTreeSet::new() })
        .collect();
    loop {
        for group in &mut groups {
            match group.read(&cloud, logs.filter.as_deref(), json) {
                // A function that was never invoked has no log yet: it may come.
                Err(CloudError::Refused { code, .. })
                    if logs.tail && code == "ResourceNotFoundException" => {}
                other => other?,
            }
        }
        if !logs.tail {
            return Ok(ExitCode::SUCCESS);
        }
        pause();
    }
}

impl Group {
    fn read(&mut self, cloud: &Cloud, filter: Option<&str>, json: bool) -> Result<(), CloudError> {
        let (mut token, mut latest_ms) = (Value::Null, self.from_ms);
        let mut found = BTreeSet::new();
        loop {
            let mut request = json!({ "logGroupName": self.name, "startTime": self.from_ms });
            if let Some(filter) = filter {
                request["filterPattern"] = filter.into();
            }
            if !token.is_null() {
                request["nextToken"] = token;
            }
            let mut answer = cloud.call("logs", "FilterLogEvents", &request)?;
            for event in answer["events"].as_array().into_iter().flatten() {
                let id = event["eventId"].as_str().unwrap_or_default().to_owned();
                let at_ms = event["timestamp"].as_i64().unwrap_or_default();
                latest_ms = latest_ms.max(at_ms);
                if !self.seen.contains(&id) {
                    print(event, at_ms, json);
                }
                found.insert(id);
            }
            token = answer["nextToken"].take();
            if token.is_null() {
                break;
            }
        }
        self.from_ms = self.from_ms.max(latest_ms - LATE_MS);
        self.seen = found;
        Ok(())
    }
}

fn print(event: &Value, at_ms: i64, json: bool) {
    if json {
        println!("{event}");
        return;
    }
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    let time = Timestamp::from_ms(at_ms).civil("%Y-%m-%dT%H:%M:%S%.3f");
    println!("{} {time} {}", text("logStreamName"), text("message").trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_ago() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(ago(text).ok(), expected.map(Duration::from_secs), "{text}");
        };
        check("10m ago", Some(600));
        check("2h", Some(7200));
        check("1 day ago", Some(86_400));
        check("90s", Some(90));
        check("yesterday", None);
        check("99999999999999999999d", None);
        check("", None);
    }
}
