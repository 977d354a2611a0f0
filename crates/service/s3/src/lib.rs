//! Amazon Simple Storage Service.
//!
//! ```text
//! ops/         one operation, or a tight group, to a file: reads the request, words the answer
//! records.rs   what is stored: buckets, versions of objects, uploads
//! buckets.rs   finding a bucket, and who may be told of it
//! objects.rs   versions: finding, putting, deleting one inside a transaction
//! errors.rs    S3's errors with S3's words
//! hooks.rs     what the sub-resources of a bucket do when objects come and go
//! door.rs      websites, forms and cross-origin rules: HTTP that is no operation
//! guard.rs     what policies and access control lists say of a bucket and its objects
//! settings/    those sub-resources: read, checked, kept and shown; mostly pure
//! post/        uploads by HTML forms
//! ```

mod buckets;
mod door;
#[expect(dead_code, reason = "the operations on objects follow")]
mod errors;
mod guard;
#[expect(dead_code, reason = "the operations on objects follow")]
mod hooks;
#[expect(dead_code, reason = "the operations on objects follow")]
mod objects;
mod ops;
#[allow(dead_code, unused_imports, reason = "its door follows")]
mod post;
mod records;
#[allow(dead_code, unused_imports, reason = "websites and events follow")]
mod settings;

use std::sync::Arc;

use kernel::{Fault, Service};
use shape::{Constraint, Problem};

/// The service.
pub struct S3;

api_s3::serve!(S3, ops);

/// Builds the service for the kernel.
pub fn service() -> Service {
    let mut service = Service::new(api_s3::dispatch(Arc::new(S3)));
    service.invalid = Some(invalid);
    service.door = Some(Arc::new(door::S3Door));
    service.guard = Some(Arc::new(guard::S3Guard));
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
