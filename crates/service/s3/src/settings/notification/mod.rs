//! Who is told of what happens in a bucket, and what he is told.

mod check;
mod event;
#[cfg(test)]
mod tests;

pub(crate) use check::UNUSABLE;
pub(crate) use event::{Happening, records, test_event};

use api_s3::{
    Event, EventBridgeConfiguration, FilterRule, LambdaFunctionConfiguration,
    NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
    TopicConfiguration,
};
use serde::{Deserialize, Serialize};

/// All destinations of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notifications {
    pub destinations: Vec<Destination>,
    /// Whether all events go to the default event bus of the bucket's account, too.
    #[serde(default)]
    pub event_bridge: bool,
}

/// One configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Destination {
    pub id: String,
    pub kind: Kind,
    pub arn: String,
    /// `s3:ObjectCreated:*`, as sent.
    events: Vec<String>,
    /// Of the key; absent if not given.
    prefix: Option<String>,
    suffix: Option<String>,
    /// In which order, and spelled how, the filter's rules were sent.
    rules: Vec<String>,
}

/// What a destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// An SNS topic.
    Topic,
    /// An SQS queue.
    Queue,
    /// A Lambda function.
    Function,
}

impl Notifications {
    /// Whether nobody is told of anything.
    pub fn is_empty(&self) -> bool {
        self.destinations.is_empty() && !self.event_bridge
    }

    /// The destinations of an event: `event` is its name without `s3:`.
    pub fn of<'a>(
        &'a self,
        event: &'a str,
        key: &'a str,
    ) -> impl Iterator<Item = &'a Destination> + 'a {
        self.destinations.iter().filter(move |destination| destination.wants(event, key))
    }

    /// As `GetBucketNotificationConfiguration` shows it.
    pub fn to_api(&self) -> NotificationConfiguration {
        let event_bridge_configuration = self.event_bridge.then(EventBridgeConfiguration::default);
        let mut shown =
            NotificationConfiguration { event_bridge_configuration, ..Default::default() };
        for it in &self.destinations {
            let (id, events, filter) = (Some(it.id.clone()), it.events(), it.filter());
            match it.kind {
                Kind::Topic => shown
                    .topic_configurations
                    .get_or_insert_default()
                    .push(TopicConfiguration { id, topic_arn: it.arn.clone(), events, filter }),
                Kind::Queue => shown
                    .queue_configurations
                    .get_or_insert_default()
                    .push(QueueConfiguration { id, queue_arn: it.arn.clone(), events, filter }),
                Kind::Function => shown
                    .lambda_function_configurations
                    .get_or_insert_default()
                    .push(LambdaFunctionConfiguration {
                        id,
                        lambda_function_arn: it.arn.clone(),
                        events,
                        filter,
                    }),
            }
        }
        shown
    }
}

impl Destination {
    fn wants(&self, event: &str, key: &str) -> bool {
        let named = self.events.iter().any(|pattern| {
            let pattern = pattern.strip_prefix("s3:").unwrap_or(pattern);
            match pattern.strip_suffix('*') {
                Some(start) => event.starts_with(start),
                None => event == pattern,
            }
        });
        named
            && self.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()))
            && self.suffix.as_ref().is_none_or(|suffix| key.ends_with(suffix.as_str()))
    }

    fn events(&self) -> Vec<Event> {
        self.events.iter().map(|event| event.as_str().into()).collect()
    }

    fn filter(&self) -> Option<NotificationConfigurationFilter> {
        let rule = |name: &String| {
            let is_prefix = name.eq_ignore_ascii_case("prefix");
            let value = if is_prefix { &self.prefix } else { &self.suffix };
            // S3 answers with a capital letter, however it was asked.
            let name = if is_prefix { "Prefix" } else { "Suffix" };
            FilterRule { name: Some(name.to_owned()), value: value.clone() }
        };
        if self.rules.is_empty() {
            return None;
        }
        let filter_rules = Some(self.rules.iter().map(rule).collect());
        Some(NotificationConfigurationFilter { key: Some(S3KeyFilter { filter_rules }) })
    }
}
