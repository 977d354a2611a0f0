//! Names and ARNs of buses and rules.

use kernel::{Arn, Ctx, Fault};
use store::Key;

use crate::error::invalid;

/// The bus that every account has in every region.
pub(crate) const DEFAULT: &str = "default";

/// Which bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BusName {
    pub account: String,
    pub region: String,
    pub name: String,
}

impl BusName {
    /// Of this name, in the account and region of the call.
    pub fn own(ctx: &Ctx, name: &str) -> Self {
        let (account, region) = (ctx.account().to_owned(), ctx.region().to_owned());
        BusName { account, region, name: name.to_owned() }
    }

    /// The bus that a request names, perhaps by ARN; the default one if it names none.
    pub fn named(ctx: &Ctx, name: Option<&str>) -> Self {
        let name = name.unwrap_or(DEFAULT);
        Self::of_arn(name).unwrap_or_else(|| Self::own(ctx, name))
    }

    /// The same, which must be of the caller's account and region.
    pub fn local(ctx: &Ctx, name: Option<&str>) -> Result<Self, Fault> {
        let bus = Self::named(ctx, name);
        if bus.account != ctx.account() {
            return Err(Fault::not_implemented("rules on event buses of other accounts"));
        }
        if bus.region != ctx.region() {
            return Err(invalid("The event bus must be in the region of the request."));
        }
        Ok(bus)
    }

    /// From `arn:aws:events:REGION:ACCOUNT:event-bus/NAME`.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let arn = Arn::parse(arn).ok().filter(|arn| arn.service == "events")?;
        let name = arn.resource.strip_prefix("event-bus/").filter(|name| !name.is_empty())?;
        let sound = kernel::is_account(&arn.account) && !arn.region.is_empty();
        sound.then(|| BusName {
            account: arn.account.clone(),
            region: arn.region.clone(),
            name: name.to_owned(),
        })
    }

    /// `arn:aws:events:REGION:ACCOUNT:event-bus/NAME`.
    pub fn arn(&self) -> String {
        format!("arn:aws:events:{}:{}:event-bus/{}", self.region, self.account, self.name)
    }

    /// `arn:aws:events:REGION:ACCOUNT:rule/NAME`, with the bus's name where it is not the default.
    pub fn rule_arn(&self, rule: &str) -> String {
        let (region, account) = (&self.region, &self.account);
        match self.name.as_str() {
            DEFAULT => format!("arn:aws:events:{region}:{account}:rule/{rule}"),
            bus => format!("arn:aws:events:{region}:{account}:rule/{bus}/{rule}"),
        }
    }

    /// The bus and name of a rule, from its ARN.
    pub fn of_rule(arn: &str) -> Option<(Self, String)> {
        let arn = Arn::parse(arn).ok().filter(|arn| arn.service == "events")?;
        let path = arn.resource.strip_prefix("rule/")?;
        let (bus, rule) = path.rsplit_once('/').unwrap_or((DEFAULT, path));
        let sound = kernel::is_account(&arn.account) && !rule.is_empty() && !bus.is_empty();
        sound.then(|| {
            let (account, region) = (arn.account.clone(), arn.region.clone());
            (BusName { account, region, name: bus.to_owned() }, rule.to_owned())
        })
    }

    /// The key of the bus, and the prefix of its rules' keys.
    pub fn key(&self) -> Key {
        Key::of((self.account.as_str(), self.region.as_str(), self.name.as_str()))
    }
}
