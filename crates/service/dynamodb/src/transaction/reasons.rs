//! Why a transaction does not happen.

use api_dynamodb::{CancellationReason, Error, TransactionCanceledException};
use kernel::{Fault, StoreError};

use crate::invalid::Invalid;
use crate::sse::Failing;

/// What DynamoDB says of an item that is part of an ongoing transaction.
pub(crate) const CONFLICT: &str = "Transaction is ongoing for the item";

/// Why a transaction did not happen.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Because of some of its actions: a reason for each action, `None` for those that are fine.
    Cancelled(Vec<CancellationReason>),
    /// The whole request is refused.
    Refused(Error),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Refused(fault.into())
    }
}

impl Failing for Failure {
    fn fault(&self) -> Option<&Fault> {
        match self {
            Failure::Refused(error) => error.fault(),
            Failure::Cancelled(_) => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Refused(error)
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Failure {
        Failure::Refused(invalid.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Refused(error.into())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        match failure {
            Failure::Cancelled(reasons) => cancelled(reasons),
            Failure::Refused(error) => error,
        }
    }
}

/// The answer for these reasons.
fn cancelled(reasons: Vec<CancellationReason>) -> Error {
    let codes: Vec<&str> =
        reasons.iter().map(|reason| reason.code.as_deref().unwrap_or("None")).collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    TransactionCanceledException { message: Some(message), cancellation_reasons: Some(reasons) }
        .into()
}

/// The reason of an action that is fine.
pub(crate) fn none() -> CancellationReason {
    CancellationReason { code: Some("None".into()), ..CancellationReason::default() }
}

/// A reason without an item.
pub(crate) fn reason(code: &str, message: impl Into<String>) -> CancellationReason {
    CancellationReason {
        code: Some(code.to_owned()),
        message: Some(message.into()),
        ..CancellationReason::default()
    }
}

/// The reasons of so many actions when one has that reason and the others are fine.
pub(crate) fn only(count: usize, index: usize, reason: CancellationReason) -> Failure {
    let mut reasons = vec![none(); count];
    reasons[index] = reason;
    Failure::Cancelled(reasons)
}

/// The reasons when the marked actions conflict with other transactions.
pub(crate) fn conflicts(marked: &[bool]) -> Failure {
    let reason = |marked: &bool| match marked {
        true => reason("TransactionConflict", CONFLICT),
        false => none(),
    };
    Failure::Cancelled(marked.iter().map(reason).collect())
}

/// Whether that is wrong with a request whatever is stored, though only the table shows it: an
/// empty value for a key. Such a request is refused, not cancelled.
pub(crate) fn is_of_request(message: &str) -> bool {
    message.contains("cannot contain an empty ")
}

/// What the error of one action says about the transaction.
///
/// # Errors
/// If it is none that an action can have: then it is the answer to the whole request.
pub(crate) fn of_error(error: Error) -> Result<CancellationReason, Error> {
    Ok(match error {
        Error::ConditionalCheckFailedException(failed) => CancellationReason {
            item: failed.item,
            code: Some("ConditionalCheckFailed".into()),
            message: failed.message,
        },
        Error::ItemCollectionSizeLimitExceededException(_) => {
            reason("ItemCollectionSizeLimitExceeded", "Collection size exceeded.")
        }
        Error::ProvisionedThroughputExceededException(exceeded) => {
            reason("ProvisionedThroughputExceeded", exceeded.message.unwrap_or_default())
        }
        Error::ThrottlingException(throttled) => {
            reason("ThrottlingError", throttled.message.unwrap_or_default())
        }
        Error::Fault(fault)
            if fault.code == "ValidationException" && !is_of_request(&fault.message) =>
        {
            reason("ValidationError", fault.message)
        }
        error => return Err(error),
    })
}
