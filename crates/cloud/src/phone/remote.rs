//! A call to a number of a running cloud, through `/_gureum/calls`.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use service_connect::calls::{CallEvent, CallStarted, CallerAct, NumberedEvent, StartCall};

use super::{Act, Heard, Line, LineError};
use crate::client::{Cloud, CloudError};

/// A call through a cloud.
pub struct RemoteLine {
    cloud: Cloud,
    path: String,
    /// Number of the last event heard.
    last: u64,
}

impl From<CloudError> for LineError {
    fn from(error: CloudError) -> Self {
        LineError(error.to_string())
    }
}

impl RemoteLine {
    /// Calls `to` from `from`.
    pub fn dial(cloud: Cloud, from: &str, to: &str) -> Result<RemoteLine, LineError> {
        let call = StartCall { to: to.into(), from: from.into(), real_time: false, seed: None };
        let call = encode(&call)?;
        let started: CallStarted = decode(cloud.own("POST", "/_gureum/calls", &call)?)?;
        let path = format!("/_gureum/calls/{}", started.call_id);
        Ok(RemoteLine { cloud, path, last: 0 })
    }
}

fn encode(value: &impl serde::Serialize) -> Result<Value, LineError> {
    serde_json::to_value(value).map_err(|e| LineError(e.to_string()))
}

fn decode<T: DeserializeOwned>(answer: Value) -> Result<T, LineError> {
    serde_json::from_value(answer).map_err(|e| LineError(format!("the cloud's answer: {e}")))
}

impl Line for RemoteLine {
    fn listen(&mut self) -> Result<Vec<Heard>, LineError> {
        let mut all = Vec::new();
        loop {
            let path = format!("{}/events?after={}", self.path, self.last);
            let mut answer = self.cloud.own("GET", &path, &Value::Null)?;
            let events: Vec<NumberedEvent> = decode(answer["events"].take())?;
            let Some(last) = events.last() else { return Ok(all) };
            self.last = last.number;
            all.extend(events.into_iter().filter_map(|numbered| heard(numbered.event)));
            if let Some(Heard::WantsInput | Heard::Ended { .. }) = all.last() {
                return Ok(all);
            }
        }
    }

    fn act(&mut self, act: &Act) -> Result<(), LineError> {
        let act = match act {
            Act::Press(keys) => CallerAct::Press { digits: keys.clone() },
            // No block that is served so far listens to words: for the flow they are silence.
            Act::Say(_) | Act::Wait => CallerAct::Silence,
            Act::HangUp => CallerAct::HangUp,
        };
        self.cloud.own("POST", &self.path, &encode(&act)?)?;
        Ok(())
    }

    fn attributes(&mut self) -> Result<BTreeMap<String, String>, LineError> {
        let mut answer =
            self.cloud.own("GET", &format!("{}/attributes", self.path), &json!(null))?;
        decode(answer["attributes"].take())
    }
}

/// What a testing caller is told of an event.
fn heard(event: CallEvent) -> Option<Heard> {
    Some(match event {
        CallEvent::Started { .. } => return None,
        CallEvent::Prompt { text, voice, .. } => Heard::Prompt { text, voice },
        CallEvent::Step { action, action_type, result, engine_microseconds } => {
            Heard::Step { action, kind: action_type, result, engine_us: Some(engine_microseconds) }
        }
        CallEvent::Lambda { function, milliseconds, answer, error, .. } => {
            let function = super::function_name(&function).to_owned();
            Heard::Lambda { function, elapsed_ms: milliseconds, answer, error, canned: false }
        }
        CallEvent::Pause { milliseconds } => Heard::Pause { pause_ms: milliseconds },
        CallEvent::Warning { text } => Heard::Warning { text },
        CallEvent::WantsInput { .. } => Heard::WantsInput,
        CallEvent::Ended { reason, .. } => Heard::Ended { reason },
    })
}
