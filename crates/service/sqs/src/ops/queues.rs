//! Queues themselves.
//!
//! ```text
//! aws sqs create-queue --queue-name orders
//! {"QueueUrl": "http://localhost:4566/000000000000/orders"}
//! ```

use std::collections::BTreeMap;

use api_sqs::{
    AddPermissionOutput, AddPermissionRequest, CreateQueueRequest, CreateQueueResult,
    DeleteQueueOutput, DeleteQueueRequest, Error, GetQueueAttributesRequest,
    GetQueueAttributesResult, GetQueueUrlRequest, GetQueueUrlResult,
    ListDeadLetterSourceQueuesRequest, ListDeadLetterSourceQueuesResult, ListQueuesRequest,
    ListQueuesResult, PurgeQueueOutput, PurgeQueueRequest, RemovePermissionOutput,
    RemovePermissionRequest, SetQueueAttributesOutput, SetQueueAttributesRequest,
};
use kernel::access::{Guard as _, Need};
use kernel::digest::hex;
use kernel::{Ctx, Fault, Principal};
use store::WriteTx;

use super::{check_shared, queue_at, shared_queue_at, tags};
use crate::Sqs;
use crate::attributes::{all, check_redrive, first, set_all, sources};
use crate::count::{Counts, count};
use crate::error::{bad_value, invalid, missing, modeled};
use crate::guard::Queues;
use crate::name::QueueName;
use crate::permission;
use crate::record::{QUEUES, Queue, now_ms, require};
use crate::settings::{Settings, unknown};
use crate::sweep;

/// How long after a purge the next one is refused.
const PURGE_MS: u64 = 60_000;
/// Most queues of a page.
const PAGE_MAX: i32 = 1000;

/// Attributes in the order in which `All` gives them.
const ATTRIBUTES: [&str; 21] = [
    "Policy",
    "VisibilityTimeout",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
    "ApproximateNumberOfMessagesDelayed",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
];

pub(crate) async fn create_queue(
    sqs: &Sqs,
    ctx: &Ctx,
    input: CreateQueueRequest,
) -> Result<CreateQueueResult, Error> {
    let attributes = input.attributes.unwrap_or_default();
    let settings = first(&input.queue_name, &attributes)?;
    let given_tags = input.tags.unwrap_or_default();
    tags::check(&given_tags)?;
    if given_tags.len() > tags::TAGS_MAX {
        return Err(invalid(format!("Too many tags added for queue {}.", input.queue_name)).into());
    }
    let name = QueueName::own(ctx, &input.queue_name);
    let now_ms = now_ms(ctx);
    let (id, rows) = (ctx.random().u64(), ctx.random().u64());
    ctx.store()
        .write(|tx| {
            if let Some(there) = tx.get(&QUEUES, name.key())? {
                return same(&there, &settings, &attributes);
            }
            check_redrive(tx, &name, &settings, attributes.get("RedrivePolicy"))?;
            let mut queue = Queue {
                id,
                rows,
                created_ms: now_ms,
                modified_ms: now_ms,
                purged_ms: None,
                settings: settings.clone(),
                tags: given_tags.clone(),
                retention_run: 0,
            };
            sweep::watch_age(tx, &name, &mut queue, now_ms)?;
            Ok(tx.put(&QUEUES, name.key(), &queue)?)
        })
        .await?;
    Ok(CreateQueueResult { queue_url: Some(name.url(sqs, ctx)) })
}

/// Creating a queue again is no error if it is the same.
fn same(
    there: &Queue,
    asked: &Settings,
    attributes: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let differs = |name: &&String| there.settings.get(name) != asked.get(name);
    match attributes.keys().find(differs) {
        Some(name) => Err(modeled!(
            QueueNameExists,
            "A queue already exists with the same name and a different value for attribute {name}"
        )),
        None => Ok(()),
    }
}

pub(crate) async fn delete_queue(
    sqs: &Sqs,
    ctx: &Ctx,
    input: DeleteQueueRequest,
) -> Result<DeleteQueueOutput, Error> {
    let name = queue_at(ctx, &input.queue_url)?;
    let now_ms = now_ms(ctx);
    let id = ctx
        .store()
        .write(|tx| {
            let queue = require(tx, &name)?;
            tx.delete(&QUEUES, name.key())?;
            sweep::clear(tx, queue.rows, Some(queue.id), now_ms)?;
            Ok::<_, Error>(queue.id)
        })
        .await?;
    sqs.lives.remove(id);
    Ok(DeleteQueueOutput {})
}

