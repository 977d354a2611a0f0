//! The variables a function sees.

use std::collections::BTreeMap;
use std::path::Path;

use kernel::{Ctx, Fault};
use sandbox::Place;

use crate::host::Host;
use crate::instance::SNAP_START;
use crate::local::{DEBUGGER_FOLDER, Key, Local};
use crate::outside::PROXY_PORT;
use crate::record::FunctionRecord;
use crate::role;
use crate::running::Start;
use crate::runtimes::{Family, family};
use crate::standin;

/// Where the Runtime API listens inside every sandbox.
pub(crate) const RUNTIME_API_PORT: u16 = 9001;
/// Where our own services listen inside every sandbox.
pub(crate) const ENDPOINT_PORT: u16 = 4566;
/// The descriptor on which runtime clients send log messages as frames; AWS's number.
pub(crate) const MESSAGE_OUTPUT: i32 = 62;
/// How long a sandbox's credentials last. Sandboxes are retired an hour before.
pub(crate) const CREDENTIALS_MS: i64 = 12 * 3600 * 1000;

/// The variable whose value asks for credentials.
pub(crate) const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// Variables that AWS keeps from extensions.
const RUNTIMES_OWN: &[&str] = &[
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
    "_LAMBDA_TELEMETRY_LOG_FD",
];

/// The complete environment of a sandbox; `own` is what the function adds.
pub(crate) async fn variables(
    host: &Host,
    ctx: &Ctx,
    function: &FunctionRecord,
    place: &Place,
    Start { initialization, stream: log_stream, .. }: Start<'_>,
    own: &BTreeMap<String, String>,
) -> Result<Vec<(String, String)>, Fault> {
    let at = |path: &str| place.path(Path::new(path)).display().to_string();
    let (task, runtime) = (at("/var/task"), at("/var/runtime"));
    let local = |port| format!("127.0.0.1:{}", place.port(port));
    let runtime_api = local(RUNTIME_API_PORT);
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: String| variables.push((name.to_owned(), value));
    set("AWS_DEFAULT_REGION", ctx.region().to_owned());
    set("AWS_ENDPOINT_URL", format!("http://{}", local(ENDPOINT_PORT)));
    set("AWS_EXECUTION_ENV", format!("AWS_Lambda_{}", function.runtime));
    set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string());
    set("AWS_LAMBDA_FUNCTION_NAME", function.name.clone());
    set("AWS_LAMBDA_FUNCTION_VERSION", function.version.clone());
    set("AWS_LAMBDA_INITIALIZATION_TYPE", initialization.to_owned());
    if let Some(levels) = &function.log_json {
        set("AWS_LAMBDA_LOG_FORMAT", "JSON".into());
        set("AWS_LAMBDA_LOG_LEVEL", levels.application.clone());
    } else {
        set("AWS_LAMBDA_LOG_FORMAT", "Text".into());
    }
    // A snapshot is restored often, and each time with a stream of its own.
    if initialization != SNAP_START {
        set("AWS_LAMBDA_LOG_GROUP_NAME", function.log_group());
        set("AWS_LAMBDA_LOG_STREAM_NAME", log_stream.to_owned());
    }
    set("AWS_LAMBDA_RUNTIME_API", runtime_api.clone());
    set("AWS_REGION", ctx.region().to_owned());
    set("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".into());
    set("LAMBDA_RUNTIME_DIR", runtime.clone());
    set("LAMBDA_TASK_ROOT", task.clone());
    set("LANG", "C.UTF-8".into());
    set("LD_LIBRARY_PATH", format!("{task}:{task}/lib:/opt/lib"));
    set("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin".into());
    set("TZ", ":UTC".into());
    set("_LAMBDA_TELEMETRY_LOG_FD", MESSAGE_OUTPUT.to_string());
    set("_HANDLER", function.handler.clone());
    if at("/tmp") != "/tmp" {
        set("TMPDIR", at("/tmp"));
    }
    match family(&function.runtime) {
        Family::Node => {
            // The SDK that we bring along warns of a Node.js that we chose as well.
            set("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true".into());
            set("NODE_PATH", node_path(function, &runtime, &task));
        }
        Family::Python => {
            set("PYTHONPATH", python_path(host, function, place));
        }
        Family::Java | Family::Provided | Family::Image => {}
    }
    identity(host, ctx, function, (initialization, &runtime_api), &mut variables).await?;
    variables.extend(proxy(host, place));
    if function.image.is_none() {
        variables.extend(standin::system_variables(host, place, &function.runtime));
    }
    // Last, so that a function may choose its own PATH or TZ; reserved names were refused.
    variables.extend(own.clone());
    Ok(variables)
}

