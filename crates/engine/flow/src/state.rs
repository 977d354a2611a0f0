//! Everything a running contact is: serialisable between two events.

use crate::actions::voice::Voice;
use crate::contact::Contact;
use crate::machine::FlowReference;
use crate::path::Path;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What the machine waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Waiting {
    /// [`crate::Event::Started`].
    Start,
    /// [`crate::Event::SpeechDone`].
    Speech,
    /// [`crate::Event::Digits`] or [`crate::Event::InputTimeout`].
    Digits,
    /// One of the three Lambda events.
    Lambda,
    /// [`crate::Event::TimerFired`] or [`crate::Event::CustomerReturned`].
    Timer,
    /// [`crate::Event::HoursResult`].
    Hours,
    /// [`crate::Event::FlowLoaded`] or [`crate::Event::FlowMissing`].
    Flow,
    /// Nothing more: the contact has ended.
    Ended,
}

/// A running contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The facts it started with.
    pub contact: Contact,
    /// Contact attributes now.
    pub attributes: BTreeMap<String, String>,
    /// Attributes of the flow running now.
    pub flow_attributes: BTreeMap<String, String>,
    /// The last Lambda result (`$.External`).
    pub external: Value,
    /// What the caller last keyed in (`$.StoredCustomerInput`).
    pub stored_input: Option<String>,
    /// The voice that speaks.
    pub voice: Voice,
    /// Whether flow logging is on.
    pub logging: bool,
    /// The flow running now.
    pub flow: FlowReference,
    /// Identifier of the action running now.
    pub action: Option<String>,
    /// What the machine waits for.
    pub waiting: Waiting,
    /// The parameters of the action that waits, for its log entry.
    pub(crate) entered: Map<String, Value>,
    /// Rounds done, by the identifier of the `Loop`.
    pub(crate) loops: BTreeMap<String, u32>,
    /// Actions since the caller or a timer last had a turn.
    pub(crate) actions_this_turn: u32,
    /// The random seed's present value.
    pub(crate) random: u64,
    /// Milliseconds of Lambda calls since the last prompt.
    pub(crate) lambda_chain_ms: u64,
}

impl State {
    pub(crate) fn new(flow: FlowReference, contact: Contact, seed: u64) -> State {
        State {
            attributes: contact.attributes.clone(),
            contact,
            flow_attributes: BTreeMap::new(),
            external: Value::Object(Map::new()),
            stored_input: None,
            voice: Voice::default(),
            logging: false,
            flow,
            action: None,
            waiting: Waiting::Start,
            entered: Map::new(),
            loops: BTreeMap::new(),
            actions_this_turn: 0,
            random: seed,
            lambda_chain_ms: 0,
        }
    }

    /// Appends what `path` leads to, as text; nothing if it leads nowhere.
    pub(crate) fn append(&self, path: &Path, text: &mut String) {
        match self.value(path) {
            None | Some(Value::Null) => {}
            Some(Value::String(found)) => text.push_str(&found),
            Some(other) => text.push_str(&other.to_string()),
        }
    }

    /// What `path` leads to.
    pub(crate) fn value(&self, path: &Path) -> Option<Value> {
        let contact = &self.contact;
        let names = &path.names[..];
        let text = |text: &str| Some(Value::String(text.to_owned()));
        let option = |value: &Option<String>| value.clone().map(Value::String);
        match path.root {
            "Attributes" => in_map(&self.attributes, names),
            "FlowAttributes" => in_map(&self.flow_attributes, names),
            "Tags" => in_map(&contact.tags, names),
            "External" => in_json(&self.external, names),
            "StoredCustomerInput" => option(&self.stored_input),
            "TextToSpeechVoiceId" => text(&self.voice.name),
            "CustomerEndpoint" => in_json(&endpoint_json(&contact.customer_endpoint), names),
            "SystemEndpoint" => in_json(&endpoint_json(&contact.system_endpoint), names),
            "CustomerCallbackNumber" => {
                contact.customer_endpoint.as_ref().and_then(|endpoint| text(&endpoint.address))
            }
            "Queue" => in_json(&self.queue_json(), names),
            "Channel" => text(&contact.channel),
            "ContactId" => text(&contact.contact_id),
            "InitialContactId" => text(&contact.initial_contact_id),
            "PreviousContactId" => option(&contact.previous_contact_id),
            "InitiationMethod" => text(&contact.initiation_method),
            "InstanceARN" => text(&contact.instance_arn),
            "AwsRegion" => text(&contact.region),
            "LanguageCode" => text(&contact.language_code),
            "CustomerId" => option(&contact.customer_id),
            "Name" => option(&contact.name),
            "Description" => option(&contact.description),
            namespace => in_json(contact.data.get(namespace)?, names),
        }
    }

    /// The queue as a Lambda event and `$.Queue` show it.
    pub(crate) fn queue_json(&self) -> Value {
        match &self.contact.queue {
            None => Value::Null,
            Some(queue) => json!({ "ARN": queue.arn, "Name": queue.name }),
        }
    }
}

/// An endpoint as a Lambda event and `$.CustomerEndpoint` show it.
pub(crate) fn endpoint_json(endpoint: &Option<crate::contact::Endpoint>) -> Value {
    match endpoint {
        None => Value::Null,
        Some(endpoint) => json!({ "Address": endpoint.address, "Type": endpoint.kind }),
    }
}

fn in_map(map: &BTreeMap<String, String>, names: &[String]) -> Option<Value> {
    match names {
        [] => Some(json!(map)),
        [name] => map.get(name).cloned().map(Value::String),
        _ => None,
    }
}

fn in_json(value: &Value, names: &[String]) -> Option<Value> {
    let mut value = value;
    for name in names {
        value = value.as_object()?.get(name)?;
    }
    Some(value.clone())
}
