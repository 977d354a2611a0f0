//! What a sandbox of a function shows, and the programs in it.

use std::path::{Path, PathBuf};

use api_lambda::Error;
use sandbox::{Limits, Mount, Place, Plan, Program};

use crate::environment::{self, ENDPOINT_PORT, MESSAGE_OUTPUT, RUNTIME_API_PORT};
use crate::errors;
use crate::host::Host;
use crate::local::DEBUGGER_FOLDER;
use crate::outcome::{Ended, NotReady};
use crate::outside::{self, PROXY_PORT};
use crate::record::FunctionRecord;
use crate::runtimes::{BOOTSTRAPS, Family, Runtime, family};
use crate::standin::{self, PLAIN_PORT, SECURE_PORT};

/// AWS's limits inside a sandbox.
const FILES_MAX: u64 = 1024;
const PROCESSES_MAX: u64 = 1024;
/// Where external extensions lie.
pub(crate) const EXTENSIONS: &str = "/opt/extensions";

/// How external extensions are started beside the runtime's program.
pub(crate) fn companions(
    names: &[String],
    runtime: &Program,
    folder: &Path,
) -> Vec<(String, Program)> {
    let companion = |name: &String| Program {
        program: folder.join(name),
        args: Vec::new(),
        env: environment::for_extensions(&runtime.env),
        merge_output: false,
        message_output: None,
        held: false,
        ..runtime.clone()
    };
    names.iter().map(|name| (name.clone(), companion(name))).collect()
}

/// The programs in `/opt/extensions`, by name.
pub(crate) fn external_extensions(plan: &Plan) -> Vec<String> {
    let mut names = Vec::new();
    for mount in &plan.mounts {
        let Ok(below) = Path::new(EXTENSIONS).strip_prefix(&mount.target) else { continue };
        let Ok(entries) = std::fs::read_dir(mount.source.join(below)) else { continue };
        for entry in entries.flatten() {
            if entry.path().is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
    }
    names.sort();
    names
}

pub(crate) fn plan(
    host: &Host,
    function: &FunctionRecord,
    runtime: &Runtime,
    (task, opt): (&Path, Option<&Path>),
) -> Plan {
    let mount =
        |source: &Path, target: &Path| Mount { source: source.into(), target: target.into() };
    let mut mounts = vec![mount(task, Path::new("/var/task"))];
    if !runtime.folder.as_os_str().is_empty() {
        mounts.push(mount(&runtime.folder, Path::new("/var/runtime")));
    }
    mounts.extend(opt.map(|opt| mount(opt, Path::new("/opt"))));
    mounts.extend(runtime.mounts.iter().map(|folder| mount(folder, folder)));
    let debugger = host.debugger(&function.name).and_then(|debugger| debugger.mounted.as_ref());
    mounts.extend(
        debugger.map(|(source, name)| mount(source, &Path::new(DEBUGGER_FOLDER).join(name))),
    );
    let mut links = Vec::new();
    if family(&function.runtime) == Family::Node {
        // NODE_PATH does not count for ES modules: this is the last place they are looked for.
        links.push(("/node_modules".into(), "/var/runtime/node_modules".into()));
    }
    mounts.extend(standin::mounts(host, runtime));
    let names = host.options.stand_in.is_some();
    Plan { root: None, mounts, links, ports: ports(host), names }
}

/// What is listened on inside.
pub(crate) fn ports(host: &Host) -> Vec<u16> {
    let mut ports = vec![RUNTIME_API_PORT, ENDPOINT_PORT];
    ports.extend(host.reaches_outside().then_some(PROXY_PORT));
    if host.options.stand_in.is_some() {
        ports.extend([PLAIN_PORT, SECURE_PORT]);
    }
    ports
}

/// What every program of a function has in common.
pub(crate) fn program(function: &FunctionRecord, external: &[String]) -> Program {
    Program {
        program: PathBuf::new(),
        args: Vec::new(),
        env: Vec::new(),
        cwd: PathBuf::new(),
        merge_output: true,
        message_output: Some(MESSAGE_OUTPUT),
        held: !external.is_empty(),
        limits: Limits {
            memory_bytes: (function.memory_mb as u64) << 20,
            tmp_size_bytes: (function.tmp_mb as u64) << 20,
            files: FILES_MAX,
            processes: PROCESSES_MAX,
        },
    }
}

/// A program that cannot be started is its author's fault.
pub(crate) fn not_started(error: sandbox::Error) -> NotReady {
    let sandbox::Error::Program { program, reason } = &error else {
        return NotReady::Fatal(errors::service(error.to_string()));
    };
    let reason = reason.split(" (os error").next().unwrap_or_default().to_lowercase();
    NotReady::Init(invalid_entry_point(&format!("fork/exec {program}: {reason}")))
}

/// `Runtime.InvalidEntrypoint`.
pub(crate) fn invalid_entry_point(why: &str) -> Ended {
    let error_type = "Runtime.InvalidEntrypoint".to_owned();
    let message = format!("Error: {why}");
    let body = serde_json::json!({ "errorType": error_type, "errorMessage": message });
    Ended::Failed { body: body.to_string().into(), error_type }
}

/// The interpreter's arguments: first what a debugger needs.
pub(crate) fn arguments(
    host: &Host,
    function: &FunctionRecord,
    runtime: &Runtime,
    place: &Place,
) -> Vec<String> {
    let debugger = host.debugger(&function.name);
    let mut args = debugger.map(|debugger| debugger.args.clone()).unwrap_or_default();
    if host.reaches_outside() && family(&function.runtime) == Family::Java {
        args.extend(outside::java_properties(place.port(PROXY_PORT)));
    }
    args.extend(runtime.args(function, &place.path(Path::new("/var/runtime"))));
    args
}

/// The program that a function of the runtime `provided` brings along, as seen inside.
pub(crate) fn bootstrap(plan: &Plan) -> Option<PathBuf> {
    let on_host = |inside: &Path| {
        plan.mounts.iter().any(|mount| {
            let rest = inside.strip_prefix(&mount.target);
            rest.is_ok_and(|rest| mount.source.join(rest).is_file())
        })
    };
    BOOTSTRAPS.iter().map(PathBuf::from).find(|path| on_host(path))
}

/// Whether the program of a function of the runtime `provided` is missing; `None` where it is not.
pub(crate) async fn lacks_bootstrap(
    host: &Host,
    function: &FunctionRecord,
) -> Result<Option<Ended>, Error> {
    if family(&function.runtime) != Family::Provided {
        return Ok(None);
    }
    let task = host.code.unpacked(&function.code).await?;
    let layers = match function.layers.as_slice() {
        [] => host.code.known(&function.code).and_then(|folder| folder.layers),
        layers => Some(host.code.opt(layers).await?),
    };
    let has = |folder: &Path| folder.join("bootstrap").is_file();
    if has(&task) || layers.is_some_and(|layers| has(&layers)) {
        return Ok(None);
    }
    let places = BOOTSTRAPS.join(" ");
    Ok(Some(invalid_entry_point(&format!("Couldn't find valid bootstrap(s): [{places}]"))))
}
