//! One operation a file.

mod batch_get_item;
mod batch_write_item;
mod create_table;
mod delete_item;
mod delete_table;
mod describe_table;
mod get_item;
mod list_tables;
mod pending;
mod put_item;
mod query;
mod scan;
mod search_vectors;
mod transact_get_items;
mod transact_write_items;
mod update_item;
mod update_table;

pub(crate) use batch_get_item::batch_get_item;
pub(crate) use batch_write_item::batch_write_item;
pub(crate) use create_table::create_table;
pub(crate) use delete_item::delete_item;
pub(crate) use delete_table::delete_table;
pub(crate) use describe_table::describe_table;
pub(crate) use get_item::get_item;
pub(crate) use list_tables::list_tables;
pub(crate) use pending::*;
pub(crate) use put_item::put_item;
pub(crate) use query::query;
pub(crate) use scan::scan;
pub(crate) use search_vectors::search_vectors;
pub(crate) use transact_get_items::transact_get_items;
pub(crate) use transact_write_items::transact_write_items;
pub(crate) use update_item::update_item;
pub(crate) use update_table::update_table;
