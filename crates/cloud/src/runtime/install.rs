//! Installs runtimes by the installer that this binary carries.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use service_lambda::{default_runtimes, installed};

use super::files;
use crate::Failure;
use crate::build::tools;
use crate::dynamodb::Progress;

/// How often the bar is drawn.
const EVERY: Duration = Duration::from_millis(100);
/// Where files are written before they are whole, as in `install.sh`.
const STAGING: &str = ".new-";
/// Folders within each other that are counted.
const DEPTH_MAX: usize = 24;
/// What an installation writes, MiB: the SDK and the client; and an interpreter that a package
/// carries. Measured on x86_64; it only tells how long the bar is.
const SIZES_MIB: [(&str, u64, u64); 3] = [("nodejs", 73, 189), ("python", 39, 0), ("java", 6, 101)];

/// Installs these, and shows how far it is. What is ready already is looked for anew.
pub fn install(names: &[&str]) -> Result<(), Failure> {
    let base = default_runtimes();
    let known: Vec<&str> = installed(&base).iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(Failure(format!(
            "{unknown} is no runtime that is served; there are {}",
            known.join(", ")
        )));
    }
    let bash = tools::need("bash", "installing a runtime", "install bash")?;
    let script = files::lay(&base).map_err(|e| Failure::of(base.display(), e))?;
    for name in names {
        one(&bash, &script, &base, name)?;
    }
    Ok(())
}

fn one(bash: &Path, script: &Path, base: &Path, name: &str) -> Result<(), Failure> {
    let mut command = Command::new(bash);
    command.arg(script).arg(name).env("GUREUM_RUNTIMES", base).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (teller, told) = mpsc::channel();
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
    ];
    for pipe in pipes.into_iter().flatten() {
        let teller = teller.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if teller.send(line).is_err() {
                    return;
                }
            }
        });
    }
    drop(teller);
    let mut progress = Progress::new();
    loop {
        match told.recv_timeout(EVERY) {
            Ok(line) => {
                progress.clear();
                eprintln!("{line}");
            }
            Err(RecvTimeoutError::Timeout) => {
                let (done, all) = staged(base, name);
                progress.show(done, Some(all), || format!("{name}: {} MiB", done >> 20));
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    progress.clear();
    match child.wait()?.success() {
        true => Ok(()),
        // Its last line says why.
        false => Err(Failure(format!("{name} is not installed"))),
    }
}

/// What is being written, and how much that will be.
fn staged(base: &Path, name: &str) -> (u64, u64) {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    let staging = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(STAGING));
    let sizes = SIZES_MIB.iter().find(|(family, ..)| name.starts_with(family));
    let (own, interpreter) = sizes.map_or((1, 0), |(_, own, interpreter)| (*own, *interpreter));
    let (mut done, mut all) = (0, 0);
    for entry in staging {
        let is_own = entry.path().join("runtime").exists();
        all += (if is_own { own } else { interpreter }) << 20;
        done += bytes(&entry.path(), DEPTH_MAX);
    }
    (done, all)
}

/// The size of a folder's files. What goes meanwhile counts nothing.
fn bytes(folder: &Path, depth: usize) -> u64 {
    if depth == 0 {
        return 0;
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(facts) if facts.is_dir() => bytes(&entry.path(), depth - 1),
        Ok(facts) => facts.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
