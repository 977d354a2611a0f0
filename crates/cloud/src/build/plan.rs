//! What a template asks to build, nested applications included.

use std::fs;
use std::path::{Path, PathBuf};

use template::sam::{self, Code};
use template::{Inputs, Node, Value, to_yaml};

use super::{From, one};
use crate::Failure;
use crate::image;
use crate::local::host;
use crate::local::project;

/// Applications within applications.
const NESTED_MAX: usize = 8;

/// A function or layer to build.
#[derive(Debug, Clone)]
pub struct Unit {
    /// With the ids of the applications around it: `Inner/Function`.
    pub path: String,
    /// Logical id.
    pub id: String,
    /// The folder with the source, absolute.
    pub source: PathBuf,
    /// The runtime, or the method for a layer.
    pub runtime: String,
    /// `Metadata`.
    pub metadata: Node,
}

impl Unit {
    /// Whether the build of the one is also the other's. A makefile has a target for each.
    fn builds_as(&self, other: &Unit) -> bool {
        let of = |unit: &Unit| (unit.source.clone(), unit.runtime.clone(), to_yaml(&unit.metadata));
        let method = self.metadata.get("BuildMethod").and_then(Node::as_text);
        let is_made = method.as_deref() == Some("makefile") || self.runtime.starts_with("provided");
        !is_made && of(self) == of(other)
    }

    /// Whether somebody who says this name means it.
    pub fn is_named(&self, name: &str) -> bool {
        self.path == name || self.id == name
    }
}

/// One template, as it will be written.
struct Stack {
    root: Node,
    /// Where it is built, absolute.
    out: PathBuf,
    units: Vec<Unit>,
}

/// Everything that is to be built.
pub struct Plan {
    stacks: Vec<Stack>,
    /// The templates that were read.
    pub templates: Vec<PathBuf>,
}

impl Plan {
    /// Reads the template, and those within it.
    pub fn read(from: &From) -> Result<Plan, Failure> {
        let file = project::find(from.template.as_deref(), false)?;
        let region = from.region.clone().unwrap_or_else(host::usual_region);
        let inputs = project::inputs(&from.parameter_overrides, &region)?;
        let base = from.base_dir.clone();
        fs::create_dir_all(&from.build_dir)
            .map_err(|e| Failure::of(from.build_dir.display(), e))?;
        let out = from.build_dir.canonicalize()?;
        let mut plan = Plan { stacks: Vec::new(), templates: Vec::new() };
        plan.add(&file, base.as_deref(), (&out, ""), &inputs, 0)?;
        Ok(plan)
    }

    fn add(
        &mut self,
        file: &Path,
        base: Option<&Path>,
        (out, within): (&Path, &str),
        inputs: &Inputs,
        depth: usize,
    ) -> Result<(), Failure> {
        if depth > NESTED_MAX {
            let why = format!("more than {NESTED_MAX} applications within each other");
            return Err(Failure::of(file.display(), why));
        }
        let template = project::read(file)?;
        self.templates.push(file.to_owned());
        let at = |error: template::Error| Failure::of(file.display(), error);
        let model = sam::model(&template.evaluate(inputs).map_err(at)?).map_err(at)?;
        let base = base.or(file.parent()).unwrap_or(Path::new(""));
        let mut stack =
            Stack { root: template.root.clone(), out: out.to_owned(), units: Vec::new() };
        for function in &model.functions {
            let method = (function.id.as_str(), function.runtime.as_str());
            stack.unit(base, within, method, &function.code, &function.metadata)?;
        }
        for layer in &model.layers {
            // A layer is only copied, if nobody says how it is built.
            let method = layer.metadata.get("BuildMethod").and_then(Node::as_text);
            let method = (layer.id.as_str(), method.as_deref().unwrap_or("copy"));
            stack.unit(base, within, method, &layer.code, &layer.metadata)?;
        }
        for application in &model.applications {
            let inner = base.join(&application.location);
            let mut inputs = inputs.clone();
            inputs.parameters = application.parameters.clone();
            let target = out.join(&application.id);
            let within = format!("{within}{}/", application.id);
            self.add(&inner, None, (&target, &within), &inputs, depth + 1)?;
            point(&mut stack.root, &application.id, &format!("{}/template.yaml", application.id));
        }
        self.stacks.push(stack);
        Ok(())
    }