pub(crate) async fn purge_queue(
    _: &Sqs,
    ctx: &Ctx,
    input: PurgeQueueRequest,
) -> Result<PurgeQueueOutput, Error> {
    let name = shared_queue_at(ctx, &input.queue_url, "PurgeQueue")?;
    let now_ms = now_ms(ctx);
    let rows = ctx.random().u64();
    ctx.store()
        .write(|tx| {
            let mut queue = require(tx, &name)?;
            if queue.purged_ms.is_some_and(|at_ms| now_ms < at_ms + PURGE_MS) {
                return Err(modeled!(
                    PurgeQueueInProgress,
                    "Only one PurgeQueue operation on {} is allowed every 60 seconds.",
                    name.name
                ));
            }
            // All its messages are gone at once: what comes later has other keys.
            sweep::clear(tx, queue.rows, None, now_ms)?;
            queue.rows = rows;
            queue.purged_ms = Some(now_ms);
            Ok(tx.put(&QUEUES, name.key(), &queue)?)
        })
        .await?;
    Ok(PurgeQueueOutput {})
}

pub(crate) async fn get_queue_url(
    sqs: &Sqs,
    ctx: &Ctx,
    input: GetQueueUrlRequest,
) -> Result<GetQueueUrlResult, Error> {
    let mut name = QueueName::own(ctx, &input.queue_name);
    if let Some(account) = input.queue_owner_aws_account_id.filter(|account| !account.is_empty()) {
        name.account = account;
    }
    if name.account != ctx.account() {
        may_know(ctx, &name)?;
    }
    ctx.store().read(|tx| require(tx, &name))?;
    Ok(GetQueueUrlResult { queue_url: Some(name.url(sqs, ctx)) })
}

/// Whether the caller may learn of another account's queue. The kernel was asked for the caller's
/// own account: the owner's is in no place that it knows.
fn may_know(ctx: &Ctx, name: &QueueName) -> Result<(), Error> {
    if matches!(ctx.principal(), Principal::Root { .. }) {
        return check_shared(ctx, name, "GetQueueUrl");
    }
    let mut need = Need::new("sqs:GetQueueUrl", name.arn());
    need.policy = Queues.policy(ctx, &need);
    Ok(ctx.authorize("sqs", "GetQueueUrl", &[need])?)
}

pub(crate) async fn get_queue_attributes(
    sqs: &Sqs,
    ctx: &Ctx,
    input: GetQueueAttributesRequest,
) -> Result<GetQueueAttributesResult, Error> {
    let name = shared_queue_at(ctx, &input.queue_url, "GetQueueAttributes")?;
    let wanted = input.attribute_names.unwrap_or_default();
    let wanted: Vec<&str> = wanted.iter().map(|name| name.as_str()).collect();
    let is_wanted = |name: &str| wanted.iter().any(|wanted| *wanted == "All" || *wanted == name);
    let names = ATTRIBUTES.into_iter().filter(|name| is_wanted(name));
    let now_ms = now_ms(ctx);
    let attributes: BTreeMap<String, String> = ctx.store().read(|tx| {
        let queue = require(tx, &name)?;
        let counts = match ATTRIBUTES.iter().any(|n| n.starts_with("Approx") && is_wanted(n)) {
            true => sqs.lives.of(queue.id).counted(ctx, || count(tx, &queue, now_ms))?,
            false => Counts::default(),
        };
        let value = |attribute: &str| attribute_of(&queue, &name, counts, attribute);
        let found = names.filter_map(|attribute| Some((attribute.to_owned(), value(attribute)?)));
        Ok::<_, Error>(found.collect())
    })?;
    Ok(GetQueueAttributesResult { attributes: (!attributes.is_empty()).then_some(attributes) })
}

fn attribute_of(queue: &Queue, name: &QueueName, counts: Counts, wanted: &str) -> Option<String> {
    Some(match wanted {
        "ApproximateNumberOfMessages" => counts.visible.to_string(),
        "ApproximateNumberOfMessagesNotVisible" => counts.in_flight.to_string(),
        "ApproximateNumberOfMessagesDelayed" => counts.delayed.to_string(),
        "CreatedTimestamp" => (queue.created_ms / 1000).to_string(),
        "LastModifiedTimestamp" => (queue.modified_ms / 1000).to_string(),
        "QueueArn" => name.arn(),
        setting => queue.settings.get(setting)?,
    })
}

pub(crate) async fn set_queue_attributes(
    sqs: &Sqs,
    ctx: &Ctx,
    input: SetQueueAttributesRequest,
) -> Result<SetQueueAttributesOutput, Error> {
    let name = queue_at(ctx, &input.queue_url)?;
    if input.attributes.is_empty() {
        return Err(missing("Attribute.Name").into());
    }
    let id = change(ctx, &name, |tx, queue| {
        if input.attributes.contains_key("FifoQueue") {
            return Err(unknown("FifoQueue"));
        }
        set_all(&mut queue.settings, &input.attributes)?;
        check_redrive(tx, &name, &queue.settings, input.attributes.get("RedrivePolicy"))
    })
    .await?;
    // Who waits may have to wait less.
    sqs.lives.wake(id, 1);
    Ok(SetQueueAttributesOutput {})
}

