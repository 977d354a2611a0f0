//! Free-form data (Smithy's `document`).

use serde_json::Value as Json;

/// Any JSON value, carried through unchanged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document(pub Json);

impl From<Json> for Document {
    fn from(value: Json) -> Self {
        Document(value)
    }
}
