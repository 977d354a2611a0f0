//! `CreateLogGroup`.
//!
//! ```text
//! aws logs create-log-group --log-group-name /app --tags team=desk
//! ```

use api_logs::{CreateLogGroupOutput, CreateLogGroupRequest, Error, LogGroupClass};
use kernel::Ctx;

use super::tags::check_tags;
use crate::Logs;
use crate::error::{group_exists, invalid, not_served};
use crate::table::{GROUPS, GroupRecord, group_key};

pub(crate) async fn create_log_group(
    _: &Logs,
    ctx: &Ctx,
    input: CreateLogGroupRequest,
) -> Result<CreateLogGroupOutput, Error> {
    if input.kms_key_id.is_some() {
        return Err(not_served("CreateLogGroup", "kmsKeyId").into());
    }
    if !matches!(input.log_group_class, None | Some(LogGroupClass::Standard)) {
        return Err(not_served("CreateLogGroup", "logGroupClass other than STANDARD").into());
    }
    let name = &input.log_group_name;
    if name.len() >= 4 && name[..4].eq_ignore_ascii_case("aws/") {
        return Err(invalid("Log groups starting with AWS/ are reserved for AWS.").into());
    }
    let tags = input.tags.unwrap_or_default();
    check_tags(&tags)?;
    let record = GroupRecord {
        created_ms: ctx.now().epoch_ms.max(0) as u64,
        tags,
        deletion_protection: input.deletion_protection_enabled.unwrap_or(false),
        rows: Some(format!("{name}:{:016x}", ctx.random().u64())),
        retention_days: None,
        retention_run: 0,
        subscriptions: 0,
        metric_filters: 0,
    };
    ctx.store()
        .write(|tx| {
            if tx.contains(&GROUPS, group_key(ctx, name))? {
                return Err(Error::from(group_exists()));
            }
            Ok(tx.put(&GROUPS, group_key(ctx, name), &record)?)
        })
        .await?;
    Ok(CreateLogGroupOutput {})
}
