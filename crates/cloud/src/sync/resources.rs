//! Tables, queues, topics, buckets, log groups, keys and roles: made where they are missing. What is there
//! is left as it is, but for attributes of queues and topics, policies, and how long log groups keep.

use serde_json::{Map, Value, json};
use template::{Node, Resource};

use super::deploy::Pass;
use super::{events, keys, lambda, left, policies, rules, settings, wiring};
use crate::Failure;

/// What CreateTable takes under the names that templates use.
const OF_TABLES: &[&str] = &[
    "AttributeDefinitions",
    "BillingMode",
    "DeletionProtectionEnabled",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
    "SSESpecification",
    "StreamSpecification",
    "TableClass",
    "TableName",
    "Tags",
];
/// Types that are part of others, or that are made elsewhere in a sync.
const SILENT: &[&str] = &[
    "AWS::Serverless::Function",
    "AWS::Lambda::Function",
    "AWS::Serverless::LayerVersion",
    "AWS::Lambda::LayerVersion",
    "AWS::Serverless::Application",
    "AWS::CloudFormation::Stack",
];

/// Makes all that are wanted, each after those that it refers to, and names those that nobody here
/// makes.
pub fn make(pass: &Pass<'_>) -> Result<(), Failure> {
    for resource in pass.stack.ordered() {
        if !pass.wants(&resource.id, &resource.kind) {
            continue;
        }
        let made = one(pass, resource)?;
        if let Some(what) = made {
            println!("  {what}");
        }
    }
    Ok(())
}

fn one(pass: &Pass<'_>, resource: &Resource) -> Result<Option<String>, Failure> {
    let (id, kind) = (&resource.id, resource.kind.as_str());
    if [SILENT, wiring::TYPES, lambda::TYPES].iter().any(|types| types.contains(&kind)) {
        return Ok(None);
    }
    let (name, properties) = (|| pass.name(id), || pass.properties(id));
    match kind {
        "AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable" => {
            table(pass, &name()?, kind, &properties()?)
        }
        "AWS::SQS::Queue" => queue(pass, &name()?, &properties()?),
        "AWS::SNS::Topic" => topic(pass, &name()?, &properties()?),
        "AWS::Events::EventBus" => rules::bus(pass, &name()?, &properties()?),
        "AWS::S3::Bucket" => bucket(pass, &name()?, &properties()?),
        "AWS::Logs::LogGroup" => log_group(pass, &name()?, &properties()?),
        "AWS::IAM::ManagedPolicy" => policies::managed(pass, id, &properties()?).map(Some),
        "AWS::KMS::Key" => keys::key(pass, id, &properties()?),
        "AWS::KMS::Alias" => keys::alias(pass, resource, &properties()?).map(Some),
        "AWS::IAM::Role" => {
            let name = name()?;
            policies::declared_role(pass, &name, &properties()?)?;
            Ok(Some(format!("role {name}")))
        }
        _ => {
            pass.leave(format!("{id} ({kind}): {}", left::resource(kind)));
            Ok(None)
        }
    }
}

fn log_group(pass: &Pass<'_>, name: &str, properties: &Node) -> Result<Option<String>, Failure> {
    let what = format!("log group {name}");
    pass.ledger.made(what.clone(), &[]);
    let asked = json!({ "logGroupNamePrefix": name });
    let listed = pass.call("logs", "DescribeLogGroups", &asked)?;
    let groups = listed["logGroups"].as_array();
    let there = groups.and_then(|all| all.iter().find(|group| group["logGroupName"] == name));
    if there.is_none() {
        let mut input = json!({ "logGroupName": name });
        if let Some(key) = properties.get("KmsKeyId") {
            input["kmsKeyId"] = key.to_json();
        }
        let tags = settings::tag_map(properties.get("Tags"));
        if !tags.is_empty() {
            input["tags"] = tags.into();
        }
        pass.call("logs", "CreateLogGroup", &input)?;
    }
    let days = properties.get("RetentionInDays").map(Node::to_json);
    let had = there.map(|there| there["retentionInDays"].clone()).unwrap_or_default();
    match days {
        Some(days) if days != had => {
            let input = json!({ "logGroupName": name, "retentionInDays": days });
            let what = format!("{what}: RetentionInDays");
            pass.try_call(&what, ("logs", "PutRetentionPolicy"), &input)?;
        }
        None if !had.is_null() => {
            pass.call("logs", "DeleteRetentionPolicy", &json!({ "logGroupName": name }))?;
        }
        _ => {}
    }
    pass.leave_all_but(&what, properties, &["KmsKeyId", "LogGroupName", "RetentionInDays", "Tags"]);
    Ok(Some(if there.is_some() { format!("{what}, as it was") } else { what }))
}

