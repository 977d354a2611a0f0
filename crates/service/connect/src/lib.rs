//! Amazon Connect: instances, contact flows, telephone numbers, and calls that run the flows.
//!
//! The operations are in `ops`, one to a file. Calls are in [`calls`]: a call to a claimed number
//! runs the flow associated with it on the pure machine of the `flow` crate, invokes Lambda
//! functions through the kernel, and keeps everything it is in the store, so that it survives a
//! restart and can be replayed.

pub mod calls;
mod catalogue;
mod contacts;
mod content;
mod errors;
mod flows;
mod guard;
mod ids;
mod ops;
mod page;
mod records;
mod tags;
mod tokens;

use calls::Calls;
use kernel::Service;
use std::sync::Arc;

/// The service.
pub struct Connect;

api_connect::serve!(Connect, ops);

/// Builds the service for the kernel. `calls` is shared with whoever places calls.
pub fn service(calls: &Calls) -> Service {
    let mut service = Service::new(api_connect::dispatch(Arc::new(Connect)));
    service.guard = Some(Arc::new(guard::Resources));
    service.tasks.push((calls::TURN_OVER, Arc::new(calls.clone())));
    service.subscriptions.push((calls::FLOW_LOG, Arc::new(calls::FlowLogs)));
    let calls = calls.clone();
    service.reset = Some(Arc::new(move || {
        calls.forget();
        Box::pin(async {})
    }));
    service
}
