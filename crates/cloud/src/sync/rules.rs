//! Rules of EventBridge and their buses: those that templates declare, and those that SAM makes of
//! functions' events.

use serde_json::{Map, Value, json};
use template::Node;

use super::deploy::Pass;
use super::events;
use super::functions::Target;
use crate::Failure;

/// Longest name of a rule.
const NAME_MAX: usize = 64;
/// Longest name of a statement.
const STATEMENT_MAX: usize = 100;
/// The bus that is always there.
const DEFAULT: &str = "default";

/// `Schedule`, `EventBridgeRule` and `CloudWatchEvent` of a function.
pub fn event(
    pass: &Pass<'_>,
    target: &Target,
    (id, kind): (&str, &str),
    properties: &Node,
) -> Result<(), Failure> {
    let text = |key: &str| properties.get(key).and_then(Node::as_text);
    let bus = text("EventBusName").unwrap_or_else(|| DEFAULT.into());
    let name = text("Name").or_else(|| text("RuleName"));
    let name = name.unwrap_or_else(|| shortened(&format!("{}-{id}", target.name)));
    let mut input = json!({ "Name": name, "EventBusName": bus, "State": state(properties) });
    if let Some(description) = text("Description") {
        input["Description"] = description.into();
    }
    match kind {
        "Schedule" => {
            let schedule = text("Schedule");
            let missing = || Failure(format!("{}: the event {id} needs Schedule", target.name));
            input["ScheduleExpression"] = schedule.ok_or_else(missing)?.into();
        }
        _ => {
            let missing = || Failure(format!("{}: the event {id} needs Pattern", target.name));
            input["EventPattern"] = document(properties.get("Pattern")).ok_or_else(missing)?;
        }
    }
    let given = properties.find(&["Target", "Id"]).and_then(Node::as_text);
    let mut told = json!({
        "Id": given.unwrap_or_else(|| shortened(&format!("{}LambdaTarget", target.name))),
        "Arn": target.arn(pass),
    });
    if let Some(input) = document(properties.get("Input")) {
        told["Input"] = input;
    }
    for key in ["InputPath", "InputTransformer", "RetryPolicy"] {
        if let Some(node) = properties.get(key) {
            told[key] = node.to_json();
        }
    }
    if let Some(letters) = properties.get("DeadLetterConfig") {
        match letters.get("Arn").and_then(Node::as_text) {
            Some(arn) => told["DeadLetterConfig"] = json!({ "Arn": arn }),
            None => pass.leave(format!(
                "{}: the event {id}: declare the queue of DeadLetterConfig, and name it as Arn",
                target.name
            )),
        }
    }
    let arn = put(pass, &input, &[told])?;
    // One statement for each rule, whose name may have dots, and whose bus may be an ARN.
    let bus = bus.rsplit('/').next().unwrap_or_default();
    let odd = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
    let statement = format!("sync-events-{bus}-{name}").replace(odd, "-");
    let statement = end(&statement, STATEMENT_MAX);
    events::permit(pass, target, statement, "events.amazonaws.com", &arn)
}

/// The end of a name that is too long is what tells it from others.
fn shortened(name: &str) -> String {
    end(name, NAME_MAX).to_owned()
}

fn end(text: &str, bytes_max: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes_max))..]
}

fn state(properties: &Node) -> Value {
    let off = properties.get("Enabled").and_then(Node::as_bool) == Some(false);
    match properties.get("State").and_then(Node::as_text) {
        Some(state) => state.into(),
        None if off => "DISABLED".into(),
        None => "ENABLED".into(),
    }
}

/// JSON as a text, however the template wrote it.
fn document(node: Option<&Node>) -> Option<Value> {
    let node = node?;
    Some(node.as_text().unwrap_or_else(|| node.to_json().to_string()).into())
}

/// `AWS::Events::Rule`.
pub fn rule(pass: &Pass<'_>, id: &str, properties: &Node) -> Result<(), Failure> {
    let mut input = json!({ "Name": shortened(&pass.name(id)?), "State": state(properties) });
    for key in ["Description", "EventBusName", "RoleArn", "ScheduleExpression", "Tags"] {
        if let Some(node) = properties.get(key) {
            input[key] = node.to_json();
        }
    }
    if let Some(pattern) = document(properties.get("EventPattern")) {
        input["EventPattern"] = pattern;
    }
    let targets = properties.get("Targets").map_or(&[][..], Node::items);
    let targets: Vec<Value> = targets
        .iter()
        .map(|target| {
            let mut target = target.to_json();
            // Templates write log groups as CloudFormation answers them.
            if let Some(arn) = target["Arn"].as_str().and_then(|arn| arn.strip_suffix(":*")) {
                target["Arn"] = arn.into();
            }
            target
        })
        .collect();
    put(pass, &input, &targets).map(drop)
}

