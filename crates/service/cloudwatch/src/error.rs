//! The service's refusals, in AWS's words.

use api_cloudwatch::{
    Error, InvalidNextToken, InvalidParameterCombinationException, InvalidParameterValueException,
    MissingRequiredParameterException,
};
use kernel::Fault;

/// `InvalidParameterValue`.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    InvalidParameterValueException { message: Some(message.into()) }.into()
}

/// `InvalidParameterCombination`.
pub(crate) fn combination(message: impl Into<String>) -> Error {
    InvalidParameterCombinationException { message: Some(message.into()) }.into()
}

/// `MissingParameter`.
pub(crate) fn missing(message: impl Into<String>) -> Error {
    MissingRequiredParameterException { message: Some(message.into()) }.into()
}

/// `ValidationError`, which the model does not have.
pub(crate) fn validation(message: impl Into<String>) -> Error {
    Fault::sender("ValidationError", message).into()
}

/// What is said of a page token that this installation did not make, or not for this request.
pub(crate) const BAD_TOKEN: &str = "The specified nextToken is invalid.";

/// `InvalidNextToken`, which `GetMetricData` alone has.
pub(crate) fn bad_token() -> Error {
    InvalidNextToken { message: Some(BAD_TOKEN.to_owned()) }.into()
}

/// What this build does not serve.
pub(crate) fn not_served(what: impl std::fmt::Display) -> Error {
    Fault::not_implemented(what).into()
}
