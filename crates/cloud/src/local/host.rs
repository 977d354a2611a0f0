//! The functions of a project, run by our own Lambda within this process.
//!
//! Code is shown to the sandboxes where it lies, and before every invocation its folder is looked
//! at: as long as no file has changed, the sandbox that is warm stays. What functions call is the
//! cloud that runs, or one of their own in memory.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api_lambda::{
    CreateFunctionRequest, Environment, EphemeralStorage, FunctionCode, InvocationRequest, LogType,
    Runtime, UpdateFunctionCodeRequest,
};
use bytes::Bytes;
use kernel::{Config, Ctx, Kernel, Principal};
use service_lambda::{Key, Lines, Local};
use shape::Blob;
use template::sam::{Code, Layer};
use tokio::sync::Mutex;

use crate::client::Cloud;
use crate::local::args::Common;
use crate::local::project::{ACCOUNT, Overrides, Placed, Project};
use crate::local::{debug, folder, runtimes};
use crate::{Failure, data, wiring};

const ROLE: &str = "gureum-local";
const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}"#;
/// Where a cloud is looked for.
const USUAL: &str = "http://127.0.0.1:4566";
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A project that runs.
pub struct Host {
    /// The project.
    pub project: Project,
    /// The region of everything.
    pub region: String,
    kernel: Kernel,
    ctx: Ctx,
    local: Arc<Local>,
    overrides: Overrides,
    /// Run with this runtime, whatever the template says.
    pub runtime: Option<String>,
    /// The state of each function's folders when it was last given to Lambda.
    states: Mutex<BTreeMap<String, String>>,
    cache: data::Cache,
}

/// What a function answered.
pub struct Answer {
    /// JSON, as a rule.
    pub payload: Bytes,
    /// Whether it is the description of an error.
    pub failed: bool,
}

/// The region that is meant.
pub fn region(common: &Common) -> String {
    common.region.clone().unwrap_or_else(usual_region)
}

/// The region of the environment.
pub fn usual_region() -> String {
    let given = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let named = given("AWS_REGION");
    named.or_else(|| given("AWS_DEFAULT_REGION")).unwrap_or_else(|| "us-east-1".into())
}

/// The cloud that functions call, if it runs.
fn running_cloud(common: &Common) -> Result<Option<Cloud>, Failure> {
    let given = common.endpoint_url.clone();
    let usual = env::var("AWS_ENDPOINT_URL").ok().filter(|url| url.starts_with("http://"));
    let url = given.clone().or(usual).unwrap_or_else(|| USUAL.into());
    let cloud = Cloud::new(&url, &region(common))?;
    match (cloud.read("/_gureum/health"), given) {
        (Ok(_), _) => Ok(Some(cloud)),
        (Err(error), Some(_)) => Err(error.into()),
        (Err(_), None) => Ok(None),
    }
}

/// The key of the environment: id, secret, session token.
pub fn own_key() -> Option<(String, String, Option<String>)> {
    let given = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let pair = (given("AWS_ACCESS_KEY_ID")?, given("AWS_SECRET_ACCESS_KEY")?);
    Some((pair.0, pair.1, given("AWS_SESSION_TOKEN")))
}

/// The key that functions sign with.
fn key(own_cloud: bool) -> Key {
    let test = || "test".to_owned();
    match own_key().filter(|_| !own_cloud) {
        Some((id, secret, session_token)) => Key { id, secret, session_token },
        None => Key { id: test(), secret: test(), session_token: None },
    }
}

