//! Conditional requests: RFC 9110 §13 for reads, S3's own for writes, copies and deletes.

use api_s3::Error;
use kernel::{Fault, Timestamp};

use crate::errors;
use crate::records::Version;

/// The conditions of a read, or of a copy's source.
#[derive(Default)]
pub(crate) struct Conditions<'a> {
    pub if_match: Option<&'a str>,
    pub if_none_match: Option<&'a str>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

impl Conditions<'_> {
    /// Whether a read may go on. `Ok(false)`: what the client has is still good.
    pub fn hold(&self, version: &Version) -> Result<bool, Fault> {
        let modified_s = version.modified_ms.div_euclid(1000);
        let seconds = |time: Timestamp| time.epoch_ms.div_euclid(1000);
        if let Some(tags) = self.if_match {
            if !matches(tags, &version.etag) {
                return Err(errors::precondition_failed("If-Match"));
            }
        } else if self.if_unmodified_since.is_some_and(|since| modified_s > seconds(since)) {
            return Err(errors::precondition_failed("If-Unmodified-Since"));
        }
        if let Some(tags) = self.if_none_match {
            return Ok(!matches(tags, &version.etag));
        }
        Ok(self.if_modified_since.is_none_or(|since| modified_s > seconds(since)))
    }

    /// The same for the source of a copy, where everything that does not hold is an error.
    pub fn hold_of_source(&self, version: &Version) -> Result<(), Fault> {
        match self.hold(version) {
            Ok(true) => Ok(()),
            Ok(false) if self.if_none_match.is_some() => {
                Err(errors::precondition_failed("x-amz-copy-source-If-None-Match"))
            }
            Ok(false) => Err(errors::precondition_failed("x-amz-copy-source-If-Modified-Since")),
            Err(_) if self.if_match.is_some() => {
                Err(errors::precondition_failed("x-amz-copy-source-If-Match"))
            }
            Err(_) => Err(errors::precondition_failed("x-amz-copy-source-If-Unmodified-Since")),
        }
    }
}

/// Whether a list of ETags, or `*`, has this one.
pub(crate) fn matches(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag.trim_matches('"') == etag
    })
}

/// The conditions of a write: `before` is the current object, if there is one.
pub(crate) fn check_write(
    if_match: Option<&str>,
    if_none_match: Option<&str>,
    key: &str,
    before: Option<&Version>,
) -> Result<(), Error> {
    if let Some(tags) = if_none_match {
        if if_match.is_some() || tags.trim() != "*" {
            return Err(errors::header_not_implemented("If-None-Match").into());
        }
        if before.is_some() {
            return Err(errors::precondition_failed("If-None-Match").into());
        }
    }
    let Some(tags) = if_match else { return Ok(()) };
    match before {
        None => Err(errors::no_such_key(key).into()),
        Some(version) if !matches(tags, &version.etag) => {
            Err(errors::precondition_failed("If-Match").into())
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tags() {
        for (tags, expected) in [
            ("\"a\"", true),
            ("a", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("W/\"a\"", true),
            ("\"b\"", false),
            ("", false),
        ] {
            assert_eq!(matches(tags, "a"), expected, "{tags}");
        }
    }

    #[test]
    fn a_read_is_judged_in_the_order_of_the_rfc() {
        let version = Version { etag: "a".into(), modified_ms: 5_500, ..Version::default() };
        let at = |seconds: i64| Some(Timestamp::from_ms(seconds * 1000));
        let check = |conditions: Conditions, expected: &str| {
            let answer = match conditions.hold(&version) {
                Ok(true) => "200".to_owned(),
                Ok(false) => "304".to_owned(),
                Err(fault) => fault.status.to_string(),
            };
            assert_eq!(answer, expected);
        };
        let none = Conditions::default;
        check(none(), "200");
        check(Conditions { if_match: Some("a"), if_unmodified_since: at(1), ..none() }, "200");
        check(Conditions { if_match: Some("b"), ..none() }, "412");
        check(Conditions { if_unmodified_since: at(5), ..none() }, "200");
        check(Conditions { if_unmodified_since: at(4), ..none() }, "412");
        check(Conditions { if_none_match: Some("a"), if_modified_since: at(1), ..none() }, "304");
        check(Conditions { if_none_match: Some("b"), if_modified_since: at(9), ..none() }, "200");
        check(Conditions { if_modified_since: at(5), ..none() }, "304");
        check(Conditions { if_modified_since: at(4), ..none() }, "200");
    }
}
