//! `DeleteLogGroup`, `DeleteLogStream` and what protects from them. What is deleted is gone with the
//! answer; its rows go afterwards.
//!
//! ```text
//! aws logs delete-log-group --log-group-name /app
//! ```

use api_logs::{
    DeleteLogGroupOutput, DeleteLogGroupRequest, DeleteLogStreamOutput, DeleteLogStreamRequest,
    Error, PutLogGroupDeletionProtectionOutput, PutLogGroupDeletionProtectionRequest,
};
use kernel::{Ctx, Fault};

use crate::name::identified;
use crate::table::{
    GROUPS, GroupRecord, STREAMS, group_key, require_group, require_stream, stream_key,
};
use crate::{Logs, clear, filters};

pub(crate) async fn delete_log_group(
    _: &Logs,
    ctx: &Ctx,
    input: DeleteLogGroupRequest,
) -> Result<DeleteLogGroupOutput, Error> {
    let name = &input.log_group_name;
    let now_ms = ctx.now().epoch_ms.max(0) as u64;
    ctx.store()
        .write(|tx| {
            let group = require_group(tx, ctx, name)?;
            check(&group)?;
            filters::delete_all(tx, ctx, group.rows(name))?;
            clear::group(tx, ctx, group.rows(name), now_ms)?;
            Ok::<_, Error>(tx.delete(&GROUPS, group_key(ctx, name))?)
        })
        .await?;
    Ok(DeleteLogGroupOutput {})
}

pub(crate) async fn delete_log_stream(
    _: &Logs,
    ctx: &Ctx,
    input: DeleteLogStreamRequest,
) -> Result<DeleteLogStreamOutput, Error> {
    let (name, stream) = (&input.log_group_name, &input.log_stream_name);
    let now_ms = ctx.now().epoch_ms.max(0) as u64;
    ctx.store()
        .write(|tx| {
            let (group, record) = require_stream(tx, ctx, name, stream)?;
            check(&group)?;
            clear::stream(tx, record.id, now_ms)?;
            Ok::<_, Error>(tx.delete(&STREAMS, stream_key(ctx, group.rows(name), stream))?)
        })
        .await?;
    Ok(DeleteLogStreamOutput {})
}

pub(crate) async fn put_log_group_deletion_protection(
    _: &Logs,
    ctx: &Ctx,
    input: PutLogGroupDeletionProtectionRequest,
) -> Result<PutLogGroupDeletionProtectionOutput, Error> {
    let name = identified(ctx, input.log_group_identifier)?;
    ctx.store()
        .write(|tx| {
            let mut group = require_group(tx, ctx, &name)?;
            group.deletion_protection = input.deletion_protection_enabled;
            Ok::<_, Error>(tx.put(&GROUPS, group_key(ctx, &name), &group)?)
        })
        .await?;
    Ok(PutLogGroupDeletionProtectionOutput {})
}

fn check(group: &GroupRecord) -> Result<(), Fault> {
    let message = "Deletion protection is enabled for the log group. Disable it before deleting.";
    match group.deletion_protection {
        true => Err(Fault::sender("ValidationException", message)),
        false => Ok(()),
    }
}
