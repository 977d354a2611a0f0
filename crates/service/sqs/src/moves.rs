//! Moving dead letters back, or elsewhere: a task that goes in steps, each one commit and a timer.

use std::ops::ControlFlow;
use std::sync::Arc;

use api_sqs::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::{BoxFuture, Fault, Kernel, TaskHandler};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Key, Part, ReadTx, Scan, StoreError, Table, Timer, WriteTx};

use crate::live::Lives;
use crate::name::QueueName;
use crate::record::{BODIES, LINE, QUEUES, Queue, STATES, State};
use crate::send::next_sequence;
use crate::{kms, line, seal};

/// Tasks by (account, region, source's name, task id).
const MOVES: Table<Move> = Table::new("sqs/move");
/// The kind of timer.
const STEP: &str = "sqs/move";
/// Messages moved in one commit.
const STEP_MESSAGES: u32 = 50;
/// Tasks remembered of one queue.
const REMEMBERED_MAX: usize = 10;

/// A task.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Move {
    pub id: String,
    pub source: QueueKey,
    /// ARN; nothing for the queues the letters come from.
    pub destination: Option<String>,
    pub per_second: Option<u32>,
    pub status: Status,
    pub failure: Option<String>,
    pub started_ms: u64,
    pub moved: u64,
    pub to_move: u64,
}

/// How a task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Running,
    Completed,
    Cancelled,
    Failed,
}

impl Status {
    /// As clients see it.
    pub fn text(self) -> &'static str {
        match self {
            Status::Running => "RUNNING",
            Status::Completed => "COMPLETED",
            Status::Cancelled => "CANCELLED",
            Status::Failed => "FAILED",
        }
    }
}

/// A queue's name as a record has it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct QueueKey {
    account: String,
    region: String,
    name: String,
}

impl QueueKey {
    pub fn of(name: &QueueName) -> Self {
        let QueueName { account, region, name } = name.clone();
        QueueKey { account, region, name }
    }

    pub fn name(&self) -> QueueName {
        let QueueKey { account, region, name } = self.clone();
        QueueName { account, region, name }
    }
}

impl Move {
    /// The text that names the task for clients.
    pub fn handle(&self) -> String {
        let arn = self.source.name().arn();
        STANDARD.encode(json!({"taskId": self.id, "sourceArn": arn}).to_string())
    }
}

/// Reads a handle: the source and the task's id.
pub(crate) fn open_handle(text: &str) -> Option<(QueueName, String)> {
    let handle: serde_json::Value = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
    let source = QueueName::of_arn(handle["sourceArn"].as_str()?)?;
    Some((source, handle["taskId"].as_str()?.to_owned()))
}

fn key(source: &QueueName, id: &str) -> Key {
    source.key().text(id)
}

/// One task.
pub(crate) fn find(tx: &ReadTx, source: &QueueName, id: &str) -> Result<Option<Move>, StoreError> {
    tx.get(&MOVES, key(source, id))
}

/// All tasks of a queue, the latest first.
pub(crate) fn of_queue(tx: &ReadTx, source: &QueueName) -> Result<Vec<Move>, StoreError> {
    let found = tx.scan(&MOVES, Scan::prefix(source.key()))?;
    let mut tasks: Vec<Move> = found.into_iter().map(|(_, task)| task).collect();
    tasks.sort_by_key(|task| std::cmp::Reverse(task.started_ms));
    Ok(tasks)
}

/// Writes a task that has just begun, and forgets the oldest.
pub(crate) fn begin(tx: &mut WriteTx, task: &Move) -> Result<(), StoreError> {
    let source = task.source.name();
    for old in of_queue(tx, &source)?.into_iter().skip(REMEMBERED_MAX - 1) {
        tx.delete(&MOVES, key(&source, &old.id))?;
    }
    tx.put(&MOVES, key(&source, &task.id), task)?;
    tx.schedule(task.started_ms, STEP, task).map(drop)
}

/// Ends a task at the client's wish.
pub(crate) fn cancel(tx: &mut WriteTx, task: &Move) -> Result<(), Error> {
    let cancelled = Move { status: Status::Cancelled, ..task.clone() };
    Ok(tx.put(&MOVES, key(&task.source.name(), &task.id), &cancelled)?)
}

/// The handler for the kernel.
pub(crate) fn tasks(lives: &Arc<Lives>) -> Vec<(&'static str, Arc<dyn TaskHandler>)> {
    vec![(STEP, Arc::new(Mover { lives: lives.clone() }))]
}

struct Mover {
    lives: Arc<Lives>,
}

impl TaskHandler for Mover {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let begun: Move = timer.payload().map_err(Fault::internal)?;
            let now_ms = kernel.clock().now().epoch_ms.max(0) as u64;
            let woken = kernel
                .store()
                .write(|tx| self.step(kernel, tx, timer, &begun, now_ms))
                .await
                .map_err(Fault::internal)?;
            woken.into_iter().for_each(|id| self.lives.wake(id, 1));
            Ok(())
        })
    }
}

/// Why a task cannot go on.
enum Trouble {
    Store(StoreError),
    Failed(&'static str),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Trouble::Store(error)
    }
}

