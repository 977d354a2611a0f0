//! What the service knows of its topics when access to them is judged.

use kernel::access::{Asked, Guard, Need, ResourcePolicy};
use kernel::{Ctx, Principal};

use crate::attributes::default_policy;
use crate::name::TopicName;
use crate::record::{TOPICS, Topic};

/// In whose name alarms publish.
const ALARMS: &str = "cloudwatch.amazonaws.com";

/// Asked by the kernel.
pub(crate) struct Topics;

fn topic(ctx: &Ctx, arn: &str) -> Option<(TopicName, Topic)> {
    let name = TopicName::of_arn(arn)?;
    let topic = ctx.store().read(|tx| tx.get(&TOPICS, name.key())).ok()??;
    Some((name, topic))
}

impl Guard for Topics {
    fn resolve(&self, _ctx: &Ctx, _kind: &str, args: &[String]) -> Option<String> {
        Some(TopicName::of_subscription(args.first()?)?.0.arn())
    }

    fn policy(&self, ctx: &Ctx, need: &Need) -> Option<ResourcePolicy> {
        // A subscription is its owner's, whosever the topic is: the operation looks at that.
        let of_subscription =
            ["GetSubscriptionAttributes", "SetSubscriptionAttributes", "Unsubscribe"];
        let action = need.action.split(':').nth(1).unwrap_or_default();
        if of_subscription.contains(&action) {
            let account = ctx.account().to_owned();
            return Some(ResourcePolicy { account, ..ResourcePolicy::default() });
        }
        let (name, topic) = topic(ctx, &need.resource)?;
        let text = topic.attributes.get("Policy").cloned();
        let documents = vec![text.unwrap_or_else(|| default_policy(&name))];
        Some(ResourcePolicy { account: name.account, documents, ..ResourcePolicy::default() })
    }

    /// Of the services, CloudWatch's alarms alone say on whose behalf they publish so that a topic's
    /// own policy lets them.
    fn key(&self, ctx: &Ctx, key: &str, _: &Asked<'_>) -> Option<Vec<String>> {
        let by_alarm = matches!(ctx.principal(), Principal::Service { name: ALARMS, .. });
        (key == "aws:sourceowner" && by_alarm).then(|| vec![ctx.account().to_owned()])
    }

    fn tags(&self, ctx: &Ctx, resource: &str) -> Vec<(String, String)> {
        topic(ctx, resource).map(|(_, topic)| topic.tags.into_iter().collect()).unwrap_or_default()
    }
}
