//! `CreateLogStream`.
//!
//! ```text
//! aws logs create-log-stream --log-group-name /app --log-stream-name one
//! ```

use api_logs::{CreateLogStreamOutput, CreateLogStreamRequest, Error};
use kernel::Ctx;

use crate::Logs;
use crate::error::stream_exists;
use crate::table::{STREAMS, StreamRecord, require_group, stream_key};

pub(crate) async fn create_log_stream(
    _: &Logs,
    ctx: &Ctx,
    input: CreateLogStreamRequest,
) -> Result<CreateLogStreamOutput, Error> {
    let record = StreamRecord {
        id: ctx.random().u64(),
        created_ms: ctx.now().epoch_ms.max(0) as u64,
        next_event: 0,
        bytes: 0,
        span: None,
    };
    let (group, stream) = (&input.log_group_name, &input.log_stream_name);
    ctx.store()
        .write(|tx| {
            let parent = require_group(tx, ctx, group)?;
            let key = stream_key(ctx, parent.rows(group), stream);
            if tx.contains(&STREAMS, key)? {
                return Err(Error::from(stream_exists()));
            }
            Ok(tx.put(&STREAMS, key, &record)?)
        })
        .await?;
    Ok(CreateLogStreamOutput {})
}
