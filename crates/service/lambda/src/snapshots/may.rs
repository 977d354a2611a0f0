//! Of which versions memory is kept, and under which name.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use kernel::{Ctx, Kernel};
use sandbox::snapshot;
use sha2::{Digest as _, Sha256};
use store::{Key, Part, Scan};

use crate::host::Host;
use crate::record::{FunctionKey, FunctionRecord, VERSIONS};
use crate::runtimes::{Family, Runtime, family};
use crate::standin::AUTHORITY;

/// Counted up when snapshots of an earlier Gureum are of no use any more.
const FORMAT: u32 = 1;

/// Which snapshot is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    /// Hash of the function's account, region and name.
    pub function: String,
    /// The version's number.
    pub version: String,
    /// Hash of what the snapshot depends on.
    pub id: String,
}

impl Name {
    /// Under which snapshots of a function lie.
    pub fn function(key: &FunctionKey) -> String {
        hex(Sha256::new().chain_update(Key::of(key.clone()).as_bytes()))
    }

    /// Blocking: it looks at files, and the first time runs programs.
    fn of(
        key: &FunctionKey,
        version: &FunctionRecord,
        runtime: &Runtime,
        trust: Option<&Path>,
    ) -> Name {
        static SERVER: OnceLock<String> = OnceLock::new();
        let server = SERVER.get_or_init(|| {
            let own = facts(Path::new("/proc/self/exe"));
            format!("{FORMAT}\n{own}\n{}", snapshot::surroundings())
        });
        let Runtime { version: interpreter, program, folder, .. } = runtime;
        let runtime = format!("{interpreter}\n{}\n{}", facts(program), folder.display());
        // Whom the program trusts may be in its memory, too.
        let trusted = trust.and_then(|folder| fs::read(folder.join(AUTHORITY)).ok());
        let id = hex(Sha256::new()
            .chain_update(server.as_bytes())
            .chain_update(runtime.as_bytes())
            .chain_update(trusted.unwrap_or_default())
            .chain_update(version.revision.as_bytes()));
        Name { function: Name::function(key), version: version.version.clone(), id }
    }

    /// For what its file is sealed.
    pub fn purpose(&self) -> String {
        format!("lambda-snapshot/{}/{}/{}", self.function, self.version, self.id)
    }
}

/// Where the files are by which programs trust this cloud.
fn trust(host: &Host) -> Option<PathBuf> {
    host.options.stand_in.as_ref().map(|stand_in| stand_in.trust.clone())
}

/// What changes when a file does.
fn facts(path: &Path) -> String {
    match fs::metadata(path) {
        Ok(f) => format!("{}:{}:{}.{}", f.ino(), f.len(), f.mtime(), f.mtime_nsec()),
        Err(error) => error.to_string(),
    }
}

fn hex(digest: Sha256) -> String {
    format!("{:x}", digest.finalize())
}

/// The name of a version's snapshot, if its memory may be kept; else why not.
pub(crate) async fn may_keep(
    host: &Host,
    ctx: &Ctx,
    version: &FunctionRecord,
    runtime: &Runtime,
) -> Result<Name, String> {
    if host.options.hold {
        return Err("GUREUM_HELD_SNAPSTART says so".into());
    }
    if host.options.local.is_some() {
        return Err("this is a tool on a developer's machine".into());
    }
    if version.image.is_some() {
        return Err("a container image has no criu".into());
    }
    lacks(runtime, &version.runtime).map_or(Ok(()), Err)?;
    let engine = host.engine().await.map_err(|error| error.to_string())?;
    let key = FunctionRecord::key(ctx, &version.name);
    let (version, runtime, trust) = (version.clone(), runtime.clone(), trust(host));
    let naming =
        tokio::task::spawn_blocking(move || Name::of(&key, &version, &runtime, trust.as_deref()));
    let name = naming.await.map_err(|error| error.to_string())?;
    engine.snapshots()?;
    if host.snapshots.is_given_up(&name) {
        return Err("it has failed before".into());
    }
    Ok(name)
}

/// What a runtime lacks so that copies of its memory would have the same random numbers.
pub(crate) fn lacks(runtime: &Runtime, name: &str) -> Option<String> {
    let lacks = family(name) == Family::Node && !runtime.folder.join("reseed.node").is_file();
    lacks.then(|| "Node.js cannot be reseeded here: its runtime was installed without cc".into())
}

/// After a start: removes what no version has any more, or of another machine, server or criu.
pub(crate) async fn sweep(kernel: &Kernel, host: &Arc<Host>) {
    if host.snapshots.is_empty() {
        return;
    }
    let Ok(all) = kernel.store().read(|tx| tx.scan(&VERSIONS, Scan::all())) else { return };
    let host = host.clone();
    let trust = trust(&host);
    let sweeping = tokio::task::spawn_blocking(move || {
        let alive = all.iter().filter(|(_, version)| version.snaps() && version.active);
        let names: Vec<Name> = alive
            .filter_map(|(key, version)| {
                let function = match <[Part; 4]>::try_from(key.parts()?).ok()? {
                    [Part::Text(account), Part::Text(region), Part::Text(name), _] => {
                        (account, region, name)
                    }
                    _ => return None,
                };
                let found = Runtime::find(&host.options.runtimes, &version.runtime).ok()?;
                Some(Name::of(&function, version, &found, trust.as_deref()))
            })
            .collect();
        host.snapshots.retain(&names);
    });
    // What is left is swept at the next start.
    let _ = sweeping.await;
}
