//! The facts about a contact that a flow can read and a Lambda function is told.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One end of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// A telephone number in E.164 form.
    pub address: String,
    /// `TELEPHONE_NUMBER` for calls.
    pub kind: String,
}

impl Endpoint {
    /// A telephone number.
    pub fn telephone(address: impl Into<String>) -> Endpoint {
        Endpoint { address: address.into(), kind: "TELEPHONE_NUMBER".to_owned() }
    }
}

/// The queue a contact was last put in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// The queue's ARN.
    pub arn: String,
    /// The queue's name.
    pub name: String,
}

/// What is known of a contact when its flow starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// This contact's id.
    pub contact_id: String,
    /// The first contact of the chain; this one's own id for an inbound call.
    pub initial_contact_id: String,
    /// The contact before this one in the chain.
    pub previous_contact_id: Option<String>,
    /// `VOICE`, `CHAT`, `TASK` or `EMAIL`.
    pub channel: String,
    /// `INBOUND`, `OUTBOUND`, `TRANSFER`, `CALLBACK` or `API`.
    pub initiation_method: String,
    /// ARN of the instance.
    pub instance_arn: String,
    /// Region of the instance.
    pub region: String,
    /// The caller.
    pub customer_endpoint: Option<Endpoint>,
    /// The number that was called.
    pub system_endpoint: Option<Endpoint>,
    /// The queue the contact is in.
    pub queue: Option<Queue>,
    /// Language of the contact, `en-US` unless set.
    pub language_code: String,
    /// The customer's id, if one was set.
    pub customer_id: Option<String>,
    /// The contact's name.
    pub name: Option<String>,
    /// The contact's description.
    pub description: Option<String>,
    /// Contact attributes at the start.
    pub attributes: BTreeMap<String, String>,
    /// Contact tags.
    pub tags: BTreeMap<String, String>,
    /// Further namespaces a flow may read, by the name after `$.`: `Lex`, `Metrics`, `Views`,
    /// `Customer`, `Case`, `Media`, `Wisdom`, `SegmentAttributes`, `References`.
    pub data: Map<String, Value>,
}

impl Contact {
    /// An inbound call from `customer` to `system`.
    pub fn inbound_call(
        contact_id: impl Into<String>,
        instance_arn: impl Into<String>,
        region: impl Into<String>,
        customer: impl Into<String>,
        system: impl Into<String>,
    ) -> Contact {
        let contact_id = contact_id.into();
        Contact {
            initial_contact_id: contact_id.clone(),
            previous_contact_id: Some(contact_id.clone()),
            contact_id,
            channel: "VOICE".to_owned(),
            initiation_method: "INBOUND".to_owned(),
            instance_arn: instance_arn.into(),
            region: region.into(),
            customer_endpoint: Some(Endpoint::telephone(customer)),
            system_endpoint: Some(Endpoint::telephone(system)),
            queue: None,
            language_code: "en-US".to_owned(),
            customer_id: None,
            name: None,
            description: None,
            attributes: BTreeMap::new(),
            tags: BTreeMap::new(),
            data: Map::new(),
        }
    }

    /// Whether this is a call.
    pub(crate) fn is_voice(&self) -> bool {
        self.channel == "VOICE"
    }
}
