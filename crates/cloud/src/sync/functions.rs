//! Layers and functions with their URLs and events.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use template::Node;
use template::sam::{Code, Function};

use super::code::{Package, package, single};
use super::deploy::Pass;
use super::{events, images, policies, settings};
use crate::Failure;

/// A function as others name it: with its alias, where the template has one published.
pub struct Target {
    /// The function's name.
    pub name: String,
    /// `AutoPublishAlias`.
    pub alias: Option<String>,
}

impl Target {
    /// For people.
    pub fn shown(&self) -> String {
        match &self.alias {
            None => self.name.clone(),
            Some(alias) => format!("{}:{alias}", self.name),
        }
    }

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

/// The function that a name, or an ARN with or without an alias, means.
pub fn target(named: &str) -> Target {
    let bare = named.rsplit(":function:").next().unwrap_or(named);
    match bare.split_once(':') {
        Some((name, alias)) => Target { name: name.into(), alias: Some(alias.into()) },
        None => Target { name: bare.into(), alias: None },
    }
}

fn place(pass: &Pass<'_>, path: &str) -> PathBuf {
    pass.base.join(path)
}

/// What a version of a layer has beside its content.
const OF_LAYERS: &[&str] =
    &["CompatibleArchitectures", "CompatibleRuntimes", "Description", "LicenseInfo"];

/// Publishes what has changed, and learns the newest versions' ARNs.
pub fn layers(pass: &mut Pass<'_>) -> Result<(), Failure> {
    for layer in &pass.model.layers {
        let name = pass.name(&layer.id)?;
        let listed = json!({ "LayerName": name });
        let latest = pass.found("lambda", "ListLayerVersions", &listed)?;
        let latest = latest.map(|answer| answer["LayerVersions"][0].clone()).unwrap_or(Value::Null);
        let mut arn = latest["LayerVersionArn"].as_str().map(str::to_owned);
        let (content, sha256) = match &layer.code {
            Code::Path(path) => {
                let Package { base64, sha256 } = package(&place(pass, path))?;
                (json!({ "ZipFile": base64 }), Some(sha256))
            }
            Code::Inline(_) => return Err(Failure(format!("{name}: a layer cannot be inline"))),
            Code::Elsewhere(what) => (object(what).into(), None),
        };
        // What a bucket has is taken again when the template names it otherwise.
        let note = format!("layer {name} of {content}");
        let asked = json!({ "LayerName": name, "VersionNumber": latest["Version"] });
        let same = match &sha256 {
            _ if arn.is_none() => false,
            None => pass.ledger.has_note(&note),
            Some(sha256) => {
                pass.call("lambda", "GetLayerVersion", &asked)?["Content"]["CodeSha256"]
                    == sha256.as_str()
            }
        };
        let properties = pass.properties(&layer.id)?;
        if !same {
            let mut input = json!({ "LayerName": name, "Content": content });
            for key in OF_LAYERS {
                if let Some(node) = properties.get(key) {
                    input[*key] = node.to_json();
                }
            }
            let made = pass.call("lambda", "PublishLayerVersion", &input)?;
            println!("  layer {name}:{}", made["Version"]);
            arn = made["LayerVersionArn"].as_str().map(str::to_owned);
        }
        if sha256.is_none() {
            pass.ledger.note(&note);
        }
        let brought = [OF_LAYERS, &["Content", "ContentUri", "LayerName", "RetentionPolicy"]];
        pass.leave_all_but(&format!("layer {name}"), &properties, &brought.concat());
        pass.ledger.made(format!("layer {name}"), &[]);
        if let Some(arn) = &arn {
            pass.stack.know(&layer.id, arn);
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
            if is_image(&properties) && !names_image(&properties) {
                let why = "PackageType Image without ImageUri; images are not built here";
                pass.leave(format!("{}: {why}", function.id));
                continue;
            }
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
        url(pass, &target, &function.id, &properties)?;
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
            let mut input = code;
            input.insert("FunctionName".into(), name.as_str().into());
            // What lies elsewhere may have changed there.
            let sha256 = match sha256 {
                Some(sha256) => Value::from(sha256),
                None => {
                    input.insert("DryRun".into(), true.into());
                    let found = pass.call("lambda", "UpdateFunctionCode", &input.clone().into())?;
                    input.remove("DryRun");
                    found["CodeSha256"].clone()
                }
            };
            if there["CodeSha256"] != sha256 {
                pass.call("lambda", "UpdateFunctionCode", &input.into())?;
                changed.push("code");
            }
        }
    }
    if !changed.is_empty() {
        ready(pass, &named)?;
    }
    pass.ledger.made(format!("function {name}"), &[]);
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

fn names_image(properties: &Node) -> bool {
    properties.get("ImageUri").or_else(|| properties.find(&["Code", "ImageUri"])).is_some()
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
            let image = images::import(pass, &pass.name(&function.id)?, image)?;
            Ok((whole(json!({ "ImageUri": image })), None))
        }
        Code::Elsewhere(what) => Ok((object(what), None)),
    }
}

