//! What the service knows of its queues when access to them is judged.

use api_sqs::CancelMessageMoveTaskRequest;
use kernel::Ctx;
use kernel::access::{Guard, Need, ResourcePolicy};
use shape::Struct;

use crate::moves;
use crate::name::QueueName;
use crate::record::{QUEUES, Queue, policy_text};

/// Asked by the kernel.
pub(crate) struct Queues;

fn queue(ctx: &Ctx, arn: &str) -> Option<Queue> {
    let name = QueueName::of_arn(arn)?;
    ctx.store().read(|tx| tx.get(&QUEUES, name.key())).ok().flatten()
}

impl Guard for Queues {
    fn resolve(&self, ctx: &Ctx, _kind: &str, args: &[String]) -> Option<String> {
        Some(QueueName::of_url(ctx, args.first()?).ok()?.arn())
    }

    fn needs(&self, _ctx: &Ctx, operation: &str, input: &dyn Struct) -> Vec<Need> {
        let any: &dyn std::any::Any = input;
        let handle = any.downcast_ref::<CancelMessageMoveTaskRequest>();
        let source = handle.and_then(|input| moves::open_handle(&input.task_handle));
        let arn = source.map_or("*".to_owned(), |(source, _)| source.arn());
        vec![Need::new(format!("sqs:{operation}"), arn)]
    }

    fn policy(&self, ctx: &Ctx, need: &Need) -> Option<ResourcePolicy> {
        let name = QueueName::of_arn(&need.resource)?;
        let text = ctx.store().read(|tx| policy_text(tx, &need.resource)).ok()?;
        let documents = text.into_iter().collect();
        Some(ResourcePolicy { account: name.account, documents, ..ResourcePolicy::default() })
    }

    fn tags(&self, ctx: &Ctx, resource: &str) -> Vec<(String, String)> {
        queue(ctx, resource).map(|queue| queue.tags.into_iter().collect()).unwrap_or_default()
    }
}