/// Objects and lists become JSON, as attributes are texts.
fn attributes(properties: &Node, except: &[&str]) -> Map<String, Value> {
    let mut attributes = Map::new();
    for (key, value) in properties.entries() {
        if !except.contains(&key.text.as_str()) {
            let text = value.as_text().unwrap_or_else(|| value.to_json().to_string());
            attributes.insert(key.text.clone(), text.into());
        }
    }
    attributes
}

/// Attributes that are not as the template says.
fn differing(wanted: &Map<String, Value>, there: &Value) -> Map<String, Value> {
    let differs = |(key, value): &(&String, &Value)| {
        let same = |there: &str| events::same(there, value.as_str().unwrap_or_default());
        !there[key.as_str()].as_str().is_some_and(same)
    };
    wanted.iter().filter(differs).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn said(what: &str, is_there: bool, changed: &Map<String, Value>) -> String {
    let names: Vec<&str> = changed.keys().map(String::as_str).collect();
    match (is_there, names.is_empty()) {
        (false, _) => what.to_owned(),
        (true, true) => format!("{what}, as it was"),
        (true, false) => format!("{what}: {}", names.join(", ")),
    }
}

fn topic(pass: &Pass<'_>, name: &str, properties: &Node) -> Result<Option<String>, Failure> {
    let account = &pass.inputs.account;
    let arn = format!("arn:aws:sns:{}:{account}:{name}", pass.cloud.region());
    pass.ledger.made(format!("topic {name}"), &[]);
    let asked = json!({ "TopicArn": arn });
    let there = pass.found("sns", "GetTopicAttributes", &asked)?;
    let mut attributes = attributes(properties, &["TopicName", "Subscription", "Tags"]);
    match &there {
        Some(there) => {
            attributes = differing(&attributes, &there["Attributes"]);
            for (key, value) in &attributes {
                let input =
                    json!({ "TopicArn": arn, "AttributeName": key, "AttributeValue": value });
                pass.call("sns", "SetTopicAttributes", &input)?;
            }
        }
        None => {
            let mut input = json!({ "Name": name, "Attributes": attributes });
            if let Some(tags) = properties.get("Tags") {
                input["Tags"] = tags.to_json();
            }
            pass.call("sns", "CreateTopic", &input)?;
        }
    }
    for one in properties.get("Subscription").map_or(&[][..], Node::items) {
        let text = |key: &str| one.get(key).and_then(Node::as_text).unwrap_or_default();
        events::subscribe(pass, &arn, &text("Protocol"), &text("Endpoint"), one)?;
    }
    Ok(Some(said(&format!("topic {name}"), there.is_some(), &attributes)))
}

fn bucket(pass: &Pass<'_>, name: &str, properties: &Node) -> Result<Option<String>, Failure> {
    let named = json!({ "Bucket": name });
    pass.ledger.made(format!("bucket {name}"), &[]);
    if pass.found("s3", "HeadBucket", &named)?.is_some() {
        return Ok(Some(format!("bucket {name}, as it was")));
    }
    let mut input = named.clone();
    if pass.cloud.region() != "us-east-1" {
        let place = json!({ "LocationConstraint": pass.cloud.region() });
        input["CreateBucketConfiguration"] = place;
    }
    pass.call("s3", "CreateBucket", &input)?;
    if let Some(status) = properties.find(&["VersioningConfiguration", "Status"]) {
        let versions = json!({ "Status": status.to_json() });
        let input = json!({ "Bucket": name, "VersioningConfiguration": versions });
        pass.call("s3", "PutBucketVersioning", &input)?;
    }
    let brought = ["BucketName", "NotificationConfiguration", "VersioningConfiguration"];
    pass.leave_all_but(&format!("bucket {name}"), properties, &brought);
    Ok(Some(format!("bucket {name}")))
}

fn table(
    pass: &Pass<'_>,
    name: &str,
    kind: &str,
    properties: &Node,
) -> Result<Option<String>, Failure> {
    let named = json!({ "TableName": name });
    pass.ledger.made(format!("table {name}"), &[]);
    if pass.found("dynamodb", "DescribeTable", &named)?.is_some() {
        return Ok(Some(format!("table {name}, as it was")));
    }
    let mut input = match kind {
        "AWS::DynamoDB::Table" => plain_table(properties),
        _ => simple_table(properties),
    };
    input.insert("TableName".into(), name.into());
    pass.call("dynamodb", "CreateTable", &input.into())?;
    pass.until(("dynamodb", "DescribeTable", &named), |answer| {
        answer["Table"]["TableStatus"] == "ACTIVE"
    })?;
    let expiry = properties.get("TimeToLiveSpecification").map(Node::to_json);
    if let Some(expiry) = expiry.filter(|expiry| truth(&expiry["Enabled"])) {
        let specification = json!({ "Enabled": true, "AttributeName": expiry["AttributeName"] });
        let input = json!({ "TableName": name, "TimeToLiveSpecification": specification });
        pass.call("dynamodb", "UpdateTimeToLive", &input)?;
    }
    let brought = [OF_TABLES, &["PrimaryKey", "TimeToLiveSpecification"]].concat();
    pass.leave_all_but(&format!("table {name}"), properties, &brought);
    Ok(Some(format!("table {name}")))
}

fn plain_table(properties: &Node) -> Map<String, Value> {
    let mut input = Map::new();
    for (key, value) in properties.entries() {
        if OF_TABLES.contains(&key.text.as_str()) {
            input.insert(key.text.clone(), value.to_json());
        }
    }
    if let Some(stream) = input.get_mut("StreamSpecification") {
        stream["StreamEnabled"] = true.into();
    }
    if let Some(Value::Object(sealed)) = input.get_mut("SSESpecification")
        && let Some(enabled) = sealed.remove("SSEEnabled")
    {
        sealed.insert("Enabled".into(), enabled);
    }
    input
}

/// SAM's table has one key and is paid by request, if nobody says otherwise.
fn simple_table(properties: &Node) -> Map<String, Value> {
    let text = |path: &[&str]| properties.find(path).and_then(Node::as_text);
    let name = text(&["PrimaryKey", "Name"]).unwrap_or_else(|| "id".into());
    let kind = match text(&["PrimaryKey", "Type"]).as_deref() {
        Some("Number") => "N",
        Some("Binary") => "B",
        _ => "S",
    };
    let mut input = Map::new();
    input.insert("KeySchema".into(), json!([{ "AttributeName": name, "KeyType": "HASH" }]));
    let attributes = json!([{ "AttributeName": name, "AttributeType": kind }]);
    input.insert("AttributeDefinitions".into(), attributes);
    match properties.get("ProvisionedThroughput") {
        Some(throughput) => input.insert("ProvisionedThroughput".into(), throughput.to_json()),
        None => input.insert("BillingMode".into(), "PAY_PER_REQUEST".into()),
    };
    input
}

fn truth(value: &Value) -> bool {
    value == &Value::Bool(true) || value == "true"
}

/// Attributes of queues are text.
fn queue(pass: &Pass<'_>, name: &str, properties: &Node) -> Result<Option<String>, Failure> {
    let named = json!({ "QueueName": name });
    let mut wanted = attributes(properties, &["QueueName", "Tags"]);
    let there = pass.found("sqs", "GetQueueUrl", &named)?;
    match &there {
        Some(found) => {
            let url = &found["QueueUrl"];
            let asked = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
            let there = pass.call("sqs", "GetQueueAttributes", &asked)?;
            wanted = differing(&wanted, &there["Attributes"]);
            if !wanted.is_empty() {
                let input = json!({ "QueueUrl": url, "Attributes": wanted });
                pass.call("sqs", "SetQueueAttributes", &input)?;
            }
        }
        None => {
            let mut input = named.clone();
            input["Attributes"] = wanted.clone().into();
            let tags = settings::tag_map(properties.get("Tags"));
            if !tags.is_empty() {
                input["tags"] = tags.into();
            }
            pass.call("sqs", "CreateQueue", &input)?;
        }
    }
    pass.ledger.made(format!("queue {name}"), &[]);
    Ok(Some(said(&format!("queue {name}"), there.is_some(), &wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_that_differ() {
        let check = |wanted: Value, expected: &[&str]| {
            let there = json!({ "A": "1", "P": "{\"a\":1}" });
            let wanted = wanted.as_object().cloned().unwrap_or_default();
            let found = differing(&wanted, &there);
            assert_eq!(found.keys().collect::<Vec<_>>(), expected);
        };
        check(json!({ "A": "1", "P": "{ \"a\": 1 }" }), &[]);
        check(json!({ "A": "2", "B": "" }), &["A", "B"]);
    }
}
