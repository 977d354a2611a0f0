//! Reading and refusing replication configurations, with S3's texts.

use std::collections::BTreeSet;

use api_s3::{
    DeleteMarkerReplicationStatus, Destination as ApiDestination, ExistingObjectReplicationStatus,
    MetricsStatus, OwnerOverride, ReplicaModificationsStatus, ReplicationConfiguration,
    ReplicationRule, ReplicationRuleFilter, ReplicationRuleStatus, ReplicationTimeStatus,
    SourceSelectionCriteria, SseKmsEncryptedObjectsStatus,
};
use kernel::{Arn, Fault, Random};

use super::super::refusal::{invalid_argument, invalid_request, malformed_xml};
use super::super::tags;
use super::{Destination, Filter, Replication, Rule, Scope};
use crate::template;

/// S3's limits.
const RULES_MAX: usize = 1000;
const ID_CHARS_MAX: usize = 255;
const TEXT_BYTES_MAX: usize = 2048;
const PREFIX_BYTES_MAX: usize = 1024;

impl Replication {
    /// Checks a configuration, but not whether its buckets exist.
    pub fn from_api(input: ReplicationConfiguration, random: &dyn Random) -> Result<Self, Fault> {
        let role = Arn::parse(&input.role).ok();
        let role = role.filter(|arn| arn.service == "iam" && arn.resource.starts_with("role/"));
        if role.is_none() || input.role.len() > TEXT_BYTES_MAX {
            return Err(invalid_argument("Invalid Role ARN").with("Role", input.role));
        }
        if input.rules.is_empty() || input.rules.len() > RULES_MAX {
            return Err(malformed_xml());
        }
        let rules = input.rules.into_iter().map(|rule| Rule::from_api(rule, random));
        let this = Replication { role: input.role, rules: rules.collect::<Result<_, _>>()? };
        this.check_together()?;
        Ok(this)
    }

    /// What rules must not have in common.
    fn check_together(&self) -> Result<(), Fault> {
        let (mut ids, mut priorities) = (BTreeSet::new(), BTreeSet::new());
        let second = self.rules.iter().any(|rule| matches!(rule.scope, Scope::Second { .. }));
        for rule in &self.rules {
            if !ids.insert(&rule.id) {
                let text = "Rule Id must be unique. Found same Id for more than one rule";
                return Err(invalid_argument(text).with("Id", rule.id.clone()));
            }
            if !second {
                continue;
            }
            if matches!(rule.scope, Scope::First { .. }) {
                return Err(of_schema("Filter must be specified"));
            }
            if !priorities.insert(rule.priority) {
                let text = "Priority must be unique. Found same priority for more than one rule";
                return Err(invalid_argument(text).with("Priority", rule.priority.to_string()));
            }
        }
        if second {
            return Ok(());
        }
        let buckets: BTreeSet<&str> = self.rules.iter().map(|it| it.to.bucket.as_str()).collect();
        if buckets.len() > 1 {
            let text = "Number of distinct destination bucket ARNs cannot exceed 1";
            return Err(invalid_request(text));
        }
        let mut prefixes: Vec<&str> = self.rules.iter().map(Rule::prefix).collect();
        prefixes.sort_unstable();
        for pair in prefixes.windows(2) {
            if pair[1].starts_with(pair[0]) {
                let (one, other) = (pair[0], pair[1]);
                let text = format!("Found overlapping prefixes '{one}' and '{other}'");
                return Err(invalid_request(text));
            }
        }
        Ok(())
    }
}

/// What one of the two schemas wants, or does not take.
fn of_schema(what: &str) -> Fault {
    invalid_request(format!(
        "{what} for this version of Cross Region Replication configuration schema. Please refer to \
         S3 Developer Guide for more information."
    ))
}

impl Rule {
    fn from_api(input: ReplicationRule, random: &dyn Random) -> Result<Self, Fault> {
        let id = input.id.filter(|id| !id.is_empty()).unwrap_or_else(|| random.uuid());
        if id.chars().count() > ID_CHARS_MAX {
            return Err(invalid_argument("ID length should not exceed allowed limit of 255"));
        }
        if let Some(existing) = &input.existing_object_replication
            && existing.status != ExistingObjectReplicationStatus::Disabled
        {
            // As S3 answers it: existing objects are a matter of its Batch Replication.
            return Err(malformed_xml().with("Element", "ExistingObjectReplication"));
        }
        let enabled = match input.status {
            ReplicationRuleStatus::Enabled => true,
            ReplicationRuleStatus::Disabled => false,
            ReplicationRuleStatus::Unknown(_) => return Err(malformed_xml()),
        };
        let markers = input.delete_marker_replication.map(|it| it.status);
        let markers = match markers {
            None => None,
            Some(Some(DeleteMarkerReplicationStatus::Enabled)) => Some(true),
            Some(Some(DeleteMarkerReplicationStatus::Disabled)) => Some(false),
            Some(_) => return Err(malformed_xml()),
        };
        let scope = match (input.filter, input.prefix) {
            (Some(_), Some(_)) => return Err(malformed_xml()),
            (None, prefix) => first(prefix.unwrap_or_default(), markers, input.priority)?,
            (Some(filter), None) => second(filter, markers, input.priority)?,
        };
        let to = Destination::from_api(input.destination)?;
        let (kms, replica_modifications) = match input.source_selection_criteria {
            Some(criteria) => criteria_of(criteria)?,
            None => (None, None),
        };
        match (kms == Some(true), &to.kms_key) {
            (true, None) => Err(invalid_request(
                "ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.",
            )),
            (false, Some(_)) if kms.is_none() => Err(invalid_request(
                "SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.",
            )),
            _ => Ok(()),
        }?;
        let priority = input.priority.unwrap_or(0);
        Ok(Rule { id, enabled, scope, priority, kms, replica_modifications, to })
    }
}

