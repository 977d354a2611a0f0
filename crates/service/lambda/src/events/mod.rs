//! Events that nobody waits for (`InvocationType` `Event`): kept until their function has handled
//! them or they are given up.
//!
//! An event is a row from before its acceptance is answered until it is done, so a crash repeats
//! attempts but loses none. A function's events run beside each other, in no particular order.

mod deliver;
mod destination;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use api_lambda::{Error, RequestTooLargeException};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::{Ctx, Fault, Kernel, Level, Sealer};
use serde::{Deserialize, Serialize};
use store::{Part, Scan, Table};
use tokio::sync::Semaphore;

use crate::Lambda;
use crate::invoke::Request;
use crate::metrics::{Metric, Subject};
use crate::name::Name;
use crate::record::FunctionKey;

/// Waiting events: account, region, function, request id.
pub(crate) const EVENTS: Table<Waiting> = Table::new("lambda/event");
const PURPOSE: &str = "lambda-event";
/// AWS's limit of 2025 for events that nobody waits for.
pub(crate) const EVENT_BYTES_MAX: usize = 1_048_576;
/// Events of one function that run at a time. Each may need a sandbox of its own.
const AT_ONCE: usize = 8;

type EventKey = (String, String, String, String);

/// An event that waits, or is being handled.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Waiting {
    /// The version or alias it was sent to.
    pub qualifier: Option<String>,
    /// [`Content`] as JSON, sealed, in base64.
    pub sealed: String,
    pub trace: Option<String>,
    pub accepted_ms: i64,
    /// How often the function has run with it and failed.
    pub failures: u32,
    /// How often there was no room for it since then.
    pub refusals: u32,
    /// Not before.
    pub due_ms: i64,
}

/// What is not readable at rest.
#[derive(Serialize, Deserialize)]
struct Content {
    /// JSON text.
    payload: String,
    client_context: Option<String>,
}

impl Waiting {
    fn content(&self, sealer: &Sealer) -> Result<Content, Fault> {
        let sealed = BASE64.decode(&self.sealed).map_err(Fault::internal)?;
        let plain = sealer.open_sealed(PURPOSE, &sealed).map_err(Fault::internal)?;
        serde_json::from_slice(&plain).map_err(Fault::internal)
    }
}

/// Room for the events of each function.
#[derive(Default)]
pub(crate) struct Lanes(Mutex<HashMap<FunctionKey, Arc<Semaphore>>>);

impl Lanes {
    fn of(&self, function: FunctionKey) -> Arc<Semaphore> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Lanes that nobody is in or waits for.
        lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        lanes.entry(function).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone()
    }
}

/// Takes an event over: when this returns, it is on disk and on its way.
pub(crate) async fn accept(
    api: &Lambda,
    ctx: &Ctx,
    name: &Name,
    request: Request,
) -> Result<(), Error> {
    let bytes = request.payload.len();
    if bytes > EVENT_BYTES_MAX {
        let message = Some(format!(
            "{bytes} byte payload is too large for the Event invocation type (limit \
             {EVENT_BYTES_MAX} bytes)"
        ));
        return Err(RequestTooLargeException { message, r#type: Some("User".into()) }.into());
    }
    let payload = String::from_utf8(request.payload.to_vec()).map_err(Fault::internal)?;
    let content = Content { payload, client_context: request.client_context };
    let plain = serde_json::to_vec(&content).map_err(Fault::internal)?;
    let now_ms = ctx.now().epoch_ms;
    let waiting = Waiting {
        qualifier: name.qualifier.clone(),
        sealed: BASE64.encode(ctx.kernel().sealer().seal(PURPOSE, &plain)),
        trace: request.trace,
        accepted_ms: now_ms,
        failures: 0,
        refusals: 0,
        due_ms: now_ms,
    };
    let (account, region, function) = name.key();
    let mut key = (account, region, function, request.request_id);
    let other = ctx.random().uuid();
    ctx.store()
        .write(|tx| {
            // Whoever sends two events in one request must not replace the first.
            if tx.get(&EVENTS, key.clone())?.is_some() {
                key.3.clone_from(&other);
            }
            tx.put(&EVENTS, key.clone(), &waiting)
        })
        .await?;
    let subject = Subject::of(name, None);
    api.host.metrics.note(ctx, subject, &[(Metric::ASYNC_RECEIVED, 1.0)]);
    deliver::start(api, ctx.kernel(), key);
    Ok(())
}

/// Takes up what a stop or crash has left.
pub(crate) async fn resume(api: Lambda, kernel: Kernel) {
    // Functions need roles and logs, which are services like this one.
    while kernel.service("lambda").is_none() && !kernel.is_stopping() {
        kernel.clock().sleep(std::time::Duration::from_millis(20)).await;
    }
    let keys = kernel.store().read(|tx| tx.scan(&EVENTS, Scan::all())).map(|rows| {
        let key = |key: store::Key| match <[Part; 4]>::try_from(key.parts()?).ok()? {
            [Part::Text(account), Part::Text(region), Part::Text(function), Part::Text(id)] => {
                Some((account, region, function, id))
            }
            _ => None,
        };
        rows.into_iter().filter_map(|(at, _)| key(at)).collect::<Vec<EventKey>>()
    });
    match keys {
        Ok(keys) => keys.into_iter().for_each(|key| deliver::start(&api, &kernel, key)),
        Err(error) => kernel.log(Level::Error, format_args!("Lambda's waiting events: {error}")),
    }
}

/// The same event under the newest installation key; `None` if it is already.
pub(crate) fn resealed(sealer: &Sealer, waiting: &mut Waiting) -> Result<bool, kernel::SealError> {
    let old = BASE64.decode(&waiting.sealed).map_err(|_| kernel::SealError::Forged)?;
    let Some(new) = sealer.resealed(PURPOSE, &old)? else { return Ok(false) };
    waiting.sealed = BASE64.encode(new);
    Ok(true)
}
