//! `xtask tidy`: rules that no compiler checks. Each is one function that returns complaints.

mod layers;
mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, root};

/// A Rust file of the repository.
struct Source {
    /// Path from the root, with `/`.
    path: String,
    text: String,
}

/// Runs all checks and lists every complaint.
pub fn run() -> Result<()> {
    let sources = sources()?;
    let mut complaints = layers::check()?;
    for source in &sources {
        complaints.extend(source::check(source, &sources));
    }
    if complaints.is_empty() {
        println!("tidy: {} files, nothing to complain about", sources.len());
        return Ok(());
    }
    complaints.sort();
    Err(format!("tidy:\n  {}", complaints.join("\n  ")).into())
}

/// All Rust files that git knows or would add.
fn sources() -> Result<Vec<Source>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"])
        .current_dir(root())
        .output()?;
    let mut sources = Vec::new();
    for path in String::from_utf8(output.stdout)?.lines() {
        let full: PathBuf = root().join(path);
        if full.exists() {
            sources.push(Source { path: path.to_owned(), text: fs::read_to_string(&full)? });
        }
    }
    if sources.is_empty() {
        return Err(format!("no Rust file found below {}", Path::display(&root())).into());
    }
    Ok(sources)
}
