//! What a service crate hands to the binary.

use std::sync::Arc;

use shape::{Fault, Problem};
use store::{Event, Timer};

use crate::access::Guard;
use crate::{BoxFuture, Dispatch, Door, Kernel, Reseal};

/// Runs a durable task when its time has come: scheduled with `tx.schedule(at_ms, KIND, …)` in
/// the same commit as the state it belongs to. At least once: an error is retried with growing
/// pauses, so a handler must bear being called again.
pub trait TaskHandler: Send + Sync {
    /// Does the work. A handler whose effect is a transaction calls `tx.ack_timer(timer.id)` in
    /// it, so that the effect happens exactly once; otherwise the kernel acknowledges after it.
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>>;
}

/// Receives the events of a topic, emitted with `tx.emit(TOPIC, key, …)`: at least once, in order
/// for each ordering key.
pub trait EventHandler: Send + Sync {
    /// Takes one event; `tx.ack_event(event.id)` as with [`TaskHandler::run`].
    fn receive<'a>(
        &'a self,
        kernel: &'a Kernel,
        event: &'a Event,
    ) -> BoxFuture<'a, Result<(), Fault>>;
}

/// Words constraints that a request to the named operation breaks; `None` leaves them to the usual
/// text.
pub type Invalid = fn(&str, &[Problem]) -> Option<Fault>;

/// Asynchronous work that a service wants done at a certain moment.
pub type Hook = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// A service: its operations, and what it wants to be called for.
pub struct Service {
    /// The operations.
    pub dispatch: Arc<dyn Dispatch>,
    /// Words broken constraints in the service's own way; `None` is AWS's usual text.
    pub invalid: Option<Invalid>,
    /// Kinds of durable tasks and who runs them.
    pub tasks: Vec<(&'static str, Arc<dyn TaskHandler>)>,
    /// Topics and who receives them.
    pub subscriptions: Vec<(&'static str, Arc<dyn EventHandler>)>,
    /// Seals again what the service keeps sealed, after a rotation of the installation key. A
    /// service that seals anything at rest has one.
    pub reseal: Option<Arc<dyn Reseal>>,
    /// Called once at a graceful stop, before the store closes.
    pub stop: Option<Hook>,
    /// Called when `/_gureum/reset` has emptied the store: drop what is kept in memory.
    pub reset: Option<Hook>,
    /// What it knows of its resources when access to them is judged.
    pub guard: Option<Arc<dyn Guard>>,
    /// HTTP that is none of the operations.
    pub door: Option<Arc<dyn Door>>,
}

impl Service {
    /// A service with operations alone.
    pub fn new(dispatch: Arc<dyn Dispatch>) -> Self {
        Service {
            dispatch,
            invalid: None,
            tasks: Vec::new(),
            subscriptions: Vec::new(),
            reseal: None,
            stop: None,
            reset: None,
            guard: None,
            door: None,
        }
    }
}
