//! SnapStart: what may have it, and the life of a version's snapshot: made when the version is
//! published, used by every new sandbox, dropped after two weeks without use, made again.
//!
//! ```text
//! published ─→ Pending ─→ initialise ─→ before-hooks ─→ restore/next ─→ snapshot ─→ Active
//!                              └→ Failed                  14 days unused: Inactive ─(invoke)→ Pending
//! ```

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use api_lambda::{Error, SnapStart, SnapStartApplyOn};
use kernel::{BoxFuture, Ctx, Fault, Kernel, Level, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Scan, StoreError, Table, WriteTx};

use crate::Lambda;
use crate::errors::{conflict, invalid, snapshot_not_ready};
use crate::held::Key;
use crate::instance::Instance;
use crate::name::Name;
use crate::outcome::{Ended, NotReady};
use crate::pool::Pool;
use crate::record::{FunctionKey, FunctionRecord, Unsnapped, VERSIONS, version_key};
use crate::resolve::Resolved;
use crate::restore;
use crate::runtimes::Runtime;
use crate::snapshots::{self, may_keep};

/// Runtimes whose clients know `restore/next`: AWS's own, and ours of Node.js; a program of the
/// function's own may.
const RUNTIMES: &[&str] = &[
    "java11",
    "java17",
    "java21",
    "java25",
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
    "python3.12",
    "python3.13",
    "provided.al2023",
];
/// AWS's limit of `/tmp`.
const TMP_MB_MAX: i32 = 512;
/// A snapshot that nobody uses goes after this.
const UNUSED_MS: i64 = 14 * 24 * 3600 * 1000;
/// Uses are written down this often.
const NOTED_MS: i64 = 3600 * 1000;
/// What AWS says of a version whose initialisation failed.
const FAILED: &str = "An error occurred during function initialization";

/// When a version's snapshot was used last: account, region, name, number.
const USED: Table<i64> = Table::new("lambda/snapshot-used");
/// Versions whose snapshot is to be made: account, region, name, number.
const MAKING: Table<Watched> = Table::new("lambda/snapshot-making");
/// The durable task that looks whether a snapshot is still used.
pub(crate) const IDLE: &str = "lambda/snapshot-idle";

/// Whether published versions are to have snapshots.
pub(crate) fn wanted(asked: &SnapStart) -> bool {
    asked.apply_on == Some(SnapStartApplyOn::PublishedVersions)
}

/// Changes the setting, if that is asked for; refuses what cannot have a snapshot.
pub(crate) fn change(latest: &mut FunctionRecord, asked: Option<&SnapStart>) -> Result<(), Error> {
    if let Some(asked) = asked {
        latest.snap_start = wanted(asked);
    }
    check(latest.snap_start, &latest.runtime, latest.tmp_mb)
}

/// Refuses what cannot have a snapshot.
pub(crate) fn check(on: bool, runtime: &str, tmp_mb: i32) -> Result<(), Error> {
    if on && !RUNTIMES.contains(&runtime) {
        return Err(unsupported(runtime));
    }
    if on && tmp_mb > TMP_MB_MAX {
        return Err(unsupported(&format!("Ephemeral storage greater than {TMP_MB_MAX} MB")));
    }
    Ok(())
}

/// What does not go together with SnapStart.
pub(crate) fn unsupported(what: &str) -> Error {
    invalid(format!("{what} is not supported for SnapStart enabled functions."))
}

/// What this process knows of versions with snapshots.
#[derive(Default)]
struct State {
    /// Being made.
    making: HashSet<(Key, String)>,
    /// When a use was last written down.
    noted_ms: HashMap<(Key, String), i64>,
}

fn state() -> MutexGuard<'static, State> {
    static STATE: LazyLock<Mutex<State>> = LazyLock::new(Mutex::default);
    STATE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// An invocation of such a version: an error where it is not active. An idle one is made again.
