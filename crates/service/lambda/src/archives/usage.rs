//! What a sandbox does with its archive: uses it, or notes the classes for one.

use std::collections::BTreeMap;
use std::path::Path;

use kernel::{Ctx, Fault};
use sandbox::{Exit, Mount, Place};
use sha2::{Digest as _, Sha256};

use super::{Found, Key, Noting};
use crate::host::Host;
use crate::record::{FunctionKey, FunctionRecord};
use crate::runtimes::{Family, Runtime, family};

/// The archive, as seen inside.
const ARCHIVE: &str = "/var/cache/java/function.jsa";
/// Where the classes are noted, inside, until the list is fetched.
const LIST: &str = "/tmp/.java-classes";
/// Counted up when archives of an earlier Gureum are of no use any more.
const FORMAT: u32 = 1;
/// Words in `JAVA_TOOL_OPTIONS` of somebody who has his own way with archives, or changes classes
/// while they are loaded.
const OWN_WAYS: [&str; 6] =
    ["Xshare", "SharedArchiveFile", "AOT", "-javaagent", "-agent", "DumpLoadedClassList"];
/// SIGILL, SIGABRT, SIGBUS, SIGFPE and SIGSEGV: the virtual machine's own failures.
const CRASHES: [i32; 5] = [4, 6, 7, 8, 11];

/// A sandbox's archive.
pub(crate) enum Archive {
    /// It uses it.
    Used(Key),
    /// It notes its classes.
    Noted(Noting),
}

/// A sandbox's archive, and what is mounted for it.
pub(crate) type WithMount = (Archive, Option<Mount>);

/// Whether it may have been the archive's fault that the virtual machine ended so.
pub(crate) fn broke(exit: Exit) -> bool {
    matches!(exit, Exit::Signal(signal) if CRASHES.contains(&signal))
}

impl Archive {
    /// What a new sandbox of this function does, and the file it uses. Other languages do nothing.
    pub async fn find(
        host: &Host,
        ctx: &Ctx,
        function: &FunctionRecord,
        runtime: &Runtime,
        variables: &BTreeMap<String, String>,
    ) -> Result<Option<WithMount>, Fault> {
        // A developer's folder changes all the time, and a snapshot needs no archive.
        let is_java = family(&function.runtime) == Family::Java;
        if !is_java || function.snaps() || host.options.local.is_some() {
            return Ok(None);
        }
        let own_ways = ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"]
            .iter()
            .filter_map(|name| variables.get(*name))
            .any(|options| OWN_WAYS.iter().any(|word| options.contains(word)));
        if own_ways {
            return Ok(None);
        }
        let key = Key::of(&FunctionRecord::key(ctx, &function.name), function, runtime);
        let archives = host.archives.clone();
        let wanted = key.clone();
        let found = tokio::task::spawn_blocking(move || archives.find(&wanted));
        Ok(match found.await.map_err(Fault::internal)? {
            Found::Ready(source) => {
                Some((Archive::Used(key), Some(Mount { source, target: ARCHIVE.into() })))
            }
            Found::Note(noting) => Some((Archive::Noted(noting), None)),
            Found::Nothing => None,
        })
    }

    /// The virtual machine's options.
    pub fn args(&self, function: &FunctionRecord, place: &Place) -> Vec<String> {
        let at = |path: &str| place.path(Path::new(path)).display().to_string();
        match self {
            Archive::Used(_) => {
                // An archive that does not fit is no business of the function's log.
                let mut args = vec![
                    format!("-XX:SharedArchiveFile={}", at(ARCHIVE)),
                    "-Xlog:cds=off".into(),
                    "-Xlog:class+path=off".into(),
                ];
                if function.runtime == "java25" {
                    args.push("-Xlog:aot=off".into());
                }
                args
            }
            Archive::Noted(_) => {
                let mut args = vec![format!("-XX:DumpLoadedClassList={}", at(LIST))];
                if function.runtime == "java11" {
                    // It prints what it leaves out.
                    args.extend(
                        ["-XX:+UnlockDiagnosticVMOptions", "-XX:-DisplayVMOutput"]
                            .map(String::from),
                    );
                }
                args
            }
        }
    }

    /// The shell's arguments that print the list and remove it.
    pub fn fetch(place: &Place) -> Vec<String> {
        let list = place.path(Path::new(LIST)).display().to_string();
        vec!["-c".into(), "cat \"$0\" && rm -f \"$0\"".into(), list]
    }
}

impl Key {
    /// The name of a function's archives.
    pub fn function((account, region, name): &FunctionKey) -> String {
        let digest = Sha256::digest(format!("{account}\0{region}\0{name}"));
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    fn of(name: &FunctionKey, function: &FunctionRecord, runtime: &Runtime) -> Key {
        let mut digest = Sha256::new();
        let mut add = |part: &str| {
            digest.update(part);
            digest.update([0]);
        };
        add(&FORMAT.to_string());
        add(std::env::consts::ARCH);
        for part in [&function.runtime, &runtime.version, &function.code] {
            add(part);
        }
        function.layers.iter().for_each(|layer| add(&layer.code));
        add(&runtime.folder.to_string_lossy());
        add(&runtime.program.to_string_lossy());
        // Another build of the same version; the virtual machine itself looks closer.
        let facts = std::fs::metadata(&runtime.program);
        let facts = facts.and_then(|facts| Ok((facts.len(), facts.modified()?)));
        add(&format!("{facts:?}"));
        let id = format!("{:x}", digest.finalize());
        Key { function: Key::function(name), id }
    }
}
