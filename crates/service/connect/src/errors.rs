//! The errors of this service, in one wording each.

use api_connect::{
    Error, InvalidParameterException, InvalidRequestException, ResourceNotFoundException,
};

/// The thing does not exist.
pub(crate) fn not_found(what: impl Into<String>) -> Error {
    ResourceNotFoundException { message: Some(what.into()) }.into()
}

/// A parameter is wrong.
pub(crate) fn invalid_parameter(message: impl Into<String>) -> Error {
    InvalidParameterException { message: Some(message.into()) }.into()
}

/// The request is wrong.
pub(crate) fn invalid_request(message: impl Into<String>) -> Error {
    InvalidRequestException { message: Some(message.into()), reason: None }.into()
}
