//! Finding contacts.

use crate::records::{CONTACTS, ContactRecord};
use crate::{errors, ids};
use api_connect::Error;
use kernel::Ctx;
use store::ReadTx;

/// The contact `id` of `instance`, which must exist.
pub(crate) fn find(
    tx: &ReadTx,
    ctx: &Ctx,
    instance: &str,
    id: &str,
) -> Result<ContactRecord, Error> {
    ids::instance(tx, ctx, instance)?;
    tx.get(&CONTACTS, (ctx.account(), ctx.region(), instance, id))?
        .ok_or_else(|| errors::not_found(format!("Contact not found: {id}")))
}
