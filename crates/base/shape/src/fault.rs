//! The error of an operation on its way to the wire.

use std::borrow::Cow;
use std::fmt;

use crate::{Struct, View};

/// An error answer: code, status, message, and the modeled structure if there is one.
/// What went wrong inside stays in `internal`, which is logged and never sent.
pub struct Fault {
    /// `ResourceNotFoundException`.
    pub code: Cow<'static, str>,
    /// HTTP status.
    pub status: u16,
    /// For the caller.
    pub message: String,
    /// Overrides the service's namespace in JSON's `__type`:
    /// DynamoDB's `com.amazon.coral.validate`.
    pub namespace: Option<&'static str>,
    /// The modeled error with all its members.
    pub detail: Option<Box<dyn Struct>>,
    /// For the log only.
    pub internal: Option<String>,
    /// What the answer has besides, if anything.
    pub more: Option<Box<More>>,
}

/// Further parts of an error answer that no model names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct More {
    /// Elements of the body, in restXml: `BucketName` in S3's `NoSuchBucket`.
    pub elements: Vec<(&'static str, String)>,
    /// Headers: the `ETag` of a 304.
    pub headers: Vec<(&'static str, String)>,
}

impl Fault {
    /// The caller's mistake, status 400.
    pub fn sender(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Fault::new(code, 400, message)
    }

    /// Any code and status.
    pub fn new(
        code: impl Into<Cow<'static, str>>,
        status: u16,
        message: impl Into<String>,
    ) -> Self {
        Fault {
            code: code.into(),
            status,
            message: message.into(),
            namespace: None,
            detail: None,
            internal: None,
            more: None,
        }
    }

    /// Something broke in here: the caller learns no more than that, the log learns `why`.
    pub fn internal(why: impl fmt::Display) -> Self {
        Fault {
            internal: Some(why.to_string()),
            ..Fault::new("InternalServerError", 500, "Internal server error")
        }
    }

    /// An operation or parameter that this build does not serve. Never pretend otherwise.
    pub fn not_implemented(what: impl fmt::Display) -> Self {
        Fault::new("NotImplementedException", 501, format!("Gureum does not implement {what}."))
    }

    /// From a modeled error structure: code and status as its shape says, message from its member.
    pub fn modeled(detail: Box<dyn Struct>) -> Self {
        let shape = detail.shape();
        let message = shape
            .members
            .iter()
            .position(|m| m.name.eq_ignore_ascii_case("message"))
            .and_then(|i| match detail.field(i) {
                View::Str(text) => Some(text.to_owned()),
                _ => None,
            })
            .unwrap_or_default();
        Fault {
            detail: Some(detail),
            ..Fault::new(shape.error_code().to_owned(), shape.error_status(), message)
        }
    }

    /// The same fault with one more element in its body (restXml).
    pub fn with(mut self, element: &'static str, text: impl Into<String>) -> Self {
        self.more.get_or_insert_default().elements.push((element, text.into()));
        self
    }

    /// The same fault with one more header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.more.get_or_insert_default().headers.push((name, value.into()));
        self
    }

    /// The same fault with a namespace of its own.
    pub fn in_namespace(mut self, namespace: &'static str) -> Self {
        self.namespace = Some(namespace);
        self
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.status, self.message)?;
        self.internal.as_ref().map_or(Ok(()), |why| write!(f, " [{why}]"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Fault {}
