//! What functions run in: sandboxes, control groups, runtimes, snapshots.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Command;

use sandbox::{Choice, Engine, Mode};

use crate::doctor::{Finding, State};

const AREA: &str = "functions";
/// Older ones do not know today's kernels.
const CRIU_MAJOR_MIN: u32 = 4;

/// What sandboxes are made of here, and what bounds them: one is tried out.
pub async fn sandboxes() -> Vec<Finding> {
    let engine = match Engine::detect(Choice::Best, None, &std::env::temp_dir()).await {
        Ok(engine) => engine,
        Err(error) => {
            let broken = Finding::new(AREA, "isolation", State::Broken, error.to_string());
            return vec![broken.advise("mend what is named above; functions cannot run")];
        }
    };
    let mode = engine.mode();
    let isolation = match mode {
        Mode::NamespacesByRoot | Mode::NamespacesByUser => {
            Finding::new(AREA, "isolation", State::Good, mode.to_string())
        }
        // `gureum up` insists on namespaces.
        Mode::Confined | Mode::Process => {
            let why = engine.refused().unwrap_or("namespaces were not tried");
            let found = format!("{mode}, because {why}");
            let finding = Finding::new(AREA, "isolation", State::Broken, found);
            finding.advise("allow user namespaces, as said above")
        }
    };
    let groups = match engine.bounds() {
        Ok(what) => bounded(what),
        Err(why) => {
            let found = format!("none, so memory is polled and processor time not bounded: {why}");
            Finding::new(AREA, "control groups", State::Fair, found).advise(DELEGATE)
        }
    };
    let landlock = match Engine::landlock() {
        Some(version) => Finding::new(AREA, "Landlock", State::Good, format!("version {version}")),
        None => {
            let found = "not in this kernel; only needed where namespaces are forbidden";
            Finding::new(AREA, "Landlock", State::Missing, found)
        }
    };
    vec![isolation, groups, landlock]
}

/// How an ordinary user comes by control groups of his own.
const DELEGATE: &str = "systemd-run --user --scope -p Delegate=yes gureum up (or run it as root)";

/// Groups can be made; perhaps not all that are wanted.
fn bounded(what: String) -> Finding {
    let lacking: Vec<&str> =
        ["memory", "pids", "cpu"].into_iter().filter(|name| !what.contains(name)).collect();
    if lacking.is_empty() {
        return Finding::new(AREA, "control groups", State::Good, what);
    }
    let found = format!("{what}, but not {}", lacking.join(" and "));
    Finding::new(AREA, "control groups", State::Fair, found).advise(DELEGATE)
}

/// Each runtime: ready, or how it becomes so. Without any no function runs, but a cloud does.
pub fn runtimes(folder: &Path) -> Vec<Finding> {
    let all = service_lambda::installed(folder).into_iter();
    all.map(|(name, found)| match found {
        Ok((version, program)) => {
            let found = match name.starts_with("provided") {
                true => version,
                false => format!("{version} ({})", program.display()),
            };
            Finding::new(AREA, name, State::Good, found)
        }
        Err(_) => {
            let finding = Finding::new(AREA, name, State::Missing, "not installed");
            finding.advise(format!("./gureum runtimes {name}"))
        }
    })
    .collect()
}

/// Whether a process can be frozen and thawed: SnapStart with memory.
pub fn snapshots() -> Finding {
    let told = Command::new("criu").arg("--version").output();
    let text = told.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let version = text.as_deref().ok().and_then(criu_version);
    let advice = format!(
        "install CRIU {CRIU_MAJOR_MIN} or newer (https://criu.org); until then SnapStart's sandboxes \
         are initialised in advance instead of restored"
    );
    match version {
        Some((version, major)) if major >= CRIU_MAJOR_MIN => {
            Finding::new(AREA, "snapshots", State::Good, format!("CRIU {version}"))
        }
        Some((version, _)) => {
            let found = format!("CRIU {version} is too old for today's kernels");
            Finding::new(AREA, "snapshots", State::Missing, found).advise(advice)
        }
        None => Finding::new(AREA, "snapshots", State::Missing, "no CRIU").advise(advice),
    }
}

/// Version and major version of `criu --version`.
fn criu_version(text: &str) -> Option<(String, u32)> {
    let version = text.lines().find_map(|line| line.strip_prefix("Version:"))?.trim();
    Some((version.to_owned(), version.split('.').next()?.parse().ok()?))
}

/// Only told: nothing here uses it.
pub fn virtualisation() -> Finding {
    let opened = OpenOptions::new().read(true).write(true).open("/dev/kvm");
    let found = match opened {
        Ok(_) => "/dev/kvm opens, which does not say that guests run; not needed".to_owned(),
        Err(error) => format!("/dev/kvm: {error}; not needed"),
    };
    Finding::new(AREA, "KVM", State::Good, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_criu_are_read() {
        let version = |text| criu_version(text).map(|(_, major)| major);
        assert_eq!(version("Version: 4.2\nGitID: v4.2-22-g2cf8f13ca\n"), Some(4));
        assert_eq!(version("Version: 3.17.1\n"), Some(3));
        assert_eq!(version("criu: command not found"), None);
    }

    #[test]
    fn a_missing_controller_is_told() {
        assert_eq!(bounded("control groups v1 (memory, pids, cpu)".into()).state, State::Good);
        let some = bounded("control groups v2 (memory, pids)".into());
        assert_eq!(some.found, "control groups v2 (memory, pids), but not cpu");
        assert_eq!(some.state, State::Fair);
    }
}
