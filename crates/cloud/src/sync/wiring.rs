//! Resources that join others: permissions, mappings, subscriptions, notifications and policies. They
//! are made when all that they join is there.

use serde_json::{Map, Value, json};
use template::{Node, Resource};

use super::deploy::Pass;
use super::functions::target;
use super::{events, lambda, policies, rules};
use crate::Failure;

/// What is made here, beside the notifications of buckets.
pub const TYPES: &[&str] = &[
    "AWS::Events::EventBusPolicy",
    "AWS::Events::Rule",
    "AWS::IAM::Policy",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
];
/// Lists of a bucket's notifications: as templates name them, as the API does, and their targets.
const NOTIFICATIONS: &[[&str; 4]] = &[
    ["LambdaConfigurations", "LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"],
    ["QueueConfigurations", "QueueConfigurations", "Queue", "QueueArn"],
    ["TopicConfigurations", "TopicConfigurations", "Topic", "TopicArn"],
];

/// Makes those that are wanted: policies before what they permit.
pub fn connect(pass: &Pass<'_>) -> Result<(), Failure> {
    let wanted = |resource: &&&Resource| pass.wants(&resource.id, &resource.kind);
    let all = pass.stack.ordered();
    for resource in all.iter().filter(wanted) {
        if lambda::TYPES.contains(&resource.kind.as_str()) {
            let properties = pass.properties(&resource.id)?;
            let made = lambda::one(pass, resource, &properties);
            made.map_err(|Failure(why)| Failure::of(&resource.id, why))?;
        } else if TYPES.contains(&resource.kind.as_str()) {
            join(pass, resource).map_err(|Failure(why)| Failure::of(&resource.id, why))?;
        }
    }
    for resource in all.iter().filter(wanted).filter(|one| one.kind == "AWS::S3::Bucket") {
        let properties = pass.properties(&resource.id)?;
        if let Some(settings) = properties.get("NotificationConfiguration") {
            tells(pass, &resource.id, settings)?;
        }
    }
    Ok(())
}

fn join(pass: &Pass<'_>, resource: &Resource) -> Result<(), Failure> {
    let properties = pass.properties(&resource.id)?;
    let text = |key: &str| {
        let found = properties.get(key).and_then(Node::as_text);
        found.ok_or_else(|| Failure(format!("it needs {key}")))
    };
    let document = || properties.get("PolicyDocument").map(|node| node.to_json().to_string());
    let named = |key: &str| properties.get(key).map_or(&[][..], Node::items);
    match resource.kind.as_str() {
        "AWS::Events::EventBusPolicy" => rules::policy(pass, &properties),
        "AWS::Events::Rule" => rules::rule(pass, &resource.id, &properties),
        "AWS::Lambda::Permission" => {
            let mut input = json!({ "StatementId": resource.id });
            for (key, value) in properties.entries() {
                input[key.text.as_str()] = value.to_json();
            }
            events::permission(pass, &target(&text("FunctionName")?), input)
        }
        "AWS::Lambda::EventSourceMapping" => {
            let target = target(&text("FunctionName")?);
            events::mapping(pass, &target, &text("EventSourceArn")?, &properties)
        }
        "AWS::SNS::Subscription" => {
            pass.leave_all_but(&resource.id, &properties, events::OF_SUBSCRIPTIONS);
            let (topic, protocol) = (text("TopicArn")?, text("Protocol")?);
            events::subscribe(pass, &topic, &protocol, &text("Endpoint")?, &properties)
        }
        "AWS::IAM::Policy" => policies::inline(pass, &text("PolicyName")?, &properties),
        "AWS::S3::BucketPolicy" => {
            let bucket = text("Bucket")?;
            let input = json!({ "Bucket": bucket, "Policy": document() });
            let undo = ("s3", "DeleteBucketPolicy", json!({ "Bucket": bucket }));
            pass.ledger.made(format!("the policy of bucket {bucket}"), &[undo]);
            pass.call("s3", "PutBucketPolicy", &input).map(drop)
        }
        "AWS::SNS::TopicPolicy" => named("Topics").iter().try_for_each(|topic| {
            let topic = topic.as_text().unwrap_or_default();
            let set = |text: Option<String>| {
                json!({
                    "TopicArn": topic, "AttributeName": "Policy", "AttributeValue": text,
                })
            };
            // A topic without a policy of its own has this one.
            let usual = usual_policy(&topic, &pass.inputs.account).to_string();
            let undo = ("sns", "SetTopicAttributes", set(Some(usual)));
            pass.ledger.made(format!("the policy of topic {topic}"), &[undo]);
            pass.call("sns", "SetTopicAttributes", &set(document())).map(drop)
        }),
        _ => named("Queues").iter().try_for_each(|queue| {
            let url = queue.as_text().unwrap_or_default();
            let name = url.rsplit('/').next().unwrap_or_default();
            let found = pass.call("sqs", "GetQueueUrl", &json!({ "QueueName": name }))?;
            let set = |text: Option<String>| {
                json!({ "QueueUrl": found["QueueUrl"], "Attributes": { "Policy": text } })
            };
            let input = set(document());
            let undo = ("sqs", "SetQueueAttributes", set(Some(String::new())));
            pass.ledger.made(format!("the policy of queue {name}"), &[undo]);
            pass.call("sqs", "SetQueueAttributes", &input).map(drop)
        }),
    }
}

