//! Managed policies: those of customers, which are records, and those of AWS, which are facts.

use std::collections::HashMap;
use std::sync::LazyLock;

use kernel::{Fault, StoreError, Timestamp};
use serde::Deserialize;
use store::{ReadTx, WriteTx};

use crate::error::{Result, arn_invalid, no_such};
use crate::record::{POLICIES, PolicyRecord, VersionRecord};
use crate::{arn, entity, id};

/// A policy that AWS manages.
pub(crate) struct Fact {
    pub name: &'static str,
    /// Made up, but always the same.
    pub id: String,
    pub arn: &'static str,
    pub path: &'static str,
    /// `v3`.
    pub version: String,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub document: &'static str,
}

/// Either kind of managed policy.
pub(crate) enum Managed {
    Aws(&'static Fact),
    Customer(PolicyRecord),
}

/// The facts: one policy a line, its document last, as it is in
/// <https://github.com/iann0036/iam-dataset> (MIT) of 2026-08-22; `AdministratorAccess` and
/// `PowerUserAccess`, which are missing there, as AWS shows them.
const FILE: &str = include_str!("../../../../models/iam-managed-policies.jsonl");

static FACTS: LazyLock<HashMap<&'static str, Fact>> =
    LazyLock::new(|| FILE.lines().map(fact).map(|fact| (fact.arn, fact)).collect());

fn fact(line: &'static str) -> Fact {
    #[derive(Deserialize)]
    struct Head {
        version: String,
        created_s: f64,
        updated_s: f64,
    }
    // Documents stay where they are, in the binary: only the head is read.
    let (head, document) = line.split_once(",\"document\":").expect("the facts are tested");
    let head: Head = serde_json::from_str(&format!("{head}}}")).expect("tested");
    let (arn, _) = line["{\"arn\":\"".len()..].split_once('"').expect("tested");
    let (_, path, name) = arn::parts(arn, "policy").expect("tested");
    let second = |s| Timestamp::from_seconds(s).expect("tested");
    Fact {
        name,
        id: id::of_fact("ANPA", name),
        arn,
        path,
        version: head.version,
        created: second(head.created_s),
        updated: second(head.updated_s),
        document: &document[..document.len() - 1],
    }
}

/// All policies of AWS that we know, in no order.
pub(crate) fn facts() -> impl Iterator<Item = &'static Fact> {
    FACTS.values()
}

impl Managed {
    /// The document of the default version.
    pub(crate) fn document(&self) -> &str {
        match self {
            Managed::Aws(fact) => fact.document,
            Managed::Customer(record) => record.default().map_or("", |v| &v.document),
        }
    }
}

impl PolicyRecord {
    /// The default version.
    pub(crate) fn default(&self) -> Option<&VersionRecord> {
        self.versions.iter().find(|version| version.number == self.default_version)
    }

    /// The version with that id.
    pub(crate) fn version(&self, id: &str) -> Option<&VersionRecord> {
        let number = id.strip_prefix('v')?;
        self.versions.iter().find(|version| version.number.to_string() == number)
    }

    /// The ARN, which is not stored.
    pub(crate) fn arn(&self, account: &str) -> String {
        arn::of(account, "policy", &self.path, &self.name)
    }
}

/// A managed policy by its ARN: of AWS, or of `account`.
pub(crate) fn find(
    tx: &ReadTx,
    account: &str,
    policy_arn: &str,
) -> std::result::Result<Option<Managed>, StoreError> {
    if let Some(fact) = FACTS.get(policy_arn) {
        return Ok(Some(Managed::Aws(fact)));
    }
    Ok(customer(tx, account, policy_arn)?.map(Managed::Customer))
}

fn customer(
    tx: &ReadTx,
    account: &str,
    policy_arn: &str,
) -> std::result::Result<Option<PolicyRecord>, StoreError> {
    let Some((owner, path, name)) = arn::parts(policy_arn, "policy") else { return Ok(None) };
    if owner != account {
        return Ok(None);
    }
    let record = tx.get(&POLICIES, (account, &entity::key(name)))?;
    Ok(record.filter(|record| record.path == path && record.name == name))
}

/// A managed policy, or AWS's refusal.
pub(crate) fn load(tx: &ReadTx, account: &str, policy_arn: &str) -> Result<Managed> {
    check_arn(policy_arn)?;
    Ok(find(tx, account, policy_arn)?.ok_or_else(|| no_policy(policy_arn))?)
}

/// A policy of the customer, which can be changed.
pub(crate) fn load_customer(tx: &ReadTx, account: &str, policy_arn: &str) -> Result<PolicyRecord> {
    check_arn(policy_arn)?;
    if policy_arn.starts_with("arn:aws:iam::aws:policy/") {
        let message = format!("Policy {policy_arn} is not modifiable.");
        return Err(Fault::new("AccessDenied", 403, message).into());
    }
    Ok(customer(tx, account, policy_arn)?.ok_or_else(|| no_policy(policy_arn))?)
}

/// Writes a policy under its name.
pub(crate) fn save(tx: &mut WriteTx, account: &str, record: &PolicyRecord) -> Result<()> {
    Ok(tx.put(&POLICIES, (account, &entity::key(&record.name)), record)?)
}

/// Refuses what is not the ARN of a policy.
pub(crate) fn check_arn(policy_arn: &str) -> Result<()> {
    match arn::parts(policy_arn, "policy") {
        Some(_) => Ok(()),
        None => Err(arn_invalid(policy_arn).into()),
    }
}

pub(crate) fn no_policy(policy_arn: &str) -> Fault {
    no_such(format!("Policy {policy_arn} was not found."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_can_be_read() {
        assert!(facts().count() >= 900);
        let unread = facts().filter_map(|fact| {
            assert!(fact.version.starts_with('v') && fact.created <= fact.updated, "{}", fact.arn);
            let refusal = crate::document::check(fact.document, policy::Kind::Identity).err()?;
            Some(format!("{}: {refusal:?}", fact.arn))
        });
        assert_eq!(unread.collect::<Vec<_>>(), [""; 0]);
        assert!(FACTS.contains_key("arn:aws:iam::aws:policy/AdministratorAccess"));
    }
}
