//! What of a stack runs: functions, layers, APIs and nested applications, whether they are written
//! in SAM's resources or in CloudFormation's.

mod api;
mod globals;

use std::collections::BTreeMap;

pub use api::{Api, Authorizer, AuthorizerKind, Cors, Flavour, Route};

use crate::evaluate::{Resource, Stack};
use crate::node::{Error, Node, Position, Value};

/// Everything that runs.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Functions.
    pub functions: Vec<Function>,
    /// Layers.
    pub layers: Vec<Layer>,
    /// APIs with their routes.
    pub apis: Vec<Api>,
    /// Applications in templates of their own.
    pub applications: Vec<Application>,
}

/// Where code is.
#[derive(Clone, Debug, PartialEq)]
pub enum Code {
    /// A folder or archive, as the template names it.
    Path(String),
    /// In the template itself.
    Inline(String),
    /// A container image, or a bucket's object: not here.
    Elsewhere(String),
}

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Logical id.
    pub id: String,
    /// Its name: as given, else the logical id.
    pub name: String,
    /// Where it is declared.
    pub at: Position,
    /// Where its code is.
    pub code: Code,
    /// `Handler`.
    pub handler: String,
    /// `Runtime`.
    pub runtime: String,
    /// `Timeout` in seconds.
    pub timeout_s: i64,
    /// `MemorySize` in MB.
    pub memory_mb: i64,
    /// `EphemeralStorage` in MB.
    pub tmp_mb: i64,
    /// `Architectures`.
    pub architecture: Option<String>,
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// Layers, by logical id or ARN, in order.
    pub layers: Vec<String>,
    /// Events: name, type, properties.
    pub events: Vec<(String, String, Node)>,
    /// `Metadata`: how it is built.
    pub metadata: Node,
}

/// A layer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Logical id.
    pub id: String,
    /// Its name: as given, else the logical id.
    pub name: String,
    /// Where its content is.
    pub code: Code,
    /// `Metadata`: how it is built.
    pub metadata: Node,
}

/// A nested application.
#[derive(Clone, Debug)]
pub struct Application {
    /// Logical id.
    pub id: String,
    /// Where it is declared.
    pub at: Position,
    /// The template, as the outer one names it.
    pub location: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
}

/// Finds what runs.
///
/// # Errors
/// Resources that are not as SAM and CloudFormation want them.
pub fn model(stack: &Stack<'_>) -> Result<Model, Error> {
    let mut model = Model::default();
    globals::check(stack)?;
    for resource in &stack.resources {
        let properties = || globals::merged(stack, resource);
        match resource.kind.as_str() {
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
                model.functions.push(function(stack, resource, &properties()?)?);
            }
            "AWS::Serverless::LayerVersion" | "AWS::Lambda::LayerVersion" => {
                model.layers.push(layer(resource, &properties()?)?);
            }
            "AWS::Serverless::Application" | "AWS::CloudFormation::Stack" => {
                model.applications.extend(application(resource, &properties()?));
            }
            "AWS::Serverless::Api" => {
                model.apis.push(api::declared(resource, &properties()?, Flavour::Rest)?);
            }
            "AWS::Serverless::HttpApi" => {
                model.apis.push(api::declared(resource, &properties()?, Flavour::Http)?);
            }
            _ => {}
        }
    }
    api::routes(stack, &mut model)?;
    Ok(model)
}

/// The properties of a resource with what `Globals` says, evaluated.
///
/// # Errors
/// Functions that cannot be carried out.
pub fn properties(stack: &Stack<'_>, resource: &Resource) -> Result<Node, Error> {
    globals::merged(stack, resource)
}

pub(crate) fn missing(resource: &Resource, what: &str) -> Error {
    Error::new(resource.at, format!("{} needs {what}", resource.id))
}

fn function(stack: &Stack<'_>, resource: &Resource, properties: &Node) -> Result<Function, Error> {
    let text = |key: &str| properties.get(key).and_then(Node::as_text);
    let image = text("PackageType").is_some_and(|kind| kind == "Image");
    let code = code(resource, properties, image)?;
    let needed = |key: &str| match text(key) {
        Some(found) => Ok(found),
        None if image => Ok(String::new()),
        None => Err(missing(resource, key)),
    };
    let number = |key: &str, usual: i64| match properties.get(key) {
        None => Ok(usual),
        Some(node) => node.as_i64().ok_or_else(|| {
            Error::new(node.at, format!("{key} of {} must be a whole number", resource.id))
        }),
    };
    let tmp = properties.find(&["EphemeralStorage", "Size"]).and_then(Node::as_i64);
    let layers = properties.get("Layers").map_or(&[][..], Node::items);
    let architecture = properties.get("Architectures").and_then(|list| list.items().first());
    Ok(Function {
        id: resource.id.clone(),
        name: text("FunctionName").unwrap_or_else(|| resource.id.clone()),
        at: resource.at,
        code,
        handler: needed("Handler")?,
        runtime: needed("Runtime")?,
        timeout_s: number("Timeout", 3)?,
        memory_mb: number("MemorySize", 128)?,
        tmp_mb: tmp.unwrap_or(512),
        architecture: architecture.and_then(Node::as_text),
        variables: variables(resource, properties)?,
        layers: layers.iter().filter_map(Node::as_text).map(|arn| own_layer(stack, arn)).collect(),
        events: events(resource, properties)?,
        metadata: resource.metadata.clone(),
    })
}

