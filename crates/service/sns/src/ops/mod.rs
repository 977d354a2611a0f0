//! The operations.

mod publishing;
mod subscribing;
mod topics;

pub(crate) use publishing::{publish, publish_batch};
pub(crate) use subscribing::{
    confirm_subscription, get_subscription_attributes, list_subscriptions,
    list_subscriptions_by_topic, set_subscription_attributes, subscribe, unsubscribe,
};
pub(crate) use topics::{
    add_permission, create_topic, delete_topic, get_topic_attributes, list_tags_for_resource,
    list_topics, remove_permission, set_topic_attributes, tag_resource, untag_resource,
};

use kernel::access::{Guard as _, Need, ResourcePolicy};
use kernel::{Ctx, Fault, Principal};

use crate::error::invalid;
use crate::guard::Topics;
use crate::name::TopicName;

/// Things on a page of a listing.
const PAGE: usize = 100;

/// The topic that an ARN names.
fn named(arn: &str) -> Result<TopicName, Fault> {
    let parts = arn.split(':').count();
    TopicName::of_arn(arn).ok_or_else(|| {
        invalid(format!("TopicArn Reason: An ARN must have at least 6 elements, not {parts}"))
    })
}

/// The topic that an ARN names, which may be another account's if its policy lets the caller use
/// it by this action. The kernel has asked already, but for root users, whom it never judges.
fn shared_topic_at(ctx: &Ctx, arn: &str, action: &str) -> Result<TopicName, Fault> {
    let name = named(arn)?;
    if name.account != ctx.account() && matches!(ctx.principal(), Principal::Root { .. }) {
        let mut need = Need::new(format!("SNS:{action}"), name.arn());
        need.policy = Topics.policy(ctx, &need);
        // Of a topic that is not there nothing is known: it has no policy.
        need.policy.get_or_insert_with(|| ResourcePolicy {
            account: name.account.clone(),
            ..ResourcePolicy::default()
        });
        ctx.authorize("sns", action, &[need])?;
    }
    Ok(name)
}

/// The topic of this account that an ARN names.
fn topic_at(ctx: &Ctx, arn: &str) -> Result<TopicName, Fault> {
    let name = named(arn)?;
    if name.account != ctx.account() {
        let text = format!("User: {} is not authorized to access {arn}", ctx.principal().arn());
        return Err(Fault::new("AuthorizationError", 403, text));
    }
    Ok(name)
}

/// A page of things in order; the token is the number of those before it, in hexadecimal digits.
fn page<T>(all: Vec<T>, token: Option<&str>) -> Result<(Vec<T>, Option<String>), Fault> {
    let start = match token {
        None | Some("") => 0,
        Some(text) => usize::from_str_radix(text, 16).map_err(|_| invalid("NextToken"))?,
    };
    let count = all.len();
    let page = all.into_iter().skip(start).take(PAGE).collect();
    let end = start.saturating_add(PAGE);
    Ok((page, (end < count).then(|| format!("{end:08x}"))))
}