/// Changes a queue's record; returns its id.
async fn change(
    ctx: &Ctx,
    name: &QueueName,
    change: impl Fn(&mut WriteTx, &mut Queue) -> Result<(), Error> + Send + Sync,
) -> Result<u64, Error> {
    let now_ms = now_ms(ctx);
    ctx.store()
        .write(|tx| {
            let mut queue = require(tx, name)?;
            let retention_s = queue.settings.retention_s;
            change(tx, &mut queue)?;
            queue.modified_ms = now_ms;
            if queue.settings.retention_s != retention_s {
                sweep::watch_age(tx, name, &mut queue, now_ms)?;
            }
            tx.put(&QUEUES, name.key(), &queue)?;
            Ok(queue.id)
        })
        .await
}

pub(crate) async fn add_permission(
    _: &Sqs,
    ctx: &Ctx,
    input: AddPermissionRequest,
) -> Result<AddPermissionOutput, Error> {
    let name = queue_at(ctx, &input.queue_url)?;
    change(ctx, &name, |_, queue| {
        let old = queue.settings.policy.as_deref();
        let new =
            permission::add(old, &name, &input.label, &input.aws_account_ids, &input.actions)?;
        queue.settings.policy = Some(new);
        Ok(())
    })
    .await?;
    Ok(AddPermissionOutput {})
}

pub(crate) async fn remove_permission(
    _: &Sqs,
    ctx: &Ctx,
    input: RemovePermissionRequest,
) -> Result<RemovePermissionOutput, Error> {
    let name = queue_at(ctx, &input.queue_url)?;
    change(ctx, &name, |_, queue| {
        queue.settings.policy = permission::remove(queue.settings.policy.as_deref(), &input.label)?;
        Ok(())
    })
    .await?;
    Ok(RemovePermissionOutput {})
}

pub(crate) async fn list_queues(
    sqs: &Sqs,
    ctx: &Ctx,
    input: ListQueuesRequest,
) -> Result<ListQueuesResult, Error> {
    let prefix = input.queue_name_prefix.unwrap_or_default();
    let queues = ctx.store().read(|tx| all(tx, &QueueName::own(ctx, ""), &prefix))?;
    let names = queues.into_iter().map(|(name, _)| name).collect();
    let (page, next_token) = page(names, input.max_results, input.next_token)?;
    let urls: Vec<String> = page.iter().map(|name| name.url(sqs, ctx)).collect();
    Ok(ListQueuesResult { queue_urls: (!urls.is_empty()).then_some(urls), next_token })
}

pub(crate) async fn list_dead_letter_source_queues(
    sqs: &Sqs,
    ctx: &Ctx,
    input: ListDeadLetterSourceQueuesRequest,
) -> Result<ListDeadLetterSourceQueuesResult, Error> {
    let name = shared_queue_at(ctx, &input.queue_url, "ListDeadLetterSourceQueues")?;
    let names = ctx.store().read(|tx| {
        require(tx, &name)?;
        Ok::<_, Error>(sources(tx, &name)?)
    })?;
    let (page, next_token) = page(names, input.max_results, input.next_token)?;
    let queue_urls = page.iter().map(|name| name.url(sqs, ctx)).collect();
    Ok(ListDeadLetterSourceQueuesResult { queue_urls, next_token })
}

/// A page of names. The token is the last name of the page before, in hexadecimal digits: it
/// gives away nothing that its owner could not list.
fn page(
    names: Vec<QueueName>,
    limit: Option<i32>,
    token: Option<String>,
) -> Result<(Vec<QueueName>, Option<String>), Fault> {
    let most = limit.unwrap_or(PAGE_MAX);
    if !(1..=PAGE_MAX).contains(&most) {
        let reason = "Must be between 1 and 1000, if provided.";
        return Err(bad_value("MaxResults", &most, reason));
    }
    let after = match token {
        None => None,
        Some(token) => {
            let bad = || invalid("Invalid or expired next token.");
            let bytes = (0..token.len()).step_by(2).map(|at| {
                let digits = token.get(at..at + 2)?;
                u8::from_str_radix(digits, 16).ok()
            });
            let bytes: Vec<u8> = bytes.collect::<Option<_>>().ok_or_else(bad)?;
            Some(String::from_utf8(bytes).map_err(|_| bad())?)
        }
    };
    let mut rest = names.into_iter().filter(|n| after.as_ref().is_none_or(|a| n.name > *a));
    let page: Vec<QueueName> = rest.by_ref().take(most as usize).collect();
    // Without MaxResults there is one page, of a thousand at most.
    let more = limit.is_some() && rest.next().is_some();
    let token = page.last().filter(|_| more).map(|last| hex(last.name.as_bytes()));
    Ok((page, token))
}
