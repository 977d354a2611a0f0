//! One operation a file.

mod associate_lambda_function;
mod associate_phone_number_contact_flow;
mod claim_phone_number;
mod create_contact_flow;
mod create_instance;
mod delete_instance;
mod describe_contact;
mod describe_contact_flow;
mod describe_instance;
mod get_contact_attributes;
mod list_contact_flows;
mod list_instances;
mod list_lambda_functions;
mod list_phone_numbers_v2;
mod search_available_phone_numbers;
mod update_contact_attributes;
mod update_contact_flow_content;

pub(crate) use associate_lambda_function::associate_lambda_function;
pub(crate) use associate_phone_number_contact_flow::associate_phone_number_contact_flow;
pub(crate) use claim_phone_number::claim_phone_number;
pub(crate) use create_contact_flow::create_contact_flow;
pub(crate) use create_instance::create_instance;
pub(crate) use delete_instance::delete_instance;
pub(crate) use describe_contact::describe_contact;
pub(crate) use describe_contact_flow::describe_contact_flow;
pub(crate) use describe_instance::describe_instance;
pub(crate) use get_contact_attributes::get_contact_attributes;
pub(crate) use list_contact_flows::list_contact_flows;
pub(crate) use list_instances::list_instances;
pub(crate) use list_lambda_functions::list_lambda_functions;
pub(crate) use list_phone_numbers_v2::list_phone_numbers_v2;
pub(crate) use search_available_phone_numbers::search_available_phone_numbers;
pub(crate) use update_contact_attributes::update_contact_attributes;
pub(crate) use update_contact_flow_content::update_contact_flow_content;
