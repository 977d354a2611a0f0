//! What a call's machine was given, for a replay.
//!
//! The content of a flow is kept once ([`crate::records::CONTENTS`]), not with every transfer to
//! it: in what is kept here its SHA-256 stands for it.

use super::records::CALL_INPUTS;
use super::{CallError, Calls, record};
use crate::content;
use flow::Event;
use kernel::Kernel;
use store::Scan;

/// `event` as it is kept.
pub(super) fn without_content(event: &Event) -> Event {
    match event {
        Event::FlowLoaded { reference, content } => {
            let content = content::sha256(content);
            Event::FlowLoaded { reference: reference.clone(), content }
        }
        event => event.clone(),
    }
}

impl Calls {
    /// Every event the call's machine was given, in order: with the flow, the contact and the
    /// seed of its first state they give the same call again. Kept for [`super::KEPT_MS`] after
    /// the call's end.
    ///
    /// # Errors
    /// [`CallError::NoCall`], and what goes wrong in the store.
    pub fn inputs(&self, kernel: &Kernel, call_id: &str) -> Result<Vec<Event>, CallError> {
        kernel.store().read(|tx| {
            let record = record(tx, call_id)?;
            let (account, region) = (record.account.as_str(), record.region.as_str());
            let ctx = kernel.service_ctx("connect.amazonaws.com", account, region);
            let mut inputs = Vec::new();
            for (_, mut input) in tx.scan(&CALL_INPUTS, Scan::prefix(call_id))? {
                if let Event::FlowLoaded { content, .. } = &mut input {
                    let found = content::read(tx, &ctx, &record.instance_id, content)?;
                    *content = found.unwrap_or_default();
                }
                inputs.push(input);
            }
            Ok(inputs)
        })
    }
}
