//! Inventories of a bucket: what is listed, how often, and where the lists go.

use api_s3::{
    InventoryConfiguration, InventoryDestination, InventoryEncryption, InventoryFilter,
    InventoryFormat, InventoryFrequency, InventoryIncludedObjectVersions, InventoryOptionalField,
    InventoryS3BucketDestination, InventorySchedule, SSEKMS, SSES3,
};
use kernel::{Fault, Random};
use serde::{Deserialize, Serialize};

use super::refusal::{invalid_argument, malformed_xml};

/// S3's limit for a bucket.
pub(crate) const INVENTORIES_MAX: usize = 1000;
const ID_BYTES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 2048;

/// One inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inventory {
    pub id: String,
    pub enabled: bool,
    /// All versions, or only the current ones.
    pub all: bool,
    /// Of the keys that are listed, as sent.
    pub prefix: Option<String>,
    /// `Size`, `ETag`, as sent.
    pub fields: Vec<String>,
    /// On Sundays, or else every day.
    pub weekly: bool,
    /// Name of the bucket that lists are put in.
    pub target: String,
    /// Whose that bucket must be.
    pub account: Option<String>,
    pub target_prefix: Option<String>,
    pub encryption: Option<Encryption>,
    /// Of this configuration: another one has timers of its own.
    pub run: u64,
}

/// How lists are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Encryption {
    S3,
    Kms(String),
}

/// An id that an inventory can have.
pub(crate) fn checked_id(id: &str) -> Result<(), Fault> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(known) {
        true => Ok(()),
        false => {
            let text = "The specified configuration id is invalid.";
            Err(Fault::sender("InvalidConfigurationId", text))
        }
    }
}

impl Inventory {
    /// Checks a configuration; `id` is the request's own.
    pub fn from_api(
        id: &str,
        input: InventoryConfiguration,
        random: &dyn Random,
    ) -> Result<Self, Fault> {
        checked_id(id)?;
        if input.id != id {
            let text = "Document ID does not match the specified configuration ID.";
            return Err(Fault::sender("IdMismatch", text));
        }
        let to = input.destination.s3_bucket_destination;
        let bucket = to.bucket.strip_prefix("arn:aws:s3:::");
        let bucket = bucket.filter(|name| !name.is_empty() && !name.contains('/'));
        let Some(target) = bucket.map(str::to_owned) else {
            return Err(invalid_argument("Invalid bucket ARN").with("Bucket", to.bucket));
        };
        match to.format {
            InventoryFormat::Csv => {}
            InventoryFormat::Unknown(_) => return Err(malformed_xml()),
            other => {
                let text = format!("S3 inventories in the format {}", other.as_str());
                return Err(Fault::not_implemented(text));
            }
        }
        if to.account_id.as_ref().is_some_and(|id| !kernel::is_account(id)) {
            return Err(invalid_argument("Invalid account ID"));
        }
        let weekly = match input.schedule.frequency {
            InventoryFrequency::Daily => false,
            InventoryFrequency::Weekly => true,
            InventoryFrequency::Unknown(_) => return Err(malformed_xml()),
        };
        let all = match input.included_object_versions {
            InventoryIncludedObjectVersions::All => true,
            InventoryIncludedObjectVersions::Current => false,
            InventoryIncludedObjectVersions::Unknown(_) => return Err(malformed_xml()),
        };
        let this = Inventory {
            id: input.id,
            enabled: input.is_enabled,
            all,
            prefix: input.filter.map(|filter| filter.prefix),
            fields: fields(input.optional_fields.unwrap_or_default())?,
            weekly,
            target,
            account: to.account_id,
            target_prefix: to.prefix,
            encryption: to.encryption.map(encryption).transpose()?,
            run: random.u64(),
        };
        let texts = [&this.prefix, &this.target_prefix];
        if texts.into_iter().flatten().any(|text| text.len() > TEXT_BYTES_MAX) {
            return Err(malformed_xml());
        }
        Ok(this)
    }

    /// As it was sent.
    pub fn to_api(&self) -> InventoryConfiguration {
        let encryption = self.encryption.as_ref().map(|encryption| match encryption {
            Encryption::S3 => InventoryEncryption { sses3: Some(SSES3 {}), ssekms: None },
            Encryption::Kms(key) => {
                InventoryEncryption { sses3: None, ssekms: Some(SSEKMS { key_id: key.clone() }) }
            }
        });
        let s3_bucket_destination = InventoryS3BucketDestination {
            account_id: self.account.clone(),
            bucket: format!("arn:aws:s3:::{}", self.target),
            format: InventoryFormat::Csv,
            prefix: self.target_prefix.clone(),
            encryption,
        };
        let field = |name: &String| InventoryOptionalField::from(name.as_str());
        InventoryConfiguration {
            destination: InventoryDestination { s3_bucket_destination },
            is_enabled: self.enabled,
            filter: self.prefix.clone().map(|prefix| InventoryFilter { prefix }),
            id: self.id.clone(),
            included_object_versions: match self.all {
                true => InventoryIncludedObjectVersions::All,
                false => InventoryIncludedObjectVersions::Current,
            },
            optional_fields: (!self.fields.is_empty())
                .then(|| self.fields.iter().map(field).collect()),
            schedule: InventorySchedule {
                frequency: match self.weekly {
                    true => InventoryFrequency::Weekly,
                    false => InventoryFrequency::Daily,
                },
            },
        }
    }
}

/// Fields that can be told truly.
fn fields(input: Vec<InventoryOptionalField>) -> Result<Vec<String>, Fault> {
    let mut fields: Vec<String> = Vec::new();
    for field in input {
        match field {
            InventoryOptionalField::Unknown(_) => return Err(malformed_xml()),
            InventoryOptionalField::IntelligentTieringReferenceDate
            | InventoryOptionalField::ObjectLockEventHoldStatus
            | InventoryOptionalField::ObjectLockEventHoldDuration => {
                let text = format!("the field {} of S3 inventories", field.as_str());
                return Err(Fault::not_implemented(text));
            }
            field if fields.iter().any(|had| had == field.as_str()) => return Err(malformed_xml()),
            field => fields.push(field.as_str().to_owned()),
        }
    }
    Ok(fields)
}

fn encryption(input: InventoryEncryption) -> Result<Encryption, Fault> {
    match (input.sses3, input.ssekms) {
        (Some(_), None) => Ok(Encryption::S3),
        (None, Some(kms)) if !kms.key_id.is_empty() && kms.key_id.len() <= TEXT_BYTES_MAX => {
            Ok(Encryption::Kms(kms.key_id))
        }
        _ => Err(malformed_xml()),
    }
}
