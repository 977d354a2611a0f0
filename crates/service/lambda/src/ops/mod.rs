//! One operation a file.

mod aliases;
mod code_signing;
mod concurrency;
mod create_function;
mod delete_function;
mod event_invoke;
mod event_source_mappings;
mod get_account_settings;
mod get_function;
mod get_function_configuration;
mod invoke;
mod invoke_with_response_stream;
mod layer_permissions;
mod layers;
mod list_functions;
mod management;
mod permissions;
mod provisioned;
mod tags;
mod update_function_code;
mod update_function_configuration;
mod urls;
mod versions;

pub(crate) use aliases::{create_alias, delete_alias, get_alias, list_aliases, update_alias};
pub(crate) use code_signing::{
    create_code_signing_config, delete_code_signing_config, delete_function_code_signing_config,
    get_code_signing_config, get_function_code_signing_config, list_code_signing_configs,
    list_functions_by_code_signing_config, put_function_code_signing_config,
    update_code_signing_config,
};
pub(crate) use concurrency::{
    delete_function_concurrency, get_function_concurrency, put_function_concurrency,
};
pub(crate) use create_function::create_function;
pub(crate) use delete_function::delete_function;
pub(crate) use event_invoke::{
    delete_function_event_invoke_config, get_function_event_invoke_config,
    list_function_event_invoke_configs, put_function_event_invoke_config,
    update_function_event_invoke_config,
};
pub(crate) use event_source_mappings::{
    create_event_source_mapping, delete_event_source_mapping, get_event_source_mapping,
    list_event_source_mappings, update_event_source_mapping,
};
pub(crate) use get_account_settings::get_account_settings;
pub(crate) use get_function::get_function;
pub(crate) use get_function_configuration::get_function_configuration;
pub(crate) use invoke::invoke;
pub(crate) use invoke_with_response_stream::invoke_with_response_stream;
pub(crate) use layer_permissions::{
    add_layer_version_permission, get_layer_version_policy, remove_layer_version_permission,
};
pub(crate) use layers::{
    delete_layer_version, get_layer_version, get_layer_version_by_arn, list_layer_versions,
    list_layers, publish_layer_version,
};
pub(crate) use list_functions::list_functions;
pub(crate) use management::{
    get_function_recursion_config, get_runtime_management_config, put_function_recursion_config,
    put_runtime_management_config,
};
pub(crate) use permissions::{add_permission, get_policy, remove_permission};
pub(crate) use provisioned::{
    delete_provisioned_concurrency_config, get_provisioned_concurrency_config,
    list_provisioned_concurrency_configs, put_provisioned_concurrency_config,
};
pub(crate) use tags::{list_tags, tag_resource, untag_resource};
pub(crate) use update_function_code::update_function_code;
pub(crate) use update_function_configuration::update_function_configuration;
pub(crate) use urls::{
    create_function_url_config, delete_function_url_config, get_function_url_config,
    list_function_url_configs, update_function_url_config,
};
pub(crate) use versions::{list_versions_by_function, publish_version};
