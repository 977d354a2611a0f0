//! The service's refusals, in AWS's words. The model's exceptions have no members, so a plain
//! fault says all.

use kernel::Fault;

pub(crate) fn invalid(message: impl Into<String>) -> Fault {
    Fault::sender("InvalidParameterException", message)
}

pub(crate) fn no_group() -> Fault {
    Fault::sender("ResourceNotFoundException", "The specified log group does not exist.")
}

pub(crate) fn no_resource() -> Fault {
    Fault::sender("ResourceNotFoundException", "The specified resource does not exist.")
}

pub(crate) fn no_stream() -> Fault {
    Fault::sender("ResourceNotFoundException", "The specified log stream does not exist.")
}

pub(crate) fn no_filter(kind: &str) -> Fault {
    let message = format!("The specified {kind} filter does not exist.");
    Fault::sender("ResourceNotFoundException", message)
}

pub(crate) fn too_many() -> Fault {
    Fault::sender("LimitExceededException", "Resource limit exceeded.")
}

pub(crate) fn group_exists() -> Fault {
    Fault::sender("ResourceAlreadyExistsException", "The specified log group already exists")
}

pub(crate) fn stream_exists() -> Fault {
    Fault::sender("ResourceAlreadyExistsException", "The specified log stream already exists")
}

pub(crate) fn bad_token() -> Fault {
    invalid("The specified nextToken is invalid.")
}

/// A parameter of an operation that we would have to ignore.
pub(crate) fn not_served(operation: &str, parameter: &str) -> Fault {
    Fault::not_implemented(format_args!("the parameter {parameter} of {operation}"))
}