/// A layer of this template by its logical id, whatever form names it.
fn own_layer(stack: &Stack<'_>, named: String) -> String {
    let layers = stack.resources.iter().filter(|other| other.kind.ends_with("::LayerVersion"));
    let mut ids = layers.map(|other| other.id.clone());
    let name = named.rsplit(":layer:").next().unwrap_or(&named).to_owned();
    ids.find(|id| {
        *id == named
            || format!("{}{id}", stack.inputs.prefix) == named
            || format!("{}{id}", stack.inputs.prefix) == name
            || stack.properties(id).ok().and_then(|p| p.get("LayerName")?.as_text())
                == Some(name.clone())
    })
    .unwrap_or(named)
}

fn code(resource: &Resource, properties: &Node, image: bool) -> Result<Code, Error> {
    if let Some(path) = resource.metadata.get("aws:asset:path").and_then(Node::as_text) {
        return Ok(Code::Path(path));
    }
    if image {
        let image = properties.get("ImageUri").or_else(|| properties.find(&["Code", "ImageUri"]));
        let image = image.and_then(Node::as_text);
        return Ok(Code::Elsewhere(image.unwrap_or_else(|| "a container image".into())));
    }
    if let Some(inline) = properties.get("InlineCode").and_then(Node::as_text) {
        return Ok(Code::Inline(inline));
    }
    let keys = ["CodeUri", "Code", "ContentUri", "Content"];
    let Some(found) = keys.iter().find_map(|key| properties.get(key)) else {
        return Err(missing(resource, "CodeUri or InlineCode"));
    };
    match (&found.value, found.get("ZipFile").and_then(Node::as_text)) {
        (_, Some(inline)) => Ok(Code::Inline(inline)),
        (Value::Text(path), _) if path.starts_with("s3://") => Ok(Code::Elsewhere(path.clone())),
        (Value::Text(path), _) => Ok(Code::Path(path.clone())),
        (Value::Map(_), _) => Ok(Code::Elsewhere(found.to_json().to_string())),
        _ => Err(Error::new(found.at, format!("the code of {} must be a path", resource.id))),
    }
}

fn variables(resource: &Resource, properties: &Node) -> Result<BTreeMap<String, String>, Error> {
    let found = properties.find(&["Environment", "Variables"]);
    let mut variables = BTreeMap::new();
    for (key, value) in found.map_or(&[][..], Node::entries) {
        let text = value.as_text().ok_or_else(|| {
            let (id, kind) = (&resource.id, value.kind());
            Error::new(
                value.at,
                format!("the variable {} of {id} must be text, and is {kind}", key.text),
            )
        })?;
        variables.insert(key.text.clone(), text);
    }
    Ok(variables)
}

fn events(resource: &Resource, properties: &Node) -> Result<Vec<(String, String, Node)>, Error> {
    let mut events = Vec::new();
    for (key, event) in properties.get("Events").map_or(&[][..], Node::entries) {
        let kind = event.get("Type").and_then(Node::as_text).ok_or_else(|| {
            Error::new(key.at, format!("the event {} of {} needs a Type", key.text, resource.id))
        })?;
        let properties = event.get("Properties").cloned().unwrap_or(Node::null(key.at));
        events.push((key.text.clone(), kind, properties));
    }
    Ok(events)
}

fn layer(resource: &Resource, properties: &Node) -> Result<Layer, Error> {
    let name = properties.get("LayerName").and_then(Node::as_text);
    Ok(Layer {
        id: resource.id.clone(),
        name: name.unwrap_or_else(|| resource.id.clone()),
        code: code(resource, properties, false)?,
        metadata: resource.metadata.clone(),
    })
}

/// An application whose template is a file here; those of the repository have none.
fn application(resource: &Resource, properties: &Node) -> Option<Application> {
    let location = properties.get("Location").or_else(|| properties.get("TemplateURL"))?;
    let location = location.as_text().filter(|text| !text.contains("://"))?;
    let parameters = properties.get("Parameters").map_or(&[][..], Node::entries).iter();
    Some(Application {
        id: resource.id.clone(),
        at: resource.at,
        location,
        parameters: parameters
            .filter_map(|(key, value)| Some((key.text.clone(), value.as_text()?)))
            .collect(),
    })
}
