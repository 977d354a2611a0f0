//! Which user is meant when a request names none: the one who calls.

use kernel::{Ctx, Principal};

use crate::arn;
use crate::error::{Result, validation};

/// Whom a request is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The root of the account.
    Root,
    /// The user of this name.
    User(String),
}

/// The user named, or else the caller.
pub(crate) fn subject(ctx: &Ctx, named: Option<String>) -> Result<Subject> {
    if let Some(name) = named {
        return Ok(Subject::User(name));
    }
    if matches!(ctx.principal(), Principal::Root { .. }) {
        return Ok(Subject::Root);
    }
    match arn::parts(&ctx.principal().arn(), "user") {
        Some((_, _, name)) => Ok(Subject::User(name.to_owned())),
        None => {
            Err(validation("Must specify userName when calling with non-User credentials").into())
        }
    }
}
