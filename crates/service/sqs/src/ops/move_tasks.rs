//! Moving messages out of a dead-letter queue.

use api_sqs::{
    CancelMessageMoveTaskRequest, CancelMessageMoveTaskResult, Error, ListMessageMoveTasksRequest,
    ListMessageMoveTasksResult, ListMessageMoveTasksResultEntry, StartMessageMoveTaskRequest,
    StartMessageMoveTaskResult,
};
use kernel::Ctx;
use store::ReadTx;

use crate::Sqs;
use crate::attributes::sources;
use crate::count::count;
use crate::error::{bad_value, invalid, modeled};
use crate::moves::{self, Move, QueueKey, Status};
use crate::name::QueueName;
use crate::record::{QUEUES, Queue, now_ms};

/// A queue of the caller's by its ARN.
fn by_arn(tx: &ReadTx, ctx: &Ctx, what: &str, arn: &str) -> Result<(QueueName, Queue), Error> {
    let unknown = || {
        modeled!(
            ResourceNotFoundException,
            "The resource that you specified for the {what} parameter doesn't exist."
        )
    };
    let name = QueueName::of_arn(arn).ok_or_else(unknown)?;
    if name.account != ctx.account() || name.region != ctx.region() {
        return Err(unknown());
    }
    let queue = tx.get(&QUEUES, name.key())?.ok_or_else(unknown)?;
    Ok((name, queue))
}

pub(crate) async fn start_message_move_task(
    _: &Sqs,
    ctx: &Ctx,
    input: StartMessageMoveTaskRequest,
) -> Result<StartMessageMoveTaskResult, Error> {
    let per_second = match input.max_number_of_messages_per_second {
        None => None,
        Some(number @ 1..=500) => Some(number as u32),
        Some(number) => {
            let name = "MaxNumberOfMessagesPerSecond";
            return Err(bad_value(name, &number, "Must be between 1 and 500, if provided.").into());
        }
    };
    let now_ms = now_ms(ctx);
    let id = ctx.random().uuid();
    let handle = ctx
        .store()
        .write(|tx| {
            let (source, queue) = by_arn(tx, ctx, "SourceArn", &input.source_arn)?;
            if let Some(arn) = &input.destination_arn {
                let (_, target) = by_arn(tx, ctx, "DestinationArn", arn)?;
                if target.settings.fifo.is_some() != queue.settings.fifo.is_some() {
                    let reason = "Source and destination queues must be of the same type.";
                    return Err(bad_value("DestinationArn", arn, reason).into());
                }
                if target.id == queue.id {
                    return Err(invalid(
                        "Source queue arn and destination queue arn cannot be the same.",
                    )
                    .into());
                }
            }
            if sources(tx, &source)?.is_empty() {
                return Err(
                    invalid("Source queue must be configured as a Dead Letter Queue.").into()
                );
            }
            let running = |task: &Move| task.status == Status::Running;
            if moves::of_queue(tx, &source)?.iter().any(running) {
                return Err(invalid(
                    "There is already a task running. Only one active task is allowed for a \
                     source queue arn at a given time.",
                )
                .into());
            }
            let task = Move {
                id: id.clone(),
                source: QueueKey::of(&source),
                destination: input.destination_arn.clone(),
                per_second,
                status: Status::Running,
                failure: None,
                started_ms: now_ms,
                moved: 0,
                to_move: count(tx, &queue, now_ms)?.visible,
            };
            moves::begin(tx, &task)?;
            Ok::<_, Error>(task.handle())
        })
        .await?;
    Ok(StartMessageMoveTaskResult { task_handle: Some(handle) })
}

pub(crate) async fn cancel_message_move_task(
    _: &Sqs,
    ctx: &Ctx,
    input: CancelMessageMoveTaskRequest,
) -> Result<CancelMessageMoveTaskResult, Error> {
    let bad = || Error::from(bad_value("TaskHandle", &input.task_handle, "Invalid task handle."));
    let (source, id) = moves::open_handle(&input.task_handle).ok_or_else(bad)?;
    let moved = ctx
        .store()
        .write(|tx| {
            by_arn(tx, ctx, "SourceArn", &source.arn())?;
            let task = moves::find(tx, &source, &id)?;
            let Some(task) = task.filter(|task| task.status == Status::Running) else {
                return Err(modeled!(ResourceNotFoundException, "Task does not exist."));
            };
            moves::cancel(tx, &task)?;
            Ok(task.moved)
        })
        .await?;
    let moved = Some(moved as i64);
    Ok(CancelMessageMoveTaskResult { approximate_number_of_messages_moved: moved })
}

pub(crate) async fn list_message_move_tasks(
    _: &Sqs,
    ctx: &Ctx,
    input: ListMessageMoveTasksRequest,
) -> Result<ListMessageMoveTasksResult, Error> {
    let limit = match input.max_results.unwrap_or(1) {
        number @ 1..=10 => number as usize,
        number => {
            let reason = "Must be between 1 and 10, if provided.";
            return Err(bad_value("MaxResults", &number, reason).into());
        }
    };
    let tasks = ctx.store().read(|tx| {
        let (source, _) = by_arn(tx, ctx, "SourceArn", &input.source_arn)?;
        Ok::<_, Error>(moves::of_queue(tx, &source)?)
    })?;
    let results = tasks.into_iter().take(limit).map(|task| ListMessageMoveTasksResultEntry {
        task_handle: (task.status == Status::Running).then(|| task.handle()),
        status: Some(task.status.text().into()),
        source_arn: Some(task.source.name().arn()),
        destination_arn: task.destination,
        max_number_of_messages_per_second: task.per_second.map(|number| number as i32),
        approximate_number_of_messages_moved: Some(task.moved as i64),
        approximate_number_of_messages_to_move: Some(task.to_move as i64),
        failure_reason: task.failure,
        started_timestamp: Some(task.started_ms as i64),
    });
    Ok(ListMessageMoveTasksResult { results: Some(results.collect()) })
}
