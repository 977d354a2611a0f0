//! Broken constraints of the model in the words of this service.

use api_sqs::Error;
use kernel::Fault;
use shape::{Constraint, Problem};

use crate::error::{empty_batch, missing};
use crate::settings::unknown;

/// Missing parameters and unknown attributes have codes of their own.
pub(crate) fn invalid(operation: &str, problems: &[Problem]) -> Option<Fault> {
    let problem = problems.first()?;
    match &problem.constraint {
        // awsQuery has no empty lists.
        Constraint::Required if problem.path == "entries" && operation.ends_with("Batch") => {
            Some(Error::into(empty_batch(operation.trim_end_matches("Batch"))))
        }
        Constraint::Required => Some(missing(&capital(&problem.path))),
        Constraint::Enum(_) => {
            let value = problem.value.as_deref().unwrap_or_default();
            Some(Error::into(unknown(value)))
        }
        _ => None,
    }
}

/// `entries.1.member.id` as `Entries.1.member.Id`: only the last name matters to a reader.
fn capital(path: &str) -> String {
    let name = path.rsplit('.').next().unwrap_or(path);
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
