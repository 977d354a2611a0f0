//! `gureum build`: makes `.aws-sam/build` as `sam build` does, with the tools of this machine.
//!
//! ```text
//! .aws-sam/build/template.yaml     the template, its code's paths changed to the folders beside it
//! .aws-sam/build/FUNCTION/         what Lambda gets
//! .aws-sam/build/APPLICATION/      the same of a nested application
//! ```

mod java;
mod make;
mod node;
mod plan;
mod python;
pub mod tools;
pub mod watch;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use template::Node;

use crate::Failure;
use crate::config::{Configuration, IdleBuild};
use crate::local::project::BUILT;
pub use plan::{Plan, Unit};

/// What to build.
#[derive(Debug, Args)]
pub struct Build {
    /// The function or layer to build; all, where it is left out.
    pub resource: Option<String>,
    #[command(flatten)]
    pub from: From,
    /// A function or layer that is not built; may be given several times.
    #[arg(short = 'x', long, value_name = "RESOURCE")]
    pub exclude: Vec<String>,
    #[command(flatten)]
    pub idle: IdleBuild,
}

/// What is built from, and where to.
#[derive(Debug, Clone, Args)]
pub struct From {
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
    /// The region [default: AWS_REGION, else us-east-1].
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    #[command(flatten)]
    pub configuration: Configuration,
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
    build.idle.explain();
    let mut plan = Plan::read(&build.from)?;
    let excluded = |unit: &Unit| build.exclude.iter().any(|id| unit.is_named(id));
    let named = |unit: &Unit| build.resource.as_ref().is_none_or(|id| unit.is_named(id));
    let wanted: Vec<String> = plan
        .units()
        .filter(|unit| named(unit) && !excluded(unit))
        .map(|unit| unit.path.clone())
        .collect();
    if let Some(named) = build.resource.as_ref().filter(|_| wanted.is_empty()) {
        return Err(Failure(format!("there is no function or layer {named} to build")));
    }
    plan.build(&wanted)?;
    plan.write()?;
    let folder = &build.from.build_dir;
    eprintln!();
    println!("Build Succeeded");
    println!("\nBuilt Artifacts  : {}", folder.display());
    println!("Built Template   : {}", folder.join("template.yaml").display());
    println!("\nCommands you can use next");
    println!("  gureum local invoke, gureum local start-api, gureum sync --watch");
    Ok(ExitCode::SUCCESS)
}

/// Builds one into a folder of its own; only a build that succeeds takes the place of an earlier one.
/// A `twin` has been built there from the same source in the same way.
fn one(unit: &Unit, out: &std::path::Path, twin: Option<&str>) -> Result<(), Failure> {
    let scratch = out.join(format!(".{}.scratch", unit.id));
    let (target, work) = (scratch.join("built"), scratch.join("work"));
    remove(&scratch)?;
    for folder in [&target, &work] {
        fs::create_dir_all(folder).map_err(|e| Failure::of(folder.display(), e))?;
    }
    match twin {
        None => {
            eprintln!("Building {} ({}) from {}", unit.path, unit.runtime, unit.source.display());
        }
        Some(twin) => eprintln!("Building {}: as {twin}", unit.path),
    }
    let job = Job {
        id: &unit.id,
        source: unit.source.clone(),
        target,
        runtime: unit.runtime.clone(),
        metadata: unit.metadata.clone(),
        scratch: work,
    };
    let made = match twin {
        None => run(&job),
        Some(twin) => crate::local::folder::copy(&out.join(twin), &job.target),
    };
    let built = made
        .and_then(|()| filled(&job))
        .and_then(|()| take_place(&job.target, &out.join(&unit.id)));
    // What was made on the way is only disk space.
    let _ = fs::remove_dir_all(&scratch);
    built
}

/// A build that makes nothing is none.
fn filled(job: &Job<'_>) -> Result<(), Failure> {
    match fs::read_dir(&job.target)?.next() {
        Some(_) => Ok(()),
        None => {
            let why = "the build left nothing for Lambda; is there code in that folder?";
            Err(Failure::of(format!("{}: {}", job.id, job.source.display()), why))
        }
    }
}

fn remove(folder: &std::path::Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::of(folder.display(), error))
        }
        _ => Ok(()),
    }
}

/// A function that runs from the old folder at this moment must not see half of the new one.
fn take_place(new: &std::path::Path, old: &std::path::Path) -> Result<(), Failure> {
    let why = |e: &dyn std::fmt::Display| Failure::of(old.display(), e);
    if !old.exists() {
        return fs::rename(new, old).map_err(|e| why(&e));
    }
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
        let exchange = RenameFlags::RENAME_EXCHANGE;
        if renameat2(AT_FDCWD, new, AT_FDCWD, old, exchange).is_ok() {
            return Ok(());
        }
    }
    remove(old)?;
    fs::rename(new, old).map_err(|e| why(&e))
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
