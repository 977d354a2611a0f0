//! The errors that several settings share, in S3's own words.

use kernel::Fault;

pub(crate) use crate::errors::{invalid_request, malformed_xml};

/// `InvalidArgument`.
pub(crate) fn invalid_argument(text: impl Into<String>) -> Fault {
    Fault::sender("InvalidArgument", text)
}

/// `AccessDenied`, with its reason.
pub(crate) fn access_denied(text: impl Into<String>) -> Fault {
    Fault::new("AccessDenied", 403, text)
}

/// A setting that the bucket does not have.
pub(crate) fn absent(code: &'static str, text: &'static str, bucket: &str) -> Fault {
    Fault::new(code, 404, text).with("BucketName", bucket)
}

/// The bucket is no website.
pub(crate) fn no_website(bucket: &str) -> Fault {
    let text = "The specified bucket does not have a website configuration";
    absent("NoSuchWebsiteConfiguration", text, bucket)
}
