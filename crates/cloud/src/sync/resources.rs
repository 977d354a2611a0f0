//! Tables, queues, topics, buckets and roles: made where they are missing. What is there is left as it
//! is, but for roles' policies.

use serde_json::{Map, Value, json};
use template::{Node, Resource};

use super::deploy::Pass;
use super::{events, left, policies, rules, settings, wiring};
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
    if SILENT.contains(&kind) || wiring::TYPES.contains(&kind) {
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
        "AWS::Logs::LogGroup" => {
            let name = name()?;
            let asked = json!({ "logGroupNamePrefix": name });
            let listed = pass.call("logs", "DescribeLogGroups", &asked)?;
            let mut groups = listed["logGroups"].as_array().into_iter().flatten();
            if groups.any(|group| group["logGroupName"] == name) {
                return Ok(Some(format!("log group {name}, as it was")));
            }
            pass.call("logs", "CreateLogGroup", &json!({ "logGroupName": name }))?;
            Ok(Some(format!("log group {name}{}", without(&properties()?, &["LogGroupName"]))))
        }
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

/// What is said of properties that are not brought.
fn without(properties: &Node, brought: &[&str]) -> String {
    let keys = properties.entries().iter().map(|(key, _)| key.text.as_str());
    let left: Vec<&str> = keys.filter(|key| !brought.contains(key)).collect();
    if left.is_empty() { String::new() } else { format!(", without {}", left.join(", ")) }
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

fn topic(pass: &Pass<'_>, name: &str, properties: &Node) -> Result<Option<String>, Failure> {
    let account = &pass.inputs.account;
    let arn = format!("arn:aws:sns:{}:{account}:{name}", pass.cloud.region());
    let asked = json!({ "TopicArn": arn });
    let there = pass.found("sns", "GetTopicAttributes", &asked)?.is_some();
    if !there {
        let attributes = attributes(properties, &["TopicName", "Subscription", "Tags"]);
        let mut input = json!({ "Name": name, "Attributes": attributes });
        if let Some(tags) = properties.get("Tags") {
            input["Tags"] = tags.to_json();
        }
        pass.call("sns", "CreateTopic", &input)?;
    }
    for one in properties.get("Subscription").map_or(&[][..], Node::items) {
        let text = |key: &str| one.get(key).and_then(Node::as_text).unwrap_or_default();
        events::subscribe(pass, &arn, &text("Protocol"), &text("Endpoint"), one)?;
    }
    Ok(Some(if there { format!("topic {name}, as it was") } else { format!("topic {name}") }))
}

fn bucket(pass: &Pass<'_>, name: &str, properties: &Node) -> Result<Option<String>, Failure> {
    let named = json!({ "Bucket": name });
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
    Ok(Some(format!("bucket {name}{}", without(properties, &brought))))
}

fn table(
    pass: &Pass<'_>,
    name: &str,
    kind: &str,
    properties: &Node,
) -> Result<Option<String>, Failure> {
    let named = json!({ "TableName": name });
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
    Ok(Some(format!("table {name}{}", without(properties, &brought))))
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
    if pass.found("sqs", "GetQueueUrl", &named)?.is_some() {
        return Ok(Some(format!("queue {name}, as it was")));
    }
    let mut input = json!({ "QueueName": name });
    input["Attributes"] = attributes(properties, &["QueueName", "Tags"]).into();
    let tags = settings::tag_map(properties.get("Tags"));
    if !tags.is_empty() {
        input["tags"] = tags.into();
    }
    pass.call("sqs", "CreateQueue", &input)?;
    Ok(Some(format!("queue {name}")))
}
