//! The errors of more than one operation, as AWS words them.

use api_lambda::{
    Error, InvalidParameterValueException, PreconditionFailedException, ResourceConflictException,
    ResourceNotFoundException, ServiceException, SnapStartException, SnapStartNotReadyException,
    SnapStartTimeoutException, TooManyRequestsException,
};

/// `Type` of errors that are the caller's.
const USER: &str = "User";

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    let message = Some(message.into());
    InvalidParameterValueException { message, r#type: Some(USER.into()) }.into()
}

pub(crate) fn not_found(message: impl Into<String>) -> Error {
    ResourceNotFoundException { message: Some(message.into()), r#type: Some(USER.into()) }.into()
}

pub(crate) fn conflict(message: impl Into<String>) -> Error {
    ResourceConflictException { message: Some(message.into()), r#type: Some(USER.into()) }.into()
}

pub(crate) fn stale_revision() -> Error {
    stale("GetFunction/GetAlias")
}

/// A change was made with an older revision in mind; `api` reads the latest.
pub(crate) fn stale(api: &str) -> Error {
    let message = format!(
        "The Revision Id provided does not match the latest Revision Id. Call the {api} API to \
         retrieve the latest Revision Id"
    );
    PreconditionFailedException { message: Some(message), r#type: Some(USER.into()) }.into()
}

/// The server cannot run functions, and says why.
pub(crate) fn service(message: impl Into<String>) -> Error {
    ServiceException { message: Some(message.into()), r#type: Some("Service".into()) }.into()
}

/// A version whose snapshot is still being made.
pub(crate) fn snapshot_not_ready() -> Error {
    let message = "Lambda is initializing your function. It will be ready to invoke once your \
                   function state becomes ACTIVE.";
    SnapStartNotReadyException { message: Some(message.into()), r#type: Some(USER.into()) }.into()
}

/// What runs after a restore took longer than it may.
pub(crate) fn restore_timed_out() -> Error {
    let message = "Lambda couldn't restore the snapshot within the timeout limit.";
    SnapStartTimeoutException { message: Some(message.into()), r#type: Some(USER.into()) }.into()
}

/// What runs after a restore failed.
pub(crate) fn restore_failed(why: &str) -> Error {
    let message = Some(format!("Lambda couldn't restore the snapshot: {why}"));
    SnapStartException { message, r#type: Some(USER.into()) }.into()
}

pub(crate) fn too_many_requests() -> Error {
    throttled("ConcurrentInvocationLimitExceeded")
}

/// Too many invocations at a time; `reason` says which limit it is.
pub(crate) fn throttled(reason: &str) -> Error {
    TooManyRequestsException {
        message: Some("Rate Exceeded.".into()),
        r#type: Some(USER.into()),
        reason: Some(reason.into()),
        ..Default::default()
    }
    .into()
}
