//! `DescribeContactFlow`: a flow with its content.
//!
//! ```text
//! aws connect describe-contact-flow --instance-id … --contact-flow-id '…:$SAVED'
//! {"ContactFlow": {"Name": "flight-desk", "Status": "SAVED", "Content": "{…}", …}}
//! ```

use crate::flows::Alias;
use crate::{Connect, content, flows, ids};
use api_connect::{
    ContactFlow, ContactFlowState, ContactFlowStatus, DescribeContactFlowRequest,
    DescribeContactFlowResponse, Error,
};
use kernel::{Ctx, Timestamp};

pub(crate) async fn describe_contact_flow(
    _: &Connect,
    ctx: &Ctx,
    input: DescribeContactFlowRequest,
) -> Result<DescribeContactFlowResponse, Error> {
    let instance = ids::instance_id(ctx, &input.instance_id)?;
    let (record, alias, text) = ctx.store().read(|tx| {
        ids::instance(tx, ctx, &instance)?;
        let (record, alias) = flows::find(tx, ctx, &instance, &input.contact_flow_id)?;
        let text = content::read(tx, ctx, &instance, &record.content(alias)?.sha256)?;
        Ok::<_, Error>((record, alias, text))
    })?;
    let which = record.content(alias)?;
    Ok(DescribeContactFlowResponse {
        contact_flow: Some(ContactFlow {
            arn: Some(ids::flow_arn(ctx, &instance, &record.id)),
            id: Some(record.id.clone()),
            name: Some(record.name.clone()),
            r#type: Some(record.kind.as_str().into()),
            state: Some(ContactFlowState::Active),
            status: Some(match alias {
                Alias::Published => ContactFlowStatus::Published,
                Alias::Saved => ContactFlowStatus::Saved,
            }),
            description: record.description.clone(),
            content: text,
            tags: Some(record.tags.clone()).filter(|tags| !tags.is_empty()),
            flow_content_sha256: Some(which.sha256.clone()),
            version: None,
            version_description: None,
            last_modified_time: Some(Timestamp::from_ms(which.modified_ms)),
            last_modified_region: Some(ctx.region().to_owned()),
        }),
    })
}
