//! AWS Lambda: functions, and the sandboxes that run them.
//!
//! ```text
//! Invoke ─→ pool ─→ instance (one task a sandbox) ─→ running ─→ sandbox engine
//!                      │  Runtime API, output, memory, exit     (crates/engine/sandbox)
//!                      └→ outcome (answers and log lines) ─→ logs ─→ CloudWatch Logs
//! ```
//!
//! Code is unpacked once per package and mounted read-only. A sandbox serves one invocation at a
//! time and is used again; more at a time start more sandboxes, up to the account's limit.

mod alias;
mod check;
mod code;
mod code_users;
mod configuration;
mod download;
mod environment;
mod errors;
mod host;
mod instance;
mod invalid;
mod invoke;
mod local;
mod logs;
mod name;
mod ops;
mod outcome;
mod output;
mod page;
mod pool;
mod publish;
mod record;
mod reseal;
mod resolve;
mod role;
mod running;
mod runtime_api;
mod runtimes;
mod settle;

use std::sync::Arc;

use kernel::{Hook, Kernel, Service};

pub use download::{CODE_PATH, Downloads};
pub use host::{Endpoint, Options, default_runtimes};
pub use local::{Dialer, Dialers, Key, Lines, Local};
pub use runtimes::{Installed, installed};
pub use sandbox::Choice as Isolation;

use crate::host::Host;
use crate::pool::Pool;

/// The service.
pub struct Lambda {
    host: Arc<Host>,
    pool: Arc<Pool>,
}

api_lambda::serve!(Lambda, ops);

/// Builds the service for the kernel, and what the gateway needs to serve `Code.Location`.
pub fn service(kernel: &Kernel, options: Options) -> (Service, Downloads) {
    let host = Arc::new(Host::new(kernel, options));
    let pool = Pool::new(host.clone());
    let downloads = Downloads::new(host.clone());
    let all = pool.clone();
    let end_all: Hook = Arc::new(move || {
        all.retire_all();
        Box::pin(async {})
    });
    let mut service = Service::new(api_lambda::dispatch(Arc::new(Lambda { host, pool })));
    service.reseal = Some(Arc::new(reseal::Variables));
    service.invalid = Some(invalid::invalid);
    service.tasks = vec![(record::SETTLE, Arc::new(settle::Settler))];
    // Running sandboxes watch the kernel's stop by themselves; the kernel waits for their tasks.
    service.stop = Some(end_all.clone());
    service.reset = Some(end_all);
    (service, downloads)
}
