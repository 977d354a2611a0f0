//! Layers and functions with their URLs and events.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use template::Node;
use template::sam::{Code, Function};

use super::code::{Package, package};
use super::deploy::Pass;
use super::policies;
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
/// What a template says of a table's stream before there is one.
const UNKNOWN_STREAM: &str = "/stream/1970-01-01T00:00:00.000";

fn place(pass: &Pass<'_>, path: &str) -> PathBuf {
    pass.base.join(path)
}

/// Publishes what has changed, and learns the newest versions' ARNs.
pub fn layers(pass: &mut Pass<'_>) -> Result<(), Failure> {
    for layer in &pass.model.layers {
        let name = match layer.name == layer.id {
            true => pass.name(&layer.id, None),
            false => layer.name.clone(),
        };
        let listed = json!({ "LayerName": name });
        let latest = pass.found("lambda", "ListLayerVersions", &listed)?;
        let latest = latest.map(|answer| answer["LayerVersions"][0].clone()).unwrap_or(Value::Null);
        let mut arn = latest["LayerVersionArn"].as_str().map(str::to_owned);
        if let Code::Path(path) = &layer.code {
            let Package { base64, sha256 } = package(&place(pass, path))?;
            let asked = json!({ "LayerName": name, "VersionNumber": latest["Version"] });
            let same = arn.is_some()
                && pass.call("lambda", "GetLayerVersion", &asked)?["Content"]["CodeSha256"]
                    == sha256;
            if !same {
                let input = json!({ "LayerName": name, "Content": { "ZipFile": base64 } });
                let made = pass.call("lambda", "PublishLayerVersion", &input)?;
                println!("  layer {name}:{}", made["Version"]);
                arn = made["LayerVersionArn"].as_str().map(str::to_owned);
            }
        }
        pass.layers.extend(arn.map(|arn| (layer.id.clone(), arn)));
    }
    Ok(())
}

/// Brings the functions that are wanted.
pub fn functions(pass: &Pass<'_>) -> Result<(), Failure> {
    for function in &pass.model.functions {
        let kind = pass.stack.resources.iter().find(|one| one.id == function.id);
        let kind = kind.map(|resource| resource.kind.clone()).unwrap_or_default();
        if uses_wanted(pass, function) || pass.wants(&function.id, &kind) {
            one(pass, function)?;
        }
    }
    Ok(())
}

/// A function follows its layers.
fn uses_wanted(pass: &Pass<'_>, function: &Function) -> bool {
    pass.wanted.paths.is_some()
        && function.layers.iter().any(|id| pass.wants(id, "AWS::Serverless::LayerVersion"))
}

fn one(pass: &Pass<'_>, function: &Function) -> Result<(), Failure> {
    let given = Some(function.name.clone()).filter(|name| *name != function.id);
    let name = pass.name(&function.id, given);
    let path = match &function.code {
        Code::Path(path) => place(pass, path),
        Code::Inline(_) | Code::Elsewhere(_) => {
            println!("  {name}: its code is in no folder, and is not brought");
            return Ok(());
        }
    };
    let package = package(&path)?;
    let named = json!({ "FunctionName": name });
    let there = pass.found("lambda", "GetFunctionConfiguration", &named)?;
    let properties = pass.properties(&function.id)?;
    match (there, pass.wanted.code) {
        (None, true) => {
            return Err(Failure(format!("{name} is not there yet: sync once without --code")));
        }
        (None, false) => {
            let mut input = configuration(pass, function, &name, &properties)?;
            input.insert("Code".into(), json!({ "ZipFile": package.base64 }));
            input.insert("FunctionName".into(), name.as_str().into());
            pass.call("lambda", "CreateFunction", &input.into())?;
            ready(pass, &named)?;
            println!("  function {name}, new");
        }
        (Some(there), code) => {
            let mut changed = Vec::new();
            if !code || uses_wanted(pass, function) {
                let mut input = configuration(pass, function, &name, &properties)?;
                if input.iter().any(|(key, value)| differs(key, value, &there)) {
                    input.insert("FunctionName".into(), name.as_str().into());
                    pass.call("lambda", "UpdateFunctionConfiguration", &input.into())?;
                    ready(pass, &named)?;
                    changed.push("configuration");
                }
            }
            if there["CodeSha256"] != package.sha256 {
                let input = json!({ "FunctionName": name, "ZipFile": package.base64 });
                pass.call("lambda", "UpdateFunctionCode", &input)?;
                ready(pass, &named)?;
                changed.push("code");
            }
            let what = if changed.is_empty() { "as it was".into() } else { changed.join(" and ") };
            println!("  function {name}: {what}");
        }
    }
    if !pass.wanted.code {
        url(pass, &name, &properties)?;
        for (id, kind, event) in &function.events {
            self::event(pass, &name, (id, kind), event)?;
        }
    }
    Ok(())
}

fn ready(pass: &Pass<'_>, named: &Value) -> Result<(), Failure> {
    let what = ("lambda", "GetFunctionConfiguration", named);
    let found = pass.until(what, |answer| {
        let state = answer["State"].as_str();
        state != Some("Pending") && answer["LastUpdateStatus"] != "InProgress"
    })?;
    match found["LastUpdateStatus"] == "Failed" || found["State"] == "Failed" {
        true => Err(Failure(format!(
            "{}: {}{}",
            named["FunctionName"], found["StateReason"], found["LastUpdateStatusReason"]
        ))),
        false => Ok(()),
    }
}

