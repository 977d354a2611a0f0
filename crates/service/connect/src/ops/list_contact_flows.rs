//! `ListContactFlows`: the flows of an instance.
//!
//! ```text
//! aws connect list-contact-flows --instance-id … --contact-flow-types CONTACT_FLOW
//! {"ContactFlowSummaryList": [{"Id": "…", "Name": "flight-desk", …}]}
//! ```

use crate::records::{FLOWS, FlowRecord};
use crate::{Connect, ids, page};
use api_connect::{
    ContactFlowState, ContactFlowStatus, ContactFlowSummary, Error, ListContactFlowsRequest,
    ListContactFlowsResponse,
};
use kernel::Ctx;
use store::Scan;

pub(crate) async fn list_contact_flows(
    _: &Connect,
    ctx: &Ctx,
    input: ListContactFlowsRequest,
) -> Result<ListContactFlowsResponse, Error> {
    let instance = ids::instance_id(ctx, &input.instance_id)?;
    let types = input.contact_flow_types.unwrap_or_default();
    let types: Vec<&str> = types.iter().map(|kind| kind.as_str()).collect();
    let found = ctx.store().read(|tx| {
        ids::instance(tx, ctx, &instance)?;
        let scope = (ctx.account(), ctx.region(), instance.as_str());
        Ok::<_, Error>(tx.scan(&FLOWS, Scan::prefix(scope))?)
    })?;
    let wanted = |record: &FlowRecord| types.is_empty() || types.contains(&record.kind.as_str());
    let records: Vec<FlowRecord> = found.into_iter().map(|(_, r)| r).filter(wanted).collect();
    let list = format!("ListContactFlows/{instance}/{types:?}");
    let size = page::size(input.max_results, 100);
    let token = input.next_token.as_deref();
    let (records, next_token) = page::page(ctx, &list, records, |record| &record.id, token, size)?;
    let summaries = records.into_iter().map(|record| summary(ctx, &instance, record)).collect();
    Ok(ListContactFlowsResponse { contact_flow_summary_list: Some(summaries), next_token })
}

fn summary(ctx: &Ctx, instance: &str, record: FlowRecord) -> ContactFlowSummary {
    ContactFlowSummary {
        arn: Some(ids::flow_arn(ctx, instance, &record.id)),
        contact_flow_type: Some(record.kind.as_str().into()),
        contact_flow_state: Some(ContactFlowState::Active),
        contact_flow_status: Some(match record.published {
            Some(_) => ContactFlowStatus::Published,
            None => ContactFlowStatus::Saved,
        }),
        name: Some(record.name),
        id: Some(record.id),
    }
}
