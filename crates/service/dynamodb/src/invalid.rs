//! A request that cannot be served as it is, in DynamoDB's words.

use std::fmt;

/// How problems begin that are not counted: see [`Invalid::counted`].
const NOT_COUNTED: [&str; 6] = [
    "Supplied AttributeValue",
    "Nesting Levels",
    "The parameter cannot be converted to a numeric value",
    "Number overflow",
    "Number underflow",
    "Attempting to store more than 38 significant digits",
];

/// Problems of values that are counted without naming the placeholder.
const ALONE: [&str; 4] = [
    "One or more parameter values were invalid: An string set  may not be empty",
    "One or more parameter values were invalid: An number set  may not be empty",
    "One or more parameter values were invalid: Binary sets should not be empty",
    "One or more parameter values were invalid: Null attribute value types must have the value of true",
];

/// The message of a `ValidationException`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invalid(pub String);

impl Invalid {
    /// A message that names nothing of the request.
    pub fn new(message: &str) -> Invalid {
        Invalid(message.to_owned())
    }

    /// The same as PutItem, UpdateItem, DeleteItem and Query report it since 2026: what is wrong
    /// with a request itself is counted as broken constraints are, but for values that are wrong
    /// as such. What depends on the table or the item is reported as it is.
    pub fn counted(self) -> Invalid {
        let text = self.0.strip_prefix("ExpressionAttributeValues contains invalid value: ");
        let text = text.unwrap_or(&self.0);
        if NOT_COUNTED.iter().any(|beginning| text.starts_with(beginning)) {
            return self;
        }
        // What such a value is wrong about is said without where it is.
        let alone = ALONE.iter().find(|problem| text.starts_with(*problem));
        Invalid(format!("1 validation error detected: {}", alone.unwrap_or(&self.0.as_str())))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}
