//! The operations.

mod batches;
mod messages;
mod move_tasks;
mod queues;
mod receive_message;
mod tags;

use api_sqs::Error;
use kernel::Ctx;

use crate::error::fault;
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

/// The queue that a URL names.
fn queue_at(ctx: &Ctx, url: &str) -> Result<QueueName, Error> {
    let name = QueueName::of_url(ctx, url)?;
    if name.account != ctx.account() {
        let shown: String = url.chars().filter(|c| !c.is_control()).take(200).collect();
        let message = format!("Access to the resource {shown} is denied.");
        return Err(fault("AccessDenied", message).into());
    }
    Ok(name)
}
