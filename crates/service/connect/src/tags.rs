//! Tags: what the model says of them and the runtime cannot check.

use crate::errors;
use api_connect::Error;
use std::collections::BTreeMap;

/// `tags`, checked. Their pattern has a look-ahead, so it is checked here: letters, separators,
/// numbers and `_.:/=+-@`, and no `aws:` at the start.
pub(crate) fn checked(
    tags: Option<BTreeMap<String, String>>,
) -> Result<BTreeMap<String, String>, Error> {
    let tags = tags.unwrap_or_default();
    let plain = |c: char| {
        c.is_alphabetic() || c.is_numeric() || c.is_whitespace() || "_.:/=+-@".contains(c)
    };
    match tags.keys().find(|key| key.starts_with("aws:") || !key.chars().all(plain)) {
        Some(key) => Err(errors::invalid_request(format!("Invalid tag key: {key}"))),
        None => Ok(tags),
    }
}
