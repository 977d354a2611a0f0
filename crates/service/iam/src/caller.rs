//! Which user is meant when a request names none: the one who calls.

use kernel::{Ctx, Fault, Principal};

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
    match ctx.principal() {
        Principal::Root { .. } | Principal::RootSession(_) => Ok(Subject::Root),
        Principal::User(user) => Ok(Subject::User(user.name.clone())),
        _ => Err(unnamed().into()),
    }
}

/// The user named, or else the caller, who must be a user.
pub(crate) fn user(ctx: &Ctx, named: Option<String>) -> Result<String> {
    match subject(ctx, named)? {
        Subject::User(name) => Ok(name),
        Subject::Root => Err(unnamed().into()),
    }
}

fn unnamed() -> Fault {
    validation("Must specify userName when calling with non-User credentials")
}