/// What a topic's owner may do, as SNS makes it.
fn usual_policy(topic: &str, account: &str) -> Value {
    let actions = [
        "GetTopicAttributes",
        "SetTopicAttributes",
        "AddPermission",
        "RemovePermission",
        "DeleteTopic",
        "Subscribe",
        "ListSubscriptionsByTopic",
        "Publish",
    ];
    json!({
        "Version": "2008-10-17", "Id": "__default_policy_ID",
        "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": "*" }, "Sid": "__default_statement_ID",
            "Action": actions.map(|name| format!("SNS:{name}")), "Resource": topic,
            "Condition": { "StringEquals": { "AWS:SourceOwner": account } },
        }],
    })
}

/// `NotificationConfiguration` of a bucket, beside what functions' events have asked for.
fn tells(pass: &Pass<'_>, id: &str, settings: &Node) -> Result<(), Failure> {
    let mut lists = Map::new();
    for [written, named, target, arn] in NOTIFICATIONS {
        let mut list = Vec::new();
        for (place, one) in settings.get(written).map_or(&[][..], Node::items).iter().enumerate() {
            let mut told = json!({
                "Id": format!("sync-{id}-{written}-{place}"),
                "Events": [one.get("Event").map(Node::to_json)],
                *arn: one.get(target).map(Node::to_json),
            });
            if let Some(rules) = one.find(&["Filter", "S3Key", "Rules"]) {
                told["Filter"] = json!({ "Key": { "FilterRules": rules.to_json() } });
            }
            pass.ledger.told(&pass.name(id)?, told["Id"].as_str().unwrap_or_default());
            list.push(told);
        }
        lists.insert((*named).into(), list.into());
    }
    let bridge = settings
        .get("EventBridgeConfiguration")
        .is_some_and(|node| node.get("EventBridgeEnabled").and_then(Node::as_bool) != Some(false));
    let own = format!("sync-{id}-");
    events::notify(pass, &pass.name(id)?, |there| {
        if bridge {
            there["EventBridgeConfiguration"] = json!({});
        }
        for (named, list) in lists {
            let is_own =
                |one: &Value| one["Id"].as_str().is_some_and(|found| found.starts_with(&own));
            let mut all = there[&named].as_array().cloned().unwrap_or_default();
            all.retain(|one| !is_own(one));
            all.extend(list.as_array().cloned().unwrap_or_default());
            if !all.is_empty() || !there[&named].is_null() {
                there[&named] = all.into();
            }
        }
    })
}
