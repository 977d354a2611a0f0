//! Programs of this machine, and copies of sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;
use crate::local::folder;

/// A program in PATH.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A program in PATH, or what to install.
pub fn need(name: &str, for_what: &str, install: &str) -> Result<PathBuf, Failure> {
    find(name)
        .ok_or_else(|| Failure(format!("{for_what} needs {name}, which is not in PATH: {install}")))
}

/// Runs a program in a folder; what it prints goes to standard error.
pub fn run(
    program: &Path,
    args: &[&str],
    folder: &Path,
    env: &[(&str, &str)],
) -> Result<(), Failure> {
    let shown = format!("{} {}", program.display(), args.join(" "));
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).envs(env.iter().copied()).stdin(Stdio::null());
    let (output, errors) = (std::io::stderr(), std::io::stderr());
    let status = command.stdout(output).stderr(errors).status();
    let status = status.map_err(|e| Failure::of(&shown, e))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure(format!("{shown} (in {}): {status}", folder.display()))),
    }
}

/// Copies a source without what belongs to tools.
pub fn copy_source(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).map_err(|e| Failure::of(from.display(), e))? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            if !folder::LEFT_OUT.iter().any(|left_out| name == *left_out) {
                folder::copy(&entry.path(), &to.join(&name))?;
            }
        } else {
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}
