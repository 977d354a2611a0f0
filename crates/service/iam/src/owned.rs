//! What belongs to a user, and must be gone before the user can go.

use serde::de::DeserializeOwned;
use store::{ReadTx, Scan, Table, WriteTx};

use crate::error::Result;
use crate::lookup;
use crate::record::{LOGINS, MFA, SERVICE_CREDENTIALS, SIGNING, SSH_KEYS, UserRecord};

/// What is left, in AWS's words: `delete access keys`.
pub(crate) fn left(tx: &ReadTx, account: &str, user: &UserRecord) -> Result<Option<&'static str>> {
    let grants = &user.grants;
    let login = tx.contains(&LOGINS, (account, &user.id))?;
    let devices = tx.scan(&MFA, Scan::prefix(account))?;
    let device = devices.iter().any(|(_, device)| device.user_id.as_ref() == Some(&user.id));
    let left = [
        (login, "delete login profile"),
        (!user.keys.is_empty(), "delete access keys"),
        (device, "delete MFA device"),
        (any(tx, &SIGNING, account, user)?, "delete signing certificate"),
        (any(tx, &SSH_KEYS, account, user)?, "delete SSH public key"),
        (any(tx, &SERVICE_CREDENTIALS, account, user)?, "delete service specific credential"),
        (!grants.attached.is_empty(), "detach all policies"),
        (!grants.inline.is_empty(), "delete policies"),
        (!user.groups.is_empty(), "remove users from group"),
    ];
    Ok(left.into_iter().find(|(is_left, _)| *is_left).map(|(_, what)| what))
}

/// Is there anything of the user in a table whose keys begin with account and user?
fn any<T: DeserializeOwned>(
    tx: &ReadTx,
    table: &Table<T>,
    account: &str,
    user: &UserRecord,
) -> Result<bool> {
    Ok(!tx.scan(table, Scan::prefix((account, &user.id)).limit(1))?.is_empty())
}

/// Forgets what was written down of a user who goes.
pub(crate) fn forget(tx: &mut WriteTx, account: &str, user: &UserRecord) -> Result<()> {
    lookup::forget(tx, account, &user.id)
}
