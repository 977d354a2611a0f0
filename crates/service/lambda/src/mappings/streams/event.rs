//! A record of a stream as the function sees it.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use api_dynamodbstreams::{AttributeValue, Record};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::Timestamp;
use serde_json::{Value as Json, json};
use shape::Prepared;

/// A record that a function is to be given.
pub(super) struct Item {
    pub sequence: String,
    pub created: Timestamp,
    /// The same for all records of one item of the table.
    pub key: u64,
    /// JSON.
    pub text: String,
}

/// The record as JSON, for filters and for the event.
pub(super) fn json(record: &Record, stream_arn: &str) -> Json {
    let mut event = json!({
        "eventID": record.event_id,
        "eventName": record.event_name.as_ref().map(|name| name.as_str()),
        "eventVersion": record.event_version,
        "eventSource": record.event_source,
        "awsRegion": record.aws_region,
        "eventSourceARN": stream_arn,
    });
    if let Some(body) = &record.dynamodb {
        let created = body.approximate_creation_date_time.unwrap_or_default();
        let mut inner = json!({
            "ApproximateCreationDateTime": created.epoch_ms.div_euclid(1000),
            "SequenceNumber": body.sequence_number,
            "SizeBytes": body.size_bytes,
            "StreamViewType": body.stream_view_type.as_ref().map(|view| view.as_str()),
        });
        let images =
            [("Keys", &body.keys), ("NewImage", &body.new_image), ("OldImage", &body.old_image)];
        for (name, image) in images {
            if let Some(image) = image {
                inner[name] = item(image);
            }
        }
        event["dynamodb"] = inner;
    }
    if let Some(identity) = &record.user_identity {
        event["userIdentity"] =
            json!({"type": identity.r#type, "principalId": identity.principal_id});
    }
    event
}

/// What the function is given of a record, with what is needed to keep its order.
pub(super) fn item_of(record: &Record, event: &Json) -> Item {
    let body = record.dynamodb.as_ref();
    let mut hasher = DefaultHasher::new();
    event["dynamodb"]["Keys"].to_string().hash(&mut hasher);
    Item {
        sequence: body.and_then(|body| body.sequence_number.clone()).unwrap_or_default(),
        created: body.and_then(|body| body.approximate_creation_date_time).unwrap_or_default(),
        key: hasher.finish(),
        text: event.to_string(),
    }
}

fn item(image: &Prepared<BTreeMap<String, AttributeValue>>) -> Json {
    let prepared = shape::Map::json(image).and_then(|text| serde_json::from_str(text).ok());
    prepared.unwrap_or_else(|| object(image))
}

fn object(attributes: &BTreeMap<String, AttributeValue>) -> Json {
    attributes.iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

fn attribute(value: &AttributeValue) -> Json {
    let bytes = |blob: &shape::Blob| BASE64.encode(&blob.0);
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::B(blob) => json!({"B": bytes(blob)}),
        AttributeValue::Ss(texts) => json!({"SS": texts}),
        AttributeValue::Ns(numbers) => json!({"NS": numbers}),
        AttributeValue::Bs(blobs) => json!({"BS": blobs.iter().map(bytes).collect::<Vec<_>>()}),
        AttributeValue::M(inner) => json!({"M": object(inner)}),
        AttributeValue::L(list) => json!({"L": list.iter().map(attribute).collect::<Vec<_>>()}),
        AttributeValue::Null(is_null) => json!({"NULL": is_null}),
        AttributeValue::Bool(value) => json!({"BOOL": value}),
        AttributeValue::Unset => Json::Null,
    }
}
