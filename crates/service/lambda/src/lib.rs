//! AWS Lambda: functions, and the sandboxes that run them.
//!
//! ```text
//! Invoke ─→ pool ─→ instance (one task a sandbox) ─→ running ─→ sandbox engine
//!                   initialise, invocation, its end    Runtime API, extensions, output, exit
//!                      │                               (crates/engine/sandbox)
//!                      └→ journal ─→ logs ─→ CloudWatch Logs; telemetry ─→ extensions
//! ```
//!
//! Code is unpacked once per package and mounted read-only. A sandbox serves one invocation at a
//! time and is used again; more at a time start more sandboxes, up to the account's limit. Events
//! that nobody waits for lie in the store until they are handled or given up (`events`).

mod alias;
mod archives;
mod check;
mod code;
mod code_users;
mod concurrency;
mod configuration;
mod download;
mod environment;
mod errors;
mod event_invoke;
mod events;
mod extensions;
mod guard;
mod held;
mod host;
mod images;
mod initialise;
mod instance;
mod invalid;
mod invocation;
mod invoke;
mod journal;
mod layers;
mod layout;
mod local;
mod logging;
mod logs;
mod mappings;
mod merged;
mod metrics;
mod name;
mod names;
mod ops;
mod outcome;
mod output;
mod outside;
mod page;
mod platform;
mod policy;
mod pool;
mod ports;
mod provisioned;
mod publish;
mod record;
mod reseal;
mod resolve;
mod restore;
mod role;
mod running;
mod runtime_api;
mod runtimes;
mod settle;
mod signing;
mod snapshots;
mod snapstart;
mod source;
mod standin;
mod suspended;
mod telemetry;
mod tell;
mod trace;
mod upkeep;
mod url;
mod url_event;
mod url_stream;
mod urls;
mod variables;

use std::sync::Arc;

use kernel::{Hook, Kernel, Service};

pub use download::{CODE_PATH, Downloads};
pub use host::{Endpoint, Options, default_runtimes};
pub use images::{Images, Imported};
pub use local::{DEBUGGER_FOLDER, Debugger, Dialer, Dialers, Key, Lines, Local};
pub use runtimes::{Installed, installed, without_randomness};
pub use sandbox::Choice as Isolation;
pub use standin::{AUTHORITY, BUNDLE, Connection, DOMAINS, JAVA_STORE, StandIn};
pub use urls::{UrlRequest, Urls};

use crate::concurrency::Concurrency;
use crate::events::Lanes;
use crate::host::Host;
use crate::mappings::Mappings;
use crate::pool::Pool;

/// The service.
#[derive(Clone)]
pub struct Lambda {
    host: Arc<Host>,
    pool: Arc<Pool>,
    concurrency: Arc<Concurrency>,
    lanes: Arc<Lanes>,
    mappings: Arc<Mappings>,
}

api_lambda::serve!(Lambda, ops);

/// What the gateway serves beside the operations.
pub struct Doors {
    /// `Code.Location`.
    pub downloads: Downloads,
    /// The hosts of functions.
    pub urls: Urls,
    /// Container images that were imported.
    pub images: Images,
}

/// Builds the service for the kernel, and what the gateway serves beside it.
pub fn service(kernel: &Kernel, options: Options) -> (Service, Doors) {
    let host = Arc::new(Host::new(kernel, options));
    let pool = Pool::new(host.clone());
    kernel.spawn(provisioned::restore(kernel.clone(), pool.clone()));
    kernel.spawn(snapstart::resume(kernel.clone(), pool.clone()));
    let downloads = Downloads::new(host.clone());
    let concurrency = Arc::new(Concurrency::default());
    let all = pool.clone();
    let end_all: Hook = Arc::new(move || {
        all.retire_all();
        Box::pin(async {})
    });
    let readers = Arc::new(Mappings::default());
    let (lanes, mappings) = (Arc::default(), readers.clone());
    let (archives, snapshots) = (host.archives.clone(), host.snapshots.clone());
    let forgetting = host.clone();
    let variables = reseal::Variables { snapshots: snapshots.clone() };
    let (own, counted, running) = (kernel.clone(), host.clone(), concurrency.clone());
    kernel.spawn(async move { metrics::run(own, &counted.metrics, &running).await });
    let api = Lambda { host, pool: pool.clone(), concurrency, lanes, mappings };
    kernel.spawn(events::resume(api.clone(), kernel.clone()));
    kernel.spawn(mappings::resume(api.clone(), kernel.clone()));
    let api = Arc::new(api);
    let images = Images::new(api.clone());
    let doors = Doors { downloads, urls: Urls::new(api.clone()), images };
    let mut service = Service::new(api_lambda::dispatch(api));
    service.reseal = Some(Arc::new(variables));
    service.guard = Some(Arc::new(guard::Functions));
    service.invalid = Some(invalid::invalid);
    service.tasks = vec![
        (record::SETTLE, Arc::new(settle::Settler { pool: pool.clone() })),
        (snapstart::IDLE, Arc::new(snapstart::Idle { pool: pool.clone() })),
    ];
    // Running sandboxes watch the kernel's stop by themselves; the kernel waits for their tasks.
    service.stop = Some(end_all.clone());
    service.reset = Some(Arc::new(move || {
        readers.look_again();
        archives.clear();
        snapshots.clear();
        forgetting.metrics.forget();
        end_all()
    }));
    (service, doors)
}
