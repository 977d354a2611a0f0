//! Runtimes installed on this machine, and how each is started.
//!
//! `runtimes/install.sh` writes `RUNTIMES/NAME/runtime.json` and the folder `RUNTIMES/NAME/runtime`
//! that becomes `/var/runtime`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::record::FunctionRecord;
use crate::snapshots::lacks;

/// The runtimes that can be created.
pub(crate) const SERVED: &[&str] = &[
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
    "python3.11",
    "python3.12",
    "python3.13",
    "java11",
    "java17",
    "java21",
    "java25",
    "provided.al2",
    "provided.al2023",
];
/// Where a function of the runtime `provided` may bring its program, in this order.
pub(crate) const BOOTSTRAPS: [&str; 2] = ["/var/task/bootstrap", "/opt/bootstrap"];

/// An installed runtime's interpreter, its version and program; or why it is not ready.
pub type Installed = Result<(String, PathBuf), String>;

/// Every runtime that can be created, with the interpreter's version and program, or why it is not
/// ready on this machine.
pub fn installed(runtimes: &Path) -> Vec<(&'static str, Installed)> {
    let one = |name: &&'static str| {
        (*name, Runtime::find(runtimes, name).map(|found| (found.version, found.program)))
    };
    SERVED.iter().map(one).collect()
}

/// Installed runtimes whose memory is not kept, since copies would have the same random numbers.
pub fn without_randomness(runtimes: &Path) -> Vec<&'static str> {
    let lacks = |name: &&&'static str| {
        Runtime::find(runtimes, name).is_ok_and(|found| lacks(&found, name).is_some())
    };
    SERVED.iter().filter(lacks).copied().collect()
}

/// Starts AWS's Python client so that OpenSSL takes fresh randomness after a restore, before any
/// hook of the function: every copy of a snapshot would go on with the same numbers.
const RENEWING: &str = "\
import os, runpy, sys
from snapshot_restore_py import register_after_restore
def renew():
    openssl = sys.modules.get('_ssl')
    if openssl:
        openssl.RAND_add(os.urandom(64), 64.0)
register_after_restore(renew)
runpy.run_module('awslambdaric', run_name='__main__', alter_sys=True)
";

/// An installed runtime.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Runtime {
    /// What the interpreter calls its version.
    pub version: String,
    /// The interpreter, on the host and inside.
    pub program: PathBuf,
    /// Folders the interpreter needs to see, besides the system's.
    pub mounts: Vec<PathBuf>,
    /// Becomes `/var/runtime`; empty where there is none.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Runtime {
    /// Looks a runtime up, or says how to install it.
    pub fn find(runtimes: &Path, name: &str) -> Result<Runtime, String> {
        let missing = |why: &str| {
            format!(
                "The runtime {name} is not installed on this machine ({why}). Run \
                 `gureum runtime install {name}` once."
            )
        };
        if matches!(family(name), Family::Provided | Family::Image) {
            let version = "the function's own".into();
            let (program, folder) = (BOOTSTRAPS[0].into(), PathBuf::new());
            return Ok(Runtime { version, program, mounts: Vec::new(), folder });
        }
        // The name of an installation is a link; what runs keeps its own version.
        let home = fs::canonicalize(runtimes.join(name))
            .map_err(|_| missing(&format!("{} does not exist", runtimes.join(name).display())))?;
        let description =
            fs::read(home.join("runtime.json")).map_err(|error| missing(&error.to_string()))?;
        let mut runtime: Runtime =
            serde_json::from_slice(&description).map_err(|error| missing(&error.to_string()))?;
        if !runtime.program.exists() {
            return Err(missing(&format!("{} has gone", runtime.program.display())));
        }
        runtime.folder = home.join("runtime");
        Ok(runtime)
    }

    /// The interpreter's arguments. `runtime` and `function` are the folders as seen inside.
    pub fn args(&self, function: &FunctionRecord, runtime: &Path) -> Vec<String> {
        let memory_mb = i64::from(function.memory_mb);
        let at = |file: &str| runtime.join(file).display().to_string();
        let handler = function.handler.clone();
        match family(&function.runtime) {
            Family::Node => vec![
                // The heap's bound leaves a tenth for buffers and code, as AWS does.
                format!("--max-old-space-size={}", memory_mb * 9 / 10),
                at("index.mjs"),
            ],
            Family::Python if function.snaps() => vec!["-c".into(), RENEWING.into(), handler],
            Family::Python => vec!["-m".into(), "awslambdaric".into(), handler],
            Family::Java => {
                let mut args = java(&function.runtime, memory_mb, at("lib/*"), handler);
                if function.snaps() {
                    // Where `org.crac` finds AWS's implementation.
                    args.insert(
                        0,
                        "-Dorg.crac.Core.Compat=com.amazonaws.services.lambda.crac".into(),
                    );
                }
                args
            }
            Family::Provided | Family::Image => Vec::new(),
        }
    }

    /// The version for `INIT_START`.
    pub fn label(&self, name: &str) -> String {
        if name.is_empty() {
            return "container image".into();
        }
        format!("{name} ({})", self.version)
    }
}

/// The arguments of AWS's Java client.
fn java(runtime: &str, memory_mb: i64, classes: String, handler: String) -> Vec<String> {
    let mut args = vec![
        format!("-Xmx{}m", memory_mb * 85 / 100),
        "-XX:+UseSerialGC".into(),
        "-XX:TieredStopAtLevel=1".into(),
        "-Xshare:auto".into(),
        // Lets AWS's client open the descriptor for log messages.
        "--add-opens=java.base/java.io=ALL-UNNAMED".into(),
        "-Djava.io.tmpdir=/tmp".into(),
    ];
    if runtime == "java25" {
        // Since Java 24 a warning is printed where the client loads its library.
        args.push("--enable-native-access=ALL-UNNAMED".into());
    }
    let main = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda".into();
    args.extend(["-cp".into(), classes, main, handler]);
    args
}

/// Languages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Node,
    Python,
    Java,
    /// The function brings its own program.
    Provided,
    /// It is a container image.
    Image,
}

/// The language of a served runtime.
pub(crate) fn family(runtime: &str) -> Family {
    match runtime {
        "" => Family::Image,
        name if name.starts_with("node") => Family::Node,
        name if name.starts_with("python") => Family::Python,
        name if name.starts_with("provided") => Family::Provided,
        _ => Family::Java,
    }
}
