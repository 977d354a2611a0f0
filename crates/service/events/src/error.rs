//! What callers are told, in AWS's words. The model's exceptions have no members, so a plain fault
//! says all.

use kernel::{Fault, StoreError};

use crate::name::BusName;

/// `ValidationException`.
pub(crate) fn invalid(message: impl Into<String>) -> Fault {
    Fault::sender("ValidationException", message)
}

/// `ResourceNotFoundException`.
pub(crate) fn not_found(message: impl Into<String>) -> Fault {
    Fault::sender("ResourceNotFoundException", message)
}

/// There is no such bus.
pub(crate) fn no_bus(bus: &BusName) -> Fault {
    not_found(format!("Event bus {} does not exist.", bus.name))
}

/// There is no such rule.
pub(crate) fn no_rule(rule: &str, bus: &BusName) -> Fault {
    not_found(format!("Rule {rule} does not exist on EventBus {}.", bus.name))
}

/// There are as many as there may be.
pub(crate) fn too_many(what: &str) -> Fault {
    Fault::sender(
        "LimitExceededException",
        format!("The requested resource exceeds the maximum number allowed. ({what})"),
    )
}

/// `InvalidEventPatternException`.
pub(crate) fn bad_pattern(why: &pattern::Invalid) -> Fault {
    let message = format!("Event pattern is not valid. Reason: {why}");
    Fault::sender("InvalidEventPatternException", message)
}

/// A parameter that we would have to ignore.
pub(crate) fn not_served(operation: &str, parameter: &str) -> Fault {
    Fault::not_implemented(format_args!("the parameter {parameter} of {operation}"))
}

/// A store's trouble as a fault.
pub(crate) fn trouble(error: StoreError) -> Fault {
    kernel::store_fault(error)
}