pub(crate) async fn used(api: &Lambda, ctx: &Ctx, target: &Resolved) -> Result<(), Error> {
    let (version, owner) = (&target.version, target.owner(ctx));
    if version.active {
        return note(&owner, version).await;
    }
    match &version.unsnapped {
        Some(Unsnapped::Failed(_)) => Err(conflict(
            "The operation cannot be performed at this time. The function is currently in the \
             following state: Failed",
        )),
        Some(Unsnapped::Idle) => {
            let again = |found: &mut FunctionRecord| {
                let idle = found.unsnapped == Some(Unsnapped::Idle);
                if idle {
                    found.unsnapped = Some(Unsnapped::Again);
                }
                idle
            };
            if let Some(version) = edit(&owner, version, again).await? {
                make(&api.pool, &owner, Arc::new(version));
            }
            Err(snapshot_not_ready())
        }
        Some(Unsnapped::Again) | None => Err(snapshot_not_ready()),
    }
}

/// Writes a use down, if that is not done already.
async fn note(ctx: &Ctx, version: &FunctionRecord) -> Result<(), Error> {
    let now_ms = ctx.now().epoch_ms;
    let name = (restore::key(ctx, version), version.revision.clone());
    {
        let mut state = state();
        let noted_ms = state.noted_ms.entry(name).or_insert(i64::MIN);
        if now_ms.saturating_sub(*noted_ms) < NOTED_MS {
            return Ok(());
        }
        *noted_ms = now_ms;
    }
    let Some(key) = version_key(FunctionRecord::key(ctx, &version.name), &version.version) else {
        return Ok(());
    };
    ctx.store().write(|tx| tx.put(&USED, key.clone(), &now_ms)).await?;
    Ok(())
}

/// Changes a version's record if it is still the same revision and `by` wants it.
async fn edit(
    ctx: &Ctx,
    version: &FunctionRecord,
    by: impl Fn(&mut FunctionRecord) -> bool + Sync,
) -> Result<Option<FunctionRecord>, StoreError> {
    ctx.store()
        .write(|tx| {
            let function = FunctionRecord::key(ctx, &version.name);
            let Some(key) = version_key(function.clone(), &version.version) else {
                return Ok(None);
            };
            let Some(mut found) = tx.get(&VERSIONS, key.clone())? else { return Ok(None) };
            if found.revision != version.revision || !by(&mut found) {
                return Ok(None);
            }
            tx.put(&VERSIONS, key.clone(), &found)?;
            if is_wanted(&found) {
                wish(tx, &function, &found)?;
            } else {
                tx.delete(&MAKING, key)?;
            }
            if found.active {
                watch(tx, ctx, &found, ctx.now().epoch_ms)?;
            }
            Ok(Some(found))
        })
        .await
}

/// Whether a version waits for its snapshot.
fn is_wanted(version: &FunctionRecord) -> bool {
    let pending = matches!(version.unsnapped, None | Some(Unsnapped::Again));
    version.snaps() && !version.active && pending
}

/// Writes down that a version's snapshot is to be made, so that a restart does not forget it.
pub(crate) fn wish(
    tx: &mut WriteTx,
    function: &FunctionKey,
    version: &FunctionRecord,
) -> Result<(), StoreError> {
    let Some(key) = version_key(function.clone(), &version.version) else { return Ok(()) };
    tx.put(&MAKING, key, &Watched::new(function, version))
}

