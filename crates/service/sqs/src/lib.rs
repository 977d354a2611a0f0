//! Amazon Simple Queue Service.
//!
//! A message is three rows: what was sent (written once, sealed), its state (when it is visible,
//! how often it was received), and its place in the line of its queue, whose key begins with the
//! moment it becomes visible. So receiving reads the front of the line and nothing that is
//! invisible. In FIFO queues groups stand in line instead of messages (`groups.rs`).
//!
//! Nothing is kept in memory but who waits and which messages are just being handed out
//! (`live.rs`): a queue is whole after any crash.

mod attributes;
mod change;
mod content;
mod count;
mod error;
mod groups;
mod guard;
mod handle;
mod invalid;
mod kms;
mod line;
mod live;
mod md5;
mod moves;
mod name;
mod ops;
mod permission;
mod receive;
mod record;
mod seal;
mod send;
mod settings;
mod sweep;

use std::sync::Arc;

use kernel::Service;

use kms::DataKeys;
use live::Lives;

pub use record::policy_text;

/// The service.
pub struct Sqs {
    lives: Arc<Lives>,
    data_keys: Arc<DataKeys>,
    /// Where queue URLs point when no client's request says where it reaches us.
    address: String,
}

api_sqs::serve!(Sqs, ops);

/// Builds the service for the kernel. `address` is host and port at which clients on this machine
/// reach it.
pub fn service(address: String) -> Service {
    let lives = Arc::new(Lives::default());
    let data_keys = Arc::new(DataKeys::default());
    let sqs = Sqs { lives: lives.clone(), data_keys: data_keys.clone(), address };
    let mut service = Service::new(api_sqs::dispatch(Arc::new(sqs)));
    service.reseal = Some(Arc::new(seal::Messages));
    service.invalid = Some(invalid::invalid);
    service.guard = Some(Arc::new(guard::Queues));
    service.tasks = sweep::tasks(&lives);
    service.tasks.extend(moves::tasks(&lives));
    let forget = move || -> kernel::BoxFuture<'static, ()> {
        let (lives, data_keys) = (lives.clone(), data_keys.clone());
        Box::pin(async move {
            lives.clear();
            data_keys.clear();
        })
    };
    service.reset = Some(Arc::new(forget));
    service
}
