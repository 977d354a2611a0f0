//! Names, URLs and ARNs of queues.

use api_sqs::Error;
use kernel::Ctx;
use store::Key;

use crate::Sqs;
use crate::error::{modeled, no_queue};

/// Which queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueName {
    pub account: String,
    pub region: String,
    pub name: String,
}

impl QueueName {
    /// Of this name, in the account and region of the call.
    pub fn own(ctx: &Ctx, name: &str) -> Self {
        QueueName {
            account: ctx.account().to_owned(),
            region: ctx.region().to_owned(),
            name: name.to_owned(),
        }
    }

    /// From an ARN, `arn:aws:sqs:REGION:ACCOUNT:NAME`.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.split(':');
        let head = [parts.next()?, parts.next()?, parts.next()?];
        let [region, account, name] = [parts.next()?, parts.next()?, parts.next()?];
        let sound = head[0] == "arn" && head[1].starts_with("aws") && head[2] == "sqs";
        let whole =
            sound && parts.next().is_none() && kernel::is_account(account) && !region.is_empty();
        (whole && is_name(name)).then(|| QueueName {
            account: account.into(),
            region: region.into(),
            name: name.into(),
        })
    }

    /// From a URL as we (or AWS) hand them out: the path's last two parts are account and name.
    /// The region is the signature's.
    pub fn of_url(ctx: &Ctx, url: &str) -> Result<Self, Error> {
        let refused = || {
            let shown: String = url.chars().filter(|c| !c.is_control()).take(200).collect();
            modeled!(InvalidAddress, "The address {shown} is not valid for this endpoint.")
        };
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map(|(_, path)| path).ok_or_else(refused)?,
            // The name alone is taken, too.
            None if is_name(url) => return Ok(QueueName::own(ctx, url)),
            None => url.strip_prefix('/').ok_or_else(refused)?,
        };
        let (front, name) = path.trim_end_matches('/').rsplit_once('/').ok_or_else(refused)?;
        let account = front.rsplit('/').next().unwrap_or(front);
        if !kernel::is_account(account) {
            return Err(refused());
        }
        if !is_name(name) {
            return Err(no_queue());
        }
        let (account, name) = (account.to_owned(), name.to_owned());
        Ok(QueueName { account, region: ctx.region().to_owned(), name })
    }

    /// `arn:aws:sqs:REGION:ACCOUNT:NAME`.
    pub fn arn(&self) -> String {
        format!("arn:aws:sqs:{}:{}:{}", self.region, self.account, self.name)
    }

    /// The URL for whoever calls.
    pub fn url(&self, sqs: &Sqs, ctx: &Ctx) -> String {
        let (account, name) = (&self.account, &self.name);
        match ctx.endpoint() {
            Some(endpoint) => format!("{endpoint}/{account}/{name}"),
            None => format!("http://{}/{account}/{name}", sqs.address),
        }
    }

    /// The key in [`crate::record::QUEUES`].
    pub fn key(&self) -> Key {
        Key::of((self.account.as_str(), self.region.as_str(), self.name.as_str()))
    }

    /// Whether the name is one of a FIFO queue.
    pub fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }
}

/// Letters, digits, hyphens, underscores, 1 to 80; of a FIFO queue with `.fifo` at its end.
pub(crate) fn is_name(text: &str) -> bool {
    let stem = text.strip_suffix(".fifo").unwrap_or(text);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=80).contains(&text.len()) && !stem.is_empty() && stem.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_read() {
        let arn = "arn:aws:sqs:eu-west-1:123456789012:a-B_9.fifo";
        assert_eq!(QueueName::of_arn(arn).unwrap().arn(), arn);
        for bad in [
            "",
            "arn:aws:sqs:eu-west-1:123456789012:",
            "arn:aws:sns:eu-west-1:123456789012:a",
            "arn:aws:sqs::123456789012:a",
            "arn:aws:sqs:eu-west-1:12345678901:a",
            "arn:aws:sqs:eu-west-1:123456789012:a:b",
            "arn:aws:sqs:eu-west-1:123456789012:a.b",
        ] {
            assert_eq!(QueueName::of_arn(bad), None, "{bad}");
        }
    }

    #[test]
    fn names() {
        for (name, fits) in [("a", true), (".fifo", false), ("a.fifo", true), ("a b", false)] {
            assert_eq!(is_name(name), fits, "{name}");
        }
        assert!(is_name(&"x".repeat(80)) && !is_name(&"x".repeat(81)));
    }
}
