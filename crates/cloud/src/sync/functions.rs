//! Layers and functions with their URLs and events.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use template::Node;
use template::sam::{Code, Function};

use super::code::{Package, package, single};
use super::deploy::Pass;
use super::{events, policies, settings};
use crate::Failure;

/// A function as others name it: with its alias, where the template has one published.
pub struct Target {
    /// The function's name.
    pub name: String,
    /// `AutoPublishAlias`.
    pub alias: Option<String>,
}

impl Target {
    /// What operations take that know qualifiers.
    pub fn named(&self) -> Value {
        match &self.alias {
            None => json!({ "FunctionName": self.name }),
            Some(alias) => json!({ "FunctionName": self.name, "Qualifier": alias }),
        }
    }

    /// Its ARN without the alias.
    pub fn unqualified_arn(&self, pass: &Pass<'_>) -> String {
        let (region, account) = (pass.cloud.region(), &pass.inputs.account);
        format!("arn:aws:lambda:{region}:{account}:function:{}", self.name)
    }

    /// Its ARN.
    pub fn arn(&self, pass: &Pass<'_>) -> String {
        let arn = self.unqualified_arn(pass);
        match &self.alias {
            None => arn,
            Some(alias) => format!("{arn}:{alias}"),
        }
    }
}

fn place(pass: &Pass<'_>, path: &str) -> PathBuf {
    pass.base.join(path)
}