fn configuration(
    pass: &Pass<'_>,
    function: &Function,
    name: &str,
    properties: &Node,
) -> Result<Map<String, Value>, Failure> {
    let layers = function.layers.iter().map(|id| {
        let own = pass.layers.get(id).cloned();
        own.unwrap_or_else(|| id.clone())
    });
    let layers: Vec<String> = layers.collect();
    let all = json!({
        "Role": policies::role_of(pass, name, &function.id, properties)?,
        "Runtime": function.runtime,
        "Handler": function.handler,
        "Timeout": function.timeout_s,
        "MemorySize": function.memory_mb,
        "EphemeralStorage": { "Size": function.tmp_mb },
        "Environment": { "Variables": function.variables },
        "Layers": layers,
        "Description": properties.get("Description").and_then(Node::as_text).unwrap_or_default(),
    });
    match all {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// Whether the function that is there has another value.
fn differs(key: &str, value: &Value, there: &Value) -> bool {
    match key {
        "Layers" => {
            let arns: Vec<&Value> = there["Layers"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|layer| &layer["Arn"])
                .collect();
            json!(arns) != *value
        }
        "Environment" => {
            let empty = json!({});
            *there["Environment"].get("Variables").unwrap_or(&empty) != value["Variables"]
        }
        _ => there[key] != *value,
    }
}

/// `FunctionUrlConfig`, made or made anew.
fn url(pass: &Pass<'_>, name: &str, properties: &Node) -> Result<(), Failure> {
    let Some(wanted) = properties.get("FunctionUrlConfig") else { return Ok(()) };
    let mut input = json!({ "FunctionName": name });
    for (key, value) in wanted.entries() {
        input[key.text.as_str()] = value.to_json();
    }
    let named = json!({ "FunctionName": name });
    let there = pass.found("lambda", "GetFunctionUrlConfig", &named)?.is_some();
    let operation = if there { "UpdateFunctionUrlConfig" } else { "CreateFunctionUrlConfig" };
    let made = pass.call("lambda", operation, &input)?;
    println!("  {name} at {}", made["FunctionUrl"].as_str().unwrap_or_default());
    if input["AuthType"] == "NONE" && !there {
        let permission = json!({
            "FunctionName": name, "StatementId": "FunctionURLAllowPublicAccess", "Principal": "*",
            "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE",
        });
        pass.call("lambda", "AddPermission", &permission)?;
    }
    Ok(())
}

fn event(
    pass: &Pass<'_>,
    name: &str,
    (id, kind): (&str, &str),
    properties: &Node,
) -> Result<(), Failure> {
    match kind {
        "SQS" => mapping(pass, name, properties, "Queue"),
        "DynamoDB" => mapping(pass, name, properties, "Stream"),
        "SNS" => topic(pass, name, properties),
        "Api" | "HttpApi" => {
            println!("  {name}: {id} is served by `gureum local start-api`");
            Ok(())
        }
        _ => {
            println!("  {name}: the event {id} ({kind}) is not brought");
            Ok(())
        }
    }
}

fn mapping(pass: &Pass<'_>, name: &str, properties: &Node, source: &str) -> Result<(), Failure> {
    let arn = properties.get(source).and_then(Node::as_text);
    let arn = arn.ok_or_else(|| Failure(format!("{name}: an event needs {source}")))?;
    let arn = match arn.strip_suffix(UNKNOWN_STREAM) {
        None => arn,
        Some(table) => {
            let table = table.rsplit('/').next().unwrap_or(table);
            let found = pass.call("dynamodb", "DescribeTable", &json!({ "TableName": table }))?;
            let stream = found["Table"]["LatestStreamArn"].as_str().map(str::to_owned);
            stream.ok_or_else(|| Failure(format!("{name}: the table {table} has no stream")))?
        }
    };
    let asked = json!({ "FunctionName": name, "EventSourceArn": arn });
    let there = pass.call("lambda", "ListEventSourceMappings", &asked)?;
    let mut input = json!({});
    for (key, value) in properties.entries() {
        if OF_MAPPINGS.contains(&key.text.as_str()) {
            input[key.text.as_str()] = value.to_json();
        }
    }
    match there["EventSourceMappings"][0]["UUID"].as_str() {
        Some(uuid) => {
            if let Some(map) = input.as_object_mut() {
                map.remove("StartingPosition");
            }
            input["UUID"] = uuid.into();
            pass.call("lambda", "UpdateEventSourceMapping", &input)?;
        }
        None => {
            input["FunctionName"] = name.into();
            input["EventSourceArn"] = arn.as_str().into();
            pass.call("lambda", "CreateEventSourceMapping", &input)?;
            println!("  {name} reads {arn}");
        }
    }
    Ok(())
}

fn topic(pass: &Pass<'_>, name: &str, properties: &Node) -> Result<(), Failure> {
    let arn = properties.get("Topic").and_then(Node::as_text);
    let arn = arn.ok_or_else(|| Failure(format!("{name}: an event needs Topic")))?;
    let function =
        format!("arn:aws:lambda:{}:{}:function:{name}", pass.cloud.region(), pass.inputs.account);
    let statement = format!("sync-{}", arn.rsplit(':').next().unwrap_or_default());
    let policy = pass.found("lambda", "GetPolicy", &json!({ "FunctionName": name }))?;
    let policy = policy.map(|answer| answer["Policy"].to_string()).unwrap_or_default();
    if !policy.contains(&statement) {
        let permission = json!({
            "FunctionName": name, "StatementId": statement, "Principal": "sns.amazonaws.com",
            "Action": "lambda:InvokeFunction", "SourceArn": arn,
        });
        pass.call("lambda", "AddPermission", &permission)?;
    }
    let input = json!({ "TopicArn": arn, "Protocol": "lambda", "Endpoint": function });
    pass.call("sns", "Subscribe", &input)?;
    Ok(())
}
