//! The operations, by what they are about.

mod acl;
mod bucket_access;
mod bucket_cors;
mod bucket_encryption;
mod bucket_payment;
mod bucket_policy;
mod bucket_tagging;
mod bucket_website;
mod buckets;
mod create_bucket;
mod creation;
mod object_lock;
mod object_tagging;
mod object_target;
mod versioning;

pub(crate) use acl::{
    admit as admit_acl, get_bucket_acl, get_object_acl, put_bucket_acl, put_object_acl,
};
pub(crate) use bucket_access::{
    delete_bucket_ownership_controls, delete_public_access_block, get_bucket_ownership_controls,
    get_public_access_block, put_bucket_ownership_controls, put_public_access_block,
};
pub(crate) use bucket_cors::{delete_bucket_cors, get_bucket_cors, put_bucket_cors};
pub(crate) use bucket_encryption::{
    delete_bucket_encryption, get_bucket_encryption, put_bucket_encryption,
};
pub(crate) use bucket_payment::{
    get_bucket_accelerate_configuration, get_bucket_logging, get_bucket_replication,
    get_bucket_request_payment, put_bucket_request_payment,
};
pub(crate) use bucket_policy::{
    delete_bucket_policy, get_bucket_policy, get_bucket_policy_status, put_bucket_policy,
};
pub(crate) use bucket_tagging::{delete_bucket_tagging, get_bucket_tagging, put_bucket_tagging};
pub(crate) use bucket_website::{delete_bucket_website, get_bucket_website, put_bucket_website};
pub(crate) use buckets::{delete_bucket, get_bucket_location, head_bucket, list_buckets};
pub(crate) use create_bucket::create_bucket;
pub(crate) use object_lock::{
    get_object_legal_hold, get_object_lock_configuration, get_object_retention,
    put_object_legal_hold, put_object_lock_configuration, put_object_retention,
};
pub(crate) use object_tagging::{delete_object_tagging, get_object_tagging, put_object_tagging};
pub(crate) use versioning::{get_bucket_versioning, put_bucket_versioning};
