//! Replication configurations as `GetBucketReplication` shows them.

use api_s3::{
    AccessControlTranslation, DeleteMarkerReplication, DeleteMarkerReplicationStatus,
    Destination as ApiDestination, EncryptionConfiguration, Metrics, MetricsStatus, OwnerOverride,
    ReplicaModifications, ReplicaModificationsStatus, ReplicationConfiguration, ReplicationRule,
    ReplicationRuleAndOperator, ReplicationRuleFilter, ReplicationRuleStatus, ReplicationTime,
    ReplicationTimeStatus, ReplicationTimeValue, SourceSelectionCriteria, SseKmsEncryptedObjects,
    SseKmsEncryptedObjectsStatus, StorageClass, Tag,
};

use super::super::tags;
use super::{Destination, Filter, Replication, Rule, Scope};

impl Replication {
    /// As it was sent, with the ids that S3 gave.
    pub fn to_api(&self) -> ReplicationConfiguration {
        ReplicationConfiguration {
            role: self.role.clone(),
            rules: self.rules.iter().map(Rule::to_api).collect(),
        }
    }
}

impl Rule {
    fn to_api(&self) -> ReplicationRule {
        let mut shown = ReplicationRule {
            id: Some(self.id.clone()),
            status: match self.enabled {
                true => ReplicationRuleStatus::Enabled,
                false => ReplicationRuleStatus::Disabled,
            },
            destination: self.to.to_api(),
            source_selection_criteria: self.criteria(),
            ..ReplicationRule::default()
        };
        match &self.scope {
            Scope::First { prefix } => shown.prefix = Some(prefix.clone()),
            Scope::Second { filter, delete_markers } => {
                shown.priority = Some(self.priority);
                shown.filter = Some(filter.to_api());
                let status = Some(match delete_markers {
                    true => DeleteMarkerReplicationStatus::Enabled,
                    false => DeleteMarkerReplicationStatus::Disabled,
                });
                shown.delete_marker_replication = Some(DeleteMarkerReplication { status });
            }
        }
        shown
    }

    fn criteria(&self) -> Option<SourceSelectionCriteria> {
        let kms = self.kms.map(|on| SseKmsEncryptedObjects {
            status: match on {
                true => SseKmsEncryptedObjectsStatus::Enabled,
                false => SseKmsEncryptedObjectsStatus::Disabled,
            },
        });
        let modifications = self.replica_modifications.map(|on| ReplicaModifications {
            status: match on {
                true => ReplicaModificationsStatus::Enabled,
                false => ReplicaModificationsStatus::Disabled,
            },
        });
        let any = kms.is_some() || modifications.is_some();
        any.then_some(SourceSelectionCriteria {
            sse_kms_encrypted_objects: kms,
            replica_modifications: modifications,
        })
    }
}

impl Filter {
    fn to_api(&self) -> ReplicationRuleFilter {
        let mut shown = ReplicationRuleFilter::default();
        match self {
            Filter::All => {}
            Filter::Prefix(prefix) => shown.prefix = Some(prefix.clone()),
            Filter::Tag(key, value) => {
                shown.tag = Some(Tag { key: key.clone(), value: value.clone() });
            }
            Filter::And { prefix, tags } => {
                let (prefix, tags) = (prefix.clone(), Some(tags::to_api(tags)));
                shown.and = Some(ReplicationRuleAndOperator { prefix, tags });
            }
        }
        shown
    }
}

impl Destination {
    fn to_api(&self) -> ApiDestination {
        let minutes = |minutes: i32| ReplicationTimeValue { minutes: Some(minutes) };
        ApiDestination {
            bucket: format!("arn:aws:s3:::{}", self.bucket),
            account: self.account.clone(),
            storage_class: self.storage_class.as_deref().map(StorageClass::from),
            access_control_translation: self
                .owner_override
                .then_some(AccessControlTranslation { owner: OwnerOverride::Destination }),
            encryption_configuration: self
                .kms_key
                .clone()
                .map(|key| EncryptionConfiguration { replica_kms_key_id: Some(key) }),
            replication_time: self.time.map(|it| ReplicationTime {
                status: ReplicationTimeStatus::Disabled,
                time: minutes(it),
            }),
            metrics: self.metrics.map(|it| Metrics {
                status: MetricsStatus::Disabled,
                event_threshold: it.map(minutes),
            }),
        }
    }
}
