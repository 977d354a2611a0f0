//! The errors that several settings share, in S3's own words.

use kernel::Fault;

/// The body is XML, but not what the operation takes.
pub(crate) fn malformed_xml() -> Fault {
    Fault::sender(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

/// `InvalidRequest`.
pub(crate) fn invalid_request(text: impl Into<String>) -> Fault {
    Fault::sender("InvalidRequest", text)
}

/// `InvalidArgument`.
pub(crate) fn invalid_argument(text: impl Into<String>) -> Fault {
    Fault::sender("InvalidArgument", text)
}

/// `AccessDenied`, with its reason.
pub(crate) fn access_denied(text: impl Into<String>) -> Fault {
    Fault::new("AccessDenied", 403, text)
}

/// A setting that the bucket does not have.
pub(crate) fn absent(code: &'static str, text: &'static str) -> Fault {
    Fault::new(code, 404, text)
}
