//! One operation a file.

mod aliases;
mod create_function;
mod delete_function;
mod get_function;
mod get_function_configuration;
mod invoke;
mod invoke_with_response_stream;
mod list_functions;
mod provisioned;
mod update_function_code;
mod update_function_configuration;
mod versions;

pub(crate) use aliases::{create_alias, delete_alias, get_alias, list_aliases, update_alias};
pub(crate) use create_function::create_function;
pub(crate) use delete_function::delete_function;
pub(crate) use get_function::get_function;
pub(crate) use get_function_configuration::get_function_configuration;
pub(crate) use invoke::invoke;
pub(crate) use invoke_with_response_stream::invoke_with_response_stream;
pub(crate) use list_functions::list_functions;
pub(crate) use provisioned::{
    delete_provisioned_concurrency_config, get_provisioned_concurrency_config,
    list_provisioned_concurrency_configs, put_provisioned_concurrency_config,
};
pub(crate) use update_function_code::update_function_code;
pub(crate) use update_function_configuration::update_function_configuration;
pub(crate) use versions::{list_versions_by_function, publish_version};