/// An object in a bucket, as SAM or CloudFormation names it, for the API.
fn object(what: &str) -> Map<String, Value> {
    let object: Value = serde_json::from_str(what).unwrap_or_default();
    let part = |one: &str, other: &str| match &object[one] {
        Value::Null => object[other].clone(),
        found => found.clone(),
    };
    let (bucket, key) = match what.strip_prefix("s3://").and_then(|at| at.split_once('/')) {
        Some((bucket, key)) => (bucket.into(), key.into()),
        None => (part("S3Bucket", "Bucket"), part("S3Key", "Key")),
    };
    let mut code = Map::new();
    code.insert("S3Bucket".into(), bucket);
    code.insert("S3Key".into(), key);
    let version = part("S3ObjectVersion", "Version");
    if !version.is_null() {
        code.insert("S3ObjectVersion".into(), version);
    }
    code
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

/// `FunctionUrlConfig`, made or made anew, and who may pass. A resource of that type may stand beside
/// the function.
fn url(pass: &Pass<'_>, target: &Target, id: &str, properties: &Node) -> Result<(), Failure> {
    let Some(wanted) = properties.get("FunctionUrlConfig") else {
        let named = target.named();
        if !pass.has("AWS::Lambda::Url")
            && pass.found("lambda", "GetFunctionUrlConfig", &named)?.is_some()
        {
            pass.call("lambda", "DeleteFunctionUrlConfig", &named)?;
            println!("  {}: its URL is taken away", target.shown());
        }
        return Ok(());
    };
    let made = put_url(pass, target, wanted)?;
    pass.stack.know(&format!("{id}Url.FunctionUrl"), &made);
    if wanted.get("AuthType").and_then(Node::as_text).as_deref() == Some("NONE") {
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

/// Makes a URL, or makes it as it should be; returns it.
pub fn put_url(pass: &Pass<'_>, target: &Target, wanted: &Node) -> Result<String, Failure> {
    let named = target.named();
    let mut input = named.clone();
    for key in ["AuthType", "Cors", "InvokeMode"] {
        if let Some(node) = wanted.get(key) {
            input[key] = node.to_json();
        }
    }
    let there = pass.found("lambda", "GetFunctionUrlConfig", &named)?;
    if let Some(there) = &there {
        for (key, empty) in [("Cors", json!({})), ("InvokeMode", "BUFFERED".into())] {
            if input[key].is_null() && !there[key].is_null() && there[key] != empty {
                input[key] = empty;
            }
        }
    }
    let operation = if there.is_some() { "Update" } else { "Create" };
    let made = pass.call("lambda", &format!("{operation}FunctionUrlConfig"), &input)?;
    let url = made["FunctionUrl"].as_str().unwrap_or_default().to_owned();
    println!("  {} at {url}", target.name);
    let what = format!("the URL of {}", target.shown());
    pass.ledger.made(what.clone(), &[("lambda", "DeleteFunctionUrlConfig", named)]);
    let brought =
        ["AuthType", "Cors", "FunctionName", "InvokeMode", "Qualifier", "TargetFunctionArn"];
    pass.leave_all_but(&what, wanted, &brought);
    Ok(url)
}
