//! Node.js: npm's production dependencies, or one file by esbuild.

use std::fs;
use std::path::PathBuf;

use template::Node;

use super::{Job, tools};
use crate::Failure;
use crate::local::folder;

const NPM: &str = "install Node.js with npm (Debian: apt install npm)";

/// Copies the source, and installs what package.json asks for.
pub fn npm(job: &Job<'_>) -> Result<(), Failure> {
    tools::copy_source(&job.source, &job.target)?;
    if !job.source.join("package.json").is_file() {
        return Ok(());
    }
    let npm = tools::need("npm", job.id, NPM)?;
    let common = ["--omit=dev", "--no-audit", "--no-fund", "--no-progress"];
    let locked = job.target.join("package-lock.json").is_file();
    let first = if locked { "ci" } else { "install" };
    tools::run(&npm, &[&[first][..], &common].concat(), &job.target, &[])
}

/// Bundles every entry point. esbuild comes from the project, or from PATH, as with `sam`.
pub fn esbuild(job: &Job<'_>) -> Result<(), Failure> {
    let properties = job.metadata.get("BuildProperties");
    let property = |name: &str| properties.and_then(|all| all.get(name));
    let text = |name: &str| property(name).and_then(Node::as_text);
    let truth = |name: &str| property(name).and_then(Node::as_bool);
    let list = |name: &str| {
        let node = property(name);
        let items = node.map_or(&[][..], Node::items).iter().filter_map(Node::as_text);
        let single = node.filter(|node| node.items().is_empty()).and_then(Node::as_text);
        items.chain(single).collect::<Vec<String>>()
    };
    let mut args: Vec<String> = list("EntryPoints");
    if args.is_empty() {
        args.push("app.js".into());
    }
    let (program, folder) = program(job)?;
    args.extend(["--bundle".into(), "--platform=node".into()]);
    args.push(format!("--outdir={}", job.target.display()));
    args.push(format!("--format={}", text("Format").unwrap_or_else(|| "cjs".into())));
    args.push(format!("--target={}", text("Target").unwrap_or_else(|| "es2020".into())));
    if truth("Minify").unwrap_or(true) {
        args.push("--minify".into());
    }
    if truth("Sourcemap").unwrap_or(false) {
        args.push("--sourcemap".into());
    }
    if truth("SourcesContent") == Some(false) {
        args.push("--sources-content=false".into());
    }
    if truth("KeepNames") == Some(true) {
        args.push("--keep-names".into());
    }
    for (name, flag) in
        [("MainFields", "--main-fields="), ("ResolveExtensions", "--resolve-extensions=")]
    {
        let values = list(name);
        if !values.is_empty() {
            args.push(format!("{flag}{}", values.join(",")));
        }
    }
    for (name, flag) in [
        ("External", "--external:"),
        ("Loader", "--loader:"),
        ("Define", "--define:"),
        ("OutExtension", "--out-extension:"),
        ("Banner", "--banner:"),
        ("Footer", "--footer:"),
        ("Inject", "--inject:"),
        ("Alias", "--alias:"),
    ] {
        args.extend(list(name).into_iter().map(|value| format!("{flag}{value}")));
        let pairs = property(name).map_or(&[][..], Node::entries).iter();
        args.extend(
            pairs.filter_map(|(key, value)| {
                Some(format!("{flag}{}={}", key.text, value.as_text()?))
            }),
        );
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    tools::run(&program, &args, &folder, &[])
}

/// esbuild, and the folder to run it in: the source where its modules are installed, else a copy
/// with them.
fn program(job: &Job<'_>) -> Result<(PathBuf, PathBuf), Failure> {
    let own = |folder: &std::path::Path| {
        Some(folder.join("node_modules/.bin/esbuild")).filter(|file| file.is_file())
    };
    let installed =
        job.source.join("node_modules").is_dir() || !job.source.join("package.json").is_file();
    if installed && let Some(program) = own(&job.source).or_else(|| tools::find("esbuild")) {
        return Ok((program, job.source.clone()));
    }
    let npm = tools::need("npm", job.id, NPM)?;
    tools::copy_source(&job.source, &job.scratch)?;
    for file in ["package.json", "package-lock.json"] {
        if job.source.join(file).is_file() {
            fs::copy(job.source.join(file), job.scratch.join(file))?;
        }
    }
    if job.source.join("node_modules").is_dir() {
        folder::copy(&job.source.join("node_modules"), &job.scratch.join("node_modules"))?;
    }
    let locked = job.scratch.join("package-lock.json").is_file();
    let first = if locked { "ci" } else { "install" };
    tools::run(&npm, &[first, "--no-audit", "--no-fund", "--no-progress"], &job.scratch, &[])?;
    let program = own(&job.scratch).or_else(|| tools::find("esbuild")).ok_or_else(|| {
        Failure(format!("{}: esbuild is missing: add it to the devDependencies of package.json, or npm install -g esbuild", job.id))
    })?;
    Ok((program, job.scratch.clone()))
}