/// Where a function's credentials are, or they themselves.
async fn identity(
    host: &Host,
    ctx: &Ctx,
    function: &FunctionRecord,
    (initialization, runtime_api): (&str, &str),
    variables: &mut Vec<(String, String)>,
) -> Result<(), Fault> {
    if initialization == SNAP_START {
        // Keys in a snapshot would be too old one day: they are asked for.
        let uri = format!("http://{runtime_api}/2021-04-23/credentials");
        variables.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI".to_owned(), uri));
        variables.push((TOKEN.to_owned(), ctx.random().hex(32)));
    } else {
        let keys = credentials(host.options.local.as_deref(), ctx, function).await?;
        let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let values = [keys.id, keys.secret];
        variables.extend(names.iter().map(|name| (*name).to_owned()).zip(values));
        variables.extend(keys.session_token.map(|token| ("AWS_SESSION_TOKEN".to_owned(), token)));
    }
    Ok(())
}

/// Where Node.js finds modules, beside the function's own folder.
fn node_path(function: &FunctionRecord, runtime: &str, task: &str) -> String {
    let major = function.runtime.trim_start_matches("nodejs").trim_end_matches(".x");
    let own = "/opt/nodejs/node_modules";
    format!("/opt/nodejs/node{major}/node_modules:{own}:{runtime}/node_modules:{runtime}:{task}")
}

/// Where Python finds modules, beside the function's own folder.
fn python_path(host: &Host, function: &FunctionRecord, place: &Place) -> String {
    let at = |path: &str| place.path(Path::new(path)).display().to_string();
    let (opt, version) = (at("/opt/python"), &function.runtime);
    let debugger = host.debugger(&function.name).and_then(|found| found.mounted.as_ref());
    let more = debugger.map(|_| format!(":{}", at(DEBUGGER_FOLDER))).unwrap_or_default();
    format!("{opt}/lib/{version}/site-packages:{opt}:{}{more}", at("/var/runtime"))
}

/// The way to the rest of the network; Node.js looks at it since 24 only.
fn proxy(host: &Host, place: &Place) -> Vec<(String, String)> {
    if !host.reaches_outside() {
        return Vec::new();
    }
    let proxy = format!("http://127.0.0.1:{}", place.port(PROXY_PORT));
    let own = "127.0.0.1,localhost";
    let mut variables = vec![("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned())];
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        variables.push((name.to_owned(), proxy.clone()));
    }
    variables.extend(["NO_PROXY", "no_proxy"].map(|name| (name.to_owned(), own.to_owned())));
    variables
}

/// What external extensions see of it: all but what is the runtime's own.
pub(crate) fn for_extensions(variables: &[(String, String)]) -> Vec<(String, String)> {
    let seen = variables.iter().filter(|(name, _)| !RUNTIMES_OWN.contains(&name.as_str()));
    seen.cloned().collect()
}

/// Credentials of the function's role, or those that its developer gave.
pub(crate) async fn credentials(
    local: Option<&Local>,
    ctx: &Ctx,
    function: &FunctionRecord,
) -> Result<Key, Fault> {
    if let Some(key) = local.and_then(|local| local.key.clone()) {
        return Ok(key);
    }
    let minted = role::session(ctx, &function.role, &function.name, CREDENTIALS_MS).await?;
    Ok(Key {
        id: minted.access_key_id,
        secret: minted.secret_access_key,
        session_token: Some(minted.session_token),
    })
}
