//! Attributes of topics and subscriptions.

use std::collections::BTreeMap;

use kernel::Fault;
use serde_json::{Value as Json, json};

use crate::error::invalid;
use crate::filter;
use crate::name::TopicName;

/// The policy of a topic that has none of its own: its owner may do everything.
pub(crate) fn default_policy(topic: &TopicName) -> String {
    let actions = [
        "SNS:GetTopicAttributes",
        "SNS:SetTopicAttributes",
        "SNS:AddPermission",
        "SNS:RemovePermission",
        "SNS:DeleteTopic",
        "SNS:Subscribe",
        "SNS:ListSubscriptionsByTopic",
        "SNS:Publish",
    ];
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": actions,
            "Resource": topic.arn(),
            "Condition": {"StringEquals": {"AWS:SourceOwner": topic.account}},
        }],
    })
    .to_string()
}

/// How HTTP deliveries are repeated when nobody says otherwise.
pub(crate) fn default_delivery() -> Json {
    json!({
        "http": {
            "defaultHealthyRetryPolicy": {
                "minDelayTarget": 20, "maxDelayTarget": 20, "numRetries": 3,
                "numMaxDelayRetries": 0, "numNoDelayRetries": 0, "numMinDelayRetries": 0,
                "backoffFunction": "linear",
            },
            "disableSubscriptionOverrides": false,
            "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"},
        },
    })
}

/// Sets an attribute of a topic; an empty text takes it away.
pub(crate) fn set_topic(
    topic: &TopicName,
    attributes: &mut BTreeMap<String, String>,
    name: &str,
    text: &str,
) -> Result<(), Fault> {
    let sound = match name {
        "DisplayName" => text.chars().count() <= 100,
        "Policy" => text.is_empty() || policy::Policy::parse(text, policy::Kind::Resource).is_ok(),
        "DeliveryPolicy" => text.is_empty() || is_object(text),
        "FifoTopic" if (text == "true") == topic.is_fifo() => true,
        "ContentBasedDeduplication" if topic.is_fifo() => is_boolean(text),
        "FifoThroughputScope" if topic.is_fifo() => matches!(text, "Topic" | "MessageGroup"),
        "SignatureVersion" => matches!(text, "1" | "2"),
        "TracingConfig" => text == "PassThrough",
        "KmsMasterKeyId" => text.len() <= 2048,
        "ArchivePolicy" => {
            return Err(Fault::not_implemented(format_args!("the attribute {name} of topics")));
        }
        // Terraform sets the rate at which successes are logged to what it is: never.
        name if name.ends_with("FeedbackSampleRate") && text == "0" => true,
        name if is_feedback(name) && text.is_empty() => true,
        name if is_feedback(name) => {
            return Err(Fault::not_implemented(format_args!("the attribute {name} of topics")));
        }
        "FifoTopic" => return Err(invalid("Topic Name")),
        _ => return Err(invalid("AttributeName")),
    };
    if !sound {
        let what = if name == "Policy" { "Policy Error: null" } else { name };
        return Err(invalid(what));
    }
    // Standard topics do not say that they are no FIFO topics.
    let text = if name == "FifoTopic" && text == "false" { "" } else { text };
    put(attributes, name, text);
    Ok(())
}

/// Delivery status logging.
fn is_feedback(name: &str) -> bool {
    ["RoleArn", "SampleRate"].iter().any(|end| name.ends_with(end)) && name.contains("Feedback")
}

fn put(attributes: &mut BTreeMap<String, String>, name: &str, text: &str) {
    match text {
        "" => attributes.remove(name),
        text => attributes.insert(name.to_owned(), text.to_owned()),
    };
}

/// Sets attributes of a subscription, and checks them together.
pub(crate) fn set_subscription(
    protocol: &str,
    attributes: &mut BTreeMap<String, String>,
    changes: &BTreeMap<String, String>,
) -> Result<(), Fault> {
    for (name, text) in changes {
        let sound = match name.as_str() {
            "RawMessageDelivery" => is_boolean(text),
            "FilterPolicy" => true,
            "FilterPolicyScope" => matches!(text.as_str(), "MessageAttributes" | "MessageBody"),
            "RedrivePolicy" => text.is_empty() || dead_letters(text).is_some(),
            "DeliveryPolicy" if protocol.starts_with("http") => text.is_empty() || is_object(text),
            "DeliveryPolicy" => text.is_empty(),
            "SubscriptionRoleArn" | "ReplayPolicy" => {
                let what = format_args!("the attribute {name} of subscriptions");
                return Err(Fault::not_implemented(what));
            }
            _ => return Err(invalid("AttributeName")),
        };
        if !sound {
            return Err(invalid(format!("Attributes Reason: {name}: Invalid value [{text}]")));
        }
        put(attributes, name, text);
    }
    let in_body = attributes.get("FilterPolicyScope").is_some_and(|s| s == "MessageBody");
    match attributes.get("FilterPolicy") {
        Some(policy) if policy == "{}" => {
            attributes.remove("FilterPolicy");
            Ok(())
        }
        Some(policy) => filter::check(policy, in_body).map_err(invalid),
        None => Ok(()),
    }
}

/// The ARN of the queue for what cannot be delivered.
pub(crate) fn dead_letters(redrive_policy: &str) -> Option<String> {
    let policy: Json = serde_json::from_str(redrive_policy).ok()?;
    let arn = policy.get("deadLetterTargetArn")?.as_str()?;
    arn.contains(":sqs:").then(|| arn.to_owned())
}

fn is_object(text: &str) -> bool {
    serde_json::from_str::<Json>(text).is_ok_and(|value| value.is_object())
}

fn is_boolean(text: &str) -> bool {
    matches!(text, "true" | "false")
}