/// Publishes what has changed, and learns the newest versions' ARNs.
pub fn layers(pass: &mut Pass<'_>) -> Result<(), Failure> {
    for layer in &pass.model.layers {
        let name = pass.name(&layer.id)?;
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

/// Brings the functions that are wanted, then what leads to them and from them to others.
pub fn functions(pass: &Pass<'_>) -> Result<(), Failure> {
    let mut brought = Vec::new();
    for function in &pass.model.functions {
        let kind = pass.stack.resources.iter().find(|one| one.id == function.id);
        let kind = kind.map(|resource| resource.kind.clone()).unwrap_or_default();
        if uses_wanted(pass, function) || pass.wants(&function.id, &kind) {
            let properties = pass.properties(&function.id)?;
            let target = one(pass, function, &properties)?;
            brought.push((function, properties, target));
        }
    }
    if pass.wanted.code {
        return Ok(());
    }
    for (function, properties, target) in brought {
        settings::provision(pass, &target, &properties)?;
        settings::bring(pass, &target, &properties)?;
        url(pass, &target, &properties)?;
        for (id, kind, event) in &function.events {
            events::bring(pass, &target, (id, kind), event)?;
        }
    }
    Ok(())
}

/// A function follows its layers.
fn uses_wanted(pass: &Pass<'_>, function: &Function) -> bool {
    pass.wanted.paths.is_some()
        && function.layers.iter().any(|id| pass.wants(id, "AWS::Serverless::LayerVersion"))
}

fn one(pass: &Pass<'_>, function: &Function, properties: &Node) -> Result<Target, Failure> {
    let name = pass.name(&function.id)?;
    let named = json!({ "FunctionName": name });
    let (code, sha256) = code(pass, function, properties)?;
    let there = pass.found("lambda", "GetFunctionConfiguration", &named)?;
    let mut changed = Vec::new();
    match &there {
        None if pass.wanted.code => {
            return Err(Failure(format!("{name} is not there yet: sync once without --code")));
        }
        None => {
            let mut input = configuration(pass, function, &name, properties)?;
            input.insert("Code".into(), code.into());
            input.insert("FunctionName".into(), name.as_str().into());
            if is_image(properties) {
                input.insert("PackageType".into(), "Image".into());
            }
            if let Some(architectures) = properties.get("Architectures") {
                input.insert("Architectures".into(), architectures.to_json());
            }
            pass.call("lambda", "CreateFunction", &input.into())?;
            changed.push("new");
        }
        Some(there) => {
            if !pass.wanted.code || uses_wanted(pass, function) {
                let mut input = configuration(pass, function, &name, properties)?;
                settings::emptied(&mut input, there);
                if input.iter().any(|(key, value)| differs(key, value, there)) {
                    input.insert("FunctionName".into(), name.as_str().into());
                    pass.call("lambda", "UpdateFunctionConfiguration", &input.into())?;
                    ready(pass, &named)?;
                    changed.push("configuration");
                }
            }
            // What lies elsewhere may have changed there.
            if sha256.is_none_or(|sha256| there["CodeSha256"] != sha256) {
                let mut input = code;
                input.insert("FunctionName".into(), name.as_str().into());
                pass.call("lambda", "UpdateFunctionCode", &input.into())?;
                changed.push("code");
            }
        }
    }
    if !changed.is_empty() {
        ready(pass, &named)?;
    }
    match changed.as_slice() {
        [] => println!("  function {name}: as it was"),
        ["new"] => println!("  function {name}, new"),
        _ => println!("  function {name}: {}", changed.join(" and ")),
    }
    let alias = properties.get("AutoPublishAlias").and_then(Node::as_text);
    let target = Target { name, alias };
    settings::publish(pass, &target, !changed.is_empty())?;
    Ok(target)
}

fn is_image(properties: &Node) -> bool {
    properties.get("PackageType").and_then(Node::as_text).is_some_and(|kind| kind == "Image")
}

/// What the API takes for the code, and its digest where the code is here.
fn code(
    pass: &Pass<'_>,
    function: &Function,
    properties: &Node,
) -> Result<(Map<String, Value>, Option<String>), Failure> {
    let whole = |value: Value| value.as_object().cloned().unwrap_or_default();
    let packed =
        |package: Package| (whole(json!({ "ZipFile": package.base64 })), Some(package.sha256));
    match &function.code {
        Code::Path(path) => Ok(packed(package(&place(pass, path))?)),
        Code::Inline(text) => {
            let python = function.runtime.starts_with("python");
            Ok(packed(single(if python { "index.py" } else { "index.js" }, text)?))
        }
        Code::Elsewhere(image) if is_image(properties) => {
            Ok((whole(json!({ "ImageUri": image })), None))
        }
        Code::Elsewhere(what) => {
            let object: Value = serde_json::from_str(what).unwrap_or_default();
            let part = |one: &str, other: &str| match &object[one] {
                Value::Null => object[other].clone(),
                found => found.clone(),
            };
            let (bucket, key) = match what.strip_prefix("s3://").and_then(|at| at.split_once('/')) {
                Some((bucket, key)) => (bucket.into(), key.into()),
                None => (part("S3Bucket", "Bucket"), part("S3Key", "Key")),
            };
            let mut code = json!({ "S3Bucket": bucket, "S3Key": key });
            let version = part("S3ObjectVersion", "Version");
            if !version.is_null() {
                code["S3ObjectVersion"] = version;
            }
            Ok((whole(code), None))
        }
    }
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
    let mut all = json!({
        "Role": policies::role_of(pass, name, &function.id, properties)?,
        "Timeout": function.timeout_s,
        "MemorySize": function.memory_mb,
        "EphemeralStorage": { "Size": function.tmp_mb },
        "Environment": { "Variables": function.variables },
        "Description": properties.get("Description").and_then(Node::as_text).unwrap_or_default(),
    });
    if is_image(properties) {
        if let Some(image) = properties.get("ImageConfig") {
            all["ImageConfig"] = image.to_json();
        }
    } else {
        all["Runtime"] = function.runtime.as_str().into();
        all["Handler"] = function.handler.as_str().into();
        all["Layers"] = layers.into();
    }
    settings::configure(&mut all, properties);
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
        "ImageConfig" => !settings::says(&there["ImageConfigResponse"][key], value),
        _ => !settings::says(&there[key], value),
    }
}

/// `FunctionUrlConfig`, made or made anew.
fn url(pass: &Pass<'_>, target: &Target, properties: &Node) -> Result<(), Failure> {
    let Some(wanted) = properties.get("FunctionUrlConfig") else { return Ok(()) };
    let named = target.named();
    let mut input = named.clone();
    for (key, value) in wanted.entries() {
        input[key.text.as_str()] = value.to_json();
    }
    let there = pass.found("lambda", "GetFunctionUrlConfig", &named)?.is_some();
    let operation = if there { "UpdateFunctionUrlConfig" } else { "CreateFunctionUrlConfig" };
    let made = pass.call("lambda", operation, &input)?;
    println!("  {} at {}", target.name, made["FunctionUrl"].as_str().unwrap_or_default());
    if input["AuthType"] == "NONE" {
        let through = json!({
            "StatementId": "FunctionURLAllowPublicAccess", "Principal": "*",
            "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE",
        });
        events::permission(pass, target, through)?;
        // Since October 2025 both are needed.
        let at = json!({
            "StatementId": "FunctionURLInvokeAllowPublicAccess", "Principal": "*",
            "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": true,
        });
        events::permission(pass, target, at)?;
    }
    Ok(())
}