    /// Everything that is built.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.stacks.iter().flat_map(|stack| &stack.units)
    }

    /// Builds those with these paths.
    pub fn build(&mut self, wanted: &[String]) -> Result<(), Failure> {
        for stack in &mut self.stacks {
            let mut done: Vec<&Unit> = Vec::new();
            for unit in stack.units.iter().filter(|unit| wanted.contains(&unit.path)) {
                fs::create_dir_all(&stack.out).map_err(|e| Failure::of(stack.out.display(), e))?;
                let twin = done.iter().find(|other| other.builds_as(unit));
                one(unit, &stack.out, twin.map(|twin| twin.id.as_str()))?;
                done.push(unit);
            }
            for unit in &stack.units {
                // What is not built now may have been before.
                let place = match stack.out.join(&unit.id).is_dir() {
                    true => unit.id.clone(),
                    false => unit.source.display().to_string(),
                };
                point(&mut stack.root, &unit.id, &place);
            }
        }
        Ok(())
    }

    /// Writes the templates.
    pub fn write(&self) -> Result<(), Failure> {
        for stack in &self.stacks {
            fs::create_dir_all(&stack.out).map_err(|e| Failure::of(stack.out.display(), e))?;
            let file = stack.out.join("template.yaml");
            fs::write(&file, to_yaml(&stack.root)).map_err(|e| Failure::of(file.display(), e))?;
        }
        Ok(())
    }
}

impl Stack {
    fn unit(
        &mut self,
        base: &Path,
        within: &str,
        (id, runtime): (&str, &str),
        code: &Code,
        metadata: &Node,
    ) -> Result<(), Failure> {
        let path = match code {
            Code::Path(path) => path,
            // An image on this machine lies beside this template, not beside the built one.
            Code::Elsewhere(image) => {
                if let Some(place) = image::place(base, image) {
                    point_image(&mut self.root, id, &place);
                }
                return Ok(());
            }
            Code::Inline(_) => return Ok(()),
        };
        let source = base.join(path);
        let source = source.canonicalize().map_err(|e| {
            let why = format!("{e}; CodeUri or ContentUri must name a folder beside the template");
            Failure::of(format!("{within}{id}: {}", source.display()), why)
        })?;
        if metadata.get("SkipBuild").and_then(Node::as_bool) == Some(true) || source.is_file() {
            point(&mut self.root, id, &source.display().to_string());
            return Ok(());
        }
        self.units.push(Unit {
            path: format!("{within}{id}"),
            id: id.to_owned(),
            source,
            runtime: runtime.to_owned(),
            metadata: metadata.clone(),
        });
        Ok(())
    }
}

type Entries = Vec<(template::Key, Node)>;

fn member<'a>(entries: &'a mut Entries, name: &str) -> Option<&'a mut Node> {
    entries.iter_mut().find(|(key, _)| key.text == name).map(|(_, node)| node)
}

/// The members of a resource.
fn resource<'a>(root: &'a mut Node, id: &str) -> Option<&'a mut Entries> {
    let map = |node: &'a mut Node| match &mut node.value {
        Value::Map(entries) => Some(entries),
        _ => None,
    };
    map(member(map(member(map(root)?, "Resources")?)?, id)?)
}

/// Changes where a function's image lies.
fn point_image(root: &mut Node, id: &str, place: &str) {
    let properties = resource(root, id).and_then(|entries| member(entries, "Properties"));
    let Some(Value::Map(properties)) = properties.map(|node| &mut node.value) else { return };
    if let Some(node) = member(properties, "ImageUri") {
        *node = Node::text(node.at, place);
    } else if let Some(Value::Map(code)) = member(properties, "Code").map(|node| &mut node.value)
        && let Some(node) = member(code, "ImageUri")
    {
        *node = Node::text(node.at, place);
    }
}

/// Changes where a resource's code, or an application's template, lies.
fn point(root: &mut Node, id: &str, path: &str) {
    let Some(entries) = resource(root, id) else { return };
    let kind =
        entries.iter().find(|(key, _)| key.text == "Type").and_then(|(_, node)| node.as_text());
    let name = match kind.as_deref() {
        Some("AWS::Serverless::Function") => "CodeUri",
        Some("AWS::Serverless::LayerVersion") => "ContentUri",
        Some("AWS::Lambda::LayerVersion") => "Content",
        Some("AWS::Serverless::Application") => "Location",
        Some("AWS::CloudFormation::Stack") => "TemplateURL",
        _ => "Code",
    };
    let properties = entries.iter_mut().find(|(key, _)| key.text == "Properties");
    let Some((_, properties)) = properties else { return };
    let at = properties.at;
    let Value::Map(properties) = &mut properties.value else { return };
    match properties.iter_mut().find(|(key, _)| key.text == name) {
        Some((_, node)) => *node = Node::text(at, path),
        // It was global.
        None => {
            properties.push((template::Key { at, text: name.to_owned() }, Node::text(at, path)))
        }
    }
}
