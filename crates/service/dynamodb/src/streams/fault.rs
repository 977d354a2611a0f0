//! What the service answers when it cannot do what is asked.

use api_dynamodbstreams::{
    Error, ExpiredIteratorException, ResourceNotFoundException, TrimmedDataAccessException,
};
use kernel::Fault;

use crate::fault::validation;
use crate::invalid::Invalid;
use crate::item::Corrupt;

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

/// A text that is no ARN of a stream.
pub(crate) fn bad_arn() -> Error {
    validation("Invalid StreamArn").into()
}

/// A text that is no iterator of ours.
pub(crate) fn bad_iterator() -> Error {
    validation("Invalid ShardIterator").into()
}

/// An iterator that is too old.
pub(crate) fn expired() -> Error {
    let message = Some("The provided iterator exceeds the maximum age allowed.".to_owned());
    ExpiredIteratorException { message }.into()
}

/// Records that are gone.
pub(crate) fn trimmed() -> Error {
    let message = Some("The data you are trying to access has been trimmed".to_owned());
    TrimmedDataAccessException { message }.into()
}

/// A stream that is not there.
pub(crate) fn no_stream(arn: &str) -> Error {
    let message = Some(format!("Requested resource not found: Stream: {arn} not found"));
    ResourceNotFoundException { message }.into()
}

/// A shard that is not there.
pub(crate) fn no_shard() -> Error {
    let message = Some("Requested resource not found: Shard does not exist".to_owned());
    ResourceNotFoundException { message }.into()
}

/// The Limit of a request, which the model does not bound from above.
pub(crate) fn limit(given: Option<i32>, most: u32) -> Result<usize, Invalid> {
    let limit = given.map_or(most, i32::unsigned_abs);
    if limit > most {
        return Err(Invalid(format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy \
             constraint: Member must have value less than or equal to {most}"
        )));
    }
    Ok(limit as usize)
}
