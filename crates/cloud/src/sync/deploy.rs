//! One pass over the built template: each resource is made, or made as it should be.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use template::sam::{self, Model};
use template::{Inputs, Node, Stack};

use super::ledger::Ledger;
use super::{Sync, functions, keys, lambda, resources, wiring};
use crate::Failure;
use crate::client::{Cloud, CloudError};
use crate::local::project;

/// Applications within applications.
const NESTED_MAX: usize = 8;
/// How long something may take to become ready.
const READY_MAX: Duration = Duration::from_secs(120);

/// What of it.
pub struct Wanted {
    /// Paths of functions and layers; everything, where it is `None`.
    pub paths: Option<Vec<String>>,
    /// Whether only code is brought.
    pub code: bool,
}

/// A template on its way.
pub struct Pass<'a> {
    pub sync: &'a Sync,
    pub cloud: &'a Cloud,
    pub wanted: &'a Wanted,
    pub stack: &'a Stack<'a>,
    pub inputs: &'a Inputs,
    pub model: &'a Model,
    /// The ids of the applications around it, each with a slash.
    pub within: &'a str,
    /// The folder that code's paths start from.
    pub base: PathBuf,
    /// ARNs of the layers' newest versions, by logical id.
    pub layers: BTreeMap<String, String>,
    /// What is not brought, and why.
    pub left: &'a RefCell<Vec<String>>,
    /// What is brought.
    pub ledger: &'a Ledger,
}

/// What all templates of a sync share.
type Common<'a> = (&'a Sync, &'a Cloud, &'a Wanted, &'a Ledger, &'a RefCell<Vec<String>>);

/// Brings what is wanted.
pub fn deploy(sync: &Sync, cloud: &Cloud, wanted: &Wanted) -> Result<(), Failure> {
    let caller = call(cloud, "sts", "GetCallerIdentity", &json!({}))?;
    let mut inputs = project::inputs(&sync.from.parameter_overrides, cloud.region())?;
    inputs.account = caller["Account"].as_str().unwrap_or(project::ACCOUNT).to_owned();
    if let Some(name) = &sync.stack_name {
        inputs.stack.clone_from(name);
        inputs.prefix = format!("{name}-");
    }
    let left = RefCell::default();
    let Inputs { account, region, stack, .. } = &inputs;
    let name = format!("{} {account} {region} {stack}", cloud.endpoint());
    let ledger = Ledger::open(&sync.from.build_dir, name);
    let file = sync.from.build_dir.join("template.yaml");
    let done = one((sync, cloud, wanted, &ledger, &left), &file, ("", &inputs));
    let all = wanted.paths.is_none() && sync.resource_id.is_empty() && sync.resource.is_empty();
    let complete = done.is_ok() && all && !wanted.code;
    let mut left = left.into_inner();
    left.extend(ledger.finish(cloud, complete)?);
    if !left.is_empty() {
        println!("Not brought:");
        left.iter().for_each(|what| println!("  {what}"));
    }
    done
}

fn one(common: Common<'_>, file: &Path, (within, inputs): (&str, &Inputs)) -> Result<(), Failure> {
    let (sync, cloud, wanted, ledger, left) = common;
    if within.matches('/').count() > NESTED_MAX {
        return Err(Failure::of(file.display(), "too many applications within each other"));
    }
    let template = project::read(file)?;
    let at = |error: template::Error| Failure::of(file.display(), error);
    let stack = &template.evaluate(inputs).map_err(at)?;
    let base = file.parent().unwrap_or(Path::new("")).to_owned();
    let none = Model::default();
    let layers = BTreeMap::new();
    let mut pass = Pass {
        sync,
        cloud,
        wanted,
        stack,
        inputs,
        model: &none,
        within,
        base,
        layers,
        left,
        ledger,
    };
    // Functions see what only the cloud knows of what they refer to.
    keys::learn(&pass)?;
    lambda::learn(&pass)?;
    if !wanted.code {
        resources::make(&pass)?;
    }
    let model = sam::model(stack).map_err(at)?;
    pass.model = &model;
    functions::layers(&mut pass)?;
    functions::functions(&pass)?;
    if !wanted.code {
        wiring::connect(&pass)?;
        for guess in stack.guessed() {
            pass.leave(format!("{within}{guess}: what it is, is not known; it stands for itself"));
        }
    }
    for application in &model.applications {
        let mut inner = inputs.clone();
        inner.parameters = application.parameters.clone();
        inner.prefix = format!("{}{}-", inputs.prefix, application.id);
        let within = format!("{within}{}/", application.id);
        let file = pass.base.join(&application.location);
        one(common, &file, (&within, &inner))?;
    }
    Ok(())
}

