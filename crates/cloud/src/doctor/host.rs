//! What functions run in: sandboxes, control groups, runtimes, snapshots.

use std::fs::OpenOptions;
use std::path::Path;

use sandbox::snapshot::{self, Support};
use sandbox::{Choice, Engine, Mode};

use crate::doctor::{Finding, State};

const AREA: &str = "functions";

/// What sandboxes are made of here, what bounds them, and what becomes of SnapStart: one is tried
/// out. `held` is whether memory is not to be kept.
pub async fn sandboxes(runtimes: &Path, held: bool) -> Vec<Finding> {
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
    let forgetful = service_lambda::without_randomness(runtimes);
    vec![isolation, groups, landlock, snapshots(&engine, held, &forgetful)]
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
            finding.advise(format!("gureum runtime install {name}"))
        }
    })
    .collect()
}

/// What stands behind SnapStart: kept memory, or sandboxes that wait; and why.
fn snapshots(engine: &Engine, held: bool, forgetful: &[&str]) -> Finding {
    const HELD: &str = "initialised sandboxes that wait stand for snapshots of memory";
    if held {
        let found = format!("{HELD}: GUREUM_HELD_SNAPSTART says so");
        return Finding::new(AREA, "SnapStart", State::Fair, found).advise("unset it");
    }
    if let Err(why) = engine.snapshots() {
        let finding = Finding::new(AREA, "SnapStart", State::Fair, format!("{HELD}: {why}"));
        return finding.advise(snapshot_advice(snapshot::support(), engine.mode()));
    }
    let criu = match snapshot::support() {
        Support::Criu { program, version } => format!("{} {version}", program.display()),
        Support::None(why) => why.clone(),
    };
    let but = "not of functions with external extensions, and of container images";
    let found = format!("memory is kept by {criu} ({but})");
    if forgetful.is_empty() {
        return Finding::new(AREA, "SnapStart", State::Good, found);
    }
    let names = forgetful.join(" ");
    let found = format!("{found}; for {names} {HELD}, since copies could not be reseeded");
    let finding = Finding::new(AREA, "SnapStart", State::Fair, found);
    finding.advise(format!("install a C compiler, then delete and install again: {names}"))
}

/// What would let memory be kept.
fn snapshot_advice(support: &Support, mode: Mode) -> String {
    match (support, mode) {
        (Support::None(_), _) => "run as root, with CRIU 4 or newer in /usr (https://criu.org)",
        (_, Mode::NamespacesByRoot) => "control groups that bound processes, as said above",
        _ => "run as root",
    }
    .to_owned()
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
    fn a_missing_controller_is_told() {
        assert_eq!(bounded("control groups v1 (memory, pids, cpu)".into()).state, State::Good);
        let some = bounded("control groups v2 (memory, pids)".into());
        assert_eq!(some.found, "control groups v2 (memory, pids), but not cpu");
        assert_eq!(some.state, State::Fair);
    }
}
