//! What a function has beside code and events: tracing, dead letters, concurrency, what becomes of
//! asynchronous invocations, and its alias.

use serde_json::{Map, Value, json};
use template::Node;

use super::deploy::Pass;
use super::functions::Target;
use crate::Failure;

/// Members of the configuration that are the same in templates and in the API.
const SAME: &[(&str, &str)] = &[
    ("KmsKeyArn", "KMSKeyArn"),
    ("LoggingConfig", "LoggingConfig"),
    ("SnapStart", "SnapStart"),
    ("DeadLetterConfig", "DeadLetterConfig"),
    ("TracingConfig", "TracingConfig"),
];
/// Properties of functions that a sync brings, here or elsewhere.
const BROUGHT: &[&str] = &[
    "Architectures",
    "AutoPublishAlias",
    "Code",
    "CodeUri",
    "DeadLetterConfig",
    "DeadLetterQueue",
    "Description",
    "Environment",
    "EphemeralStorage",
    "EventInvokeConfig",
    "Events",
    "FunctionName",
    "FunctionUrlConfig",
    "Handler",
    "ImageConfig",
    "ImageUri",
    "InlineCode",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "Policies",
    "ProvisionedConcurrencyConfig",
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "SnapStart",
    "Tags",
    "Timeout",
    "Tracing",
    "TracingConfig",
];

/// Adds what the configuration has beside the usual.
pub fn configure(input: &mut Value, properties: &Node) {
    for (written, named) in SAME {
        if let Some(node) = properties.get(written) {
            input[*named] = node.to_json();
        }
    }
    if let Some(mode) = properties.get("Tracing").and_then(Node::as_text) {
        input["TracingConfig"] = json!({ "Mode": mode });
    }
    if let Some(arn) = properties.find(&["DeadLetterQueue", "TargetArn"]) {
        input["DeadLetterConfig"] = json!({ "TargetArn": arn.to_json() });
    }
}

/// Adds what the function has and the template no longer says, made empty.
pub fn emptied(input: &mut Map<String, Value>, there: &Value) {
    let usual = [
        ("KMSKeyArn", json!("")),
        ("SnapStart", json!({ "ApplyOn": "None" })),
        ("DeadLetterConfig", json!({ "TargetArn": "" })),
        ("TracingConfig", json!({ "Mode": "PassThrough" })),
        ("LoggingConfig", json!({ "LogFormat": "Text" })),
    ];
    for (key, empty) in usual {
        if !input.contains_key(key) && !there[key].is_null() && !says(&there[key], &empty) {
            input.insert(key.into(), empty);
        }
    }
}

/// Whether what is there has all that is wanted.
pub fn says(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| there.get(key).is_some_and(|there| says(there, value)))
        }
        _ => there == wanted,
    }
}

/// Brings what has operations of its own, and names what is not brought.
pub fn bring(pass: &Pass<'_>, target: &Target, properties: &Node) -> Result<(), Failure> {
    let name = &target.name;
    let named = json!({ "FunctionName": name });
    match properties.get("ReservedConcurrentExecutions").map(Node::to_json) {
        Some(count) => {
            let input = json!({ "FunctionName": name, "ReservedConcurrentExecutions": count });
            pass.call("lambda", "PutFunctionConcurrency", &input)?;
        }
        None => {
            let there = pass.call("lambda", "GetFunctionConcurrency", &named)?;
            if !there["ReservedConcurrentExecutions"].is_null() {
                pass.call("lambda", "DeleteFunctionConcurrency", &named)?;
            }
        }
    }
    invocations(pass, target, properties)?;
    tags(pass, target, properties)?;
    let keys = properties.entries().iter().map(|(key, _)| key.text.as_str());
    let left: Vec<&str> = keys.filter(|key| !BROUGHT.contains(key)).collect();
    if !left.is_empty() {
        pass.leave(format!("{name}: {} of the function", left.join(", ")));
    }
    Ok(())
}

/// `EventInvokeConfig`. A resource of that type may stand beside the function.
fn invocations(pass: &Pass<'_>, target: &Target, properties: &Node) -> Result<(), Failure> {
    if let Some(config) = properties.get("EventInvokeConfig") {
        return put_invocations(pass, target, config);
    }
    let named = target.named();
    if !pass.has("AWS::Lambda::EventInvokeConfig")
        && pass.found("lambda", "GetFunctionEventInvokeConfig", &named)?.is_some()
    {
        pass.call("lambda", "DeleteFunctionEventInvokeConfig", &named)?;
    }
    Ok(())
}

/// What becomes of asynchronous invocations.
pub fn put_invocations(pass: &Pass<'_>, target: &Target, config: &Node) -> Result<(), Failure> {
    let named = target.named();
    let mut input = named.clone();
    for key in ["MaximumEventAgeInSeconds", "MaximumRetryAttempts"] {
        if let Some(node) = config.get(key) {
            input[key] = node.to_json();
        }
    }
    for key in ["OnSuccess", "OnFailure"] {
        let Some(ends) = config.find(&["DestinationConfig", key]) else { continue };
        match ends.get("Destination").and_then(Node::as_text) {
            Some(arn) => input["DestinationConfig"][key] = json!({ "Destination": arn }),
            None => {
                let what = "declare what SAM would make for it, and name it as Destination";
                pass.leave(format!("{}: EventInvokeConfig's {key}: {what}", target.name));
            }
        }
    }
    pass.call("lambda", "PutFunctionEventInvokeConfig", &input)?;
    let what = format!("EventInvokeConfig of {}", target.shown());
    pass.ledger.made(what, &[("lambda", "DeleteFunctionEventInvokeConfig", named)]);
    Ok(())
}