impl Host {
    /// Reads the project and starts what runs it; needs a tokio runtime. `lines` hears the
    /// functions' logs. `only` is the function that is invoked, where it is one: `Some(None)` is the
    /// only one of the template.
    pub async fn start(
        common: &Common,
        lines: Lines,
        only: Option<Option<&str>>,
    ) -> Result<Host, Failure> {
        let region = region(common);
        let project = Project::open(common, &region)?;
        if !project.built && project.functions.iter().any(needs_build) {
            eprintln!(
                "Nothing is built: the sources are run as they are. `gureum build` makes what they need."
            );
        }
        let only = only.map(|named| project.function(named)).transpose()?;
        let debugging = debug::plan(&common.debug, &project.functions, only)?;
        let overrides = Overrides::read(common.env_vars.as_deref())?;
        let cloud = running_cloud(common)?;
        match &cloud {
            Some(cloud) => eprintln!("Functions call the cloud at {}.", cloud.endpoint()),
            None => {
                eprintln!("No cloud runs at {USUAL}: functions call one of their own, in memory.")
            }
        }
        let kernel = Kernel::new(Config { region: region.clone(), ..Config::memory() });
        let mut local = Local::default();
        local.debuggers = debugging.debuggers;
        local.outside = !common.offline;
        let dialers = debug::relay(&kernel, &debugging.ports)?;
        local.key = Some(key(cloud.is_none()));
        local.lines = Some(lines);
        local.dialers = dialers;
        let local = Arc::new(local);
        let cache = data::Cache::new(None)?;
        let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 4566));
        let functions = wiring::Functions {
            cache: cache.folder().to_owned(),
            authority: None,
            lazy: true,
            full_processor: true,
            hold: false,
            retry: Duration::from_secs(60),
            local: Some(local.clone()),
            relay: cloud.map(|cloud| cloud.authority().to_owned()),
        };
        let slow = Duration::from_secs(3600);
        wiring::start(&kernel, gateway::Config::new(loopback), functions, slow, &[])?;
        let root = Principal::Root { account: ACCOUNT.into() };
        let ctx = Ctx::new(&kernel, &region, root, kernel.random().uuid());
        let role = api_iam::CreateRoleRequest {
            role_name: ROLE.into(),
            assume_role_policy_document: TRUST.into(),
            ..Default::default()
        };
        ctx.client::<api_iam::Client>().create_role(role).await?;
        let states = Mutex::default();
        Ok(Host { project, region, kernel, ctx, local, overrides, runtime: None, states, cache })
    }

    /// The kernel's clock and randomness.
    pub fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    /// The kernel.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Ends all sandboxes.
    pub async fn stop(&self) {
        self.kernel.stop(STOP_TIMEOUT).await;
    }

    /// Invokes a function and waits for its answer. All its lines are heard before it comes.
    pub async fn invoke(
        &self,
        placed: &Placed,
        payload: Bytes,
        client_context: Option<String>,
    ) -> Result<Answer, Failure> {
        let name = self.ready(placed).await?;
        let request = InvocationRequest {
            function_name: name,
            log_type: Some(LogType::Tail),
            payload: Some(Blob(payload)),
            client_context,
            ..Default::default()
        };
        let answered = self.ctx.client::<api_lambda::Client>().invoke(request).await?;
        Ok(Answer {
            payload: answered.payload.map(|blob| blob.0).unwrap_or_default(),
            failed: answered.function_error.is_some(),
        })
    }

    /// Makes the function known to Lambda in the state that its files have now; its name there.
    pub async fn ready(&self, placed: &Placed) -> Result<String, Failure> {
        // One name for each function, also where two nested applications use the same.
        let name = placed.path.replace('/', "-");
        let mut states = self.states.lock().await;
        let (package, state) = self.package(placed)?;
        if states.get(&name) == Some(&state) {
            return Ok(name);
        }
        let client = self.ctx.client::<api_lambda::Client>();
        if states.contains_key(&name) {
            let request = UpdateFunctionCodeRequest {
                function_name: name.clone(),
                zip_file: Some(Blob(package)),
                ..Default::default()
            };
            client.update_function_code(request).await?;
        } else {
            let request = self.request(placed, &name, package);
            if let Some(runtime) = &request.runtime {
                runtimes::ready(runtime.as_str()).await?;
            }
            client.create_function(request).await?;
        }
        loop {
            let request = api_lambda::GetFunctionConfigurationRequest {
                function_name: name.clone(),
                ..Default::default()
            };
            let found = client.get_function_configuration(request).await?;
            let updating =
                found.last_update_status == Some(api_lambda::LastUpdateStatus::InProgress);
            if found.state == Some(api_lambda::State::Active) && !updating {
                break;
            }
            self.ctx.sleep(Duration::from_millis(2)).await;
        }
        states.insert(name.clone(), state);
        Ok(name)
    }

    fn request(&self, placed: &Placed, name: &str, package: Bytes) -> CreateFunctionRequest {
        let function = &placed.function;
        let own = if env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" };
        if let Some(other) = function.architecture.as_ref().filter(|asked| *asked != own) {
            eprintln!(
                "{}: {other} is asked for, and this machine is {own}: it runs as {own}.",
                placed.path
            );
        }
        let mut variables = self.overrides.apply(placed);
        // So that code knows where it is, as with `sam`.
        variables.insert("AWS_SAM_LOCAL".into(), "true".into());
        let runtime = self.runtime.as_ref().unwrap_or(&function.runtime);
        let runtime = runtimes::served(runtime, &placed.path);
        CreateFunctionRequest {
            function_name: name.to_owned(),
            runtime: Some(Runtime::from(runtime.as_str())),
            handler: Some(function.handler.clone()),
            role: format!("arn:aws:iam::{ACCOUNT}:role/{ROLE}"),
            code: FunctionCode { zip_file: Some(Blob(package)), ..Default::default() },
            timeout: i32::try_from(function.timeout_s).ok(),
            memory_size: i32::try_from(function.memory_mb).ok(),
            ephemeral_storage: i32::try_from(function.tmp_mb)
                .ok()
                .map(|size| EphemeralStorage { size }),
            environment: Some(Environment { variables: Some(variables) }),
            ..Default::default()
        }
    }

    /// What CreateFunction takes for the code, and a text that changes with it.
    fn package(&self, placed: &Placed) -> Result<(Bytes, String), Failure> {
        let function = &placed.function;
        let path = match &function.code {
            Code::Path(path) => placed.base.join(path),
            Code::Inline(text) => self.inline(placed, text)?,
            Code::Elsewhere(what) => {
                return Err(Failure::of(&placed.path, format!("its code is not here: {what}")));
            }
        };
        let found = path.canonicalize().map_err(|e| Failure::of(path.display(), e))?;
        let (layers, layers_state) = self.layers(placed)?;
        let state = format!("{}{layers_state}", folder::state(&found)?);
        if found.is_dir() {
            return Ok((self.local.folder(&found, layers.as_deref(), &state), state));
        }
        if layers.is_some() {
            let why = "a function in an archive with layers is not run here: unpack it";
            return Err(Failure::of(found.display(), why));
        }
        let bytes = std::fs::read(&found).map_err(|e| Failure::of(found.display(), e))?;
        Ok((bytes.into(), state))
    }

    /// Code in the template, as a file.
    fn inline(&self, placed: &Placed, text: &str) -> Result<PathBuf, Failure> {
        let file =
            if placed.function.runtime.starts_with("python") { "index.py" } else { "index.js" };
        let target = self.cache.folder().join("inline").join(placed.path.replace('/', "-"));
        if !target.join(file).is_file() {
            std::fs::create_dir_all(&target)?;
            std::fs::write(target.join(file), text)?;
        }
        Ok(target)
    }

    /// The folder that becomes `/opt`, and its state.
    fn layers(&self, placed: &Placed) -> Result<(Option<PathBuf>, String), Failure> {
        let mut folders = Vec::new();
        let mut state = String::new();
        for id in &placed.function.layers {
            let layer = placed.layers.iter().find(|layer| layer.id == *id).ok_or_else(|| {
                Failure::of(&placed.path, format!("its layer {id} is not in this template"))
            })?;
            let found = layer_folder(layer, &placed.base)?;
            state += &folder::state(&found)?;
            folders.push(found);
        }
        match folders.as_slice() {
            [] => Ok((None, state)),
            [one] => Ok((Some(one.clone()), state)),
            several => {
                let name = placed.path.replace('/', "-");
                let target = self.cache.folder().join("opt").join(format!("{name}-{state}"));
                if !target.is_dir() {
                    several.iter().try_for_each(|one| folder::copy(one, &target))?;
                }
                Ok((Some(target), state))
            }
        }
    }
}

/// Whether sources alone cannot run: TypeScript's bundles, and Java.
fn needs_build(placed: &Placed) -> bool {
    let function = &placed.function;
    let folder = matches!(&function.code, Code::Path(path) if placed.base.join(path).is_dir());
    folder
        && (function.metadata.get("BuildMethod").is_some() || function.runtime.starts_with("java"))
}

fn layer_folder(layer: &Layer, base: &Path) -> Result<PathBuf, Failure> {
    let Code::Path(path) = &layer.code else {
        return Err(Failure::of(&layer.id, "the layer's content is not here"));
    };
    let found = base.join(path);
    match found.canonicalize() {
        Ok(found) if found.is_dir() => Ok(found),
        Ok(found) => Err(Failure::of(found.display(), "a layer must be a folder here: unpack it")),
        Err(error) => Err(Failure::of(found.display(), error)),
    }
}
