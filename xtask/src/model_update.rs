//! `xtask model-update`: facts from botocore's wheel, without its prose.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::{Result, codegen, root};

/// Keys that carry prose or concern clients only.
const DROPPED: [&str; 12] = [
    "documentation",
    "documentationUrl",
    "deprecatedMessage",
    "deprecatedSince",
    "endpointdiscovery",
    "endpointoperation",
    "contextParam",
    "staticContextParams",
    "operationContextParams",
    "examples",
    "retryable",
    "uid",
];

#[derive(serde::Deserialize)]
struct Lock {
    version: String,
    wheel_sha256: String,
}

/// Reads the pinned wheel (downloaded by pip when `wheel` is not given) and writes
/// `models/botocore/SERVICE.json` for every service of `operations.toml`.
pub fn run(wheel: Option<&Path>) -> Result<()> {
    let lock: Lock = toml::from_str(&fs::read_to_string(root().join("models/botocore.lock"))?)?;
    let bytes = match wheel {
        Some(path) => fs::read(path)?,
        None => download(&lock.version)?,
    };
    let found: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    if found != lock.wheel_sha256 {
        return Err(format!(
            "the wheel's SHA-256 is {found}, models/botocore.lock pins {}: refused",
            lock.wheel_sha256
        )
        .into());
    }
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes))?;
    for (service, config) in codegen::services()? {
        let directory = format!("botocore/data/{}/", config.model.as_deref().unwrap_or(&service));
        // Services may have several API versions: the newest counts.
        let newest = archive
            .file_names()
            .filter_map(|name| name.ok().map(|name| name.into_owned()))
            .filter(|n| n.starts_with(&directory) && n.ends_with("/service-2.json.gz"))
            .max()
            .ok_or_else(|| format!("no {directory} in the wheel"))?;
        let mut text = String::new();
        flate2::read::GzDecoder::new(archive.by_name(&newest)?).read_to_string(&mut text)?;
        let mut model: Json = serde_json::from_str(&text)?;
        strip(&mut model);
        let path = root().join(format!("models/botocore/{service}.json"));
        fs::write(&path, lines(&model)?)?;
        println!("{newest} -> models/botocore/{service}.json");
    }
    Ok(())
}

fn download(version: &str) -> Result<Vec<u8>> {
    let dir = std::env::temp_dir().join(format!("gureum-botocore-{version}"));
    println!("downloading botocore {version} with pip");
    let status = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "-d"])
        .arg(&dir)
        .arg(format!("botocore=={version}"))
        .status()?;
    if !status.success() {
        return Err("pip could not download the wheel; pass its path instead".into());
    }
    let file = format!("botocore-{version}-py3-none-any.whl");
    Ok(fs::read(dir.join(file))?)
}

fn strip(value: &mut Json) {
    match value {
        Json::Object(map) => {
            // A member may itself be called `documentation`: only drop it as prose (a string).
            map.retain(|key, v| !DROPPED.contains(&key.as_str()) || v["shape"].is_string());
            map.values_mut().for_each(strip);
        }
        Json::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// One operation and one shape a line, so that an update can be read as a diff.
fn lines(model: &Json) -> Result<String> {
    let mut out = String::from("{\n");
    let sections = model.as_object().ok_or("a service description is an object")?;
    let mut first = true;
    for name in ["version", "metadata", "operations", "shapes"] {
        let Some(section) = sections.get(name) else { continue };
        if !std::mem::take(&mut first) {
            out.push_str(",\n");
        }
        out.push_str(&format!("{}:", serde_json::to_string(name)?));
        match section {
            Json::Object(map) if name != "metadata" => {
                let rows: Vec<String> = map
                    .iter()
                    .map(|(k, v)| Ok(format!("{}:{}", serde_json::to_string(k)?, v)))
                    .collect::<Result<_>>()?;
                out.push_str(&format!("{{\n{}\n}}", rows.join(",\n")));
            }
            other => out.push_str(&other.to_string()),
        }
    }
    out.push_str("\n}\n");
    Ok(out)
}
