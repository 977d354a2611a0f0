//! Amazon Simple Storage Service.
//!
//! ```text
//! ops/         one operation, or a tight group, to a file: reads the request, words the answer
//! records.rs   what is stored: buckets, versions of objects, uploads
//! buckets.rs   finding a bucket, and who may be told of it
//! objects.rs   versions: finding, putting, deleting one inside a transaction
//! receive.rs   bytes of a request into a blob, digested and compared
//! sse.rs       under what an object's secret is wrapped
//! list.rs      listing keys with prefix and delimiter
//! errors.rs    S3's errors with S3's words
//! hooks.rs     what the sub-resources of a bucket do when objects come and go
//! door.rs      websites, forms and cross-origin rules: HTTP that is no operation
//! guard.rs     what policies and access control lists say of a bucket and its objects
//! settings/    those sub-resources: read, checked, kept and shown; mostly pure
//! notify.rs    events on their way to queues and functions
//! inventory/   lists of objects that are put into another bucket
//! replicate/   copies for other buckets
//! sweep.rs     lifecycle rules at work
//! website.rs   websites at work
//! access_log/  server access logs
//! fuzz.rs      what the fuzz targets call
//! post/        uploads by HTML forms
//! ```

mod access_log;
mod buckets;
mod bytes;
pub mod check;
mod checksums;
mod conditions;
mod door;
mod errors;
mod event_bridge;
pub mod fuzz;
mod guard;
#[allow(dead_code, reason = "events follow")]
mod hooks;
mod inventory;
mod kms;
mod list;
mod look;
mod multipart;
mod notify;
mod objects;
mod ops;
mod post;
mod range;
mod receive;
mod records;
mod replicate;
mod settings;
mod sse;
mod sweep;
mod template;
mod website;

use std::sync::{Arc, Mutex, PoisonError};

use kernel::blobs::BlobSecret;
use kernel::{Fault, Service};
use shape::{Constraint, Problem};

/// The service.
#[derive(Default)]
pub struct S3 {
    /// What wraps the secrets of objects, once it was needed.
    master: Mutex<Option<BlobSecret>>,
    logs: Arc<access_log::Logs>,
}

api_s3::serve!(S3, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    let s3 = Arc::new(S3::default());
    let mut service = Service::new(api_s3::dispatch(s3.clone()));
    service.invalid = Some(invalid);
    service.reseal = Some(Arc::new(sse::Master));
    service.door = Some(Arc::new(door::S3Door(s3.logs.clone())));
    service.guard = Some(Arc::new(guard::S3Guard));
    service.tasks.push((sweep::KIND, Arc::new(sweep::Sweeper(s3.logs.clone()))));
    service.tasks.push((inventory::KIND, Arc::new(inventory::Maker)));
    service.tasks.push((ops::RESTORED, Arc::new(ops::Ender)));
    service.subscriptions.push((notify::TOPIC, Arc::new(notify::Deliverer)));
    service.subscriptions.push((event_bridge::TOPIC, Arc::new(event_bridge::Teller)));
    service.subscriptions.push((replicate::TOPIC, Arc::new(replicate::Deliverer)));
    service.reset = Some(Arc::new(move || {
        let s3 = s3.clone();
        Box::pin(async move {
            *s3.master.lock().unwrap_or_else(PoisonError::into_inner) = None;
            s3.logs.clear();
        })
    }));
    service
}

/// Words broken constraints as S3 does: what is in a body is its schema's, enums of headers have
/// codes of their own.
fn invalid(_operation: &str, problems: &[Problem]) -> Option<Fault> {
    let problem = problems.first()?;
    let member = problem.path.rsplit('.').next().unwrap_or_default();
    Some(match (member, &problem.constraint) {
        ("locationConstraint", Constraint::Enum(_)) => errors::invalid_location_constraint(),
        ("storageClass", Constraint::Enum(_)) => errors::invalid_storage_class(),
        ("bucket", Constraint::Required) => errors::invalid_bucket_name(""),
        (_, Constraint::Enum(_) | Constraint::Required) if problem.path.contains('.') => {
            errors::malformed_xml()
        }
        _ => errors::invalid_argument(member, problem.value.as_deref(), &problem.to_string()),
    })
}
