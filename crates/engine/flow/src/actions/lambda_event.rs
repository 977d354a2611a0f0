//! The event a Lambda function is invoked with.
//!
//! Source of the members: "Invoke AWS Lambda functions" in the admin guide and the
//! `amazonConnect` sample event of the Lambda console.

use crate::state::{State, endpoint_json};
use serde_json::{Map, Value, json};

/// The event for the contact of `state`, with the action's own `parameters`.
pub(super) fn event(state: &State, parameters: Map<String, Value>) -> Value {
    let contact = &state.contact;
    let data = |name: &str, default: Value| contact.data.get(name).cloned().unwrap_or(default);
    json!({
        "Name": "ContactFlowEvent",
        "Details": {
            "ContactData": {
                "Attributes": state.attributes,
                "AwsRegion": contact.region,
                "Channel": contact.channel,
                "ContactId": contact.contact_id,
                "CustomerEndpoint": endpoint_json(&contact.customer_endpoint),
                "CustomerId": contact.customer_id,
                "Description": contact.description,
                "InitialContactId": contact.initial_contact_id,
                "InitiationMethod": contact.initiation_method,
                "InstanceARN": contact.instance_arn,
                "LanguageCode": contact.language_code,
                "MediaStreams": data("MediaStreams", json!({"Customer": {"Audio": null}})),
                "Name": contact.name,
                "PreviousContactId": contact.previous_contact_id,
                "Queue": state.queue_json(),
                "References": data("References", json!({})),
                "SegmentAttributes": data("SegmentAttributes", json!({})),
                "SystemEndpoint": endpoint_json(&contact.system_endpoint),
                "Tags": contact.tags,
            },
            "Parameters": parameters,
        }
    })
}