/// Makes a rule as it should be, with these targets and no others; returns its ARN.
fn put(pass: &Pass<'_>, input: &Value, targets: &[Value]) -> Result<String, Failure> {
    let name = input["Name"].as_str().unwrap_or_default();
    let bus = input["EventBusName"].as_str().unwrap_or(DEFAULT);
    let named = json!({ "Name": name, "EventBusName": bus });
    let there = pass.found("events", "DescribeRule", &named)?;
    let made = pass.call("events", "PutRule", input)?;
    let listed =
        pass.call("events", "ListTargetsByRule", &json!({ "Rule": name, "EventBusName": bus }))?;
    let gone: Vec<&Value> = listed["Targets"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|target| &target["Id"])
        .filter(|id| !targets.iter().any(|target| target["Id"] == **id))
        .collect();
    if !gone.is_empty() {
        let input = json!({ "Rule": name, "EventBusName": bus, "Ids": gone });
        pass.call("events", "RemoveTargets", &input)?;
    }
    if !targets.is_empty() {
        let input = json!({ "Rule": name, "EventBusName": bus, "Targets": targets });
        pass.call("events", "PutTargets", &input)?;
    }
    if there.is_none() {
        println!("  rule {name}");
    }
    let ids: Vec<&Value> = targets.iter().map(|target| &target["Id"]).collect();
    let remove = json!({ "Rule": name, "EventBusName": bus, "Ids": ids });
    let undo = match ids.is_empty() {
        true => vec![("events", "DeleteRule", named)],
        false => vec![("events", "RemoveTargets", remove), ("events", "DeleteRule", named)],
    };
    pass.ledger.made(format!("the rule {name} of bus {bus}"), &undo);
    made["RuleArn"].as_str().map(str::to_owned).ok_or_else(|| Failure("PutRule: no ARN".into()))
}

/// `AWS::Events::EventBus`: made where it is missing, and given its policy.
pub fn bus(pass: &Pass<'_>, name: &str, properties: &Node) -> Result<Option<String>, Failure> {
    let there = pass.found("events", "DescribeEventBus", &json!({ "Name": name }))?.is_some();
    if !there {
        let mut input = json!({ "Name": name });
        for (key, value) in properties.entries() {
            if key.text != "Name" && key.text != "Policy" {
                input[key.text.as_str()] = value.to_json();
            }
        }
        pass.call("events", "CreateEventBus", &input)?;
    }
    if let Some(policy) = document(properties.get("Policy")) {
        let input = json!({ "EventBusName": name, "Policy": policy });
        pass.call("events", "PutPermission", &input)?;
    }
    pass.ledger.made(format!("event bus {name}"), &[]);
    Ok(Some(format!("event bus {name}{}", if there { ", as it was" } else { "" })))
}

/// `AWS::Events::EventBusPolicy`: one statement, whole or in parts.
pub fn policy(pass: &Pass<'_>, properties: &Node) -> Result<(), Failure> {
    let mut input = Map::new();
    for (key, value) in properties.entries() {
        input.insert(key.text.clone(), value.to_json());
    }
    let bus = input.get("EventBusName").cloned().unwrap_or_else(|| DEFAULT.into());
    let undo = json!({ "EventBusName": bus, "StatementId": input.get("StatementId") });
    let what = format!("the statement {} of bus {bus}", undo["StatementId"]);
    pass.ledger.made(what, &[("events", "RemovePermission", undo)]);
    if let Some(mut statement) = input.remove("Statement") {
        let found = pass.call("events", "DescribeEventBus", &json!({ "Name": bus }))?;
        let policy: Value =
            serde_json::from_str(found["Policy"].as_str().unwrap_or("{}")).unwrap_or_default();
        let mut all = match policy["Statement"].clone() {
            Value::Array(all) => all,
            Value::Null => Vec::new(),
            one => vec![one],
        };
        if let Some(id) = input.remove("StatementId") {
            statement["Sid"] = id;
        }
        all.retain(|other| other["Sid"] != statement["Sid"]);
        all.push(statement);
        let whole = json!({ "Version": "2012-10-17", "Statement": all });
        input.insert("Policy".into(), whole.to_string().into());
    }
    pass.call("events", "PutPermission", &input.into()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_ends() {
        assert_eq!(shortened("a-b"), "a-b");
        let long = format!("{}-Nightly", "x".repeat(80));
        assert_eq!(shortened(&long), format!("{}-Nightly", "x".repeat(56)));
        assert_eq!(end("밤밤", 4), "밤");
    }
}