/// Tags are a map in SAM and a list in CloudFormation.
fn tags(pass: &Pass<'_>, target: &Target, properties: &Node) -> Result<(), Failure> {
    let tags = tag_map(properties.get("Tags"));
    if tags.is_empty() {
        return Ok(());
    }
    let arn = target.unqualified_arn(pass);
    for key in tags.keys() {
        let undo = ("lambda", "UntagResource", json!({ "Resource": arn, "TagKeys": [key] }));
        pass.ledger.made(format!("the tag {key} of {}", target.name), &[undo]);
    }
    let input = json!({ "Resource": arn, "Tags": tags });
    pass.call("lambda", "TagResource", &input).map(drop)
}

/// Tags by their keys, however they are written.
pub fn tag_map(tags: Option<&Node>) -> Map<String, Value> {
    let Some(tags) = tags else { return Map::new() };
    let text = |node: &Node| Value::from(node.as_text().unwrap_or_default());
    let pair = |tag: &Node| Some((tag.get("Key")?.as_text()?, text(tag.get("Value")?)));
    let listed = tags.items().iter().filter_map(pair);
    tags.entries()
        .iter()
        .map(|(key, value)| (key.text.clone(), text(value)))
        .chain(listed)
        .collect()
}

/// Publishes a version for the alias, if something has changed or there is no alias yet, and what
/// is provisioned for it.
pub fn publish(pass: &Pass<'_>, target: &Target, changed: bool) -> Result<(), Failure> {
    let (name, Some(alias)) = (&target.name, &target.alias) else { return Ok(()) };
    let named = json!({ "FunctionName": name, "Name": alias });
    let there = pass.found("lambda", "GetAlias", &named)?.is_some();
    let undo = ("lambda", "DeleteAlias", named);
    pass.ledger.made(format!("the alias {}", target.shown()), &[undo]);
    if there && !changed {
        return Ok(());
    }
    let version = published(pass, name, &json!({ "FunctionName": name }))?;
    let operation = if there { "UpdateAlias" } else { "CreateAlias" };
    let input = json!({ "FunctionName": name, "Name": alias, "FunctionVersion": version });
    pass.call("lambda", operation, &input)?;
    println!("  {name}:{alias} is version {version}");
    Ok(())
}

/// Publishes a version and waits until it is ready, which with SnapStart is when it has its snapshot.
pub fn published(pass: &Pass<'_>, name: &str, input: &Value) -> Result<String, Failure> {
    let made = pass.call("lambda", "PublishVersion", input)?;
    let version = made["Version"].as_str().unwrap_or_default();
    let asked = json!({ "FunctionName": name, "Qualifier": version });
    let found = pass.until(("lambda", "GetFunctionConfiguration", &asked), |found| {
        found["State"] != "Pending"
    })?;
    match found["State"] == "Failed" {
        true => Err(Failure(format!("{name}:{version}: {}", found["StateReason"]))),
        false => Ok(version.to_owned()),
    }
}

/// `ProvisionedConcurrencyConfig`, which only a version or an alias has. What is as it should be keeps
/// its sandboxes.
pub fn provision(pass: &Pass<'_>, target: &Target, properties: &Node) -> Result<(), Failure> {
    let path = ["ProvisionedConcurrencyConfig", "ProvisionedConcurrentExecutions"];
    let Some(count) = properties.find(&path).map(Node::to_json) else { return Ok(()) };
    if target.alias.is_none() {
        let why = "ProvisionedConcurrencyConfig needs AutoPublishAlias";
        pass.leave(format!("{}: {why}", target.name));
        return Ok(());
    }
    let named = target.named();
    let undo = ("lambda", "DeleteProvisionedConcurrencyConfig", named.clone());
    pass.ledger.made(format!("provisioned concurrency of {}", target.shown()), &[undo]);
    let there = pass.found("lambda", "GetProvisionedConcurrencyConfig", &named)?;
    if there.is_none_or(|there| there["RequestedProvisionedConcurrentExecutions"] != count) {
        let mut input = named.clone();
        input["ProvisionedConcurrentExecutions"] = count.clone();
        pass.call("lambda", "PutProvisionedConcurrencyConfig", &input)?;
    }
    let what = ("lambda", "GetProvisionedConcurrencyConfig", &named);
    let found = pass.until(what, |found| found["Status"] != "IN_PROGRESS")?;
    match found["Status"] == "FAILED" {
        true => Err(Failure(format!("{}: {}", target.shown(), found["StatusReason"]))),
        false => {
            println!("  {}: {count} provisioned", target.shown());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs() {
        let check = |there: Value, wanted: Value, expected: bool| {
            assert_eq!(says(&there, &wanted), expected, "{there} {wanted}");
        };
        check(json!({ "a": 1, "b": 2 }), json!({ "a": 1 }), true);
        check(json!({ "a": 1 }), json!({ "a": 2 }), false);
        check(json!(null), json!({ "a": 2 }), false);
        check(json!([1]), json!([1]), true);
        let mut input = Map::new();
        let there = json!({ "TracingConfig": { "Mode": "Active" }, "KMSKeyArn": null });
        emptied(&mut input, &there);
        assert_eq!(Value::from(input), json!({ "TracingConfig": { "Mode": "PassThrough" } }));
    }
}
