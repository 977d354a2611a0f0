//! `gureum build`: makes `.aws-sam/build` as `sam build` does, with the tools of this machine.
//!
//! ```text
//! .aws-sam/build/template.yaml     the template, its code's paths changed to the folders beside it
//! .aws-sam/build/FUNCTION/         what Lambda gets
//! ```

mod java;
mod make;
mod node;
mod python;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use template::sam::{self, Code};
use template::{Node, Value, to_yaml};

use crate::Failure;
use crate::local::host;
use crate::local::project::{self, BUILT};

/// What to build.
#[derive(Debug, Args)]
pub struct Build {
    /// The function or layer to build; all, where it is left out.
    pub resource: Option<String>,
    /// The template [default: template.yaml, template.yml or template.json].
    #[arg(
        short,
        long,
        visible_alias = "template-file",
        env = "SAM_TEMPLATE_FILE",
        value_name = "FILE"
    )]
    pub template: Option<PathBuf>,
    /// Where to build.
    #[arg(short, long, value_name = "DIR", default_value = BUILT)]
    pub build_dir: PathBuf,
    /// The folder that the code's paths start from [default: the template's].
    #[arg(short = 's', long, value_name = "DIR")]
    pub base_dir: Option<PathBuf>,
    /// NAME=VALUE, or ParameterKey=NAME,ParameterValue=VALUE; several at once.
    #[arg(long, value_name = "NAME=VALUE", num_args = 1..)]
    pub parameter_overrides: Vec<String>,
}

/// One function or layer on its way.
pub(crate) struct Job<'a> {
    /// Logical id.
    pub id: &'a str,
    /// The folder with the source.
    pub source: PathBuf,
    /// The folder to fill; empty, absolute.
    pub target: PathBuf,
    /// The runtime.
    pub runtime: String,
    /// `Metadata`.
    pub metadata: Node,
    /// For what is made on the way; empty, absolute.
    pub scratch: PathBuf,
}

/// Builds everything.
pub fn build(build: Build) -> Result<ExitCode, Failure> {
    let file = project::find(build.template.as_deref(), false)?;
    let template = project::read(&file)?;
    let at = |error: template::Error| Failure::of(file.display(), error);
    let region = host::usual_region();
    let inputs = project::inputs(&build.parameter_overrides, &region)?;
    let model = sam::model(&template.evaluate(&inputs).map_err(at)?).map_err(at)?;
    let base = build.base_dir.as_deref().or(file.parent()).unwrap_or(Path::new(""));
    fs::create_dir_all(&build.build_dir)?;
    let out = build.build_dir.canonicalize()?;
    let mut root = template.root.clone();
    let mut count = 0;
    for function in &model.functions {
        let job = (function.id.as_str(), function.runtime.as_str());
        count += usize::from(one(
            &build,
            base,
            &out,
            job,
            &function.code,
            &function.metadata,
            &mut root,
        )?);
    }
    for layer in &model.layers {
        // A layer is only copied, if nobody says how it is built.
        let method = layer.metadata.get("BuildMethod").and_then(Node::as_text);
        let job = (layer.id.as_str(), method.as_deref().unwrap_or("copy"));
        count +=
            usize::from(one(&build, base, &out, job, &layer.code, &layer.metadata, &mut root)?);
    }
    if let Some(named) = build.resource.as_ref().filter(|_| count == 0) {
        return Err(Failure::of(
            file.display(),
            format!("there is no function or layer {named} to build"),
        ));
    }
    fs::write(out.join("template.yaml"), to_yaml(&root))?;
    eprintln!();
    println!("Build Succeeded");
    println!("\nBuilt Artifacts  : {}", build.build_dir.display());
    println!("Built Template   : {}", build.build_dir.join("template.yaml").display());
    Ok(ExitCode::SUCCESS)
}

/// Builds one, and leads the template's path to it. False for what is not asked for or not here.
fn one(
    build: &Build,
    base: &Path,
    out: &Path,
    (id, runtime): (&str, &str),
    code: &Code,
    metadata: &Node,
    root: &mut Node,
) -> Result<bool, Failure> {
    if build.resource.as_ref().is_some_and(|named| named != id) {
        return Ok(false);
    }
    let Code::Path(path) = code else { return Ok(false) };
    let skip = metadata.get("SkipBuild").and_then(Node::as_bool) == Some(true);
    let source = base.join(path);
    let source =
        source.canonicalize().map_err(|e| Failure::of(format!("{id}: {}", source.display()), e))?;
    if skip || source.is_file() {
        point(root, id, &source.display().to_string());
        return Ok(true);
    }
    let (target, scratch) = (out.join(id), out.join(format!(".{id}.scratch")));
    for folder in [&target, &scratch] {
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(|e| Failure::of(folder.display(), e))?;
        }
        fs::create_dir_all(folder).map_err(|e| Failure::of(folder.display(), e))?;
    }
    eprintln!("Building {id} ({runtime}) from {}", source.display());
    let job = Job {
        id,
        source,
        target,
        runtime: runtime.to_owned(),
        metadata: metadata.clone(),
        scratch,
    };
    let built = run(&job);
    // What was made on the way is only disk space.
    let _ = fs::remove_dir_all(&job.scratch);
    built?;
    point(root, id, id);
    Ok(true)
}

fn run(job: &Job<'_>) -> Result<(), Failure> {
    let method = job.metadata.get("BuildMethod").and_then(Node::as_text);
    match method.as_deref() {
        Some("esbuild") => node::esbuild(job),
        Some("makefile") => make::make(job),
        Some("copy") => tools::copy_source(&job.source, &job.target),
        Some(other) if !is_runtime(other) => Err(Failure(format!(
            "{}: BuildMethod {other} is not served; esbuild and makefile are",
            job.id
        ))),
        _ if job.runtime.starts_with("nodejs") => node::npm(job),
        _ if job.runtime.starts_with("python") => python::pip(job),
        _ if job.runtime.starts_with("java") => java::build(job),
        _ if job.runtime.starts_with("provided") => make::make(job),
        _ if job.runtime == "copy" => tools::copy_source(&job.source, &job.target),
        _ => Err(Failure(format!("{}: how to build {} is not known here", job.id, job.runtime))),
    }
}

fn is_runtime(name: &str) -> bool {
    ["nodejs", "python", "java", "provided"].iter().any(|family| name.starts_with(family))
}

/// Changes where a resource's code lies.
fn point(root: &mut Node, id: &str, path: &str) {
    let Value::Map(sections) = &mut root.value else { return };
    let resources = sections.iter_mut().find(|(key, _)| key.text == "Resources");
    let Some(Value::Map(resources)) = resources.map(|(_, node)| &mut node.value) else { return };
    let resource = resources.iter_mut().find(|(key, _)| key.text == id);
    let Some(Value::Map(entries)) = resource.map(|(_, node)| &mut node.value) else { return };
    let kind =
        entries.iter().find(|(key, _)| key.text == "Type").and_then(|(_, node)| node.as_text());
    let name = match kind.as_deref() {
        Some("AWS::Serverless::Function") => "CodeUri",
        Some("AWS::Serverless::LayerVersion") => "ContentUri",
        Some("AWS::Lambda::LayerVersion") => "Content",
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
