//! What this service answers when it cannot do what is asked.

use api_dynamodb::{
    ConditionalCheckFailedException, Error, ResourceInUseException, ResourceNotFoundException,
    TableNotFoundException,
};
use kernel::Fault;

use crate::convert;
use crate::invalid::Invalid;
use crate::item::Corrupt;
use crate::value::Item;

/// Namespace of DynamoDB's validation errors, other than that of its modeled ones.
const VALIDATION_NAMESPACE: &str = "com.amazon.coral.validate";

/// A `ValidationException`.
pub(crate) fn validation(message: impl Into<String>) -> Fault {
    Fault::sender("ValidationException", message).in_namespace(VALIDATION_NAMESPACE)
}

impl From<Invalid> for Fault {
    fn from(invalid: Invalid) -> Fault {
        validation(invalid.0)
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Error {
        Fault::from(invalid).into()
    }
}

impl From<Corrupt> for Error {
    fn from(corrupt: Corrupt) -> Error {
        Fault::internal(corrupt).into()
    }
}

/// Items' operations on a table that is not there.
pub(crate) fn no_table() -> Error {
    let message = Some("Requested resource not found".to_owned());
    ResourceNotFoundException { message }.into()
}

/// Tables' operations on a table that is not there.
pub(crate) fn no_such_table(name: &str) -> Error {
    let message = Some(format!("Requested resource not found: Table: {name} not found"));
    ResourceNotFoundException { message }.into()
}

/// Tables' operations on an index that is not there.
pub(crate) fn no_such_index(table: &str, index: &str) -> Error {
    let message = format!("Requested resource not found: Table: {table} Index: {index} not found");
    ResourceNotFoundException { message: Some(message) }.into()
}

/// A change of a table that another one is under way on.
pub(crate) fn table_in_use(state: &str, name: &str) -> Error {
    let message = format!("Attempt to change a resource which is still in use: {state}: {name}");
    ResourceInUseException { message: Some(message) }.into()
}

/// Backups' operations on a table that is not there.
pub(crate) fn table_not_found(name: &str) -> Error {
    let message = Some(format!("Table not found: {name}"));
    TableNotFoundException { message }.into()
}

/// A condition that does not hold; with the item if the request wants it.
pub(crate) fn condition_failed(item: Option<Item>) -> Error {
    let message = Some("The conditional request failed".to_owned());
    ConditionalCheckFailedException { message, item: item.map(convert::attributes) }.into()
}

/// Refuses parameters that this version does not serve, by name.
pub(crate) fn refuse(operation: &str, parameters: &[(&str, bool)]) -> Result<(), Fault> {
    match parameters.iter().find(|(_, given)| *given) {
        Some((parameter, _)) => {
            Err(Fault::not_implemented(format_args!("the parameter {parameter} of {operation}")))
        }
        None => Ok(()),
    }
}
