//! A request that cannot be served as it is, in DynamoDB's words.

use std::fmt;

/// The message of a `ValidationException`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invalid(pub String);

impl Invalid {
    /// A message that names nothing of the request.
    pub fn new(message: &str) -> Invalid {
        Invalid(message.to_owned())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}
