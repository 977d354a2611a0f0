//! SAML 2.0 responses: reading them, verifying who signed them, and what they say.
//!
//! Safe against wrapping by construction: a signature counts only for the element it is a direct
//! child of, that element's id must be unique, and what is read afterwards is read from that very
//! element of the tree that was digested.

pub(crate) mod c14n;
pub(crate) mod dsig;
pub(crate) mod metadata;
pub(crate) mod response;
pub(crate) mod x509;
pub(crate) mod xml;
