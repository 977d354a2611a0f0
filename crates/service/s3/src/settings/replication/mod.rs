//! Which objects of a bucket are copied to which other buckets, and how.

mod check;
mod shown;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A bucket's replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replication {
    /// ARN of the role in whose name objects are copied.
    pub role: String,
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub id: String,
    pub enabled: bool,
    pub scope: Scope,
    /// The higher one wins where two rules have one destination.
    #[serde(default)]
    pub priority: i32,
    /// `SseKmsEncryptedObjects`, as sent.
    #[serde(default)]
    pub kms: Option<bool>,
    /// `ReplicaModifications`, as sent.
    #[serde(default)]
    pub replica_modifications: Option<bool>,
    pub to: Destination,
}

/// Of which objects a rule speaks, in which of the two schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Scope {
    /// The first schema: a prefix, and delete markers are copied.
    First { prefix: String },
    /// The second: a filter, and delete markers are spoken of.
    Second { filter: Filter, delete_markers: bool },
}

/// A filter, in the form in which it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Filter {
    All,
    Prefix(String),
    Tag(String, String),
    And { prefix: Option<String>, tags: Vec<(String, String)> },
}

/// Where copies go, and what is different about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Destination {
    /// Name of the bucket.
    pub bucket: String,
    /// Whose the bucket must be.
    #[serde(default)]
    pub account: Option<String>,
    /// Nothing is that of the source; as sent.
    #[serde(default)]
    pub storage_class: Option<String>,
    /// Copies belong to the owner of the bucket.
    #[serde(default)]
    pub owner_override: bool,
    /// The key of KMS for copies of what a key of KMS encrypts.
    #[serde(default)]
    pub kms_key: Option<String>,
    /// `ReplicationTime` was sent, disabled: with so many minutes.
    #[serde(default)]
    pub time: Option<i32>,
    /// `Metrics` was sent, disabled: perhaps with so many minutes.
    #[serde(default)]
    pub metrics: Option<Option<i32>>,
}

/// What a rule judges.
pub(crate) struct Subject<'a> {
    pub key: &'a str,
    pub tags: &'a BTreeMap<String, String>,
    pub is_marker: bool,
    /// Encrypted under a key of KMS.
    pub is_kms: bool,
    /// It came from another bucket, and was changed here.
    pub is_replica: bool,
}

impl Replication {
    /// The rules that send a version somewhere, one for each destination.
    pub fn ways(&self, subject: &Subject<'_>) -> Vec<&Rule> {
        let mut best: BTreeMap<&str, &Rule> = BTreeMap::new();
        for rule in self.rules.iter().filter(|rule| rule.enabled && rule.speaks_of(subject)) {
            let held = best.entry(&rule.to.bucket).or_insert(rule);
            if rule.priority > held.priority {
                *held = rule;
            }
        }
        best.into_values().filter(|rule| rule.sends(subject)).collect()
    }

    /// The rule by which changes of a version go on to a bucket that it was sent to.
    pub fn onward(&self, key: &str, to: &str) -> Option<&Rule> {
        let there = |rule: &&Rule| rule.enabled && rule.to.bucket == to;
        let rules = self.rules.iter().filter(there);
        rules.filter(|rule| key.starts_with(rule.prefix())).max_by_key(|rule| rule.priority)
    }

    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}

impl Rule {
    pub fn prefix(&self) -> &str {
        match &self.scope {
            Scope::First { prefix } => prefix,
            Scope::Second { filter: Filter::Prefix(prefix), .. } => prefix,
            Scope::Second { filter: Filter::And { prefix, .. }, .. } => {
                prefix.as_deref().unwrap_or_default()
            }
            Scope::Second { .. } => "",
        }
    }

    fn speaks_of(&self, subject: &Subject<'_>) -> bool {
        let has = |key: &str, value: &str| subject.tags.get(key).is_some_and(|had| had == value);
        let tags = match &self.scope {
            Scope::Second { filter: Filter::Tag(key, value), .. } => has(key, value),
            Scope::Second { filter: Filter::And { tags, .. }, .. } => {
                tags.iter().all(|(key, value)| has(key, value))
            }
            _ => true,
        };
        tags && subject.key.starts_with(self.prefix())
    }

    fn sends(&self, subject: &Subject<'_>) -> bool {
        let markers = match self.scope {
            Scope::First { .. } => true,
            Scope::Second { delete_markers, .. } => delete_markers,
        };
        (!subject.is_marker || markers)
            && (!subject.is_kms || self.kms == Some(true))
            && (!subject.is_replica || self.replica_modifications == Some(true))
    }
}
