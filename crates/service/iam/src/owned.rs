//! What belongs to a user, and must be gone before the user can go.

use store::{ReadTx, WriteTx};

use crate::error::Result;
use crate::lookup;
use crate::record::UserRecord;

/// What is left, in AWS's words: `delete access keys`.
pub(crate) fn left(_: &ReadTx, _: &str, user: &UserRecord) -> Result<Option<&'static str>> {
    let grants = &user.grants;
    let left = [
        (!user.keys.is_empty(), "delete access keys"),
        (!grants.attached.is_empty(), "detach all policies"),
        (!grants.inline.is_empty(), "delete policies"),
        (!user.groups.is_empty(), "remove users from group"),
    ];
    Ok(left.into_iter().find(|(is_left, _)| *is_left).map(|(_, what)| what))
}

/// Forgets what was written down of a user who goes.
pub(crate) fn forget(tx: &mut WriteTx, account: &str, user: &UserRecord) -> Result<()> {
    lookup::forget(tx, account, &user.id)
}
