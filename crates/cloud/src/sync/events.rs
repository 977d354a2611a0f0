//! What gives functions their events: mappings of queues and streams, topics, buckets; and the
//! permissions that topics and buckets need.

use serde_json::{Map, Value, json};
use template::Node;

use super::deploy::Pass;
use super::functions::Target;
use super::{left, rules};
use crate::Failure;

/// What an event source mapping takes under the names that templates use.
const OF_MAPPINGS: &[&str] = &[
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "Enabled",
    "FilterCriteria",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "ScalingConfig",
    "StartingPosition",
    "TumblingWindowInSeconds",
];
/// What of a subscription is brought.
pub const OF_SUBSCRIPTIONS: &[&str] = &[
    "Endpoint",
    "FilterPolicy",
    "FilterPolicyScope",
    "Protocol",
    "RawMessageDelivery",
    "RedrivePolicy",
    "TopicArn",
];
/// What a template says of a table's stream before there is one.
const UNKNOWN_STREAM: &str = "/stream/1970-01-01T00:00:00.000";

/// Brings an event of a function, or says that it is not brought.
pub fn bring(
    pass: &Pass<'_>,
    target: &Target,
    (id, kind): (&str, &str),
    properties: &Node,
) -> Result<(), Failure> {
    let text = |key: &str| {
        let found = properties.get(key).and_then(Node::as_text);
        found.ok_or_else(|| Failure(format!("{}: the event {id} needs {key}", target.name)))
    };
    match kind {
        "SQS" => mapping(pass, target, &text("Queue")?, properties),
        "DynamoDB" => mapping(pass, target, &text("Stream")?, properties),
        "SNS" => {
            if properties.get("SqsSubscription").is_some_and(|node| node.as_bool() != Some(false)) {
                pass.leave(format!(
                    "{}: the event {id}: declare the queue of SqsSubscription, and an SQS event",
                    target.name
                ));
                return Ok(());
            }
            let topic = text("Topic")?;
            let statement = format!("sync-{}", topic.rsplit(':').next().unwrap_or_default());
            permit(pass, target, &statement, "sns.amazonaws.com", &topic)?;
            subscribe(pass, &topic, "lambda", &target.arn(pass), properties)
        }
        "S3" => bucket(pass, target, id, &text("Bucket")?, properties),
        "CloudWatchLogs" => {
            let group = text("LogGroupName")?;
            let (region, account) = (pass.cloud.region(), &pass.inputs.account);
            let source = format!("arn:aws:logs:{region}:{account}:log-group:{group}:*");
            let statement = format!("sync-logs-{id}");
            permit(pass, target, &statement, "logs.amazonaws.com", &source)?;
            let name = format!("{}-{id}", target.name);
            let named = json!({ "logGroupName": group, "filterName": name });
            let mut input = named.clone();
            input["filterPattern"] = text("FilterPattern")?.into();
            input["destinationArn"] = target.arn(pass).into();
            pass.call("logs", "PutSubscriptionFilter", &input)?;
            let what = format!("the subscription filter {name} of {group}");
            pass.ledger.made(what, &[("logs", "DeleteSubscriptionFilter", named)]);
            Ok(())
        }
        "Schedule" | "EventBridgeRule" | "CloudWatchEvent" => {
            rules::event(pass, target, (id, kind), properties)
        }
        "Api" | "HttpApi" => {
            pass.leave(format!("{}: the event {id}: {}", target.name, left::API));
            Ok(())
        }
        _ => {
            pass.leave(format!("{}: the event {id} ({kind}): {}", target.name, left::event(kind)));
            Ok(())
        }
    }
}

