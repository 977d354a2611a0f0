//! The operations, by what they are about.

mod buckets;
mod create_bucket;
mod versioning;

pub(crate) use buckets::{delete_bucket, get_bucket_location, head_bucket, list_buckets};
pub(crate) use create_bucket::create_bucket;
pub(crate) use versioning::{get_bucket_versioning, put_bucket_versioning};
