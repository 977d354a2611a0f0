//! `ListInstances`: the instances of the account in the region.
//!
//! ```text
//! aws connect list-instances
//! {"InstanceSummaryList": [{"Id": "…", "InstanceStatus": "ACTIVE", …}]}
//! ```

use super::describe_instance::access_url;
use crate::records::{INSTANCES, InstanceRecord};
use crate::{Connect, ids, page};
use api_connect::{
    Error, InstanceStatus, InstanceSummary, ListInstancesRequest, ListInstancesResponse,
};
use kernel::{Ctx, Timestamp};
use store::Scan;

pub(crate) async fn list_instances(
    _: &Connect,
    ctx: &Ctx,
    input: ListInstancesRequest,
) -> Result<ListInstancesResponse, Error> {
    let scan = Scan::prefix((ctx.account(), ctx.region()));
    let found = ctx.store().read(|tx| tx.scan(&INSTANCES, scan))?;
    let records: Vec<InstanceRecord> = found.into_iter().map(|(_, record)| record).collect();
    let size = page::size(input.max_results, 10);
    let token = input.next_token.as_deref();
    let (records, next_token) =
        page::page(ctx, "ListInstances", records, |record| &record.id, token, size)?;
    let summaries = records.into_iter().map(|record| summary(ctx, record)).collect();
    Ok(ListInstancesResponse { instance_summary_list: Some(summaries), next_token })
}

fn summary(ctx: &Ctx, record: InstanceRecord) -> InstanceSummary {
    InstanceSummary {
        arn: Some(ids::instance_arn(ctx, &record.id)),
        identity_management_type: Some(record.identity_management.as_str().into()),
        created_time: Some(Timestamp::from_ms(record.created_ms)),
        service_role: Some(record.service_role.clone()),
        instance_status: Some(InstanceStatus::Active),
        inbound_calls_enabled: Some(record.inbound_calls),
        outbound_calls_enabled: Some(record.outbound_calls),
        instance_access_url: access_url(&record),
        instance_alias: record.alias,
        id: Some(record.id),
    }
}
