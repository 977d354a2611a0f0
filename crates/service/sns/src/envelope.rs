//! The JSON documents that subscribers get.

use kernel::{Fault, Timestamp};
use serde_json::{Map, Value as Json, json};

use crate::message::Message;
use crate::name::TopicName;
use crate::record::Subscription;
use crate::sign::{CERTIFICATE_PATH, Signer, Version};

/// What all messages of one request have in common.
pub(crate) struct Letterhead<'a> {
    /// Host and port of the installation.
    pub address: &'a str,
    pub topic: &'a TopicName,
    pub signer: &'a Signer,
    pub version: Version,
    pub now: Timestamp,
}

impl Letterhead<'_> {
    fn time(&self) -> String {
        let ms = self.now.epoch_ms.rem_euclid(1000);
        format!("{}.{ms:03}Z", self.now.civil("%Y-%m-%dT%H:%M:%S"))
    }

    fn link(&self, action: &str, rest: &str) -> String {
        format!("http://{}/?Action={action}&{rest}&Version=2010-03-31", self.address)
    }

    /// Where a subscription is confirmed.
    pub fn confirm_link(&self, token: &str) -> String {
        let topic = self.topic.arn();
        self.link("ConfirmSubscription", &format!("TopicArn={topic}&Token={token}"))
    }

    /// Where a subscription is ended.
    pub fn unsubscribe_link(&self, subscription: &Subscription) -> String {
        let arn = self.topic.subscription(&subscription.id);
        self.link("Unsubscribe", &format!("SubscriptionArn={arn}"))
    }

    /// A message for one subscriber.
    pub fn notification(
        &self,
        subscription: &Subscription,
        message: &Message,
        message_id: &str,
        sequence: Option<&str>,
    ) -> Result<String, Fault> {
        let text = message.text(&subscription.protocol);
        let subject = message.subject.as_deref();
        let mut envelope = Map::new();
        envelope.insert("Type".into(), json!("Notification"));
        envelope.insert("MessageId".into(), json!(message_id));
        if let Some(sequence) = sequence {
            envelope.insert("SequenceNumber".into(), json!(sequence));
        }
        envelope.insert("TopicArn".into(), json!(self.topic.arn()));
        if let Some(subject) = subject {
            envelope.insert("Subject".into(), json!(subject));
        }
        envelope.insert("Message".into(), json!(text));
        let mut lines = vec![("Message", text), ("MessageId", message_id)];
        lines.extend(subject.map(|subject| ("Subject", subject)));
        self.sign(&mut envelope, lines, "Notification")?;
        let link = self.unsubscribe_link(subscription);
        envelope.insert("UnsubscribeURL".into(), json!(link));
        if !message.attributes.is_empty() {
            let attributes = message.attributes.iter().map(|(name, attribute)| {
                let value = json!({"Type": attribute.data_type, "Value": attribute.value});
                (name.clone(), value)
            });
            envelope.insert("MessageAttributes".into(), Json::Object(attributes.collect()));
        }
        Ok(Json::Object(envelope).to_string())
    }

    /// What asks an HTTP endpoint whether it wants to be subscribed.
    pub fn confirmation(&self, token: &str, message_id: &str) -> Result<String, Fault> {
        let topic = self.topic.arn();
        let text = format!(
            "You have chosen to subscribe to the topic {topic}.\nTo confirm the subscription, \
             visit the SubscribeURL included in this message."
        );
        let link = self.confirm_link(token);
        let mut envelope = Map::new();
        envelope.insert("Type".into(), json!("SubscriptionConfirmation"));
        envelope.insert("MessageId".into(), json!(message_id));
        envelope.insert("Token".into(), json!(token));
        envelope.insert("TopicArn".into(), json!(topic));
        envelope.insert("Message".into(), json!(text));
        envelope.insert("SubscribeURL".into(), json!(link));
        let lines = vec![
            ("Message", text.as_str()),
            ("MessageId", message_id),
            ("SubscribeURL", &link),
            ("Token", token),
        ];
        self.sign(&mut envelope, lines, "SubscriptionConfirmation")?;
        Ok(Json::Object(envelope).to_string())
    }

    /// Adds time and signature. What is signed: names and values, each on its line, in the order
    /// of the names.
    fn sign(
        &self,
        envelope: &mut Map<String, Json>,
        lines: Vec<(&str, &str)>,
        kind: &str,
    ) -> Result<(), Fault> {
        let (time, topic) = (self.time(), self.topic.arn());
        let mut lines = lines;
        lines.extend([("Timestamp", time.as_str()), ("TopicArn", &topic), ("Type", kind)]);
        lines.sort_by_key(|(name, _)| *name);
        let text: String = lines.iter().map(|(name, value)| format!("{name}\n{value}\n")).collect();
        envelope.insert("Timestamp".into(), json!(time));
        envelope.insert("SignatureVersion".into(), json!(self.version.text()));
        envelope.insert("Signature".into(), json!(self.signer.sign(self.version, &text)?));
        let url = format!("http://{}{CERTIFICATE_PATH}", self.address);
        envelope.insert("SigningCertURL".into(), json!(url));
        Ok(())
    }
}
