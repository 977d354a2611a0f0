//! Types this engine does not carry out: a visible warning, then the error branch.

use super::{Behavior, Outcome, Run};

/// Takes `NoMatchingError`, or the first error branch there is.
pub(super) struct Unsupported;

impl Behavior for Unsupported {
    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        let errors = &run.action.errors;
        let error = errors
            .iter()
            .find(|(error, _)| error == "NoMatchingError")
            .or(errors.first())
            .map(|(error, _)| error.clone());
        let action_type = &run.action.action_type;
        let message = match &error {
            Some(error) => {
                format!("{action_type} is not supported yet; taking its {error} branch")
            }
            None => {
                format!("{action_type} is not supported yet and has no error branch; ending")
            }
        };
        run.warn(message);
        let action_type = &run.action.action_type;
        Outcome::Error {
            error: error.unwrap_or_else(|| "NoMatchingError".to_owned()),
            message: format!("{action_type} is not supported yet"),
        }
    }
}
