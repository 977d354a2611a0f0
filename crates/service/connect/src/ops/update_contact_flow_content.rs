//! `UpdateContactFlowContent`: another content for a flow. With the alias `$SAVED` it is only
//! saved, without it is published.
//!
//! ```text
//! aws connect update-contact-flow-content --instance-id … --contact-flow-id … \
//!     --content file://flow.json
//! ```

use crate::flows::Alias;
use crate::records::FLOWS;
use crate::{Connect, content, flows, ids};
use api_connect::{Error, UpdateContactFlowContentRequest, UpdateContactFlowContentResponse};
use kernel::Ctx;

pub(crate) async fn update_contact_flow_content(
    _: &Connect,
    ctx: &Ctx,
    input: UpdateContactFlowContentRequest,
) -> Result<UpdateContactFlowContentResponse, Error> {
    let instance = ids::instance_id(ctx, &input.instance_id)?;
    let find = |tx: &store::ReadTx| {
        ids::instance(tx, ctx, &instance)?;
        flows::find(tx, ctx, &instance, &input.contact_flow_id)
    };
    let (_, alias) = ctx.store().read(find)?;
    match alias {
        Alias::Published => content::check_published(&input.content)?,
        Alias::Saved => content::check_saved(&input.content)?,
    }
    ctx.store()
        .write(|tx| {
            let (mut record, alias) = find(tx)?;
            record.saved = content::keep(tx, ctx, &instance, &input.content)?;
            if alias == Alias::Published {
                record.published = Some(record.saved.clone());
            }
            let key = (ctx.account(), ctx.region(), instance.as_str(), record.id.as_str());
            Ok::<_, Error>(tx.put(&FLOWS, key, &record)?)
        })
        .await?;
    Ok(UpdateContactFlowContentResponse {})
}
