//! The operations, by what they are about.

mod acl;
mod attributes;
mod bucket_accelerate;
mod bucket_access;
mod bucket_cors;
mod bucket_encryption;
mod bucket_inventory;
mod bucket_lifecycle;
mod bucket_logging;
mod bucket_notification;
mod bucket_payment;
mod bucket_policy;
mod bucket_replication;
mod bucket_tagging;
mod bucket_website;
mod buckets;
mod complete_upload;
mod copy_object;
mod create_bucket;
mod create_upload;
mod creation;
mod delete_object;
mod get_object;
mod list_objects;
mod list_uploads;
mod list_versions;
mod object_lock;
mod object_tagging;
mod object_target;
mod put_object;
mod restore_object;
mod upload_part;
mod versioning;

pub(crate) use acl::{
    admit as admit_acl, get_bucket_acl, get_object_acl, put_bucket_acl, put_object_acl,
};
pub(crate) use attributes::get_object_attributes;
pub(crate) use bucket_accelerate::{
    get_bucket_accelerate_configuration, put_bucket_accelerate_configuration,
};
pub(crate) use bucket_access::{
    delete_bucket_ownership_controls, delete_public_access_block, get_bucket_ownership_controls,
    get_public_access_block, put_bucket_ownership_controls, put_public_access_block,
};
pub(crate) use bucket_cors::{delete_bucket_cors, get_bucket_cors, put_bucket_cors};
pub(crate) use bucket_encryption::{
    delete_bucket_encryption, get_bucket_encryption, put_bucket_encryption,
};
pub(crate) use bucket_inventory::{
    delete_bucket_inventory_configuration, get_bucket_inventory_configuration,
    list_bucket_inventory_configurations, put_bucket_inventory_configuration,
};
pub(crate) use bucket_lifecycle::{
    delete_bucket_lifecycle, get_bucket_lifecycle_configuration, put_bucket_lifecycle_configuration,
};
pub(crate) use bucket_logging::{get_bucket_logging, put_bucket_logging};
pub(crate) use bucket_notification::{
    get_bucket_notification_configuration, put_bucket_notification_configuration,
};
pub(crate) use bucket_payment::{get_bucket_request_payment, put_bucket_request_payment};
pub(crate) use bucket_policy::{
    delete_bucket_policy, get_bucket_policy, get_bucket_policy_status, put_bucket_policy,
};
pub(crate) use bucket_replication::{
    delete_bucket_replication, get_bucket_replication, put_bucket_replication,
};
pub(crate) use bucket_tagging::{delete_bucket_tagging, get_bucket_tagging, put_bucket_tagging};
pub(crate) use bucket_website::{delete_bucket_website, get_bucket_website, put_bucket_website};
pub(crate) use buckets::{delete_bucket, get_bucket_location, head_bucket, list_buckets};
pub(crate) use complete_upload::complete_multipart_upload;
pub(crate) use copy_object::{Source as CopySource, copy_object, source as copy_source};
pub(crate) use create_bucket::create_bucket;
pub(crate) use create_upload::{abort_multipart_upload, create_multipart_upload};
pub(crate) use delete_object::{delete_by_rule, delete_object, delete_objects};
pub(crate) use get_object::{get_object, head_object};
pub(crate) use list_objects::{list_objects, list_objects_v2};
pub(crate) use list_uploads::{list_multipart_uploads, list_parts};
pub(crate) use list_versions::list_object_versions;
pub(crate) use object_lock::{
    get_object_legal_hold, get_object_lock_configuration, get_object_retention,
    put_object_legal_hold, put_object_lock_configuration, put_object_retention,
};
pub(crate) use object_tagging::{delete_object_tagging, get_object_tagging, put_object_tagging};
pub(crate) use put_object::put_object;
pub(crate) use restore_object::{Ender, KIND as RESTORED, restore_object};
pub(crate) use upload_part::{upload_part, upload_part_copy};
pub(crate) use versioning::{get_bucket_versioning, put_bucket_versioning};