/// Reads a queue or a table's stream.
pub fn mapping(
    pass: &Pass<'_>,
    target: &Target,
    source: &str,
    properties: &Node,
) -> Result<(), Failure> {
    let name = &target.name;
    let arn = match source.strip_suffix(UNKNOWN_STREAM) {
        None => source.to_owned(),
        Some(table) => {
            let table = table.rsplit('/').next().unwrap_or(table);
            let found = pass.call("dynamodb", "DescribeTable", &json!({ "TableName": table }))?;
            let stream = found["Table"]["LatestStreamArn"].as_str().map(str::to_owned);
            stream.ok_or_else(|| Failure(format!("{name}: the table {table} has no stream")))?
        }
    };
    let listed =
        pass.call("lambda", "ListEventSourceMappings", &json!({ "EventSourceArn": arn }))?;
    let own = target.unqualified_arn(pass);
    // Also one of the function without its alias, or with another.
    let is_own = |mapping: &&Value| {
        let of = mapping["FunctionArn"].as_str().unwrap_or_default();
        of.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    let there = listed["EventSourceMappings"].as_array().and_then(|all| all.iter().find(is_own));
    let mut input = json!({ "FunctionName": target.arn(pass) });
    for (key, value) in properties.entries() {
        if OF_MAPPINGS.contains(&key.text.as_str()) {
            input[key.text.as_str()] = value.to_json();
        }
    }
    let uuid = match there.and_then(|there| there["UUID"].as_str()) {
        Some(uuid) => {
            if let Some(map) = input.as_object_mut() {
                map.remove("StartingPosition");
                usual(map, there.unwrap_or(&Value::Null));
            }
            input["UUID"] = uuid.into();
            pass.call("lambda", "UpdateEventSourceMapping", &input)?;
            uuid.to_owned()
        }
        None => {
            input["EventSourceArn"] = arn.as_str().into();
            let made = pass.call("lambda", "CreateEventSourceMapping", &input)?;
            println!("  {name} reads {arn}");
            made["UUID"].as_str().unwrap_or_default().to_owned()
        }
    };
    let what = format!("the mapping of {arn} to {name}");
    let brought = [OF_MAPPINGS, &["EventSourceArn", "FunctionName", "Queue", "Stream"]].concat();
    pass.leave_all_but(&what, properties, &brought);
    let undo = ("lambda", "DeleteEventSourceMapping", json!({ "UUID": uuid }));
    pass.ledger.made(what, &[undo]);
    Ok(())
}

/// Adds what a mapping has and the template no longer says, made as it is without.
fn usual(input: &mut Map<String, Value>, there: &Value) {
    let queue = there["EventSourceArn"].as_str().is_some_and(|arn| arn.contains(":sqs:"));
    let mut usual = vec![
        ("BatchSize", json!(if queue { 10 } else { 100 })),
        ("FilterCriteria", json!({})),
        ("FunctionResponseTypes", json!([])),
        ("MaximumBatchingWindowInSeconds", json!(0)),
    ];
    if queue {
        usual.push(("ScalingConfig", json!({})));
    } else {
        usual.extend([
            ("BisectBatchOnFunctionError", json!(false)),
            ("MaximumRecordAgeInSeconds", json!(-1)),
            ("MaximumRetryAttempts", json!(-1)),
            ("ParallelizationFactor", json!(1)),
            ("TumblingWindowInSeconds", json!(0)),
        ]);
        if !there["DestinationConfig"]["OnFailure"]["Destination"].is_null() {
            usual.push(("DestinationConfig", json!({ "OnFailure": {} })));
        }
    }
    for (key, value) in usual {
        if !input.contains_key(key) && !there[key].is_null() && there[key] != value {
            input.insert(key.into(), value);
        }
    }
}

/// Lets a service invoke the function for a source. A statement for another source is replaced.
pub fn permit(
    pass: &Pass<'_>,
    target: &Target,
    statement: &str,
    service: &str,
    source: &str,
) -> Result<(), Failure> {
    let mut input = json!({
        "StatementId": statement, "Principal": service, "Action": "lambda:InvokeFunction",
        "SourceArn": source,
    });
    // The ARN of a bucket does not say whose it is.
    if service == "s3.amazonaws.com" {
        input["SourceAccount"] = pass.inputs.account.as_str().into();
    }
    permission(pass, target, input)
}

/// Adds a statement to a function's policy, in place of one of the same name that says otherwise.
pub fn permission(pass: &Pass<'_>, target: &Target, mut input: Value) -> Result<(), Failure> {
    let named = target.named();
    let mut gone = named.clone();
    gone["StatementId"] = input["StatementId"].clone();
    let statement = input["StatementId"].as_str().unwrap_or_default();
    let what = format!("the permission {statement} of {}", target.shown());
    pass.ledger.made(what, &[("lambda", "RemovePermission", gone.clone())]);
    let policy = pass.found("lambda", "GetPolicy", &named)?.unwrap_or_default();
    let policy: Value =
        serde_json::from_str(policy["Policy"].as_str().unwrap_or("{}")).unwrap_or_default();
    let statements = policy["Statement"].as_array();
    let there = statements
        .and_then(|all| all.iter().find(|one| one["Sid"] == input["StatementId"]))
        .map(Value::to_string);
    if let Some(there) = there {
        let says = |key: &str| input[key].as_str().is_none_or(|value| there.contains(value));
        if ["Principal", "Action", "SourceArn", "SourceAccount"].into_iter().all(says) {
            return Ok(());
        }
        pass.call("lambda", "RemovePermission", &gone)?;
    }
    for (key, value) in named.as_object().into_iter().flatten() {
        input[key.as_str()] = value.clone();
    }
    pass.call("lambda", "AddPermission", &input).map(drop)
}

/// Subscribes, or changes the subscription that is there.
pub fn subscribe(
    pass: &Pass<'_>,
    topic: &str,
    protocol: &str,
    endpoint: &str,
    properties: &Node,
) -> Result<(), Failure> {
    // The scope first: a filter is judged by it.
    let usual = [
        ("FilterPolicyScope", "MessageAttributes"),
        ("FilterPolicy", "{}"),
        ("RawMessageDelivery", "false"),
        ("RedrivePolicy", ""),
    ];
    let mut wanted = Map::new();
    for (key, _) in usual {
        if let Some(node) = properties.get(key) {
            let text = node.as_text().unwrap_or_else(|| node.to_json().to_string());
            wanted.insert(key.to_owned(), text.into());
        }
    }
    let listed = pass.call("sns", "ListSubscriptionsByTopic", &json!({ "TopicArn": topic }))?;
    let there = listed["Subscriptions"].as_array().and_then(|all| {
        all.iter().find(|one| one["Protocol"] == protocol && one["Endpoint"] == endpoint)
    });
    let Some(arn) = there.and_then(|there| there["SubscriptionArn"].as_str()) else {
        let input = json!({
            "TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, "Attributes": wanted,
        });
        let made = pass.call("sns", "Subscribe", &input)?;
        println!("  {endpoint} is told by {topic}");
        // Who must confirm first has no ARN yet.
        let arn = made["SubscriptionArn"].as_str().filter(|arn| arn.starts_with("arn:"));
        subscribed(pass, (topic, endpoint), arn);
        return Ok(());
    };
    let named = json!({ "SubscriptionArn": arn });
    if !arn.starts_with("arn:") {
        subscribed(pass, (topic, endpoint), None);
        return Ok(());
    }
    subscribed(pass, (topic, endpoint), Some(arn));
    let found = pass.call("sns", "GetSubscriptionAttributes", &named)?;
    for (key, empty) in usual {
        let there = found["Attributes"][key].as_str();
        let value = wanted.get(key).and_then(Value::as_str);
        if value.is_none() && there.is_none()
            || same(value.unwrap_or(empty), there.unwrap_or(empty))
        {
            continue;
        }
        let input = json!({
            "SubscriptionArn": arn, "AttributeName": key, "AttributeValue": value.unwrap_or(empty),
        });
        pass.call("sns", "SetSubscriptionAttributes", &input)?;
    }
    Ok(())
}

fn subscribed(pass: &Pass<'_>, (topic, endpoint): (&str, &str), arn: Option<&str>) {
    let undo = arn.map(|arn| ("sns", "Unsubscribe", json!({ "SubscriptionArn": arn })));
    pass.ledger.made(format!("the subscription of {endpoint} to {topic}"), undo.as_slice());
}

/// Whether two texts are the same, as JSON if they are JSON.
pub fn same(one: &str, other: &str) -> bool {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    one == other || json(one).is_some_and(|one| Some(one) == json(other))
}

/// A bucket tells the function. What else the bucket tells stays.
fn bucket(
    pass: &Pass<'_>,
    target: &Target,
    id: &str,
    bucket: &str,
    properties: &Node,
) -> Result<(), Failure> {
    let statement = format!("sync-s3-{}", bucket.replace('.', "-"));
    permit(pass, target, &statement, "s3.amazonaws.com", &format!("arn:aws:s3:::{bucket}"))?;
    let events = properties.get("Events").map(Node::to_json).unwrap_or_default();
    let events = if events.is_array() { events } else { json!([events]) };
    let mut told = json!({
        "Id": format!("sync-{}-{id}", target.name), "Events": events,
        "LambdaFunctionArn": target.arn(pass),
    });
    if let Some(rules) = properties.find(&["Filter", "S3Key", "Rules"]) {
        told["Filter"] = json!({ "Key": { "FilterRules": rules.to_json() } });
    }
    pass.ledger.told(bucket, told["Id"].as_str().unwrap_or_default());
    notify(pass, bucket, |settings| {
        let list = &mut settings["LambdaFunctionConfigurations"];
        let mut all = list.as_array().cloned().unwrap_or_default();
        all.retain(|one| one["Id"] != told["Id"]);
        all.push(told);
        *list = all.into();
    })
}

/// Changes whom a bucket tells, if that is a change.
pub fn notify(
    pass: &Pass<'_>,
    bucket: &str,
    change: impl FnOnce(&mut Value),
) -> Result<(), Failure> {
    let named = json!({ "Bucket": bucket });
    let there = pass.call("s3", "GetBucketNotificationConfiguration", &named)?;
    let mut settings = there.clone();
    change(&mut settings);
    if settings == there {
        return Ok(());
    }
    let input = json!({ "Bucket": bucket, "NotificationConfiguration": settings });
    pass.call("s3", "PutBucketNotificationConfiguration", &input)?;
    println!("  bucket {bucket} tells of its objects");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_attributes() {
        assert!(same(r#"{"a": ["b"]}"#, r#"{"a":["b"]}"#));
        assert!(same("true", "true"));
        assert!(!same("{}", r#"{"a":["b"]}"#));
    }
}