/// Makes a version's snapshot in the background; then it is active, or failed.
pub(crate) fn make(pool: &Arc<Pool>, ctx: &Ctx, version: Arc<FunctionRecord>) {
    let name = (restore::key(ctx, &version), version.revision.clone());
    if !state().making.insert(name.clone()) {
        return;
    }
    let (pool, ctx) = (pool.clone(), ctx.clone());
    let kernel = ctx.kernel().clone();
    kernel.spawn(async move {
        let made = snapshot(&pool, &ctx, &version).await;
        let outcome = match made {
            // The next start tries again.
            Err(NotReady::Init(Ended::Stopped)) => None,
            Err(NotReady::Init(_)) => Some(Err(FAILED.to_owned())),
            Err(NotReady::Fatal(_)) if ctx.kernel().is_stopping() => None,
            Err(NotReady::Fatal(error)) => Some(Err(Fault::from(error).to_string())),
            Ok(()) => Some(Ok(())),
        };
        if let Some(outcome) = outcome
            && !settle(&ctx, &version, &outcome).await
        {
            // Deleted meanwhile: nobody else would remove it.
            pool.retire_version(&Name::of(&ctx, &version.name), &version.version);
        }
        state().making.remove(&name);
    });
}

/// Writes down whether there is a snapshot; false if there is no such version any more.
async fn settle(ctx: &Ctx, version: &FunctionRecord, outcome: &Result<(), String>) -> bool {
    let by = |found: &mut FunctionRecord| {
        found.active = outcome.is_ok();
        found.unsnapped = outcome.clone().err().map(Unsnapped::Failed);
        true
    };
    match edit(ctx, version, by).await {
        Ok(found) => found.is_some(),
        Err(error) => {
            let function = &version.name;
            ctx.log(Level::Error, format_args!("the snapshot of {function}: {error}"));
            true
        }
    }
}

/// Initialises a sandbox up to `restore/next`, and keeps its memory; where that cannot be, itself.
async fn snapshot(
    pool: &Arc<Pool>,
    ctx: &Ctx,
    version: &Arc<FunctionRecord>,
) -> Result<(), NotReady> {
    let host = pool.host().clone();
    let runtime = Runtime::find(&host.options.runtimes, &version.runtime)
        .map_err(|message| NotReady::Fatal(crate::errors::service(message)))?;
    let new = || {
        let member = pool.stranger(ctx, version);
        Instance::new(host.clone(), pool.clone(), ctx, version.clone(), member)
    };
    let name = may_keep(&host, ctx, version, &runtime).await;
    let mut instance = new();
    instance.keeps = name.is_ok();
    let mut running = instance.initialise_for_snapshot(&runtime).await?;
    let why = match name {
        Ok(name) if running.is_keepable() => {
            let Err(why) = instance.keep(running, &name).await else { return Ok(()) };
            host.snapshots.failed(&name);
            instance = new();
            running = instance.initialise_for_snapshot(&runtime).await?;
            why
        }
        Ok(_) => "it has extensions".to_owned(),
        Err(why) => why,
    };
    tell_held(ctx, version, &why);
    let (key, revision) = (instance.key(), version.revision.clone());
    let Instance { journal, ctx, .. } = instance;
    host.held.keep(&ctx, key, &revision, (running, journal));
    Ok(())
}

fn tell_held(ctx: &Ctx, version: &FunctionRecord, why: &str) {
    let FunctionRecord { name, version, .. } = version;
    let told = format_args!("a sandbox stands for the snapshot of {name}:{version}: {why}");
    ctx.log(Level::Info, told);
}

/// A sandbox began without a snapshot: there is to be one for the next.
pub(crate) fn make_another(pool: &Arc<Pool>, ctx: &Ctx, version: &Arc<FunctionRecord>) {
    let name = (restore::key(ctx, version), version.revision.clone());
    if ctx.kernel().is_stopping() || !state().making.insert(name.clone()) {
        return;
    }
    let (pool, ctx, version) = (pool.clone(), ctx.clone(), version.clone());
    let kernel = ctx.kernel().clone();
    kernel.spawn(async move {
        // The next invocation then initialises by itself, and says why it cannot.
        let _ = snapshot(&pool, &ctx, &version).await;
        state().making.remove(&name);
    });
}

