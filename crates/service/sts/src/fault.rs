//! Errors of STS that more than one operation answers with.

use api_sts::{Error, MalformedPolicyDocumentException, PackedPolicyTooLargeException};
use kernel::{Fault, IssueError};

/// A request that breaks a rule which the model does not state.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Fault::sender("ValidationError", message.into()).into()
}

/// Tags that cannot be. The texts are those that recordings of LocalStack's tests against AWS show.
pub(crate) fn invalid_parameter(message: impl Into<String>) -> Error {
    Fault::sender("InvalidParameterValue", message.into()).into()
}

/// The caller may not.
pub(crate) fn denied(message: impl Into<String>) -> Error {
    Fault::new("AccessDenied", 403, message.into()).into()
}

pub(crate) fn malformed_policy(why: &policy::Malformed) -> Error {
    MalformedPolicyDocumentException { message: Some(why.to_string()) }.into()
}

/// Why no credentials were made, for a session with or without policies.
pub(crate) fn not_issued(error: IssueError, has_policies: bool) -> Error {
    let message = match error {
        IssueError::PackedPolicyTooLarge { percent } if has_policies => {
            format!(
                "Packed policy consumes {percent}% of allotted space, please use smaller policy."
            )
        }
        IssueError::PackedPolicyTooLarge { percent } => {
            format!("Packed size of session tags consumes {percent}% of allotted space.")
        }
        IssueError::NoSession => return Fault::internal(error).into(),
    };
    PackedPolicyTooLargeException { message: Some(message) }.into()
}
