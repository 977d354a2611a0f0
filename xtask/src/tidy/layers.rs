//! Dependencies point one way: shape ← wire ← gateway; shape ← api; store, shape ← kernel;
//! service → kernel, engines, any api; never service → service; cloud alone sees all.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value as Json;

use crate::{Result, root};

/// What a layer may depend on, by the crate's folder. Development dependencies count, except
/// that tests of a service may use other services through the kernel.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("crates/base/md5-lanes", &[]),
    ("crates/base/shape", &[]),
    ("crates/base/store", &[]),
    ("crates/base/mailbox", &["crates/base/store"]),
    ("crates/base/wire", &["crates/base/shape"]),
    ("crates/base/kernel", &["crates/base/shape", "crates/base/store", "crates/base/md5-lanes"]),
    ("crates/api/", &["crates/base/shape", "crates/base/kernel"]),
    ("crates/engine/", &[]),
    ("crates/service/", &["crates/base/", "crates/engine/", "crates/api/"]),
    ("crates/gateway", &["crates/base/"]),
    ("crates/cloud", &["crates/"]),
    ("xtask", &["crates/base/shape"]),
];

/// Complaints about dependencies that point the wrong way.
pub fn check() -> Result<Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()?;
    let metadata: Json = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let folders: BTreeMap<&str, String> = packages
        .iter()
        .filter_map(|p| Some((p["name"].as_str()?, folder(p["manifest_path"].as_str()?)?)))
        .collect();
    let mut complaints = Vec::new();
    for package in packages {
        let Some(from) = package["name"].as_str().and_then(|name| folders.get(name)) else {
            continue;
        };
        let Some((_, allowed)) = ALLOWED.iter().find(|(layer, _)| from.starts_with(layer)) else {
            complaints.push(format!("{from}: no layer of ARCHITECTURE.md holds this crate"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let Some(to) = dependency["name"].as_str().and_then(|name| folders.get(name)) else {
                continue;
            };
            let in_tests = dependency["kind"] == "dev" && from.starts_with("crates/service/");
            if !in_tests && !allowed.iter().any(|layer| to.starts_with(layer)) {
                complaints.push(format!("{from}: must not depend on {to}"));
            }
        }
    }
    Ok(complaints)
}

fn folder(manifest: &str) -> Option<String> {
    let relative = manifest.strip_prefix(root().to_str()?)?;
    Some(relative.trim_start_matches('/').strip_suffix("/Cargo.toml")?.to_owned())
}
