//! Finding flows. A flow's id may carry an alias: `ID:$SAVED` is what was last saved, `ID` and
//! `ID:$LATEST` what was last published.

use crate::records::{ContentRecord, FLOWS, FlowRecord};
use crate::{errors, ids};
use api_connect::{ContactFlowNotPublishedException, Error};
use kernel::Ctx;
use store::ReadTx;

/// Which content of a flow is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alias {
    /// What runs.
    Published,
    /// What was last saved.
    Saved,
}

/// The flow that `given`, an id or ARN with an optional alias, means in `instance`.
pub(crate) fn find(
    tx: &ReadTx,
    ctx: &Ctx,
    instance: &str,
    given: &str,
) -> Result<(FlowRecord, Alias), Error> {
    let missing = || errors::not_found(format!("Contact flow not found: {given}"));
    let (id, alias) = ids::flow_id(ctx, instance, given).ok_or_else(missing)?;
    let alias = match alias.as_deref() {
        None | Some("$LATEST") => Alias::Published,
        Some("$SAVED") => Alias::Saved,
        Some(_) => return Err(missing()),
    };
    let key = (ctx.account(), ctx.region(), instance, id.as_str());
    Ok((tx.get(&FLOWS, key)?.ok_or_else(missing)?, alias))
}

impl FlowRecord {
    /// The content `alias` means.
    pub(crate) fn content(&self, alias: Alias) -> Result<&ContentRecord, Error> {
        match alias {
            Alias::Saved => Ok(&self.saved),
            Alias::Published => self.published.as_ref().ok_or_else(|| {
                let message = Some(format!("The contact flow {} is not published", self.id));
                ContactFlowNotPublishedException { message }.into()
            }),
        }
    }
}
