//! Broken constraints in Lambda's own words.

use kernel::Fault;
use shape::{Constraint, Problem};

/// An unknown runtime alone is told otherwise than other broken constraints: since 2020, messages
/// that people have published have this form and code. Anything else has the usual form.
pub(crate) fn invalid(_operation: &str, problems: &[Problem]) -> Option<Fault> {
    let [Problem { path, value: Some(value), constraint: Constraint::Enum(values) }] = problems
    else {
        return None;
    };
    (path == "runtime").then(|| {
        Fault::sender(
            "InvalidParameterValueException",
            format!(
                "Value {value} at 'runtime' failed to satisfy constraint: Member must satisfy \
                 enum value set: [{}] or be a valid ARN",
                values.join(", ")
            ),
        )
    })
}
