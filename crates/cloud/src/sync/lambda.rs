//! Resources of Lambda that stand by themselves in a template: versions, aliases, URLs, what becomes of
//! asynchronous invocations, and who may use a layer.

use serde_json::{Map, Value, json};
use template::{Node, Resource};

use super::deploy::Pass;
use super::functions::{Target, target};
use super::{functions, settings};
use crate::Failure;

/// What is made here.
pub const TYPES: &[&str] = &[
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::LayerVersionPermission",
    "AWS::Lambda::Url",
    "AWS::Lambda::Version",
];

/// What aliases are, before they are there: others may refer to them, functions' events too.
pub fn learn(pass: &Pass<'_>) -> Result<(), Failure> {
    for resource in &pass.stack.resources {
        let (id, kind) = (&resource.id, resource.kind.as_str());
        if kind == "AWS::Lambda::Alias" {
            let properties = pass.properties(id)?;
            let text = |key: &str| properties.get(key).and_then(Node::as_text);
            if let Some((function, name)) = text("FunctionName").zip(text("Name")) {
                let alias = Target { name: target(&function).name, alias: Some(name) };
                pass.stack.know(id, &alias.arn(pass));
                pass.stack.know(&format!("{id}.AliasArn"), &alias.arn(pass));
            }
        } else if kind == "AWS::Serverless::Function" {
            let Some(alias) = pass.properties(id)?.get("AutoPublishAlias").and_then(Node::as_text)
            else {
                continue;
            };
            let arn = Target { name: pass.name(id)?, alias: Some(alias.clone()) }.arn(pass);
            // SAM names the resource that it makes by both.
            pass.stack.know(&format!("{id}.Alias"), &arn);
            pass.stack.know(&format!("{id}Alias{alias}"), &arn);
        }
    }
    Ok(())
}

/// Makes one.
pub fn one(pass: &Pass<'_>, resource: &Resource, properties: &Node) -> Result<(), Failure> {
    let text = |key: &str| {
        let found = properties.get(key).and_then(Node::as_text);
        found.ok_or_else(|| Failure(format!("it needs {key}")))
    };
    let named = |target: Target, alias: Option<String>| Target {
        alias: alias.or(target.alias),
        name: target.name,
    };
    let optional = |key: &str| properties.get(key).and_then(Node::as_text);
    let id = &resource.id;
    match resource.kind.as_str() {
        "AWS::Lambda::Version" => version(pass, id, &target(&text("FunctionName")?), properties),
        "AWS::Lambda::Alias" => {
            let alias = named(target(&text("FunctionName")?), Some(text("Name")?));
            self::alias(pass, &alias, &text("FunctionVersion")?, properties)
        }
        "AWS::Lambda::EventInvokeConfig" => {
            let target = named(target(&text("FunctionName")?), optional("Qualifier"));
            pass.leave_all_but(id, properties, &[&["FunctionName"][..], INVOCATIONS].concat());
            settings::put_invocations(pass, &target, properties)
        }
        "AWS::Lambda::Url" => {
            let target = named(target(&text("TargetFunctionArn")?), optional("Qualifier"));
            let url = functions::put_url(pass, &target, properties)?;
            pass.stack.know(&format!("{id}.FunctionUrl"), &url);
            Ok(())
        }
        _ => layer_permission(pass, id, &text("LayerVersionArn")?, properties),
    }
}

const INVOCATIONS: &[&str] =
    &["DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "Qualifier"];

/// A version is published if the function is another than the last one's.
fn version(pass: &Pass<'_>, id: &str, target: &Target, properties: &Node) -> Result<(), Failure> {
    let mut input = json!({ "FunctionName": target.name });
    for key in ["CodeSha256", "Description"] {
        if let Some(node) = properties.get(key) {
            input[key] = node.to_json();
        }
    }
    let number = settings::published(pass, &target.name, &input)?;
    let version = Target { name: target.name.clone(), alias: Some(number.clone()) };
    pass.stack.know(id, &version.arn(pass));
    pass.stack.know(&format!("{id}.Version"), &number);
    pass.stack.know(&format!("{id}.FunctionArn"), &version.arn(pass));
    println!("  {}: version {number}", target.name);
    let brought = ["CodeSha256", "Description", "FunctionName", "ProvisionedConcurrencyConfig"];
    pass.leave_all_but(id, properties, &brought);
    settings::provision(pass, &version, properties)
}

fn alias(
    pass: &Pass<'_>,
    target: &Target,
    version: &str,
    properties: &Node,
) -> Result<(), Failure> {
    let (function, name) = (&target.name, target.alias.as_deref().unwrap_or_default());
    let weights = properties.find(&["RoutingConfig", "AdditionalVersionWeights"]);
    let weights = weights.map_or(&[][..], Node::items).iter().filter_map(|one| {
        let version = one.get("FunctionVersion")?.as_text()?;
        Some((version, one.get("FunctionWeight")?.to_json()))
    });
    let weights: Map<String, Value> = weights.collect();
    let named = json!({ "FunctionName": function, "Name": name });
    let there = pass.found("lambda", "GetAlias", &named)?;
    let mut input = named.clone();
    input["FunctionVersion"] = version.into();
    if let Some(text) = properties.get("Description").and_then(Node::as_text) {
        input["Description"] = text.into();
    }
    let is_weighted = there.as_ref().is_some_and(|there| !there["RoutingConfig"].is_null());
    if !weights.is_empty() || is_weighted {
        input["RoutingConfig"] = json!({ "AdditionalVersionWeights": weights });
    }
    pass.ledger.made(format!("the alias {function}:{name}"), &[("lambda", "DeleteAlias", named)]);
    if there.as_ref().is_none_or(|there| !settings::says(there, &input)) || is_weighted {
        let operation = if there.is_some() { "UpdateAlias" } else { "CreateAlias" };
        pass.call("lambda", operation, &input)?;
        println!("  {function}:{name} is version {version}");
    }
    let brought = [
        "Description",
        "FunctionName",
        "FunctionVersion",
        "Name",
        "ProvisionedConcurrencyConfig",
        "RoutingConfig",
    ];
    pass.leave_all_but(&format!("the alias {function}:{name}"), properties, &brought);
    settings::provision(pass, target, properties)
}

fn layer_permission(
    pass: &Pass<'_>,
    id: &str,
    arn: &str,
    properties: &Node,
) -> Result<(), Failure> {
    let parts = arn.rsplit_once(':').and_then(|(layer, version)| {
        let version = version.parse::<i64>().ok()?;
        Some((layer.rsplit(':').next()?, version))
    });
    let Some((layer, version)) = parts else {
        pass.leave(format!("{id}: {arn} is no version of a layer"));
        return Ok(());
    };
    let named = json!({ "LayerName": layer, "VersionNumber": version });
    let mut gone = named.clone();
    gone["StatementId"] = id.into();
    let policy = pass.found("lambda", "GetLayerVersionPolicy", &named)?.unwrap_or_default();
    if policy["Policy"].as_str().is_some_and(|text| text.contains(&format!("\"{id}\""))) {
        pass.call("lambda", "RemoveLayerVersionPermission", &gone)?;
    }
    let mut input = gone.clone();
    for key in ["Action", "OrganizationId", "Principal"] {
        if let Some(node) = properties.get(key) {
            input[key] = node.to_json();
        }
    }
    pass.call("lambda", "AddLayerVersionPermission", &input)?;
    let undo = ("lambda", "RemoveLayerVersionPermission", gone);
    pass.ledger.made(format!("the permission {id} of layer {layer}:{version}"), &[undo]);
    Ok(())
}
