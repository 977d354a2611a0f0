//! Why a call cannot be placed or go on.

use kernel::{Fault, StoreError};
use std::fmt;

/// What went wrong with a call, as the caller is told.
#[derive(Debug)]
pub enum CallError {
    /// The number is not in E.164 form.
    InvalidNumber(String),
    /// Nobody claimed the number.
    NotClaimed(String),
    /// No flow answers the number.
    NoFlow(String),
    /// The flow that answers is only saved, not published.
    NotPublished(String),
    /// The instance takes no inbound calls.
    NoInboundCalls(String),
    /// There is no such call.
    NoCall(String),
    /// The call has ended.
    Ended,
    /// The flow does not want input now.
    NotYourTurn,
    /// The keys are not those of a telephone.
    InvalidKeys(String),
    /// The server is stopping; the call goes on when it runs again.
    Stopping,
    /// Something in here broke.
    Internal(Fault),
}

impl CallError {
    /// The HTTP status that fits.
    pub fn status(&self) -> u16 {
        match self {
            CallError::InvalidNumber(_) | CallError::InvalidKeys(_) => 400,
            CallError::NotClaimed(_) | CallError::NoCall(_) => 404,
            CallError::NoFlow(_)
            | CallError::NotPublished(_)
            | CallError::NoInboundCalls(_)
            | CallError::Ended
            | CallError::NotYourTurn => 409,
            CallError::Stopping => 503,
            CallError::Internal(_) => 500,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::InvalidNumber(number) => {
                write!(f, "{number:?} is no telephone number: write it as +821012345678")
            }
            CallError::NotClaimed(number) => write!(f, "nobody claimed the number {number}"),
            CallError::NoFlow(number) => write!(
                f,
                "no flow answers {number}: associate one with associate-phone-number-contact-flow"
            ),
            CallError::NotPublished(flow) => write!(f, "the flow {flow:?} is not published"),
            CallError::NoInboundCalls(id) => write!(f, "the instance {id} takes no inbound calls"),
            CallError::NoCall(id) => write!(f, "there is no call {id}"),
            CallError::Ended => f.write_str("the call has ended"),
            CallError::NotYourTurn => f.write_str("the flow does not want input now"),
            CallError::InvalidKeys(keys) => {
                write!(f, "{keys:?} are not keys: 1 to 255 of 0-9, * and #")
            }
            CallError::Stopping => f.write_str("the server is stopping"),
            CallError::Internal(fault) => write!(f, "{fault}"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> CallError {
        CallError::Internal(Fault::internal(error))
    }
}

impl From<api_connect::Error> for CallError {
    fn from(error: api_connect::Error) -> CallError {
        CallError::Internal(error.into())
    }
}
