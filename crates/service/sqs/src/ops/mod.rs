//! The operations.

mod batches;
mod messages;
mod move_tasks;
mod queues;
mod receive_message;
mod tags;

use api_sqs::Error;
use kernel::access::{Guard as _, Need};
use kernel::{Ctx, Principal};

use crate::error::fault;
use crate::guard::Queues;
use crate::name::QueueName;

pub(crate) use batches::{
    change_message_visibility_batch, delete_message_batch, send_message_batch,
};
pub(crate) use messages::{change_message_visibility, delete_message, send_message};
pub(crate) use move_tasks::{
    cancel_message_move_task, list_message_move_tasks, start_message_move_task,
};
pub(crate) use queues::{
    add_permission, create_queue, delete_queue, get_queue_attributes, get_queue_url,
    list_dead_letter_source_queues, list_queues, purge_queue, remove_permission,
    set_queue_attributes,
};
pub(crate) use receive_message::receive_message;
pub(crate) use tags::{list_queue_tags, tag_queue, untag_queue};

/// The queue that a URL names, which may be another account's if its policy lets the caller use it
/// by this operation. Operations that other accounts cannot have:
/// "Limitations of custom policies" in the developer guide, so they call [`queue_at`].
fn shared_queue_at(ctx: &Ctx, url: &str, operation: &str) -> Result<QueueName, Error> {
    let name = QueueName::of_url(ctx, url)?;
    check_shared(ctx, &name, operation)?;
    Ok(name)
}

/// Whether the caller may use another account's queue. The kernel has asked already, but for root
/// users, whom it never judges.
fn check_shared(ctx: &Ctx, name: &QueueName, operation: &str) -> Result<(), Error> {
    if name.account == ctx.account() || !matches!(ctx.principal(), Principal::Root { .. }) {
        return Ok(());
    }
    let mut need = Need::new(format!("sqs:{operation}"), name.arn());
    need.policy = Queues.policy(ctx, &need);
    Ok(ctx.authorize("sqs", operation, &[need])?)
}

/// The queue of this account that a URL names.
fn queue_at(ctx: &Ctx, url: &str) -> Result<QueueName, Error> {
    let name = QueueName::of_url(ctx, url)?;
    if name.account != ctx.account() {
        let shown: String = url.chars().filter(|c| !c.is_control()).take(200).collect();
        let message = format!("Access to the resource {shown} is denied.");
        return Err(fault("AccessDenied", message).into());
    }
    Ok(name)
}
