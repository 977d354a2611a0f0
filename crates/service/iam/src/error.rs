//! The service's refusals in AWS's words. The model's exceptions have no member but a message, so
//! a plain fault says all.

use kernel::Fault;

/// What every part of the service returns.
pub(crate) type Result<T> = std::result::Result<T, api_iam::Error>;

pub(crate) fn no_such(message: impl Into<String>) -> Fault {
    Fault::new("NoSuchEntity", 404, message)
}

/// `what` is `user`, `role`, `user policy`, …: `The user with name x cannot be found.`
pub(crate) fn no_named(what: &str, name: &str) -> Fault {
    no_such(format!("The {what} with name {name} cannot be found."))
}

pub(crate) fn exists(message: impl Into<String>) -> Fault {
    Fault::new("EntityAlreadyExists", 409, message)
}

/// `what` is `User`, `Role`, …: `User with name x already exists.`
pub(crate) fn named_exists(what: &str, name: &str) -> Fault {
    exists(format!("{what} with name {name} already exists."))
}

pub(crate) fn conflict(message: impl Into<String>) -> Fault {
    Fault::new("DeleteConflict", 409, message)
}

/// `Cannot delete entity, must delete access keys first.`
pub(crate) fn must_first(what: &str) -> Fault {
    conflict(format!("Cannot delete entity, must {what} first."))
}

pub(crate) fn limit(message: impl Into<String>) -> Fault {
    Fault::new("LimitExceeded", 409, message)
}

/// `Cannot exceed quota for AccessKeysPerUser: 2`
pub(crate) fn quota(of: &str, max: usize) -> Fault {
    limit(format!("Cannot exceed quota for {of}: {max}"))
}

pub(crate) fn invalid_input(message: impl Into<String>) -> Fault {
    Fault::sender("InvalidInput", message)
}

pub(crate) fn validation(message: impl Into<String>) -> Fault {
    Fault::sender("ValidationError", message)
}

pub(crate) fn malformed(message: impl Into<String>) -> Fault {
    Fault::sender("MalformedPolicyDocument", message)
}

pub(crate) fn arn_invalid(arn: &str) -> Fault {
    invalid_input(format!("ARN {arn} is not valid."))
}
