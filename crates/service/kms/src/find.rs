//! From what a request calls a key to the key.
//!
//! A request may name it by id, ARN, alias or alias ARN; which of these is allowed depends on the
//! operation.

use api_kms::{Error, KeySpec, KeyState, KeyUsageType};
use kernel::{Arn, Ctx, Fault};
use store::ReadTx;

use crate::error::{
    bad_key_id, disabled, invalid_arn, managed_by_aws, no_alias, no_key, not_found, state,
};
use crate::record::{ALIASES, KEYS, KeyRecord};
use crate::{Kms, managed};

/// Where a key is: the parts of its record's key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) id: String,
}

impl Place {
    pub(crate) fn key(&self) -> (&str, &str, &str) {
        (&self.account, &self.region, &self.id)
    }

    /// The ring's key.
    pub(crate) fn ring<'a>(&'a self, record: &KeyRecord) -> (&'a str, &'a str, &'a str) {
        (&self.account, record.home(&self.region), &self.id)
    }

    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:kms:{}:{}:key/{}", self.region, self.account, self.id)
    }

    /// The same key in another region.
    pub(crate) fn in_region(&self, region: &str) -> Place {
        Place { region: region.to_owned(), ..self.clone() }
    }
}

/// A key that was found.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) record: KeyRecord,
    pub(crate) arn: String,
}

/// What a request may call a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Id or ARN.
    Ids,
    /// These, alias or alias ARN.
    All,
}

enum Name {
    Id(Place),
    Alias { account: String, region: String, name: String },
}

/// `1234abcd-12ab-34cd-56ef-1234567890ab` or `mrk-` and 32 hexadecimal digits.
pub(crate) fn is_key_id(id: &str) -> bool {
    let is_hex = |b: u8| b.is_ascii_hexdigit();
    match id.strip_prefix("mrk-") {
        Some(rest) => rest.len() == 32 && rest.bytes().all(is_hex),
        None => {
            id.len() == 36
                && id.bytes().enumerate().all(|(at, b)| match at {
                    8 | 13 | 18 | 23 => b == b'-',
                    _ => is_hex(b),
                })
        }
    }
}

fn name(ctx: &Ctx, text: &str, names: Names) -> Result<Name, Fault> {
    let (account, region, resource) = match text.strip_prefix("arn:") {
        Some(_) => {
            let arn = Arn::parse(text).map_err(|_| invalid_arn(format!("Invalid arn {text}")))?;
            if arn.service != "kms" || arn.partition != "aws" || arn.account.is_empty() {
                return Err(invalid_arn(format!("Invalid arn {text}")));
            }
            if arn.region != ctx.region() {
                return Err(not_found(format!("Invalid arn {}", arn.region)));
            }
            (arn.account, arn.region, arn.resource)
        }
        None => (ctx.account().to_owned(), ctx.region().to_owned(), text.to_owned()),
    };
    if resource.starts_with("alias/") {
        return match names {
            Names::All => Ok(Name::Alias { account, region, name: resource }),
            Names::Ids => Err(not_found(format!("Invalid keyId {text}"))),
        };
    }
    let is_arn = text.starts_with("arn:");
    let id = match resource.strip_prefix("key/") {
        Some(id) if is_arn => id,
        _ if is_arn => return Err(invalid_arn(format!("Invalid arn {text}"))),
        _ => resource.as_str(),
    };
    if !is_key_id(id) {
        return Err(bad_key_id(id));
    }
    Ok(Name::Id(Place { id: id.to_owned(), account, region }))
}

/// Finds the key, in the transaction that will act on it.
pub(crate) fn find(tx: &ReadTx, ctx: &Ctx, text: &str, names: Names) -> Result<Key, Error> {
    let place = match name(ctx, text, names)? {
        Name::Id(place) => place,
        Name::Alias { account, region, name } => {
            let Some(alias) = tx.get(&ALIASES, (&account, &region, &name))? else {
                return Err(no_alias(&alias_arn(&account, &region, &name)).into());
            };
            Place { account, region, id: alias.key_id }
        }
    };
    at(tx, place)
}

/// The key at a place.
pub(crate) fn at(tx: &ReadTx, place: Place) -> Result<Key, Error> {
    let arn = place.arn();
    match tx.get(&KEYS, place.key())? {
        Some(record) => Ok(Key { place, record, arn }),
        None => Err(no_key(&arn).into()),
    }
}

/// As [`find`], outside of a transaction; makes AWS-managed keys at their first use.
pub(crate) async fn look_up(ctx: &Ctx, text: &str) -> Result<Key, Error> {
    if let Name::Alias { account, region, name } = name(ctx, text, Names::All)? {
        managed::ensure(ctx, &account, &region, &name).await?;
    }
    ctx.store().read(|tx| find(tx, ctx, text, Names::All))
}

pub(crate) fn alias_arn(account: &str, region: &str, name: &str) -> String {
    format!("arn:aws:kms:{region}:{account}:{name}")
}

impl Key {
    pub(crate) fn spec(&self) -> KeySpec {
        self.record.spec()
    }

    /// Refuses a key that is disabled, pending import or waiting for its end.
    pub(crate) fn usable(&self) -> Result<(), Fault> {
        match self.record.state() {
            KeyState::Enabled => Ok(()),
            KeyState::Disabled => Err(disabled(&self.arn)),
            other => Err(self.refused_in(&other)),
        }
    }

    /// Refuses a key that waits for its end.
    pub(crate) fn not_ending(&self) -> Result<(), Fault> {
        match self.record.state() {
            state @ (KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => {
                Err(self.refused_in(&state))
            }
            _ => Ok(()),
        }
    }

    fn refused_in(&self, of: &KeyState) -> Fault {
        let what = match of {
            KeyState::PendingImport => "pending import",
            KeyState::PendingReplicaDeletion => "pending replica deletion",
            KeyState::PendingDeletion => "pending deletion",
            _ => "not in a state that allows this",
        };
        state(format!("{} is {what}.", self.arn))
    }

    /// Refuses a key of another usage.
    pub(crate) fn has_usage(&self, usage: &KeyUsageType, operation: &str) -> Result<(), Fault> {
        if self.record.usage() == *usage {
            return Ok(());
        }
        Err(crate::error::wrong_usage(&self.arn, &self.record.usage, operation))
    }

    /// Refuses a key that a service made for itself.
    pub(crate) fn is_customers(&self, operation: &str) -> Result<(), Fault> {
        if self.record.managed { Err(managed_by_aws(&self.arn, operation)) } else { Ok(()) }
    }
}

impl Kms {
    /// The key of a request that uses it now: found, not disabled, of this usage; grant tokens
    /// are looked at, too.
    pub(crate) async fn usable(
        &self,
        ctx: &Ctx,
        text: &str,
        usage: &KeyUsageType,
        operation: &str,
        tokens: Option<&[String]>,
    ) -> Result<Key, Error> {
        let key = look_up(ctx, text).await?;
        crate::grant::check_tokens(ctx, tokens)?;
        key.usable()?;
        key.has_usage(usage, operation)?;
        Ok(key)
    }
}
