//! Makes an archive from the list of the classes that a sandbox has loaded. The virtual machine that
//! does it reads classes, but runs none of the function's code.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel::{Ctx, Level};
use sandbox::{Exit, Limits, Mount, Plan, Program};
use tokio::io::AsyncReadExt as _;

use super::Noting;
use crate::host::Host;
use crate::record::FunctionRecord;
use crate::runtimes::Runtime;

/// The list, as seen inside.
const LIST: &str = "/var/cache/java/classes.list";
/// The archive, inside, until it is printed.
const MADE: &str = "/tmp/classes.jsa";
/// So long is no list.
pub(crate) const LIST_BYTES_MAX: u64 = 8 << 20;
/// A function's packages unpacked are 250 MB at most.
const ARCHIVE_BYTES_MAX: u64 = 512 << 20;
const MEMORY_BYTES: u64 = 1 << 30;
/// At most one processor works on archives.
const CPU_THOUSANDTHS: u32 = 1000;
const SCRIPT: &str = "made=$1; shift; \"$@\" >/dev/null 2>&1 && cat \"$made\"";

/// Makes the archive of what `plan` shows, in a sandbox of its own.
pub(crate) async fn make(
    host: Arc<Host>,
    ctx: Ctx,
    noting: Noting,
    (function, runtime): (Arc<FunctionRecord>, Runtime),
    plan: Plan,
    list: Vec<u8>,
) {
    let archives = host.archives.clone();
    let Ok(_turn) = archives.turn.acquire().await else { return };
    // Others had their turn, and the function may be gone by now.
    if !noting.is_wanted() {
        return;
    }
    let Ok(staging) = archives.staging() else { return };
    let making = dump(&host, (&function, &runtime), plan, (&staging, list));
    let made = tokio::select! {
        made = making => made,
        () = ctx.kernel().stopping() => Err("the server stops".into()),
    };
    let folder = staging.clone();
    let outcome = tokio::task::spawn_blocking(move || {
        let outcome = match made {
            Ok(made) => noting.archives.clone().put(noting, &made).map_err(|e| e.to_string()),
            Err(why) => {
                noting.give_up();
                Err(why)
            }
        };
        // Empty, or garbage.
        let _ = std::fs::remove_dir_all(&folder);
        outcome
    });
    if let Ok(Err(why)) = outcome.await {
        let name = &function.name;
        let text = format_args!("no class archive of {name}: {why}");
        ctx.kernel().log(Level::Info, text);
    }
}

/// The file with the archive, or why there is none.
async fn dump(
    host: &Host,
    (function, runtime): (&FunctionRecord, &Runtime),
    mut plan: Plan,
    (staging, list): (&Path, Vec<u8>),
) -> Result<PathBuf, String> {
    let engine = host.engine().await.map_err(|e| e.to_string())?;
    let (source, made) = (staging.join("list"), staging.join("made"));
    std::fs::write(&source, list).map_err(|e| e.to_string())?;
    plan.mounts.push(Mount { source, target: LIST.into() });
    plan.ports.clear();
    let place = engine.place(plan).map_err(|e| e.to_string())?;
    let at = |path: &str| place.path(Path::new(path)).display().to_string();
    let mut args: Vec<String> = ["-c", SCRIPT, "sh"].map(String::from).into();
    args.extend([at(MADE), at(&runtime.program.to_string_lossy())]);
    args.push(format!("-XX:SharedClassListFile={}", at(LIST)));
    args.push(format!("-XX:SharedArchiveFile={}", at(MADE)));
    args.extend(virtual_machine(function, runtime, &at("/var/runtime")));
    let limits = Limits {
        memory_bytes: MEMORY_BYTES,
        tmp_size_bytes: ARCHIVE_BYTES_MAX,
        files: 1024,
        processes: 256,
    };
    let program = Program {
        program: "/bin/sh".into(),
        args,
        env: [("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8")]
            .map(|(a, b)| (a.into(), b.into()))
            .into(),
        cwd: place.path(Path::new("/var/task")),
        merge_output: false,
        message_output: None,
        held: false,
        limits,
    };
    let mut sandbox = engine.launch(place, program).await.map_err(|e| e.to_string())?;
    // Where there are no control groups it takes what it gets.
    let _ = sandbox.control.limit_cpu(Some(CPU_THOUSANDTHS));
    let bytes = keep(sandbox.stdout, &made).await.map_err(|e| e.to_string())?;
    match sandbox.control.wait().await {
        Exit::Code(0) if bytes > 0 => Ok(made),
        exit => Err(format!("{exit:?} after {bytes} bytes")),
    }
}

/// Writes what comes into a file that others may read; more than an archive may have is an error.
async fn keep(mut from: sandbox::Pipe, file: &Path) -> io::Result<u64> {
    use std::io::Write as _;
    let mut out = std::fs::File::create(file)?;
    let (mut bytes, mut buffer) = (0, vec![0; 1 << 16]);
    loop {
        let length = from.read(&mut buffer).await?;
        bytes += length as u64;
        match length {
            0 => return Ok(bytes),
            _ if bytes > ARCHIVE_BYTES_MAX => return Err(io::Error::other("it is too long")),
            _ => out.write_all(&buffer[..length])?,
        }
    }
}

/// The options that decide whether an archive fits are those of the function. Only the G1 collector
/// can archive objects, which the serial one then reads.
fn virtual_machine(function: &FunctionRecord, runtime: &Runtime, folder: &str) -> Vec<String> {
    let args = runtime.args(function, Path::new(folder));
    let classes = args.iter().position(|arg| arg == "-cp").map_or(args.len(), |at| at + 2);
    let mut args: Vec<String> = args.into_iter().take(classes).collect();
    for arg in &mut args {
        match arg.as_str() {
            "-XX:+UseSerialGC" => *arg = "-XX:+UseG1GC".into(),
            "-Xshare:auto" => *arg = "-Xshare:dump".into(),
            heap if heap.starts_with("-Xmx") => *arg = "-Xmx512m".into(),
            _ => {}
        }
    }
    if function.runtime == "java25" {
        // Classes are stored linked.
        args.insert(0, "-XX:+AOTClassLinking".into());
    }
    args
}