/// After a start: what was being made is made, and snapshots that are of no use any more go.
pub(crate) async fn resume(kernel: Kernel, pool: Arc<Pool>) {
    snapshots::sweep(&kernel, pool.host()).await;
    let Ok(all) = kernel.store().read(|tx| tx.scan(&MAKING, Scan::all())) else { return };
    if all.is_empty() {
        return;
    }
    // Sandboxes need roles and logs, which are services like this one.
    while kernel.service("lambda").is_none() && !kernel.is_stopping() {
        kernel.clock().sleep(std::time::Duration::from_millis(20)).await;
    }
    for (key, wished) in all {
        let (account, region, _) = &wished.function;
        let ctx = kernel.service_ctx("lambda.amazonaws.com", account, region);
        let found = version_key(wished.function.clone(), &wished.version)
            .and_then(|key| kernel.store().read(|tx| tx.get(&VERSIONS, key)).ok()?);
        match found.filter(|found| found.revision == wished.revision && is_wanted(found)) {
            Some(version) => make(&pool, &ctx, Arc::new(version)),
            // Deleted meanwhile. One that stays behind is looked at again at the next start.
            None => drop(kernel.store().write(|tx| tx.delete(&MAKING, &key).map(drop)).await),
        }
    }
}

/// A version as it was: the payload of [`IDLE`].
#[derive(Serialize, Deserialize)]
struct Watched {
    function: FunctionKey,
    version: String,
    revision: String,
}

impl Watched {
    fn new(function: &FunctionKey, version: &FunctionRecord) -> Watched {
        let FunctionRecord { version, revision, .. } = version.clone();
        Watched { function: function.clone(), version, revision }
    }
}

/// Plans the next look at a snapshot that was used then.
fn watch(
    tx: &mut WriteTx,
    ctx: &Ctx,
    version: &FunctionRecord,
    used_ms: i64,
) -> Result<(), StoreError> {
    let watched = Watched::new(&FunctionRecord::key(ctx, &version.name), version);
    let at_ms = used_ms.saturating_add(UNUSED_MS).max(0) as u64;
    if let Some(key) = version_key(watched.function.clone(), &watched.version) {
        tx.put(&USED, key, &used_ms)?;
    }
    tx.schedule(at_ms, IDLE, &watched)?;
    Ok(())
}

/// Drops snapshots that nobody uses.
pub(crate) struct Idle {
    pub pool: Arc<Pool>,
}

impl TaskHandler for Idle {
    fn run<'a>(
        &'a self,
        kernel: &'a Kernel,
        timer: &'a store::Timer,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let watched: Watched =
                serde_json::from_value(timer.payload.clone()).map_err(Fault::internal)?;
            let (account, region, name) = &watched.function;
            let ctx = kernel.service_ctx("lambda.amazonaws.com", account, region);
            let idle = kernel
                .store()
                .write(|tx| {
                    tx.ack_timer(timer.id)?;
                    look(tx, &ctx, &watched)
                })
                .await
                .map_err(Fault::internal)?;
            if idle {
                let name = Name::of(&ctx, name);
                self.pool.retire_version(&name, &watched.version);
            }
            Ok(())
        })
    }
}

/// Whether the version is idle now. One that is still used is looked at again later.
fn look(tx: &mut WriteTx, ctx: &Ctx, watched: &Watched) -> Result<bool, StoreError> {
    let Some(key) = version_key(watched.function.clone(), &watched.version) else {
        return Ok(false);
    };
    let Some(mut version) = tx.get(&VERSIONS, key.clone())? else {
        tx.delete(&USED, key)?;
        return Ok(false);
    };
    if version.revision != watched.revision || !version.active {
        return Ok(false);
    }
    let used_ms = tx.get(&USED, key.clone())?.unwrap_or(version.modified_ms);
    if used_ms.saturating_add(UNUSED_MS) > ctx.now().epoch_ms {
        watch(tx, ctx, &version, used_ms)?;
        return Ok(false);
    }
    version.active = false;
    version.unsnapped = Some(Unsnapped::Idle);
    tx.put(&VERSIONS, key, &version)?;
    Ok(true)
}