impl Pass<'_> {
    /// Whether a resource is asked for.
    pub fn wants(&self, id: &str, kind: &str) -> bool {
        let path = format!("{}{id}", self.within);
        let Sync { resource_id, resource, .. } = self.sync;
        self.wanted.paths.as_ref().is_none_or(|paths| paths.contains(&path))
            && (resource_id.is_empty() || resource_id.iter().any(|one| *one == id || *one == path))
            && (resource.is_empty() || resource.iter().any(|one| one == kind))
    }

    /// The properties of a resource with what is global, evaluated.
    pub fn properties(&self, id: &str) -> Result<Node, Failure> {
        let resource = self.stack.resources.iter().find(|resource| resource.id == id);
        let resource = resource.ok_or_else(|| Failure(format!("there is no resource {id}")))?;
        sam::properties(self.stack, resource).map_err(|e| Failure::of(id, e))
    }

    /// The name that a resource has in the cloud.
    pub fn name(&self, id: &str) -> Result<String, Failure> {
        self.stack.name(id).map_err(|e| Failure::of(id, e))
    }

    /// Says in the end that something is not brought.
    pub fn leave(&self, what: String) {
        self.left.borrow_mut().push(what);
    }

    /// Calls an operation, and says which when it fails.
    pub fn call(&self, service: &str, operation: &str, input: &Value) -> Result<Value, Failure> {
        call(self.cloud, service, operation, input)
    }

    /// `None` where the cloud says that it is not there.
    pub fn found(
        &self,
        service: &str,
        operation: &str,
        input: &Value,
    ) -> Result<Option<Value>, Failure> {
        match self.cloud.call(service, operation, input) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(Failure::of(operation, error)),
        }
    }

    /// Calls an operation that this cloud may not serve; then `what` is left behind.
    pub fn try_call(
        &self,
        what: &str,
        (service, operation): (&str, &str),
        input: &Value,
    ) -> Result<bool, Failure> {
        match self.cloud.call(service, operation, input) {
            Ok(_) => Ok(true),
            Err(CloudError::Refused { code, .. }) if code.contains("NotImplemented") => {
                self.leave(format!("{what}: this cloud has no {operation} yet"));
                Ok(false)
            }
            Err(error) => Err(Failure::of(operation, error)),
        }
    }

    /// Says in the end which properties of something are not brought.
    pub fn leave_all_but(&self, what: &str, properties: &Node, brought: &[&str]) {
        let keys = properties.entries().iter().map(|(key, _)| key.text.as_str());
        let left: Vec<&str> = keys.filter(|key| !brought.contains(key)).collect();
        if !left.is_empty() {
            self.leave(format!("{what}: {}", left.join(", ")));
        }
    }

    /// Whether the template has a resource of a type.
    pub fn has(&self, kind: &str) -> bool {
        self.stack.resources.iter().any(|resource| resource.kind == kind)
    }

    /// Asks again until `done` is satisfied.
    pub fn until(
        &self,
        what: (&str, &str, &Value),
        done: impl Fn(&Value) -> bool,
    ) -> Result<Value, Failure> {
        let (service, operation, input) = what;
        let pause = Duration::from_millis(20);
        let mut left = READY_MAX;
        loop {
            let answer = self.call(service, operation, input)?;
            if done(&answer) {
                return Ok(answer);
            }
            if left.is_zero() {
                return Err(Failure(format!("{operation} {input}: it does not become ready")));
            }
            left = left.saturating_sub(pause);
            #[expect(clippy::disallowed_methods, reason = "a client of the cloud, not part of it")]
            std::thread::sleep(pause);
        }
    }
}

/// Whether the cloud says that something is not there.
pub fn is_missing(error: &CloudError) -> bool {
    let CloudError::Refused { code, .. } = error else { return false };
    ["NotFound", "NoSuch", "NonExistent"].iter().any(|part| code.contains(part))
}

/// Calls an operation, and says which when it fails.
pub fn call(
    cloud: &Cloud,
    service: &str,
    operation: &str,
    input: &Value,
) -> Result<Value, Failure> {
    cloud.call(service, operation, input).map_err(|e| Failure::of(operation, e))
}
