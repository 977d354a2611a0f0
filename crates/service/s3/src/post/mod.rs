//! Uploads by HTML forms: `POST` of `multipart/form-data` to a bucket.

mod form;
mod policy;
#[cfg(test)]
mod tests;
mod upload;

pub(crate) use form::{FormError, Parser, Step};
pub(crate) use policy::{Fields, Policy};
pub(crate) use upload::answer;
