//! What all sandboxes of the service share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kernel::{BoxFuture, Kernel, Level};
use sandbox::{Choice, Engine};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::archives::Archives;
use crate::code::Code;
use crate::held::Held;
use crate::local::{Debugger, Local};
use crate::metrics::Metrics;
use crate::snapshots::Snapshots;
use crate::standin::{Connection, StandIn};

/// Sandboxes that are initialised at a time, for each processor.
const TURNS_PER_PROCESSOR: usize = 4;

/// Takes over a connection that a function made to this cloud; completes at its end.
pub type Endpoint = Arc<dyn Fn(Box<dyn Connection>) -> BoxFuture<'static, ()> + Send + Sync>;

/// How the service is set up.
#[derive(Clone)]
pub struct Options {
    /// Serves functions' calls to our own services: the gateway.
    pub endpoint: Endpoint,
    /// What stands in for AWS's hosts; without it no such name exists inside.
    pub stand_in: Option<StandIn>,
    /// Base URL under which callers reach the gateway, without a slash at the end.
    pub public_url: Arc<dyn Fn() -> String + Send + Sync>,
    /// Where `runtimes/install.sh` has installed (see [`default_runtimes`]).
    pub runtimes: PathBuf,
    /// For unpacked code and private temporary files; may be emptied while the server is down.
    pub cache: PathBuf,
    /// How programs are isolated.
    pub isolation: Choice,
    /// The binary that becomes the sandbox's agent; `None` is this one.
    pub agent: Option<PathBuf>,
    /// Sandboxes that run at a time, as the account's limit on AWS.
    pub concurrency_max: usize,
    /// A sandbox without work ends after this.
    pub idle: Duration,
    /// Pauses before an event that failed is tried a second and a third time.
    pub retry_pauses: [Duration; 2],
    /// What a tool on the developer's own machine adds; none in a cloud.
    pub local: Option<Arc<Local>>,
    /// Memory that all sandboxes without work may use together, in bytes.
    pub idle_bytes_max: u64,
    /// Whether a new or changed function is initialised before somebody invokes it.
    pub proactive: bool,
    /// Whether functions may use the processors as they like, however little memory they have.
    pub full_processor: bool,
    /// Whether sandboxes that wait stand for snapshots even where memory could be kept.
    pub hold: bool,
}

impl Options {
    /// AWS's limits; `cache` and `endpoint` have no default.
    pub fn new(cache: PathBuf, endpoint: Endpoint) -> Options {
        Options {
            endpoint,
            stand_in: None,
            public_url: Arc::new(|| "http://127.0.0.1:4566".into()),
            runtimes: default_runtimes(),
            cache,
            isolation: Choice::Namespaces,
            agent: None,
            concurrency_max: 1000,
            idle: Duration::from_secs(300),
            retry_pauses: [Duration::from_secs(60), Duration::from_secs(120)],
            local: None,
            idle_bytes_max: physical_memory_bytes() / 2,
            proactive: true,
            full_processor: false,
            hold: false,
        }
    }
}

/// This machine's memory; 4 GiB where it does not tell.
fn physical_memory_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.map_or(4 << 30, |kib| kib << 10)
}

/// `$GUREUM_RUNTIMES`, else `gureum/runtimes` in the user's cache: as `runtimes/install.sh`.
pub fn default_runtimes() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = variable("GUREUM_RUNTIMES") {
        return folder.into();
    }
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")));
    cache.unwrap_or_else(|| "/var/cache".into()).join("gureum/runtimes")
}

/// What all sandboxes share.
pub(crate) struct Host {
    pub kernel: Kernel,
    pub options: Options,
    pub code: Arc<Code>,
    pub archives: Arc<Archives>,
    engine: OnceCell<Engine>,
    /// Sandboxes that wait at `restore/next`.
    pub held: Held,
    /// Snapshots of memory.
    pub snapshots: Arc<Snapshots>,
    /// What functions do, counted.
    pub metrics: Metrics,
    turns: Arc<Semaphore>,
}

/// Permission to initialise a sandbox now.
pub(crate) type Turn = Option<OwnedSemaphorePermit>;

impl Host {
    pub fn new(kernel: &Kernel, options: Options) -> Host {
        let code = Code::new(kernel.blobs().clone(), &options.cache, options.local.clone());
        let code = Arc::new(code);
        let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
        let turns = Arc::new(Semaphore::new(processors * TURNS_PER_PROCESSOR));
        let archives = Arc::new(Archives::new(&options.cache));
        let sealer = kernel.sealer().clone();
        let snapshots = Snapshots::new(&options.cache, sealer, options.idle_bytes_max);
        Host {
            kernel: kernel.clone(),
            options,
            code,
            archives,
            engine: OnceCell::new(),
            held: Held::default(),
            snapshots: Arc::new(snapshots),
            metrics: Metrics::default(),
            turns,
        }
    }

    /// Waits for permission to initialise. All at once would take as long in sum, but each of
    /// them so long that AWS's limit for initialisation ends it.
    pub async fn turn(&self) -> Turn {
        // The semaphore is never closed.
        self.turns.clone().acquire_owned().await.ok()
    }

    /// Whether a debugger may stop a function for as long as it likes.
    pub fn debugs(&self) -> bool {
        self.options.local.as_ref().is_some_and(|local| local.dialers.is_some())
    }

    /// Whether functions reach the rest of the network.
    pub fn reaches_outside(&self) -> bool {
        self.options.local.as_ref().is_some_and(|local| local.outside)
    }

    /// How a function is debugged, if it is.
    pub fn debugger(&self, function: &str) -> Option<&Debugger> {
        self.options.local.as_ref()?.debuggers.get(function)
    }

    /// The sandbox engine, tried out on first use.
    pub async fn engine(&self) -> Result<&Engine, sandbox::Error> {
        let detect = || async {
            let Options { isolation, agent, cache, .. } = &self.options;
            let engine = Engine::detect(*isolation, agent.clone(), cache).await?;
            self.kernel.log(Level::Info, format_args!("functions run in {}", engine.mode()));
            Ok(engine)
        };
        self.engine.get_or_try_init(detect).await
    }
}
