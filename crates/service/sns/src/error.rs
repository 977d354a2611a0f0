//! What callers are told. Texts are AWS's, as its clients and their tests have them.

use kernel::Fault;

/// `InvalidParameter`.
pub(crate) fn invalid(message: impl Into<String>) -> Fault {
    Fault::sender("InvalidParameter", format!("Invalid parameter: {}", message.into()))
}

/// `NotFound`.
pub(crate) fn not_found(message: &str) -> Fault {
    Fault::new("NotFound", 404, message)
}

/// There is no such topic.
pub(crate) fn no_topic() -> Fault {
    not_found("Topic does not exist")
}

/// There is no such subscription.
pub(crate) fn no_subscription() -> Fault {
    not_found("Subscription does not exist")
}
