//! The event, as rules see it and targets get it.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

/// An event with its envelope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub id: String,
    pub detail_type: String,
    pub source: String,
    /// Of who sent it.
    pub account: String,
    pub at_ms: i64,
    pub region: String,
    pub resources: Vec<String>,
    /// JSON text of an object, as it came.
    pub detail: String,
    /// The replay that brings it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

impl Event {
    /// As JSON text, its members in AWS's order and the detail as it was sent.
    pub fn text(&self) -> String {
        let head = self.head().to_string();
        format!("{},\"detail\":{}}}", &head[..head.len() - 1], self.detail)
    }

    /// As patterns and paths see it.
    pub fn json(&self) -> Json {
        let mut event = self.head();
        event["detail"] = serde_json::from_str(&self.detail).unwrap_or_default();
        event
    }

    /// All but the detail.
    pub fn head(&self) -> Json {
        let mut head = json!({
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": self.account,
            "time": Timestamp::from_ms(self.at_ms).civil("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.region,
            "resources": self.resources,
        });
        if let Some(replay) = &self.replay {
            head["replay-name"] = replay.as_str().into();
        }
        head
    }
}

/// The text of a detail without what surrounds it; nothing if it is no JSON object.
pub(crate) fn detail(text: &str) -> Option<String> {
    // The text itself is kept: numbers and repeated names stay as they were sent.
    serde_json::from_str::<Map<String, Json>>(text).ok()?;
    Some(text.trim().to_owned())
}
