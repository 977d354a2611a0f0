//! Where a bucket's access log goes.

use api_s3::{
    BucketLogsPermission, Grant as ApiGrant, LoggingEnabled, PartitionDateSource,
    PartitionedPrefix, Permission, SimplePrefix, TargetGrant, TargetObjectKeyFormat,
};
use kernel::Fault;
use serde::{Deserialize, Serialize};

use super::acl::{Grant, Grantee, Right};
use super::refusal::malformed_xml;

/// A bucket's logging.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Logging {
    /// The bucket that log objects are put in.
    pub target: String,
    /// What their keys begin with.
    pub prefix: String,
    /// Who may read them besides their owner.
    #[serde(default)]
    pub grants: Vec<Grant>,
    #[serde(default)]
    pub format: Format,
}

/// What keys of log objects look like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Format {
    /// As `Simple`, which was not asked for.
    #[default]
    Usual,
    /// Prefix, date, time.
    Simple,
    /// Prefix, account, region, bucket, and the day of what was logged.
    EventTime,
    /// The same with the day of the delivery.
    DeliveryTime,
}

impl Logging {
    /// Reads a request's.
    pub fn from_api(input: LoggingEnabled) -> Result<Self, Fault> {
        let format = match input.target_object_key_format {
            None => Format::Usual,
            Some(TargetObjectKeyFormat { simple_prefix: Some(_), partitioned_prefix: None }) => {
                Format::Simple
            }
            Some(TargetObjectKeyFormat { simple_prefix: None, partitioned_prefix: Some(by) }) => {
                match by.partition_date_source {
                    Some(PartitionDateSource::EventTime) => Format::EventTime,
                    Some(PartitionDateSource::DeliveryTime) | None => Format::DeliveryTime,
                    Some(PartitionDateSource::Unknown(_)) => return Err(malformed_xml()),
                }
            }
            Some(_) => return Err(malformed_xml()),
        };
        let grant = |grant: TargetGrant| {
            let permission = match grant.permission {
                Some(BucketLogsPermission::FullControl) => Permission::FullControl,
                Some(BucketLogsPermission::Read) => Permission::Read,
                Some(BucketLogsPermission::Write) => Permission::Write,
                Some(BucketLogsPermission::Unknown(_)) | None => return Err(malformed_xml()),
            };
            Grant::from_api(ApiGrant { grantee: grant.grantee, permission: Some(permission) })
        };
        let grants = input.target_grants.unwrap_or_default().into_iter().map(grant);
        Ok(Logging {
            target: input.target_bucket,
            prefix: input.target_prefix,
            grants: grants.collect::<Result<_, _>>()?,
            format,
        })
    }

    /// As `GetBucketLogging` shows it.
    pub fn to_api(&self) -> LoggingEnabled {
        let grant = |grant: &Grant| TargetGrant {
            grantee: grant.to_api().grantee,
            permission: Some(match grant.right {
                Right::FullControl => BucketLogsPermission::FullControl,
                Right::Write => BucketLogsPermission::Write,
                _ => BucketLogsPermission::Read,
            }),
        };
        let by = |source| TargetObjectKeyFormat {
            simple_prefix: None,
            partitioned_prefix: Some(PartitionedPrefix { partition_date_source: Some(source) }),
        };
        LoggingEnabled {
            target_bucket: self.target.clone(),
            target_prefix: self.prefix.clone(),
            target_grants: (!self.grants.is_empty())
                .then(|| self.grants.iter().map(grant).collect()),
            target_object_key_format: match self.format {
                Format::Usual => None,
                Format::Simple => Some(TargetObjectKeyFormat {
                    simple_prefix: Some(SimplePrefix {}),
                    partitioned_prefix: None,
                }),
                Format::EventTime => Some(by(PartitionDateSource::EventTime)),
                Format::DeliveryTime => Some(by(PartitionDateSource::DeliveryTime)),
            },
        }
    }

    /// A `x-amz-grant-*` header of log objects: those that have this right.
    pub fn header(&self, right: Right) -> Option<String> {
        const GROUPS: &str = "http://acs.amazonaws.com/groups/";
        let name = |to: &Grantee| match to {
            Grantee::Account(id) => format!("id=\"{id}\""),
            Grantee::AllUsers => format!("uri=\"{GROUPS}global/AllUsers\""),
            Grantee::AuthenticatedUsers => format!("uri=\"{GROUPS}global/AuthenticatedUsers\""),
            Grantee::LogDelivery => format!("uri=\"{GROUPS}s3/LogDelivery\""),
        };
        let grants = self.grants.iter().filter(|grant| grant.right == right);
        let names: Vec<String> = grants.map(|grant| name(&grant.to)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}
