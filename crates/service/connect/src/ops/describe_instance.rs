//! `DescribeInstance`: what an instance is.
//!
//! ```text
//! aws connect describe-instance --instance-id …
//! {"Instance": {"Id": "…", "InstanceStatus": "ACTIVE", "InstanceAlias": "flight-desk", …}}
//! ```

use crate::records::InstanceRecord;
use crate::{Connect, ids};
use api_connect::{
    DescribeInstanceRequest, DescribeInstanceResponse, Error, Instance, InstanceStatus,
};
use kernel::{Ctx, Timestamp};

pub(crate) async fn describe_instance(
    _: &Connect,
    ctx: &Ctx,
    input: DescribeInstanceRequest,
) -> Result<DescribeInstanceResponse, Error> {
    let id = ids::instance_id(ctx, &input.instance_id)?;
    let record = ctx.store().read(|tx| ids::instance(tx, ctx, &id))?;
    Ok(DescribeInstanceResponse {
        instance: Some(Instance {
            arn: Some(ids::instance_arn(ctx, &record.id)),
            identity_management_type: Some(record.identity_management.as_str().into()),
            created_time: Some(Timestamp::from_ms(record.created_ms)),
            service_role: Some(record.service_role.clone()),
            instance_status: Some(InstanceStatus::Active),
            status_reason: None,
            inbound_calls_enabled: Some(record.inbound_calls),
            outbound_calls_enabled: Some(record.outbound_calls),
            instance_access_url: access_url(&record),
            tags: Some(record.tags).filter(|tags| !tags.is_empty()),
            instance_alias: record.alias,
            id: Some(record.id),
        }),
        replication_configuration: None,
    })
}

/// The address of the instance's web pages.
pub(crate) fn access_url(record: &InstanceRecord) -> Option<String> {
    record.alias.as_ref().map(|alias| format!("https://{alias}.my.connect.aws"))
}
