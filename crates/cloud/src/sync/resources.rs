//! Tables, queues, topics, buckets and roles: made where they are missing. What is there is left as it
//! is, but for roles' policies.

use serde_json::{Map, Value, json};
use template::{Node, Resource};

use super::deploy::Pass;
use super::policies;
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

/// Makes all that are wanted, and names those that nobody here makes.
pub fn make(pass: &Pass<'_>) -> Result<(), Failure> {
    for resource in &pass.stack.resources {
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
    if SILENT.contains(&kind) {
        return Ok(None);
    }
    let properties = || pass.properties(id);
    let named =
        |properties: &Node, key: &str| pass.name(id, properties.get(key).and_then(Node::as_text));
    match kind {
        "AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable" => {
            let properties = properties()?;
            let name = named(&properties, "TableName");
            table(pass, &name, kind, &properties)
        }
        "AWS::SQS::Queue" => {
            let properties = properties()?;
            let name = named(&properties, "QueueName");
            queue(pass, &name, &properties)
        }
        "AWS::SNS::Topic" => {
            let name = named(&properties()?, "TopicName");
            pass.call("sns", "CreateTopic", &json!({ "Name": name }))?;
            Ok(Some(format!("topic {name}")))
        }
        "AWS::S3::Bucket" => {
            let name = named(&properties()?, "BucketName").to_lowercase();
            if pass.found("s3", "HeadBucket", &json!({ "Bucket": name }))?.is_none() {
                pass.call("s3", "CreateBucket", &json!({ "Bucket": name }))?;
            }
            Ok(Some(format!("bucket {name}")))
        }
        "AWS::IAM::Role" => {
            let properties = properties()?;
            let name = named(&properties, "RoleName");
            policies::declared_role(pass, &name, &properties)?;
            Ok(Some(format!("role {name}")))
        }
        "AWS::Serverless::Api" | "AWS::Serverless::HttpApi" => {
            Ok(Some(format!("{id}: an API is not brought; `gureum local start-api` serves it")))
        }
        _ => Ok(Some(format!("{id}: {kind} is not brought"))),
    }
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
    let known = |key: &str| {
        OF_TABLES.contains(&key) || ["PrimaryKey", "TimeToLiveSpecification"].contains(&key)
    };
    let left: Vec<&str> = properties
        .entries()
        .iter()
        .map(|(key, _)| key.text.as_str())
        .filter(|key| !known(key))
        .collect();
    let without =
        if left.is_empty() { String::new() } else { format!(", without {}", left.join(", ")) };
    Ok(Some(format!("table {name}{without}")))
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
    let mut attributes = Map::new();
    for (key, value) in properties.entries() {
        if ["QueueName", "Tags"].contains(&key.text.as_str()) {
            continue;
        }
        let text = value.as_text().unwrap_or_else(|| value.to_json().to_string());
        attributes.insert(key.text.clone(), text.into());
    }
    let input = json!({ "QueueName": name, "Attributes": attributes });
    pass.call("sqs", "CreateQueue", &input)?;
    Ok(Some(format!("queue {name}")))
}
