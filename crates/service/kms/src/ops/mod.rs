//! One operation, or a tight group, a file.

mod aliases;
mod create_grant;
mod create_key;
mod decrypt;
mod derive_shared_secret;
mod describe_key;
mod enable_key;
mod encapsulate;
mod encrypt;
mod generate_data_key;
mod generate_data_key_pair;
mod generate_random;
mod get_key_last_usage;
mod get_public_key;
mod import_key_material;
mod key_policy;
mod list_grants;
mod list_key_rotations;
mod list_keys;
mod mac;
mod re_encrypt;
mod replicate_key;
mod retire_grant;
mod rotation;
mod schedule_key_deletion;
mod sign;
mod tags;
mod update_key_description;

pub(crate) use aliases::{create_alias, delete_alias, list_aliases, update_alias};
pub(crate) use create_grant::create_grant;
pub(crate) use create_key::create_key;
pub(crate) use decrypt::decrypt;
pub(crate) use derive_shared_secret::derive_shared_secret;
pub(crate) use describe_key::describe_key;
pub(crate) use enable_key::{disable_key, enable_key};
pub(crate) use encapsulate::{decapsulate, encapsulate};
pub(crate) use encrypt::encrypt;
pub(crate) use generate_data_key::{generate_data_key, generate_data_key_without_plaintext};
pub(crate) use generate_data_key_pair::{
    generate_data_key_pair, generate_data_key_pair_without_plaintext,
};
pub(crate) use generate_random::generate_random;
pub(crate) use get_key_last_usage::get_key_last_usage;
pub(crate) use get_public_key::get_public_key;
pub(crate) use import_key_material::{
    delete_imported_key_material, get_parameters_for_import, import_key_material,
};
pub(crate) use key_policy::{get_key_policy, list_key_policies, put_key_policy};
pub(crate) use list_grants::{list_grants, list_retirable_grants};
pub(crate) use list_key_rotations::list_key_rotations;
pub(crate) use list_keys::list_keys;
pub(crate) use mac::{generate_mac, verify_mac};
pub(crate) use re_encrypt::re_encrypt;
pub(crate) use replicate_key::{replicate_key, update_primary_region};
pub(crate) use retire_grant::{retire_grant, revoke_grant};
pub(crate) use rotation::{
    disable_key_rotation, enable_key_rotation, get_key_rotation_status, rotate_key_on_demand,
};
pub(crate) use schedule_key_deletion::{cancel_key_deletion, schedule_key_deletion};
pub(crate) use sign::{sign, verify};
pub(crate) use tags::{list_resource_tags, tag_resource, untag_resource};
pub(crate) use update_key_description::update_key_description;
