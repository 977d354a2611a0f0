//! Streams as tables have them: enabled and disabled with CreateTable, UpdateTable, DeleteTable.

use api_dynamodb::{Error, StreamSpecification, StreamViewType, UpdateTableInput};
use kernel::{Ctx, StoreError, Timestamp};
use store::WriteTx;

use super::stream::{STREAMS, StreamName, StreamRecord};
use super::{shard, tend};
use crate::invalid::Invalid;
use crate::table::{StreamView, TableRecord, TableStream};

/// What UpdateTable is to do with a table's stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Switch {
    On(StreamView),
    Off,
}

/// Reads CreateTable's StreamSpecification.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn check_create(
    given: Option<&StreamSpecification>,
) -> Result<Option<StreamView>, Invalid> {
    let Some(given) = given else { return Ok(None) };
    match (given.stream_enabled, given.stream_view_type.as_ref().and_then(view)) {
        (true, Some(view)) => Ok(Some(view)),
        (false, None) => Ok(None),
        (true, None) => Err(parameter(
            "Table is being created with a stream enabled, UpdateViewType is required",
        )),
        (false, Some(_)) => Err(parameter(
            "Table is being created with a stream disabled, UpdateViewType should not be specified",
        )),
    }
}

/// Reads UpdateTable's StreamSpecification.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn check_update(input: &UpdateTableInput) -> Result<Option<Switch>, Invalid> {
    let Some(given) = &input.stream_specification else { return Ok(None) };
    if input.provisioned_throughput.is_some() {
        return Err(parameter("You cannot modify stream status while updating table IOPS"));
    }
    let mut updates = input.global_secondary_index_updates.iter().flatten();
    if updates.any(|update| update.create.is_some() || update.delete.is_some()) {
        return Err(parameter("You cannot create or delete index while changing stream status"));
    }
    match (given.stream_enabled, given.stream_view_type.as_ref().and_then(view)) {
        (true, Some(view)) => Ok(Some(Switch::On(view))),
        (false, None) => Ok(Some(Switch::Off)),
        (true, None) => {
            Err(parameter("If stream is being enabled then UpdateViewType is required"))
        }
        (false, Some(_)) => {
            Err(parameter("If stream is being disabled, then UpdateViewType must not be specified"))
        }
    }
}

fn parameter(problem: &str) -> Invalid {
    Invalid(format!("One or more parameter values were invalid: {problem}"))
}

fn view(given: &StreamViewType) -> Option<StreamView> {
    match given {
        StreamViewType::KeysOnly => Some(StreamView::KeysOnly),
        StreamViewType::NewImage => Some(StreamView::NewImage),
        StreamViewType::OldImage => Some(StreamView::OldImage),
        StreamViewType::NewAndOldImages => Some(StreamView::NewAndOldImages),
        // Validation lets no other pass.
        StreamViewType::Unknown(_) => None,
    }
}

/// StreamSpecification as a table is described: left out while there is no stream.
pub(crate) fn specification(table: &TableRecord) -> Option<StreamSpecification> {
    let stream = table.stream.as_ref()?;
    let view = match stream.view {
        StreamView::KeysOnly => StreamViewType::KeysOnly,
        StreamView::NewImage => StreamViewType::NewImage,
        StreamView::OldImage => StreamViewType::OldImage,
        StreamView::NewAndOldImages => StreamViewType::NewAndOldImages,
    };
    Some(StreamSpecification { stream_enabled: true, stream_view_type: Some(view) })
}

/// LatestStreamArn, of the stream in use or the last one.
pub(crate) fn arn(ctx: &Ctx, name: &str, table: &TableRecord) -> Option<String> {
    let label = table.latest_stream_label.clone()?;
    Some(StreamName { table: name.to_owned(), label }.arn(ctx))
}

/// Does what UpdateTable wants; the caller stores the table's record.
pub(crate) fn switch(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    table: &mut TableRecord,
    wanted: Switch,
) -> Result<(), Error> {
    match wanted {
        Switch::On(_) if table.stream.is_some() => {
            Err(Invalid(format!("Table already has an enabled stream: TableName: {name}")).into())
        }
        Switch::On(view) => Ok(enable(ctx, tx, name, table, view)?),
        Switch::Off if table.stream.is_none() => {
            Err(Invalid(format!("Table has no stream to disable: TableName: {name}")).into())
        }
        Switch::Off => {
            disable(ctx, tx, name, table)?;
            table.stream = None;
            Ok(())
        }
    }
}

/// Gives a table that has none a stream; the caller stores the table's record.
pub(crate) fn enable(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    table: &mut TableRecord,
    view: StreamView,
) -> Result<(), StoreError> {
    let now_ms = ctx.now().epoch_ms;
    let mut created_ms = now_ms;
    let mut stream = StreamName { table: name.to_owned(), label: label(created_ms) };
    while stream.find(ctx, tx)?.is_some() {
        created_ms += 1;
        stream.label = label(created_ms);
    }
    let number = ctx.random().u64();
    let record = StreamRecord {
        number,
        view,
        keys: table.keys().map(|key| key.name.clone()).collect(),
        created_ms,
        disabled_ms: None,
        trimmed: None,
    };
    tx.put(&STREAMS, stream.key(ctx), &record)?;
    shard::open(tx, number, now_ms, None)?;
    tend::begin(ctx, tx, &stream, now_ms)?;
    table.latest_stream_label = Some(stream.label.clone());
    table.stream = Some(TableStream { number, label: stream.label, view });
    Ok(())
}

/// Ends the stream of a table that is being deleted. It can still be read for a day.
pub(crate) fn table_deleted(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    table: &TableRecord,
) -> Result<(), StoreError> {
    disable(ctx, tx, name, table)
}

fn disable(ctx: &Ctx, tx: &mut WriteTx, name: &str, table: &TableRecord) -> Result<(), StoreError> {
    let Some(current) = &table.stream else { return Ok(()) };
    let stream = StreamName { table: name.to_owned(), label: current.label.clone() };
    if let Some(mut record) = stream.find(ctx, tx)? {
        let now_ms = ctx.now().epoch_ms;
        record.disabled_ms = Some(now_ms);
        tx.put(&STREAMS, stream.key(ctx), &record)?;
        shard::close(tx, record.number, now_ms)?;
    }
    Ok(())
}

fn label(created_ms: i64) -> String {
    Timestamp::from_ms(created_ms).civil("%Y-%m-%dT%H:%M:%S%.3f")
}
