//! ARNs of topics and subscriptions.

use kernel::Ctx;
use store::Key;

/// Which topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicName {
    pub account: String,
    pub region: String,
    pub name: String,
}

impl TopicName {
    /// Of this name, in the account and region of the call.
    pub fn own(ctx: &Ctx, name: &str) -> Self {
        let (account, region) = (ctx.account().to_owned(), ctx.region().to_owned());
        TopicName { account, region, name: name.to_owned() }
    }

    /// From `arn:aws:sns:REGION:ACCOUNT:NAME`.
    pub fn of_arn(arn: &str) -> Option<Self> {
        match split(arn)?[..] {
            [region, account, name] => Some(TopicName {
                account: account.into(),
                region: region.into(),
                name: name.into(),
            }),
            _ => None,
        }
    }

    /// From `arn:aws:sns:REGION:ACCOUNT:NAME:ID`, with the subscription's id.
    pub fn of_subscription(arn: &str) -> Option<(Self, String)> {
        match split(arn)?[..] {
            [region, account, name, id] => {
                let topic =
                    TopicName { account: account.into(), region: region.into(), name: name.into() };
                Some((topic, id.to_owned()))
            }
            _ => None,
        }
    }

    /// `arn:aws:sns:REGION:ACCOUNT:NAME`.
    pub fn arn(&self) -> String {
        format!("arn:aws:sns:{}:{}:{}", self.region, self.account, self.name)
    }

    /// The ARN of one of its subscriptions.
    pub fn subscription(&self, id: &str) -> String {
        format!("{}:{id}", self.arn())
    }

    /// The key of the topic, and the prefix of its subscriptions' keys.
    pub fn key(&self) -> Key {
        Key::of((self.account.as_str(), self.region.as_str(), self.name.as_str()))
    }

    /// Whether the name is one of a FIFO topic.
    pub fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }
}

/// Region, account, name and what follows.
fn split(arn: &str) -> Option<Vec<&str>> {
    let rest = arn.strip_prefix("arn:")?;
    let (partition, rest) = rest.split_once(":sns:")?;
    let parts: Vec<&str> = rest.split(':').collect();
    let account = parts.get(1)?;
    let digits = kernel::is_account(account);
    let sound = partition.starts_with("aws") && digits && parts.iter().all(|p| !p.is_empty());
    sound.then_some(parts)
}

/// Letters, digits, hyphens, underscores, 1 to 256, `.fifo` at the end of a FIFO topic's included.
pub(crate) fn is_name(text: &str) -> bool {
    let stem = text.strip_suffix(".fifo").unwrap_or(text);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=256).contains(&text.len()) && !stem.is_empty() && stem.bytes().all(plain)
}