fn first(prefix: String, markers: Option<bool>, priority: Option<i32>) -> Result<Scope, Fault> {
    if markers.is_some() {
        return Err(of_schema("DeleteMarkerReplication cannot be used"));
    }
    if priority.is_some() {
        return Err(of_schema("Priority cannot be used"));
    }
    Ok(Scope::First { prefix: checked_prefix(prefix)? })
}

fn second(
    filter: ReplicationRuleFilter,
    markers: Option<bool>,
    priority: Option<i32>,
) -> Result<Scope, Fault> {
    if !priority.ok_or_else(|| of_schema("Priority must be specified"))?.ge(&0) {
        return Err(malformed_xml());
    }
    let delete_markers =
        markers.ok_or_else(|| of_schema("DeleteMarkerReplication must be specified"))?;
    let filter = match (filter.prefix, filter.tag, filter.and) {
        (None, None, None) => Filter::All,
        (Some(prefix), None, None) => Filter::Prefix(checked_prefix(prefix)?),
        (None, Some(tag), None) => {
            let (key, value) = tags::of_object(vec![tag])?.remove(0);
            Filter::Tag(key, value)
        }
        (None, None, Some(and)) => {
            let prefix = and.prefix.map(checked_prefix).transpose()?;
            let tags = tags::of_object(and.tags.unwrap_or_default())?;
            // With less there is nothing to join.
            if tags.is_empty() || prefix.is_none() && tags.len() < 2 {
                return Err(malformed_xml());
            }
            Filter::And { prefix, tags }
        }
        _ => return Err(malformed_xml()),
    };
    if delete_markers && matches!(filter, Filter::Tag(..) | Filter::And { .. }) {
        return Err(invalid_request(
            "Delete marker replication is not supported if any Tag filter is specified. Please \
             refer to S3 Developer Guide for more information.",
        ));
    }
    Ok(Scope::Second { filter, delete_markers })
}

fn checked_prefix(prefix: String) -> Result<String, Fault> {
    match prefix.len() <= PREFIX_BYTES_MAX {
        true => Ok(prefix),
        false => Err(invalid_argument("The maximum size of a prefix is 1024")),
    }
}

/// What is asked of objects under keys of KMS, and of changed replicas.
fn criteria_of(criteria: SourceSelectionCriteria) -> Result<(Option<bool>, Option<bool>), Fault> {
    let kms = match criteria.sse_kms_encrypted_objects.map(|it| it.status) {
        None => None,
        Some(SseKmsEncryptedObjectsStatus::Enabled) => Some(true),
        Some(SseKmsEncryptedObjectsStatus::Disabled) => Some(false),
        Some(_) => return Err(malformed_xml()),
    };
    let modifications = match criteria.replica_modifications.map(|it| it.status) {
        None => None,
        Some(ReplicaModificationsStatus::Enabled) => Some(true),
        Some(ReplicaModificationsStatus::Disabled) => Some(false),
        Some(_) => return Err(malformed_xml()),
    };
    if (kms, modifications) == (None, None) {
        return Err(malformed_xml());
    }
    Ok((kms, modifications))
}

impl Destination {
    fn from_api(input: ApiDestination) -> Result<Self, Fault> {
        let bucket = input.bucket.strip_prefix("arn:aws:s3:::").filter(|name| !name.is_empty());
        let Some(bucket) = bucket.filter(|name| !name.contains('/')).map(str::to_owned) else {
            return Err(invalid_argument("Invalid bucket ARN").with("Bucket", input.bucket));
        };
        template::storage_class(input.storage_class.as_ref())?;
        if let Some(time) = &input.replication_time
            && time.status != ReplicationTimeStatus::Disabled
        {
            return Err(Fault::not_implemented(
                "S3 Replication Time Control (ReplicationTime): its metrics are CloudWatch's",
            ));
        }
        if let Some(metrics) = &input.metrics
            && metrics.status != MetricsStatus::Disabled
        {
            return Err(Fault::not_implemented(
                "S3 replication metrics (Metrics): they are CloudWatch's",
            ));
        }
        let owner_override = match input.access_control_translation.map(|it| it.owner) {
            None => false,
            Some(OwnerOverride::Destination) => true,
            Some(_) => return Err(malformed_xml()),
        };
        if input.account.as_ref().is_some_and(|id| !kernel::is_account(id)) {
            return Err(invalid_argument("Invalid account ID"));
        }
        if owner_override && input.account.is_none() {
            let text = "Account must be specified if AccessControlTranslation is present.";
            return Err(invalid_request(text));
        }
        let kms_key = input.encryption_configuration.map(|it| it.replica_kms_key_id);
        let kms_key = match kms_key {
            None => None,
            Some(Some(key)) if !key.is_empty() && key.len() <= TEXT_BYTES_MAX => Some(key),
            Some(_) => return Err(malformed_xml()),
        };
        Ok(Destination {
            bucket,
            account: input.account,
            storage_class: input.storage_class.map(|class| class.as_str().to_owned()),
            owner_override,
            kms_key,
            time: input.replication_time.map(|it| it.time.minutes.unwrap_or(15)),
            metrics: input.metrics.map(|it| it.event_threshold.and_then(|it| it.minutes)),
        })
    }
}
