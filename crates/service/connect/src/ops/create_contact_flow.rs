//! `CreateContactFlow`: a flow, published unless it is only to be saved.
//!
//! ```text
//! aws connect create-contact-flow --instance-id … --name flight-desk --type CONTACT_FLOW \
//!     --content file://flow.json
//! {"ContactFlowId": "…", "ContactFlowArn": "arn:aws:connect:…:instance/…/contact-flow/…"}
//! ```

use crate::records::{FLOW_NAMES, FLOWS, FlowRecord};
use crate::{Connect, content, ids, tags};
use api_connect::{
    ContactFlowStatus, CreateContactFlowRequest, CreateContactFlowResponse,
    DuplicateResourceException, Error,
};
use kernel::Ctx;

pub(crate) async fn create_contact_flow(
    _: &Connect,
    ctx: &Ctx,
    input: CreateContactFlowRequest,
) -> Result<CreateContactFlowResponse, Error> {
    let instance = ids::instance_id(ctx, &input.instance_id)?;
    ctx.store().read(|tx| ids::instance(tx, ctx, &instance))?;
    let published = input.status != Some(ContactFlowStatus::Saved);
    if published {
        content::check_published(&input.content)?;
    } else {
        content::check_saved(&input.content)?;
    }
    let (id, tags) = (ctx.random().uuid(), tags::checked(input.tags)?);
    let sha256 = ctx
        .store()
        .write(|tx| {
            ids::instance(tx, ctx, &instance)?;
            let name_key = (ctx.account(), ctx.region(), instance.as_str(), input.name.as_str());
            if tx.get(&FLOW_NAMES, name_key)?.is_some() {
                let message = format!("A contact flow named {} already exists", input.name);
                return Err(DuplicateResourceException { message: Some(message) }.into());
            }
            let saved = content::keep(tx, ctx, &instance, &input.content)?;
            let sha256 = saved.sha256.clone();
            let record = FlowRecord {
                id: id.clone(),
                name: input.name.clone(),
                kind: input.r#type.as_str().to_owned(),
                description: input.description.clone(),
                published: published.then(|| saved.clone()),
                saved,
                tags: tags.clone(),
            };
            tx.put(&FLOW_NAMES, name_key, &id)?;
            tx.put(&FLOWS, (ctx.account(), ctx.region(), instance.as_str(), id.as_str()), &record)?;
            Ok::<_, Error>(sha256)
        })
        .await?;
    Ok(CreateContactFlowResponse {
        contact_flow_arn: Some(ids::flow_arn(ctx, &instance, &id)),
        contact_flow_id: Some(id),
        flow_content_sha256: Some(sha256),
    })
}
