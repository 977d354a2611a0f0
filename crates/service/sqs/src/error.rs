//! What callers are told. Texts are AWS's, as its clients and their tests have them.

use api_sqs::{Error, QueueDoesNotExist};
use kernel::Fault;

/// A fault that the model does not name.
pub(crate) fn fault(code: &'static str, message: impl Into<String>) -> Fault {
    Fault::sender(code, message).in_namespace("com.amazon.coral.service")
}

/// `InvalidParameterValue`.
pub(crate) fn invalid(message: impl Into<String>) -> Fault {
    fault("InvalidParameterValue", message)
}

/// The same about one parameter's value.
pub(crate) fn bad_value(name: &str, value: &dyn std::fmt::Display, reason: &str) -> Fault {
    invalid(format!("Value {value} for parameter {name} is invalid. Reason: {reason}"))
}

/// `MissingParameter`.
pub(crate) fn missing(name: &str) -> Fault {
    fault("MissingParameter", format!("The request must contain the parameter {name}."))
}

/// There is no such queue.
pub(crate) fn no_queue() -> Error {
    QueueDoesNotExist { message: Some("The specified queue does not exist.".into()) }.into()
}

/// Makes a modeled error with a message.
macro_rules! modeled {
    ($shape:ident, $($text:tt)+) => {
        api_sqs::Error::from(api_sqs::$shape { message: Some(format!($($text)+)) })
    };
}
pub(crate) use modeled;

/// A batch of nothing; `kind` is its operation without `Batch`.
pub(crate) fn empty_batch(kind: &str) -> Error {
    modeled!(
        EmptyBatchRequest,
        "There should be at least one {kind}BatchRequestEntry in the request."
    )
}
