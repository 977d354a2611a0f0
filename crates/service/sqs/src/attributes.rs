//! Making queues and setting their attributes.

use std::collections::BTreeMap;

use api_sqs::Error;
use store::{ReadTx, StoreError};

use crate::error::{bad_value, invalid, modeled};
use crate::name::{QueueName, is_name};
use crate::record::{QUEUES, Queue};
use crate::settings::Settings;

/// Settings of a new queue.
pub(crate) fn first(name: &str, attributes: &BTreeMap<String, String>) -> Result<Settings, Error> {
    let fifo = attributes.get("FifoQueue").map(String::as_str);
    let is_fifo = fifo == Some("true");
    if is_fifo && (!is_name(name) || !name.ends_with(".fifo")) {
        return Err(invalid(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or \
             underscores, must end with .fifo suffix and be 1 to 80 in length.",
        )
        .into());
    }
    if !is_fifo && (!is_name(name) || name.ends_with(".fifo")) {
        return Err(invalid(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )
        .into());
    }
    let mut settings = Settings::new(is_fifo);
    set_all(&mut settings, attributes)?;
    Ok(settings)
}

/// Sets several attributes.
pub(crate) fn set_all(
    settings: &mut Settings,
    attributes: &BTreeMap<String, String>,
) -> Result<(), Error> {
    for (name, text) in attributes {
        settings.set(name, text)?;
    }
    let kms = attributes.get("KmsMasterKeyId").is_some_and(|key| !key.is_empty());
    if kms && settings.sealed {
        return Err(modeled!(
            InvalidAttributeValue,
            "You can use one type of server-side encryption (SSE) at one time. You can either \
             enable KMS SSE or SQS SSE."
        ));
    }
    settings.check()
}

/// Refuses a dead-letter queue that cannot be one for this queue.
pub(crate) fn check_redrive(
    tx: &ReadTx,
    name: &QueueName,
    settings: &Settings,
    sent: Option<&String>,
) -> Result<(), Error> {
    let (Some(redrive), Some(text)) = (&settings.redrive, sent) else { return Ok(()) };
    let refused = |reason: &str| Err(bad_value("RedrivePolicy", text, reason).into());
    let arn = name.arn();
    if redrive.target == arn {
        return refused("Dead letter target must not be the queue itself.");
    }
    let target = QueueName::of_arn(&redrive.target);
    let here = |t: &QueueName| t.account == name.account && t.region == name.region;
    let Some(target) = target.filter(here) else {
        return refused("Dead letter target owner should be same as the source.");
    };
    let Some(queue) = tx.get(&QUEUES, target.key())? else {
        return refused("Dead letter target does not exist.");
    };
    if queue.settings.fifo.is_some() != settings.fifo.is_some() {
        return refused("Dead-letter queue must be same type of queue as the source.");
    }
    if queue.settings.redrive_allow.is_some_and(|allow| !allow.permits(&arn)) {
        return refused(
            "Queue is not permitted by the redrive allow policy of the dead letter target.",
        );
    }
    Ok(())
}

/// Queues that send their dead letters to `target`, in the order of their names.
pub(crate) fn sources(tx: &ReadTx, target: &QueueName) -> Result<Vec<QueueName>, StoreError> {
    let arn = target.arn();
    let queues = all(tx, target, "")?;
    let sends = |queue: &Queue| queue.settings.redrive.as_ref().is_some_and(|r| r.target == arn);
    Ok(queues.into_iter().filter(|(_, queue)| sends(queue)).map(|(name, _)| name).collect())
}

/// Queues of the same account and region whose names begin with `prefix`.
pub(crate) fn all(
    tx: &ReadTx,
    beside: &QueueName,
    prefix: &str,
) -> Result<Vec<(QueueName, Queue)>, StoreError> {
    let key = store::Key::of((beside.account.as_str(), beside.region.as_str()));
    let found = tx.scan(&QUEUES, store::Scan::prefix(key.text_beginning(prefix)))?;
    let named = found.into_iter().filter_map(|(key, queue)| match key.parts()?.pop()? {
        store::Part::Text(name) => Some((QueueName { name, ..beside.clone() }, queue)),
        _ => None,
    });
    Ok(named.collect())
}