impl Mover {
    fn step(
        &self,
        kernel: &Kernel,
        tx: &mut WriteTx,
        timer: &Timer,
        begun: &Move,
        now_ms: u64,
    ) -> Result<Vec<u64>, StoreError> {
        let source = begun.source.name();
        if !tx.ack_timer(timer.id)? {
            return Ok(Vec::new());
        }
        let running = |task: &Move| task.status == Status::Running;
        let Some(mut task) = find(tx, &source, &begun.id)?.filter(running) else {
            return Ok(Vec::new());
        };
        let mut woken = Vec::new();
        match self.some(kernel, tx, &mut task, now_ms, &mut woken) {
            Ok(true) => {
                let pause_ms = if task.per_second.is_some() { 1000 } else { 0 };
                tx.schedule(now_ms + pause_ms, STEP, begun)?;
            }
            Ok(false) => task.status = Status::Completed,
            Err(Trouble::Failed(why)) => {
                task.status = Status::Failed;
                task.failure = Some(why.to_owned());
            }
            Err(Trouble::Store(error)) => return Err(error),
        }
        tx.put(&MOVES, key(&source, &task.id), &task)?;
        Ok(woken)
    }

    /// Moves some messages; false when none are left.
    fn some(
        &self,
        kernel: &Kernel,
        tx: &mut WriteTx,
        task: &mut Move,
        now_ms: u64,
        woken: &mut Vec<u64>,
    ) -> Result<bool, Trouble> {
        const GONE: Trouble = Trouble::Failed("AWS.SimpleQueueService.NonExistentQueue");
        let source = tx.get(&QUEUES, task.source.name().key())?.ok_or(GONE)?;
        let left = task.to_move.saturating_sub(task.moved);
        let limit = u64::from(task.per_second.unwrap_or(STEP_MESSAGES)).min(left);
        for sequence in visible(tx, &source, limit as usize, now_ms)? {
            let Some(state) = tx.get(&STATES, (source.rows, sequence))? else { continue };
            let target = task.destination.as_ref().or(state.source.as_ref());
            let target = target.ok_or(Trouble::Failed("CouldNotDetermineMessageSource"))?;
            let target = QueueName::of_arn(target).ok_or(GONE)?;
            let target = tx.get(&QUEUES, target.key())?.ok_or(GONE)?;
            if self.one(kernel, tx, (&source, &target), sequence, &state, now_ms)? {
                task.moved += 1;
                woken.push(target.id);
            }
        }
        let more = !visible(tx, &source, 1, now_ms)?.is_empty();
        Ok(more && task.moved < task.to_move)
    }

    /// A message that was moved is a new one: it has a new id and its age begins again.
    fn one(
        &self,
        kernel: &Kernel,
        tx: &mut WriteTx,
        (source, target): (&Queue, &Queue),
        sequence: u64,
        state: &State,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let new_id = kernel.random().uuid();
        let Some((row, message_id)) = moved_row(kernel, tx, (source, target), sequence, new_id)?
        else {
            return Ok(false);
        };
        line::remove(tx, source, sequence, state, now_ms)?;
        let moved = State {
            sent_ms: now_ms,
            visible_ms: now_ms,
            receives: 0,
            first_ms: None,
            received_ms: None,
            group: state.group.clone(),
            source: None,
            message_id,
        };
        let number = next_sequence(&self.lives, tx, target, now_ms)?;
        line::add(tx, target, number, row, &moved)?;
        Ok(true)
    }
}

/// The first visible messages of a queue, in their order.
/// The row of a message in its new queue, and its new id where the row does not have it: what is
/// under a data key of KMS stays as it is, for nobody asks for it now.
fn moved_row(
    kernel: &Kernel,
    tx: &ReadTx,
    (source, target): (&Queue, &Queue),
    sequence: u64,
    new_id: String,
) -> Result<Option<(bytes::Bytes, Option<String>)>, StoreError> {
    let Some(row) = tx.get_raw(&BODIES, (source.rows, sequence))? else { return Ok(None) };
    if row.first() == Some(&kms::MARK) {
        return Ok(Some((row, Some(new_id))));
    }
    let keys = kms::Opened::default();
    let Some(mut content) = seal::read(tx, kernel.sealer(), &keys, source.rows, sequence)? else {
        return Ok(None);
    };
    content.message_id = new_id;
    let sealed = target.settings.sealed || target.settings.kms.is_some();
    let row = seal::to_row(kernel.sealer(), &content, sealed);
    let row = row.map_err(|fault| StoreError::Encode {
        table: "sqs/body".into(),
        key: sequence.to_string(),
        detail: fault.to_string(),
    })?;
    Ok(Some((row.into(), None)))
}

fn visible(tx: &ReadTx, queue: &Queue, limit: usize, now_ms: u64) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    if queue.settings.fifo.is_some() {
        let last = |key: &Key| line::second_number(key.as_bytes());
        let all = tx.scan(&STATES, Scan::prefix(queue.rows))?;
        let seen = all.iter().filter(|(_, state)| state.visible_ms <= now_ms);
        return Ok(seen.filter_map(|(key, _)| last(key)).take(limit).collect());
    }
    let scan = Scan::prefix(queue.rows).le((queue.rows, now_ms)).limit(limit);
    tx.scan_raw(&LINE, &scan, &mut |key, _| {
        if let Some(Part::U64(sequence)) = Key::from_bytes(key).parts().unwrap_or_default().pop() {
            found.push(sequence);
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}
