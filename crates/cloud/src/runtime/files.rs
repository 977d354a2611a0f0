//! The installer of the runtimes, as it lies in `runtimes/`: its script, and what it pins.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../../runtimes/", $name)))),*]
    };
}

/// By their paths in `runtimes/`.
const FILES: &[(&str, &[u8])] = files![
    "install.sh",
    "interpreters.txt",
    "java11/jars.sha256",
    "java17/jars.sha256",
    "java21/jars.sha256",
    "java25/jars.sha256",
    "nodejs20.x/console.mjs",
    "nodejs20.x/errors.mjs",
    "nodejs20.x/index.mjs",
    "nodejs20.x/package-lock.json",
    "nodejs20.x/package.json",
    "nodejs20.x/randomness.mjs",
    "nodejs20.x/reseed.c",
    "nodejs20.x/streaming.mjs",
    "nodejs20.x/trust.mjs",
    "python3.11/requirements.txt",
    "python3.12/requirements.txt",
    "python3.13/requirements.txt",
];

/// Lays the installer down below `base`, in a folder of this very content; answers the script. What
/// is there already is compared, so that nobody's change to it is run.
pub fn lay(base: &Path) -> io::Result<PathBuf> {
    let mut hash = Sha256::new();
    for (name, bytes) in FILES {
        hash.update(name.as_bytes());
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    }
    let id: String = hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = base.join(format!(".installer-{id}"));
    for (name, bytes) in FILES {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|found| found == *bytes) {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        // Two that install at a time write the same.
        let fresh = path.with_extension(format!("{}.new", std::process::id()));
        fs::write(&fresh, bytes)?;
        fs::rename(&fresh, &path)?;
    }
    let script = folder.join("install.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(folder: &Path, within: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let name = format!("{within}{}", entry.file_name().to_string_lossy());
            match entry.path().is_dir() {
                true => walk(&entry.path(), &format!("{name}/"), found),
                false => found.push(name),
            }
        }
    }

    #[test]
    fn every_file_is_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtimes");
        let mut found = Vec::new();
        walk(&folder, "", &mut found);
        found.sort();
        assert_eq!(FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), found);
    }

    #[test]
    fn a_changed_file_is_put_right() {
        let base = std::env::temp_dir().join(format!("gureum-lay-{}", std::process::id()));
        let script = lay(&base).expect("laid");
        fs::write(&script, "echo wrong").expect("written");
        assert_eq!(lay(&base).expect("laid again"), script);
        assert_eq!(fs::read(&script).expect("there"), FILES[0].1);
        fs::remove_dir_all(&base).expect("ours");
    }
}
